package web_test

import (
	"context"
	"crypto/ed25519"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	safety "urbanhomeschool.org/uhs/edge/internal/copy"
	"urbanhomeschool.org/uhs/edge/internal/web"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/logging"
)

const token = "a token of the two heads"

// neighbour is another school's box that keeps copies.
func neighbour(t *testing.T, quota int64) (url, dir string) {
	t.Helper()
	dir = t.TempDir()
	shelf, err := safety.OpenShelf(dir, token, quota, 0)
	must(t, err)
	a := api.New(api.Options{Name: "Test", Version: "test", Log: logging.Discard()})
	web.MountCopies(a, shelf)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- a.App.Listener(l) }()
	t.Cleanup(func() { _ = a.App.ShutdownWithTimeout(5 * time.Second); _ = l.Close(); <-done }) //nolint:errcheck // it was shut down
	return "http://" + l.Addr().String(), dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// copied copies a fresh database to m until the state is the wanted one.
func copied(t *testing.T, m safety.Medium, state string) *age.X25519Identity {
	t.Helper()
	dir := t.TempDir()
	d := dbtest.SQLite(t)
	var path string
	must(t, d.Writer().QueryRow(`SELECT file FROM pragma_database_list WHERE name = 'main'`).Scan(&path))
	_, err := d.Writer().Exec(`INSERT INTO node_state VALUES ('a word', 'of the school')`)
	must(t, err)
	_, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	id, err := age.GenerateX25519Identity()
	must(t, err)
	s := safety.New(safety.Options{DB: d, Path: path, Dir: dir, Media: []safety.Medium{m}, Chain: [16]byte{7}, Key: key, Clock: clock.System{},
		Log: logging.Discard(), Every: 10 * time.Millisecond,
		Recipients: func(context.Context) ([]age.Recipient, error) { return []age.Recipient{id.Recipient()}, nil }})
	must(t, s.Start(t.Context()))
	defer func() { must(t, s.Stop(context.Background())) }()
	for deadline := time.Now().Add(20 * time.Second); s.Status()[0].State != state; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the state is %+v, want %s", s.Status()[0], state)
		}
	}
	return id
}

func TestANeighbourKeepsACopyItCannotRead(t *testing.T) {
	url, _ := neighbour(t, 1<<30)
	m := safety.NewNeighbour(url, token)
	id := copied(t, m, safety.OK)
	path := filepath.Join(t.TempDir(), "restored.db")
	r, err := safety.Restore(t.Context(), m, path, []age.Identity{id}, nil)
	must(t, err)
	if i, err := os.Stat(path); err != nil || i.Size() < 100_000 || r.Segments == 0 {
		t.Errorf("%+v %v", r, err)
	}

	chains, err := m.Chains(t.Context())
	must(t, err)
	all, err := m.Segments(t.Context(), chains[0])
	must(t, err)
	data, err := m.Get(t.Context(), chains[0], all[0])
	must(t, err)
	if err := m.Put(t.Context(), chains[0], all[0], data); err == nil {
		t.Error("a segment was written over")
	}
	for name, bad := range map[string][]byte{"noise": []byte("noise"), "another's number": data, "nine megabytes": make([]byte, 9<<20)} {
		if err := m.Put(t.Context(), chains[0], all[len(all)-1]+1, bad); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	for _, chain := range []string{"..", "%2e%2e%2fx", "0123"} {
		if got, err := m.Segments(t.Context(), chain); err == nil && len(got) > 0 {
			t.Errorf("%s lists %v", chain, got)
		}
	}
}

func TestAWrongTokenAndAFullShelfAreStates(t *testing.T) {
	url, dir := neighbour(t, 4_000)
	copied(t, safety.NewNeighbour(url, "another token, guessed"), safety.Refused)
	copied(t, safety.NewNeighbour(url, token), safety.Full)
	copied(t, safety.NewNeighbour("http://127.0.0.1:1", token), safety.Unreachable)
	var size int64
	must(t, filepath.Walk(dir, func(_ string, i os.FileInfo, err error) error {
		if err == nil && !i.IsDir() {
			size += i.Size()
		}
		return err
	}))
	if size > 4_000 {
		t.Errorf("the shelf holds %d bytes, its quota is 4000", size)
	}
}
