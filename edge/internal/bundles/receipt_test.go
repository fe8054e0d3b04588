package bundles_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer/bundle"
	"urbanhomeschool.org/uhs/syncproto"
)

// The way back brings the cloud's receipt; the box checks it with the key it
// pinned and shows it.
func TestTheReceiptIsCheckedAtTheBoxAndShownInTheHistory(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	_, stranger, err := ed25519.GenerateKey(nil)
	must(t, err)
	url, _ := told(t, key)
	s := newSchool(t, url)
	s.box.CloudKey, _ = key.Public().(ed25519.PublicKey)
	w, _, err := s.ExportFile(t.Context(), t.TempDir(), nil)
	must(t, err)
	teacher := identity.Actor{Account: "a", Role: identity.Instructor, School: identity.SchoolID(s.box.School)}
	history := func() bundle.Note {
		t.Helper()
		all, err := s.History(t.Context(), teacher)
		must(t, err)
		if len(all) != 1 || all[0].ID != w.ID {
			t.Fatalf("got %+v", all)
		}
		return all[0]
	}
	back := func(receipt string) error {
		var out bytes.Buffer
		bw, err := bundle.NewWriter(&out, syncproto.BundleHeader{ID: id.New(), Way: syncproto.Down, School: s.box.School, To: s.box.Age.Recipient().String(),
			Created: s.clock.Now(), Epoch: s.box.Epoch}, key)
		must(t, err)
		must(t, bw.Add(bundle.Section{SectionHead: syncproto.SectionHead{Kind: syncproto.SectionReceipt}, Data: []byte(receipt)}))
		must(t, bw.Close())
		path := filepath.Join(t.TempDir(), "back.uhs")
		must(t, os.WriteFile(path, out.Bytes(), 0o600))
		_, err = s.Desk().Read(t.Context(), path, nil)
		return err
	}
	at := s.clock.Now().Truncate(time.Second)
	text := func(file string) string {
		return fmt.Sprintf("A receipt\n%s%s\n%s%s\n3 pieces of work arrived\n", bundle.ReceiptFile, file, bundle.ReceiptArrived, at.Format(time.RFC3339))
	}
	good := bundle.SignReceipt(text(w.ID), key)
	for name, bad := range map[string]string{
		"signed by a stranger": bundle.SignReceipt(text(w.ID), stranger),
		"with a changed count": strings.Replace(good, "3 pieces", "4 pieces", 1),
		"without a signature":  text(w.ID),
		"that names no file":   bundle.SignReceipt("hello\n", key),
	} {
		if err := back(bad); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("a receipt %s: %v", name, err)
		}
		if n := history(); n.State != bundle.Written || n.Result.Receipt != "" {
			t.Errorf("a receipt %s is shown: %+v", name, n)
		}
	}
	must(t, back(bundle.SignReceipt(text(id.New()), key))) // of a file of another life
	if n := history(); n.State != bundle.Written {
		t.Errorf("another file's receipt counts: %+v", n)
	}
	must(t, back(good))
	if n := history(); n.State != bundle.Arrived || n.Result.Receipt != text(w.ID) || !n.Result.Arrived.Equal(at) || n.Result.New != 3 {
		t.Errorf("got %+v", n)
	}
	for name, who := range map[string]identity.Actor{"nobody": {}, "a learner": {Account: "a", Role: identity.Student, School: teacher.School},
		"another school's": {Account: "a", Role: identity.Instructor, School: "elsewhere"}} {
		if _, err := s.History(t.Context(), who); fault.KindOf(err) != fault.Forbidden && fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}
