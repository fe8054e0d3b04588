package packs_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/cloud/internal/fleet/packs"
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/catalogue/source"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
)

const instructor identity.AccountID = "00000000-0000-4000-8000-0000000000c1"

// nowhere is a school that is not there; every other one is.
const nowhere identity.SchoolID = "00000000-0000-4000-8000-0000000000ff"

// recorder is a journal that remembers what would travel.
type recorder struct{ changes []syncer.Change }

func (r *recorder) Record(_ context.Context, _ db.Tx, c syncer.Change) error {
	r.changes = append(r.changes, c)
	return nil
}

// world is a cloud with packs.
type world struct {
	*packs.Service
	db      db.DB
	store   *pack.Store
	journal *recorder
	clock   *clock.Fake
	signer  ed25519.PrivateKey
	holders []packs.Holder
}

func newWorld(t *testing.T) *world {
	t.Helper()
	store, err := pack.OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{store: store, journal: &recorder{}, clock: clock.NewFake(time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC)),
		signer: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))}
	w.db = syncer.WithJournal(dbtest.Postgres(t), w.journal)
	w.Service = w.open(t, "a secret key of the installation")
	return w
}

func (w *world) open(t *testing.T, secret string) *packs.Service {
	t.Helper()
	s, err := packs.New(packs.Options{DB: w.db, Store: w.store, Signer: w.signer, Secret: []byte(secret), Clock: w.clock,
		Log: slog.New(slog.DiscardHandler),
		Instructor: func(_ context.Context, _ db.Tx, email string) (identity.AccountID, error) {
			if email == "teacher@example.org" {
				return instructor, nil
			}
			return "", nil
		},
		Holders: func(context.Context, db.Tx) ([]packs.Holder, error) { return w.holders, nil },
		School: func(_ context.Context, _ db.Tx, school identity.SchoolID) (identity.School, error) {
			if school == nowhere {
				return identity.School{}, identity.ErrNoSuchSchool
			}
			return identity.School{ID: school}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// course is a source with one lesson that says text.
func course(slug, text string) fs.FS {
	files := map[string]string{
		"course.yaml": "slug: " + slug + "\ntitle: Course " + slug + "\ndescription: About it.\ngrade: Grade 6\nlearning_area: Mathematics\n" +
			"curriculum: KICD-2024\nlanguage: en\nowner: instructor\ninstructor_email: teacher@example.org\nprice_minor: 50000\ncurrency: KES\n" +
			"strands:\n  - title: Numbers\n    sub_strands:\n      - {title: Whole numbers, competencies: [self-efficacy], lessons: [one]}\n",
		"lessons/one.md":        "---\ntitle: One\nminutes: 10\noutcomes: [I can count]\n---\n\n## Count\n\n" + text + "\n",
		"lessons/one.quiz.yaml": "title: Quiz\npass_percent: 50\nquestions:\n  - {id: q1, kind: numeric, prompt: \"1 + 1?\", answer: 2, explanation: \"Count on.\"}\n",
	}
	out := fstest.MapFS{}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func appliance(t *testing.T, school identity.SchoolID) (packs.Holder, *age.X25519Identity) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return packs.Holder{School: school, Recipient: id.Recipient().String()}, id
}

func (w *world) licence(t *testing.T, school identity.SchoolID, slug string) (l catalogue.Licence, err error) {
	t.Helper()
	_ = w.db.View(t.Context(), func(tx db.Tx) error {
		l, err = catalogue.Licences.Get(t.Context(), tx, catalogue.LicenceID(school, catalogue.CourseIDOf(slug)))
		return nil
	})
	return l, err
}

func publish(t *testing.T, w *world, dir fs.FS) packs.Edition {
	t.Helper()
	e, err := w.Publish(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestPublish(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	first := publish(t, w, course("counting", "One, two."))

	t.Run("the pack is on disk, signed, and decodes", func(t *testing.T) {
		signed, err := w.store.Read(first.ManifestSHA256)
		if err != nil {
			t.Fatal(err)
		}
		m, err := pack.Verify(signed, w.signer.Public().(ed25519.PublicKey))
		if err != nil || m.Edition != 1 || m.PriceMinor != 50000 {
			t.Fatalf("%+v, %v", m, err)
		}
		for _, b := range m.Blobs {
			data, err := w.store.Read(b.SHA256)
			if err != nil || strings.Contains(string(data), "teacher@example.org") || strings.Contains(string(data), "One, two.") {
				t.Errorf("%s: missing or readable, %v", b.Path, err)
			}
		}
	})
	t.Run("the course is installed at the cloud, with its instructor", func(t *testing.T) {
		if err := w.db.View(ctx, func(tx db.Tx) error {
			c, err := catalogue.CourseByID(ctx, tx, first.CourseID)
			if err != nil || c.Edition != 1 || c.InstructorID != instructor || c.InstructorEmail != "teacher@example.org" {
				t.Errorf("%+v, %v", c, err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("publishing the same again makes no edition", func(t *testing.T) {
		w.clock.Advance(time.Hour)
		if again := publish(t, w, course("counting", "One, two.")); again.Edition != 1 || again.ManifestSHA256 != first.ManifestSHA256 {
			t.Errorf("got %+v", again)
		}
	})
	t.Run("a changed text makes the next edition and tells the schools that hold the course", func(t *testing.T) {
		school, key := appliance(t, "s1")
		if err := w.License(ctx, school, first.CourseID); err != nil {
			t.Fatal(err)
		}
		w.journal.changes = nil
		second := publish(t, w, course("counting", "One, two, three."))
		l, err := w.licence(t, "s1", "counting")
		if err != nil || second.Edition != 2 || l.Edition != 2 || l.ManifestSHA256 != second.ManifestSHA256 || len(w.journal.changes) != 1 {
			t.Fatalf("%+v, %v, %d changes", l, err, len(w.journal.changes))
		}
		if _, err := pack.Unwrap(l.WrappedKey, key); err != nil {
			t.Errorf("the key: %v", err)
		}
	})
	t.Run("mistakes of the author are told and publish nothing", func(t *testing.T) {
		bad := course("counting", "<script>alert(1)</script>")
		_, err := w.Publish(ctx, bad)
		var p *source.Problem
		if !errors.As(err, &p) || p.File != "lessons/one.md" || p.Line != 9 {
			t.Errorf("got %v", err)
		}
		all, err := w.Editions(ctx)
		if err != nil || len(all) != 1 || all[0].Edition != 2 {
			t.Errorf("%+v, %v", all, err)
		}
	})
	t.Run("an instructor without an account is refused", func(t *testing.T) {
		dir := course("other", "x").(fstest.MapFS)
		dir["course.yaml"].Data = bytes.Replace(dir["course.yaml"].Data, []byte("teacher@"), []byte("nobody@"), 1)
		if _, err := w.Publish(ctx, dir); !errors.Is(err, packs.ErrNoInstructor) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("lost blobs are published again", func(t *testing.T) {
		last := publish(t, w, course("counting", "One, two, three."))
		if err := w.store.Remove(last.ManifestSHA256); err != nil {
			t.Fatal(err)
		}
		if e := publish(t, w, course("counting", "One, two, three.")); e.Edition != last.Edition+1 {
			t.Errorf("edition %d", e.Edition)
		}
	})
}

func TestLicense(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	school, key := appliance(t, "s1")
	a := publish(t, w, course("a", "Text."))
	publish(t, w, course("b", "Text."))
	all := func(h packs.Holder) {
		t.Helper()
		if err := w.db.Update(ctx, func(tx db.Tx) error { return w.LicenseAll(ctx, tx, h) }); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("a claimed school gets a licence of every course, once", func(t *testing.T) {
		all(school)
		all(school)
		if len(w.journal.changes) != 2 {
			t.Fatalf("%d changes", len(w.journal.changes))
		}
		for _, c := range w.journal.changes {
			if id, ok := c.Audience.School(); !ok || id != "s1" || c.Spec.Name != "catalogue.licence" {
				t.Errorf("%+v", c)
			}
		}
		l, err := w.licence(t, "s1", "a")
		if err != nil || l.ManifestSHA256 != a.ManifestSHA256 || l.SizeBytes == 0 {
			t.Fatalf("%+v, %v", l, err)
		}
		if _, err := pack.Unwrap(l.WrappedKey, key); err != nil {
			t.Errorf("its own key: %v", err)
		}
	})
	t.Run("a replaced appliance reads it and the old one no longer does", func(t *testing.T) {
		spare, spareKey := appliance(t, "s1")
		if err := w.db.Update(ctx, func(tx db.Tx) error { return w.Relicense(ctx, tx, spare) }); err != nil {
			t.Fatal(err)
		}
		l, _ := w.licence(t, "s1", "a")
		if _, err := pack.Unwrap(l.WrappedKey, spareKey); err != nil {
			t.Errorf("the spare: %v", err)
		}
		if _, err := pack.Unwrap(l.WrappedKey, key); !errors.Is(err, pack.ErrUnlicensed) {
			t.Errorf("the old one: %v", err)
		}
	})
	t.Run("a new course goes to the schools that get every course", func(t *testing.T) {
		h, _ := appliance(t, "s2")
		w.holders = []packs.Holder{h}
		publish(t, w, course("c", "Text."))
		if _, err := w.licence(t, "s2", "c"); err != nil {
			t.Errorf("s2: %v", err)
		}
		if _, err := w.licence(t, "s1", "c"); !errors.Is(err, db.ErrNoRows) {
			t.Errorf("s1: %v", err)
		}
	})
	t.Run("an unknown course cannot be licensed", func(t *testing.T) {
		if err := w.License(ctx, school, catalogue.CourseIDOf("nothing")); !errors.Is(err, packs.ErrNotPublished) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("with another secret the keys stay shut", func(t *testing.T) {
		h, _ := appliance(t, "s3")
		if err := w.open(t, "quite another secret key here").License(ctx, h, a.CourseID); err == nil {
			t.Error("opened")
		}
		if _, err := packs.New(packs.Options{Secret: []byte("short")}); err == nil {
			t.Error("a short secret was taken")
		}
	})
}

func TestPiecesForAnExport(t *testing.T) {
	w := newWorld(t)
	picture := `<svg xmlns="http://www.w3.org/2000/svg"><title>shared</title></svg>`
	for _, slug := range []string{"a", "b"} {
		files := course(slug, "![a seed](media/a.svg)").(fstest.MapFS)
		files["media/a.svg"] = &fstest.MapFile{Data: []byte(picture)}
		e := publish(t, w, files)
		h, _ := appliance(t, "s1")
		if err := w.License(t.Context(), h, e.CourseID); err != nil {
			t.Fatal(err)
		}
	}
	pieces, err := w.Pieces(t.Context(), "s1")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for i, p := range pieces {
		seen[p.SHA256]++
		if p.Manifest != (i < 2) {
			t.Errorf("piece %d of %d is a manifest: %v", i, len(pieces), p.Manifest)
		}
		r, err := w.OpenPiece(p.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || pack.Hash(data) != p.SHA256 || int64(len(data)) != p.Size {
			t.Errorf("piece %d: %d bytes, %v", i, len(data), err)
		}
		if last := i == len(pieces)-1; last != bytes.Contains(data, []byte("<title>shared")) {
			t.Errorf("the picture of both courses is not the last: piece %d", i)
		}
	}
	for sha, n := range seen {
		if n != 1 {
			t.Errorf("%s is carried %d times", sha, n)
		}
	}
	if others, err := w.Pieces(t.Context(), "s2"); err != nil || len(others) != 0 {
		t.Errorf("a school without licences gets %d pieces, %v", len(others), err)
	}
	if _, err := w.OpenPiece("../../etc/passwd"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opened a path: %v", err)
	}
}
