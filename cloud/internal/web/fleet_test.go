package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/fleet"
	"urbanhomeschool.org/uhs/cloud/internal/fleet/fleettest"
	"urbanhomeschool.org/uhs/cloud/internal/web"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/syncproto"
)

// desk is the fleet's routes over a real cloud with one school.
type desk struct {
	*fleettest.Cloud
	school identity.School
	api    *api.API
	tokens map[identity.Role]string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{Cloud: fleettest.New(t), tokens: map[identity.Role]string{}}
	d.school = d.School("LODWAR-1")
	d.api = api.New(api.Options{Name: "Test", Version: "test", Log: logging.Discard(), Verify: d.People.Verify})
	web.MountSchools(d.api, d.People, d.Fleet)
	web.MountFleet(d.api, d.Fleet)
	for _, role := range []identity.Role{identity.Admin, identity.Staff, identity.Parent} {
		email := string(role) + "@example.org"
		_, err := d.People.CreateAccount(t.Context(), fleettest.Admin, identity.Registration{Email: email, Password: "A-long-password-123", Role: role, FullName: "Somebody"})
		d.Must(err)
		tokens, err := d.People.SignIn(t.Context(), email, "A-long-password-123")
		d.Must(err)
		d.tokens[role] = tokens.Access
	}
	return d
}

func (d *desk) call(role identity.Role, method, path, body string, out any) (status int, code string) {
	d.T.Helper()
	r := httptest.NewRequest(method, "/api/v1/fleet"+path, bytes.NewReader([]byte(body)))
	r.Header.Set("Content-Type", "application/json")
	if role != "" {
		r.Header.Set("Authorization", "Bearer "+d.tokens[role])
	}
	resp, err := d.api.App.Test(r, 20_000)
	d.Must(err)
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= 300 {
		var p struct {
			Code string `json:"code"`
		}
		d.Must(json.NewDecoder(resp.Body).Decode(&p))
		return resp.StatusCode, p.Code
	}
	if out != nil {
		d.Must(json.NewDecoder(resp.Body).Decode(out))
	}
	return resp.StatusCode, ""
}

var insertLetter = db.SQL{Postgres: `INSERT INTO dead_letters (id, school, epoch, lane, seq, type, version, entity, hlc, body, kind, reason, at)
	VALUES ($1, $2, 1, 4, 1, $3, 1, $4, 1, $5, 'poison', 'a mistake', $6)`}

func (d *desk) letter(typ string) (letter string) {
	d.T.Helper()
	letter = id.New()
	d.Must(d.DB.Update(d.T.Context(), func(tx db.Tx) error {
		_, err := tx.Exec(d.T.Context(), insertLetter, letter, string(d.school.ID), typ, id.New(), []byte{0xff}, d.Clock.Now())
		return err
	}))
	return letter
}

func TestWhoSeesAndDecidesInTheFleet(t *testing.T) {
	d := newDesk(t)
	letter := d.letter("learning.activity")
	school := string(d.school.ID)
	for _, c := range []struct {
		method, path, body   string
		admin, staff, parent int
	}{
		{http.MethodGet, "", "", 200, 200, 403},
		{http.MethodGet, "/" + school, "", 200, 200, 403},
		{http.MethodGet, "/incidents", "", 200, 200, 403},
		{http.MethodGet, "/dead-letters", "", 200, 403, 403},
		{http.MethodGet, "/dead-letters/" + letter, "", 200, 403, 403},
		{http.MethodPost, "/dead-letters/" + letter + "/replay", `{}`, 422, 403, 403},
		{http.MethodPost, "/dead-letters/replay", `{"type":"learning.activity"}`, 200, 403, 403},
		{http.MethodPost, "/" + school + "/lanes/4/resume", "", 409, 403, 403},
		{http.MethodPost, "/incidents/" + id.New() + "/seen", "", 404, 403, 403},
		{http.MethodPost, "/dead-letters/" + letter + "/discard", `{"reason":"twice"}`, 200, 403, 403},
	} {
		for role, want := range map[identity.Role]int{identity.Parent: c.parent, identity.Staff: c.staff, "": 401} {
			if got, _ := d.call(role, c.method, c.path, c.body, nil); got != want {
				t.Errorf("%s %s as %q: %d, want %d", c.method, c.path, role, got, want)
			}
		}
		if got, _ := d.call(identity.Admin, c.method, c.path, c.body, nil); got != c.admin {
			t.Errorf("%s %s as admin: %d, want %d", c.method, c.path, got, c.admin)
		}
	}
}

func TestDecidingAboutWhatIsKeptAside(t *testing.T) {
	d := newDesk(t)
	letter, secret := d.letter("learning.activity"), d.letter("identity.credential")
	var page struct {
		Letters []fleet.Letter `json:"letters"`
		Total   int64          `json:"total"`
	}
	d.call(identity.Admin, http.MethodGet, "/dead-letters?state=open&school="+string(d.school.ID), "", &page)
	if page.Total != 2 || page.Letters[0].ID != secret {
		t.Fatalf("got %+v, want the newest first", page)
	}
	var open fleet.OpenLetter
	d.call(identity.Admin, http.MethodGet, "/dead-letters/"+letter, "", &open)
	if open.Bytes != 1 || len(open.Body) > 0 && string(open.Body) != "null" {
		t.Errorf("a body that cannot be read: %+v", open)
	}
	d.call(identity.Admin, http.MethodGet, "/dead-letters?type=learning.activity", "", &page)
	if page.Total != 1 || page.Letters[0].OpenedBy == "" || page.Letters[0].OpenedAt == nil {
		t.Errorf("who looked is not kept: %+v", page)
	}
	if s, code := d.call(identity.Admin, http.MethodPost, "/dead-letters/"+letter+"/discard", `{"reason":"  "}`, nil); s != 422 || code != "reason_needed" {
		t.Errorf("discarded without a reason: %d %s", s, code)
	}
	if s, code := d.call(identity.Admin, http.MethodPost, "/dead-letters/"+letter+"/replay", `{"body":{"x":1},"reason":"y"}`, nil); s != 422 || code != "letter_body" {
		t.Errorf("replayed nonsense: %d %s", s, code)
	}
	if s, _ := d.call(identity.Admin, http.MethodPost, "/dead-letters/"+letter+"/discard", `{"reason":"typed twice"}`, nil); s != 200 {
		t.Fatal(s)
	}
	d.call(identity.Admin, http.MethodGet, "/dead-letters?state=discarded", "", &page)
	if page.Total != 1 || page.Letters[0].Because != "typed twice" || page.Letters[0].DecidedBy == "" || page.Letters[0].DecidedAt == nil {
		t.Errorf("got %+v", page)
	}
	if s, code := d.call(identity.Admin, http.MethodPost, "/dead-letters/"+letter+"/discard", `{"reason":"again"}`, nil); s != 409 || code != "letter_decided" {
		t.Errorf("decided twice: %d %s", s, code)
	}
}

func TestIncidentsAreSeenOnce(t *testing.T) {
	d := newDesk(t)
	for i := range 2 {
		d.Must(d.DB.Update(t.Context(), func(tx db.Tx) error {
			return fleet.NoteIncident(t.Context(), tx, d.Clock.Now().Add(time.Duration(i)*time.Minute), fleet.Incident{School: string(d.school.ID),
				Kind: "lane_paused", Facts: map[string]any{"lane": 4, "dead_letters": 101 + i}})
		}))
	}
	type answer struct {
		Incidents []fleet.Told `json:"incidents"`
		Unseen    int64        `json:"unseen"`
	}
	var got answer
	d.call(identity.Staff, http.MethodGet, "/incidents", "", &got)
	if got.Unseen != 2 || len(got.Incidents) != 2 || got.Incidents[0].Facts["dead_letters"] != 102.0 || got.Incidents[0].School != d.school.Name {
		t.Fatalf("got %+v", got)
	}
	newest := got.Incidents[0].ID
	if s, _ := d.call(identity.Admin, http.MethodPost, "/incidents/"+newest+"/seen", "", nil); s != http.StatusNoContent {
		t.Fatal(s)
	}
	got = answer{}
	d.call(identity.Staff, http.MethodGet, "/incidents?school="+string(d.school.ID), "", &got)
	if got.Unseen != 1 || got.Incidents[1].ID != newest || got.Incidents[1].SeenAt == nil || got.Incidents[1].SeenBy == "" {
		t.Errorf("the unseen do not come first: %+v", got)
	}
}

var (
	manySchools = db.SQL{Postgres: `INSERT INTO schools (id, name, code, county, language, named_adult_id, created_at, updated_at)
		SELECT gen_random_uuid()::text, 'School ' || n, 'S-' || n, 'Turkana', 'en', '', $1, $1 FROM generate_series(1, 3000) n`}
	manyHeads = db.SQL{Postgres: `INSERT INTO outbox_heads (school, epoch, lane, seq, chain, hlc, acked_seq)
		SELECT s.id::text, 1, l, 100, '', 0, 90 FROM schools s, generate_series(0, 4) l ON CONFLICT DO NOTHING`}
	manyMarks = db.SQL{Postgres: `INSERT INTO watermarks (school, epoch, lane, seq, chain, applied_at)
		SELECT s.id::text, e, l, 100, '', $1 FROM schools s, generate_series(1, 3) e, generate_series(0, 4) l ON CONFLICT DO NOTHING`}
	manyEpochs = db.SQL{Postgres: `INSERT INTO school_epochs (school_id, epoch, appliance_id, issued_at) SELECT id, 3, '', $1 FROM schools ON CONFLICT DO NOTHING`}
	manyPeers  = db.SQL{Postgres: `INSERT INTO peer_states (school, epoch, appliance, software, carrier, timeline, head, clock_offset_ms, seen_at, report)
		SELECT id::text, 3, '', '1', 'mirror', '', $1, 0, $2, $3 FROM schools`}
	worstPeer = db.SQL{Postgres: `UPDATE peer_states SET report = $1 WHERE school = (SELECT id::text FROM schools WHERE code = 'S-1234')`}
)

// The page stays usable for the whole country: every school's figures come in
// one query, and the worst comes first.
func TestTheFleetPageOfThreeThousandSchools(t *testing.T) {
	d := newDesk(t)
	ctx, now := t.Context(), d.Clock.Now()
	var marks syncproto.Marks
	marks[4].Seq = 107
	head, err := syncproto.EncodeAck(syncproto.Ack{Applied: marks})
	d.Must(err)
	good, err := syncproto.EncodeReport(syncproto.Report{DiskTotal: 1 << 40, DiskFree: 1 << 39})
	d.Must(err)
	bad, err := syncproto.EncodeReport(syncproto.Report{OldestSinceUp: 4_000, DiskTotal: 1 << 40, DiskFree: 1 << 20, LostIfDead: 212})
	d.Must(err)
	d.Must(d.DB.Update(ctx, func(tx db.Tx) error {
		for _, x := range []struct {
			q    db.SQL
			args []any
		}{{manySchools, []any{now}}, {manyHeads, nil}, {manyMarks, []any{now}}, {manyEpochs, []any{now}}, {manyPeers, []any{head.Data, now, good}}, {worstPeer, []any{bad}}} {
			if _, err := tx.Exec(ctx, x.q, x.args...); err != nil {
				return fmt.Errorf("%s: %w", x.q.Postgres[:30], err)
			}
		}
		return nil
	}))
	type answer struct {
		Boxes []fleet.Box `json:"boxes"`
		Total int64       `json:"total"`
	}
	var got answer
	begin := time.Now()
	d.call(identity.Staff, http.MethodGet, "?sort=trouble&limit=20", "", &got)
	took := time.Since(begin)
	if got.Total != 3001 || len(got.Boxes) != 20 || got.Boxes[0].Code != "S-1234" || !slices.Equal(got.Boxes[0].Troubles, []string{"stuck", "disk"}) {
		t.Fatalf("%d of %d, first %+v", len(got.Boxes), got.Total, got.Boxes[0])
	}
	if b := got.Boxes[0]; b.Lanes[4].Head != 107 || b.Lanes[4].Applied != 100 || b.Behind != 7 || b.Unsent != 50 || b.Said.LostIfDead != 212 {
		t.Errorf("the worst: %+v", b)
	}
	t.Logf("3,001 schools: %v", took)
	if took > 3*time.Second {
		t.Errorf("one page took %v", took)
	}
	for query, want := range map[string]int64{"?q=s-1234": 1, "?trouble=disk": 1, "?trouble=any": 1, "?status=online": 3001, "?status=never": 0, "?q=nowhere": 0, "?skip=3000": 3001} {
		got = answer{}
		if d.call(identity.Admin, http.MethodGet, query, "", &got); got.Total != want {
			t.Errorf("%s: %d, want %d", query, got.Total, want)
		}
	}
}
