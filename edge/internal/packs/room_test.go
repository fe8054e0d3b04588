package packs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"urbanhomeschool.org/uhs/edge/internal/disktest"
	"urbanhomeschool.org/uhs/edge/internal/packs"
	"urbanhomeschool.org/uhs/migrations"
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/migrate"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
)

// bytesIn is what the files below dir have.
func bytesIn(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // moved away meanwhile
		}
		if info, err := e.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}

// disk is a box on a disk that is as large as the test says; course packs are
// all that lies on it.
type disk struct {
	*box
	size atomic.Int64
}

const keepFree = 100_000

func newDisk(t *testing.T, step func(*disk, string)) *disk {
	t.Helper()
	d := &disk{}
	d.size.Store(1 << 40)
	d.box = newBoxWith(t, func(o *packs.Options) {
		o.KeepFree = keepFree
		o.Free = func() (int64, error) { return d.size.Load() - bytesIn(o.Store.Dir()), nil }
		o.Step = func(point string) {
			if d.box != nil {
				step(d, point)
			}
		}
	})
	return d
}

// leave makes the disk so small that free bytes are free.
func (d *disk) leave(free int64) {
	d.size.Store(bytesIn(d.dir) + free)
	d.Wake()
}

func (d *disk) has(sha string) bool { _, ok := d.store.Path(sha); return ok }

func granted(l catalogue.Licence, at time.Time) catalogue.Licence {
	l.GrantedAt = db.Time{Time: at}
	return l
}

func TestWhatGoesWhenTheDiskFills(t *testing.T) {
	d := newDisk(t, func(*disk, string) {})
	old, common, young := random(t, 30_000), random(t, 20_000), random(t, 31_000)
	beans, first := d.course("beans", 1, signer(1), old, common)
	maize, second := d.course("maize", 1, signer(1), young, common)
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	d.arrive(granted(beans, day))
	d.arrive(granted(maize, day.AddDate(0, 1, 0)))
	eventually(t, "both whole", func() bool {
		b, m := d.of("beans"), d.of("maize")
		return b.BytesDone == beans.SizeBytes && m.BytesDone == maize.SizeBytes && b.PicturesMissing+m.PicturesMissing == 0
	})
	replaced, err := d.store.Put(random(t, 10_000))
	if err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(d.dir, "part", pack.Hash([]byte("a blob on its way")))
	if err := os.WriteFile(part, random(t, 11_000), 0o600); err != nil {
		t.Fatal(err)
	}
	isPart := func() bool { _, err := os.Stat(part); return err == nil }

	// Each time one byte is missing, and the next thing in the order goes.
	for _, want := range []struct {
		what                               string
		replaced, part, old, common, young bool
	}{
		{"what no licence needs", false, true, true, true, true},
		{"a part", false, false, true, true, true},
		{"the picture of the course not used for longest, not the common one", false, false, false, true, true},
	} {
		d.leave(keepFree - 1)
		eventually(t, want.what+" goes", func() bool {
			return d.has(replaced) == want.replaced && isPart() == want.part && d.has(pack.Hash(old)) == want.old
		})
		time.Sleep(100 * time.Millisecond) // and nothing more
		if d.has(pack.Hash(common)) != want.common || d.has(pack.Hash(young)) != want.young || isPart() != want.part || d.has(pack.Hash(old)) != want.old {
			t.Errorf("%s: more than that went", want.what)
		}
	}
	if s := d.of("beans"); s.State != "installed" || s.PicturesMissing != 1 || s.Error != "disk_full" || s.BytesDone != beans.SizeBytes-30_000 {
		t.Errorf("told so: %+v", s)
	}

	// However short it is, texts, quizzes and answers stay.
	d.leave(-1 << 30)
	eventually(t, "all pictures gone", func() bool { return !d.has(pack.Hash(common)) && !d.has(pack.Hash(young)) })
	time.Sleep(100 * time.Millisecond)
	for _, m := range []pack.Manifest{first.Manifest, second.Manifest} {
		for _, b := range m.Blobs {
			if b.Role != pack.RoleMedia && !d.has(b.SHA256) {
				t.Errorf("%s %s is gone", m.Slug, b.Path)
			}
		}
	}
	if d.seen() != 1 || !d.has(beans.ManifestSHA256) || !d.has(maize.ManifestSHA256) {
		t.Error("a course is gone")
	}

	d.size.Store(1 << 40)
	d.Wake()
	eventually(t, "the pictures come back with the space", func() bool {
		return d.of("beans").BytesDone == beans.SizeBytes && d.of("maize").BytesDone == maize.SizeBytes && d.of("beans").Error == ""
	})
}

func TestACourseThatIsOpenedKeepsItsPictures(t *testing.T) {
	now := clock.NewFake(time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC))
	d := &disk{}
	d.size.Store(1 << 40)
	d.box = newBoxWith(t, func(o *packs.Options) {
		o.KeepFree, o.Clock = keepFree, now
		o.Free = func() (int64, error) { return d.size.Load() - bytesIn(o.Store.Dir()), nil }
	})
	mine, theirs := random(t, 30_000), random(t, 30_000)
	beans, _ := d.course("beans", 1, signer(1), mine)
	maize, _ := d.course("maize", 1, signer(1), theirs)
	d.arrive(granted(beans, now.Now().AddDate(0, -2, 0)))
	d.arrive(granted(maize, now.Now().AddDate(0, -1, 0)))
	whole := func(slug string, l catalogue.Licence) func() bool {
		// Bytes alone are not enough: the last blob may not be in its place yet.
		return func() bool { s := d.of(slug); return s.BytesDone == l.SizeBytes && s.PicturesMissing == 0 }
	}
	eventually(t, "beans", whole("beans", beans))
	eventually(t, "maize", whole("maize", maize))

	d.Opened(catalogue.CourseIDOf("beans")) // today, after a month in which nobody did
	d.leave(keepFree - 1)
	eventually(t, "the other course's picture goes", func() bool { return !d.has(pack.Hash(theirs)) })
	if !d.has(pack.Hash(mine)) {
		t.Fatal("the picture of the course in use went")
	}
	// It is remembered over a restart.
	if err := d.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.size.Store(1 << 40)
	d.start()
	eventually(t, "maize again", whole("maize", maize))
	d.leave(keepFree - 1)
	eventually(t, "again the other's", func() bool { return !d.has(pack.Hash(theirs)) })
	// A picture takes no place of a course that somebody opened these two weeks:
	// maize is opened later than beans, and still waits.
	now.Advance(24 * time.Hour)
	d.Opened(catalogue.CourseIDOf("maize"))
	d.leave(keepFree + keepFree/10 + 1)
	time.Sleep(200 * time.Millisecond)
	if !d.has(pack.Hash(mine)) || d.has(pack.Hash(theirs)) {
		t.Fatal("two courses in use push each other out")
	}
	now.Advance(15 * 24 * time.Hour) // nobody opens beans any more
	d.Wake()
	eventually(t, "the picture of maize takes the place", func() bool { return d.has(pack.Hash(theirs)) && !d.has(pack.Hash(mine)) })
}

func TestADownloadStopsAboveWhatIsKeptFree(t *testing.T) {
	var reads, chunks atomic.Int64
	d := newDisk(t, func(d *disk, point string) {
		if point == "installed" {
			reads.Store(1)
		}
		// Somebody else fills the disk in the middle of the film.
		if point == "chunk" && reads.Load() == 1 && chunks.Add(1) == 8 {
			d.size.Store(bytesIn(d.dir) + keepFree + 40_000)
		}
	})
	film := random(t, 1_000_000)
	l, _ := d.course("beans", 1, signer(1), film)
	lowest := atomic.Int64{}
	lowest.Store(1 << 40)
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		for t.Context().Err() == nil {
			lowest.Store(min(lowest.Load(), d.size.Load()-bytesIn(d.dir)))
		}
	}()
	d.arrive(l)
	s := d.until("stopped", func(s packs.CourseStatus) bool { return s.Error == "disk_full" })
	if s.InstalledEdition != 1 || s.State != "installed" || s.PicturesMissing != 1 || d.seen() != 1 {
		t.Errorf("%+v, sees %d", s, d.seen())
	}
	time.Sleep(200 * time.Millisecond)
	if low := lowest.Load(); low < keepFree*9/10 {
		t.Errorf("%d bytes were free, %d are kept", low, keepFree)
	}
	d.size.Store(1 << 40)
	d.Wake()
	d.until("whole", func(s packs.CourseStatus) bool { return s.BytesDone == l.SizeBytes && s.Error == "" })
}

func TestACourseThatDoesNotFitAtAllWaits(t *testing.T) {
	d := newDisk(t, func(*disk, string) {})
	l, built := d.course("beans", 1, signer(1))
	d.leave(keepFree + 1000)
	d.arrive(l)
	d.until("disk full", hasFailed("disk_full"))
	if d.seen() != 0 || len(d.server.requests()) != 0 {
		t.Errorf("sees %d of %d blobs, asked %v", d.seen(), len(built.Blobs), d.server.requests())
	}
	d.size.Store(1 << 40)
	d.until("installed by itself", isInstalled(1))
}

func TestTheDatabaseNeverSeesADiskThatPacksHaveFilled(t *testing.T) {
	dir := disktest.Small(t, "16m")
	data, err := sqlite.Open(filepath.Join(dir, "school.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = data.Close() })
	if err := migrate.Up(t.Context(), data.Writer(), goose.DialectSQLite3, migrations.SQLite()); err != nil {
		t.Fatal(err)
	}
	store, err := pack.OpenStore(filepath.Join(dir, "packs"))
	if err != nil {
		t.Fatal(err)
	}
	const keep = 6_000_000
	b := newBoxWith(t, func(o *packs.Options) { o.DB, o.Store, o.KeepFree = data, store, keep })
	b.db, b.store, b.dir = data, store, store.Dir()
	var pictures [][]byte
	for range 30 {
		pictures = append(pictures, random(t, 500_000))
	}
	l, _ := b.course("beans", 1, signer(1), pictures...) // 15 MB where 8 MB fit
	b.arrive(l)
	b.until("as much as fits", func(s packs.CourseStatus) bool { return s.InstalledEdition == 1 && s.Error == "disk_full" })
	free := func() int64 {
		var st syscall.Statfs_t
		if err := syscall.Statfs(dir, &st); err != nil {
			t.Fatal(err)
		}
		return int64(st.Bavail) * st.Bsize
	}
	s := b.status()
	t.Logf("free %d, kept %d, pictures missing %d of 30", free(), keep, s.PicturesMissing)
	if free() < keep*9/10 || s.PicturesMissing == 0 || s.PicturesMissing == 30 || b.seen() != 1 {
		t.Errorf("free %d, kept %d, %+v", free(), keep, s)
	}
	// The school writes on: its own data take from what is kept free, and pictures
	// make place for them.
	before := s.PicturesMissing
	if err := os.WriteFile(filepath.Join(dir, "growth"), make([]byte, 3_000_000), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Wake()
	eventually(t, "pictures make place", func() bool { return free() >= keep && b.status().PicturesMissing > before })
	if b.seen() != 1 {
		t.Error("the course is gone")
	}
}
