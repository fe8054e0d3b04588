package apitest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"urbanhomeschool.org/uhs/shared/api"
)

// canary is in every text that Junk sends. An answer that refuses must not have it.
const canary = "zqCanary7"

// longest is a value in an address; the whole line has 4 KiB.
const longest = 300

// nasty is text that has broken services before.
var nasty = []string{
	"", "'", `"`, "' OR '1'='1", "'; SELECT pg_sleep(5); --", "%", "\\", "../../etc/passwd", "\x00", "\u202e", "<script>alert(1)</script>", "{{7*7}}", "${7}",
	"=1+1", "9223372036854775808", "-1", "NaN", "2026-13-45", "0x", "null", "\r\nX-Evil: 1", "🦉", strings.Repeat("a", 5000), "00000000-0000-0000-0000-000000000000",
}

// Junk calls every operation of a as each walker and as nobody, with inputs made by
// its schema and then spoiled: wrong types, nothing, too much, text that has meaning
// elsewhere. It fails on an answer that is a failure of ours, and on a refusal that
// repeats what was sent. Seeds are numbers; a failure names its own.
func Junk(t testing.TB, a *api.API, walkers []Walker, seeds int) (sent int) {
	t.Helper()
	doc := map[string]any{}
	raw, err := Document(a)
	if err == nil {
		err = json.Unmarshal(raw, &doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	j := junk{schemas: object(object(doc["components"])["schemas"])}
	paths := object(doc["paths"])
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for _, method := range slices.Sorted(maps.Keys(object(paths[path]))) {
			op := object(object(paths[path])[method])
			for who := -1; who < len(walkers); who++ {
				name, token := "nobody", ""
				if who >= 0 {
					name, token = walkers[who].Name, walkers[who].Token()
				}
				for seed := range seeds {
					r := rapid.Custom(func(d *rapid.T) *http.Request { return j.request(d, strings.ToUpper(method), path, op) }).Example(seed + 1000*who)
					if token != "" {
						r.Header.Set("Authorization", "Bearer "+token)
					}
					sent++
					if wrong := try(a, r); wrong != "" {
						t.Errorf("%s %s as %s, seed %d: %s", strings.ToUpper(method), path, name, seed, wrong)
					}
				}
			}
		}
	}
	return sent
}

func try(a *api.API, r *http.Request) string {
	res, err := a.App.Test(r, -1)
	if err != nil {
		return err.Error()
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	switch {
	case err != nil:
		return err.Error()
	case res.StatusCode >= 500 && res.StatusCode != http.StatusServiceUnavailable:
		return fmt.Sprintf("%d %.200s", res.StatusCode, body)
	case res.StatusCode >= 400 && strings.Contains(withoutPath(body), canary):
		return fmt.Sprintf("%d repeats what was sent: %.300s", res.StatusCode, body)
	}
	return ""
}

// withoutPath is a problem without the member that UHS v1 wants to be the address.
func withoutPath(body []byte) string {
	var p map[string]any
	if json.Unmarshal(body, &p) != nil {
		return string(body)
	}
	delete(p, "path")
	return fmt.Sprint(p)
}

type junk struct{ schemas map[string]any }

func object(v any) map[string]any { m, _ := v.(map[string]any); return m }

func (j junk) request(d *rapid.T, method, path string, op map[string]any) *http.Request {
	_ = rapid.Bool().Draw(d, "a request without input draws something too")
	query := url.Values{}
	params, _ := op["parameters"].([]any)
	for _, p := range params {
		p := object(p)
		name, _ := p["name"].(string)
		value := fmt.Sprint(j.value(d, object(p["schema"]), 0))
		value = value[:min(len(value), longest)]
		switch p["in"] {
		case "path":
			if value == "" {
				value = canary
			}
			path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
		case "query":
			if rapid.Bool().Draw(d, "given") {
				query.Set(name, value)
			}
		}
	}
	body := ""
	for kind, content := range object(object(op["requestBody"])["content"]) {
		body = canary
		if kind == "application/json" {
			b, _ := json.Marshal(j.value(d, object(object(content)["schema"]), 0))
			body = string(b)
		}
		if rapid.IntRange(0, 9).Draw(d, "cut") == 0 {
			body = body[:len(body)/2]
		}
	}
	u := &url.URL{Path: "/"}
	if parsed, err := url.Parse(path); err == nil {
		u = parsed
	}
	u.RawQuery = query.Encode()
	r := httptest.NewRequest(method, u.String(), strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// value fits a schema, or, now and then, does not.
func (j junk) value(d *rapid.T, s map[string]any, depth int) any {
	if ref, ok := s["$ref"].(string); ok {
		s = object(j.schemas[ref[strings.LastIndex(ref, "/")+1:]])
	}
	if rapid.IntRange(0, 7).Draw(d, "spoil") == 0 {
		return rapid.SampledFrom([]any{nil, true, -1, 1e30, []any{}, map[string]any{canary: canary}, canary, []any{canary, nil}}).Draw(d, "spoiled")
	}
	if all, ok := s["enum"].([]any); ok && len(all) > 0 {
		return rapid.SampledFrom(all).Draw(d, "one of")
	}
	kind := fmt.Sprint(s["type"])
	switch {
	case strings.Contains(kind, "object") || s["properties"] != nil:
		out := map[string]any{}
		props := object(s["properties"])
		for _, name := range slices.Sorted(maps.Keys(props)) {
			if depth < 4 && rapid.IntRange(0, 5).Draw(d, "left out") > 0 {
				out[name] = j.value(d, object(props[name]), depth+1)
			}
		}
		return out
	case strings.Contains(kind, "array"):
		out := []any{}
		for range rapid.IntRange(0, 3).Draw(d, "many") {
			out = append(out, j.value(d, object(s["items"]), depth+1))
		}
		return out
	case strings.Contains(kind, "integer"), strings.Contains(kind, "number"):
		return rapid.SampledFrom([]any{0, 1, 2, 50, -1, 1 << 31, int64(1) << 53, int64(math.MaxInt64) - 1, 0.5}).Draw(d, "number")
	case strings.Contains(kind, "boolean"):
		return rapid.Bool().Draw(d, "boolean")
	}
	return canary + rapid.SampledFrom(nasty).Draw(d, "text")
}
