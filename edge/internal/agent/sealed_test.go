package agent_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fernet"
)

const (
	sealedName  = "Nabulon Ebei"
	sealedPhone = "254711555001"
)

func (b *box) sealWith(keys ...fernet.Key) {
	b.file.Seal(fernet.Fields{Ring: keys, Now: time.Now})
}

// guardian reads the one guardian of the box; empty while there is none.
func (b *box) guardian() (name, phone string) {
	b.t.Helper()
	must(b.t, b.file.View(b.t.Context(), func(tx db.Tx) error {
		rows, err := tx.Query(b.t.Context(), db.SQL{Both: `SELECT name, phone FROM guardians`})
		_, err = db.Collect(rows, err, func(r db.Rows) (struct{}, error) {
			return struct{}{}, r.Scan((*db.Secret)(&name), (*db.Contact)(&phone))
		})
		return err
	}))
	return name, phone
}

// lies gives the files of the box's database in which a text lies bare.
func (b *box) lies(text string) (out []string) {
	b.t.Helper()
	files, err := filepath.Glob(filepath.Join(b.dir, "school.db*"))
	must(b.t, err)
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if errors.Is(err, fs.ErrNotExist) { // SQLite removes its own beside the file
			continue
		}
		must(b.t, err)
		if bytes.Contains(raw, []byte(text)) {
			out = append(out, filepath.Base(f))
		}
	}
	return out
}

func (b *box) wantSealed(when string) {
	b.t.Helper()
	if name, phone := b.guardian(); name != sealedName || phone != sealedPhone {
		b.t.Errorf("%s the box reads %q, %q", when, name, phone)
	}
	for _, secret := range []string{sealedName, sealedPhone} {
		if found := b.lies(secret); len(found) > 0 {
			b.t.Errorf("%s %s lies bare in %v", when, secret, found)
		}
	}
	if len(b.lies("Grade 4")) == 0 {
		b.t.Errorf("%s a grade, which lies bare, is not found either: this test sees nothing", when)
	}
}

// What lies sealed stays readable for the box and closed to a copy of the file: in
// the file that a snapshot builds, and after each restart.
func TestWhatIsSealedStaysSealedThroughASnapshotAndRestarts(t *testing.T) {
	c := newCloud(t)
	school := c.school("LODWAR-1")
	ann := c.learner(school, "Ann Akai")
	c.call("/api/v1/schools/"+school+"/guardians", map[string]any{"learner_id": ann, "name": sealedName, "phone_number": sealedPhone, "relationship": "mother", "verified": true}, &struct{}{})
	key, dir := fernet.Key{7}, t.TempDir()
	start := func() *box {
		b := openBox(t, dir)
		b.sealWith(key)
		return b
	}
	b := start()
	_, err := b.agent.Claim(t.Context(), c.url, c.code(school))
	must(t, err)
	b.assemble()
	must(t, b.link.Start(t.Context()))
	eventually(t, "the guardian comes down", func() bool { name, _ := b.guardian(); return name != "" })
	b.wantSealed("by the line")
	b.stop()

	b = start()
	b.wantSealed("after a restart")
	b.assemble()
	must(t, b.link.Start(t.Context()))
	before := generationOf(t, dir)
	must(t, b.snaps.Take(t.Context(), "a test"))
	if after := generationOf(t, dir); os.SameFile(before, after) {
		t.Fatal("the file is the old one: nothing was swapped")
	}
	b.wantSealed("after a snapshot")
	b.stop()

	b = start()
	b.wantSealed("after a snapshot and a restart")
	b.sealWith(fernet.Key{9})
	err = b.file.View(t.Context(), func(tx db.Tx) error {
		rows, err := tx.Query(t.Context(), db.SQL{Both: `SELECT name FROM guardians`})
		_, err = db.Collect(rows, err, func(r db.Rows) (v db.Secret, err error) { return v, r.Scan(&v) })
		return err
	})
	if err == nil {
		t.Error("another box's key opens it")
	}
}

func generationOf(t *testing.T, dir string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, "school.db"))
	must(t, err)
	return info
}
