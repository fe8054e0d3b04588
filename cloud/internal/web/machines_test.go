package web_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/cloud/internal/fleet/fleettest"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer/httpcarrier"
	"urbanhomeschool.org/uhs/syncproto"
)

func TestABadRequestOfABoxIsAClearError(t *testing.T) {
	c := fleettest.New(t)
	b := c.Box()
	if p := b.Claim(c.Code(c.School("LODWAR-1").ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	messages := fmt.Sprintf("%s?epoch=%d", httpcarrier.Path, b.Epoch)
	junk, err := httpcarrier.EncodeBatch([]syncproto.Message{{Kind: syncproto.KindFrame, Data: []byte("not a frame")}})
	c.Must(err)
	for name, x := range map[string]struct {
		client *http.Client
		path   string
		body   []byte
		status int
		code   string
	}{
		"a claim that is no JSON":            {http.DefaultClient, syncproto.ClaimPath, []byte("code=1"), 400, "malformed"},
		"a claim of 20 kB":                   {http.DefaultClient, syncproto.ClaimPath, []byte(`{"code":"` + strings.Repeat("A", 20_000) + `"}`), 400, "malformed"},
		"an epoch that nobody signed for":    {http.DefaultClient, syncproto.EpochPath, []byte(`{}`), 401, "appliance_signature"},
		"messages that nobody signed":        {http.DefaultClient, messages, nil, 401, "appliance_signature"},
		"a signed request that is no JSON":   {b.Client(), syncproto.EpochPath, []byte("from=1"), 400, "malformed"},
		"messages without an epoch":          {b.Client(), httpcarrier.Path, []byte{0x80}, 400, "malformed"},
		"messages that are none":             {b.Client(), messages, []byte("<html>"), 400, "malformed"},
		"no messages at all":                 {b.Client(), messages, nil, 400, "malformed"},
		"messages of an epoch that is over":  {b.Client(), httpcarrier.Path + "?epoch=1", []byte{0x80}, 409, "epoch_moved"},
		"a frame of junk in a good envelope": {b.Client(), messages, junk, 200, ""},
		"a probe":                            {b.Client(), messages, []byte{0x80}, 200, ""},
	} {
		if p := b.Send(x.client, x.path, "application/octet-stream", x.body, nil); p.Status != x.status || p.Code != x.code {
			t.Errorf("%s: got %d %q, want %d %q", name, p.Status, p.Code, x.status, x.code)
		}
	}
}

func TestASignatureIsGoodForOneRequestOnly(t *testing.T) {
	c := fleettest.New(t)
	b, stranger := c.Box(), c.Box()
	if p := b.Claim(c.Code(c.School("LODWAR-1").ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	path := fmt.Sprintf("%s?epoch=%d", httpcarrier.Path, b.Epoch)
	stranger.Answer.ApplianceID = b.Answer.ApplianceID // says it is b, signs as itself
	if p := stranger.Send(stranger.Client(), path, httpcarrier.ContentType, []byte{0x80}, nil); p.Status != http.StatusUnauthorized {
		t.Errorf("another key got %+v", p)
	}
	var caught http.Header
	spy := &http.Client{Transport: httpcarrier.Signer{Appliance: b.Answer.ApplianceID, Key: b.Node, Next: seen(func(h http.Header) { caught = h })}}
	if p := b.Send(spy, path, httpcarrier.ContentType, []byte{0x80}, nil); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	for name, x := range map[string]struct {
		path string
		body []byte
		want int
	}{
		"as it was":    {path, []byte{0x80}, http.StatusOK}, // a repeated request changes nothing
		"another body": {path, []byte{0x81, 0x80}, http.StatusUnauthorized},
		"another path": {syncproto.EpochPath, []byte{0x80}, http.StatusUnauthorized},
		"more query":   {path + "&x=1", []byte{0x80}, http.StatusUnauthorized},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+x.path, bytes.NewReader(x.body))
		c.Must(err)
		r.Header = caught.Clone()
		if p := b.Do(http.DefaultClient, r, nil); p.Status != x.want {
			t.Errorf("%s: got %d, want %d", name, p.Status, x.want)
		}
	}
}

type seen func(http.Header)

// RoundTrip implements http.RoundTripper.
func (f seen) RoundTrip(r *http.Request) (*http.Response, error) {
	f(r.Header.Clone())
	return http.DefaultTransport.RoundTrip(r)
}

func TestABombIsNotUnpacked(t *testing.T) {
	c := fleettest.New(t)
	b := c.Box()
	if p := b.Claim(c.Code(c.School("LODWAR-1").ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	for range 256 { // 256 MB in 260 kB
		_, err := z.Write(zeros)
		c.Must(err)
	}
	c.Must(z.Close())
	path := fmt.Sprintf("%s?epoch=%d", httpcarrier.Path, b.Epoch)
	for _, x := range []struct {
		client *http.Client
		path   string
	}{{http.DefaultClient, syncproto.ClaimPath}, {http.DefaultClient, path}, {b.Client(), path}, {b.Client(), syncproto.EpochPath}} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+x.path, bytes.NewReader(bomb.Bytes()))
		c.Must(err)
		r.Header.Set("Content-Encoding", "gzip")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p := b.Do(x.client, r, nil)
		runtime.ReadMemStats(&after)
		if p.Status != http.StatusBadRequest && p.Status != http.StatusUnauthorized && p.Status != http.StatusUnsupportedMediaType {
			t.Errorf("%s: got %d", x.path, p.Status)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
			t.Errorf("%s: %d MB were allocated for it", x.path, grown>>20)
		}
	}
}

func TestSchoolsAndFleetAreForTheOffice(t *testing.T) {
	c := fleettest.New(t)
	_, err := c.People.CreateFirstAdmin(t.Context(), "admin@example.org", "Matatu-Ziwa-72-Embe", "Amina Admin")
	c.Must(err)
	tokens, err := c.People.SignIn(t.Context(), "admin@example.org", "Matatu-Ziwa-72-Embe")
	c.Must(err)
	call := func(token, method, path, body string, out any) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, c.URL+path, bytes.NewReader([]byte(body)))
		c.Must(err)
		r.Header.Set("Content-Type", "application/json")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := http.DefaultClient.Do(r)
		c.Must(err)
		defer func() { _ = resp.Body.Close() }()
		if out != nil {
			c.Must(json.NewDecoder(resp.Body).Decode(out))
		}
		return resp.StatusCode
	}
	if n := call("", "GET", "/api/v1/fleet", "", nil); n != http.StatusUnauthorized {
		t.Errorf("nobody got %d", n)
	}
	var none struct{ Schools []identity.School }
	if n := call(tokens.Access, "GET", "/api/v1/schools", "", &none); n != http.StatusOK || none.Schools == nil {
		t.Errorf("before the first school: %d, schools %v", n, none.Schools)
	}
	var school identity.School
	if n := call(tokens.Access, "POST", "/api/v1/schools", `{"name":"Lodwar Primary","code":"LODWAR-1","county":"Turkana"}`, &school); n != http.StatusCreated {
		t.Fatalf("got %d", n)
	}
	if n := call(tokens.Access, "POST", "/api/v1/schools", `{"name":"Lodwar Primary","code":"LODWAR-1","county":"Turkana"}`, nil); n != http.StatusConflict {
		t.Errorf("the same code again: %d", n)
	}
	if n := call(tokens.Access, "POST", "/api/v1/schools/"+string(school.ID)+"/claim-codes", "", nil); n != http.StatusCreated {
		t.Errorf("a claim code: %d", n)
	}
	if n := call(tokens.Access, "POST", "/api/v1/schools/00000000-0000-7000-8000-000000000000/claim-codes", "", nil); n != http.StatusNotFound {
		t.Errorf("a claim code of no school: %d", n)
	}
	var page struct {
		Boxes []struct {
			School, Status string
		}
		Total   int
		HasMore bool `json:"has_more"`
	}
	if n := call(tokens.Access, "GET", "/api/v1/fleet?limit=1", "", &page); n != http.StatusOK || page.Total != 1 || len(page.Boxes) != 1 || page.Boxes[0].Status != "never" || page.HasMore {
		t.Errorf("got %d, %+v", n, page)
	}
	if n := call(tokens.Access, "GET", "/api/v1/fleet?skip=5", "", &page); n != http.StatusOK || page.Boxes == nil {
		t.Errorf("beyond the end: %d, boxes %v", n, page.Boxes)
	}
}
