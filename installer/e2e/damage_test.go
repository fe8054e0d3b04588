package e2e

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// TestDamagedStreams takes away or spoils what NATS keeps on the disk, at the box
// and at the hub, stopped and running, while a school works. The streams hold
// nothing that is not in a database: everything arrives, once; a stream that
// cannot be used any more is made anew, or the box goes by HTTPS.
func TestDamagedStreams(t *testing.T) {
	random := seeded(t)
	w := theWorld(t)
	s := schoolOf(t, w, "nakuru")
	settled(t, s)
	k := startWork(t, w, s, newAudit())
	box, hub := s.Edge, w.Cloud
	flip := func(b []byte) []byte { return flipBits(random, b) }
	half := func(b []byte) []byte { return b[:len(b)/2] }
	restart := func(p *world.Program, harm func() error) func() error {
		return func() error {
			p.Kill()
			return errors.Join(harm(), p.Start(t.Context()))
		}
	}
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"bits flip in the box's blocks", restart(box, func() error { return spoilBlocks(box, flip) })},
		{"the box's blocks are cut in half", restart(box, func() error { return spoilBlocks(box, half) })},
		{"bits flip in the hub's blocks", restart(hub, func() error { return spoilBlocks(hub, flip) })},
		{"the hub's blocks are cut in half", restart(hub, func() error { return spoilBlocks(hub, half) })},
		{"the box's streams go while it is stopped", restart(box, func() error { return wipe(box) })},
		{"the box's streams go while it runs", func() error { return wipe(box) }},
		{"the hub's streams go while it is stopped", restart(hub, func() error { return wipe(hub) })},
	} {
		if !t.Run(c.name, func(t *testing.T) {
			must(t, c.do())
			k.goesOn(t)
		}) {
			break
		}
	}
	k.verify(t)
}

// goesOn waits until something that is saved from now on has arrived.
func (k *work) goesOn(t *testing.T) {
	t.Helper()
	from := k.audit.count()
	must(t, world.Await(t.Context(), 4*time.Minute, "work that is saved now arrives", func(ctx context.Context) (bool, error) {
		n, err := number(ctx, k.w, "SELECT count(*) FROM learning_activities WHERE kind = 'time_spent' AND school_id = $1 AND seconds > $2", k.school.ID, from)
		return n >= 3, err
	}))
}

// streams are the folders that JetStream keeps in a program's folder.
func streams(p *world.Program) (found []string, err error) {
	err = filepath.WalkDir(p.Dir(), func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && e.IsDir() && e.Name() == "jetstream" {
			found = append(found, path)
			return fs.SkipDir
		}
		return err
	})
	if err == nil && len(found) == 0 {
		err = errors.New("there are no streams in " + p.Dir())
	}
	return found, err
}

func wipe(p *world.Program) error {
	found, err := streams(p)
	for _, dir := range found {
		// Twice: a running server may write while we delete.
		err = errors.Join(err, retry(func() error { return os.RemoveAll(dir) }))
	}
	return err
}

func retry(fn func() error) (err error) {
	for range 5 {
		if err = fn(); err == nil {
			return nil
		}
	}
	return err
}

// spoilBlocks changes every block of messages; there must be one.
func spoilBlocks(p *world.Program, change func([]byte) []byte) error {
	found, err := streams(p)
	if err != nil {
		return err
	}
	n := 0
	for _, dir := range found {
		err = errors.Join(err, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || filepath.Ext(path) != ".blk" {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil || len(b) == 0 {
				return err
			}
			n++
			return os.WriteFile(path, change(bytes.Clone(b)), 0o600)
		}))
	}
	if n == 0 {
		err = errors.Join(err, errors.New("there are no blocks to spoil"))
	}
	return err
}

// flipBits flips a bit in about one of a thousand bytes, at least three.
func flipBits(random *rand.Rand, b []byte) []byte {
	for range max(3, len(b)/1000) {
		b[random.Intn(len(b))] ^= 1 << random.Intn(8)
	}
	return b
}

// TestDamagedDatabase spoils the file of a box's database. Whatever a disk does,
// nothing wrong goes to the cloud.
func TestDamagedDatabase(t *testing.T) {
	w := theWorld(t)
	s := schoolOf(t, w, "nakuru")
	for _, c := range []struct {
		name string
		test func(t *testing.T, w *world.World, s *world.School)
	}{
		{"a record that the disk changed stays behind and is named in the log; the others arrive", changedRecord},
		{"a log that is damaged loses its end, and the box takes a new epoch", damagedLog},
		{"a file that is cut is refused with a word, and a whole one goes on", cutFile},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, w, s) })
	}
}

func (k *work) once(t *testing.T) []string {
	t.Helper()
	c := learnerAt(t, k.w, k.school, "Kiprono")
	shelf, err := findCourse(t.Context(), c, freeCourse)
	must(t, err)
	right := keys(t, filepath.Join("..", "content", freeCourse))
	var made []string
	for range 3 {
		q, err := readQuiz(t.Context(), c, shelf.Lessons[0].AssessmentID)
		must(t, err)
		attempt := newID()
		must(t, k.audit.send("attempt", attempt, func() error {
			_, err := submit(t.Context(), c, q, attempt, rightAnswers(t, q, right))
			return err
		}))
		made = append(made, attempt)
	}
	return made
}

func changedRecord(t *testing.T, w *world.World, s *world.School) {
	settled(t, s)
	k := &work{w: w, school: s, audit: newAudit()}
	cut(t, s)
	made := k.once(t)
	must(t, s.Edge.Stop())
	file := database(t, s)
	b, err := os.ReadFile(file)
	must(t, err)
	last := len(made[1]) - 1
	other := made[1][:last] + string("0123456789abcdef0"[strings.IndexByte("0123456789abcdef", made[1][last])+1])
	if n := bytes.Count(b, []byte(made[1])); n < 2 {
		t.Fatalf("the attempt is %d times in the file, want it in its table and in the outbox", n)
	}
	must(t, os.WriteFile(file, bytes.ReplaceAll(b, []byte(made[1]), []byte(other)), 0o600))
	must(t, s.Edge.Start(t.Context()))
	must(t, s.Link.Plug())
	settled(t, s)
	for id, want := range map[string]int64{made[0]: 1, made[1]: 0, made[2]: 1, other: 0} {
		if n := count(t, w, "SELECT count(*) FROM attempts WHERE id = $1", id); n != want {
			t.Errorf("the attempt %s is at the cloud %d times, want %d", id, n, want)
		}
	}
	log, err := os.ReadFile(s.Edge.Log())
	must(t, err)
	if !bytes.Contains(log, []byte("a record is damaged on the disk and is not sent")) {
		t.Error("the box does not say that a record is damaged")
	}
}

func damagedLog(t *testing.T, w *world.World, s *world.School) {
	settled(t, s)
	a := newAudit()
	k := startWork(t, w, s, a)
	k.goesOn(t)
	k.stop()
	settled(t, s)
	s.Edge.Kill() // so that the log is not moved into the file
	file := database(t, s) + "-wal"
	b, err := os.ReadFile(file)
	must(t, err)
	if len(b) < 5000 {
		t.Fatalf("the log has %d bytes", len(b))
	}
	b[len(b)/3] ^= 4
	must(t, os.WriteFile(file, b, 0o600))
	must(t, s.Edge.Start(t.Context()))
	k = startWork(t, w, s, a)
	k.goesOn(t)
	k.verify(t)
}

func cutFile(t *testing.T, w *world.World, s *world.School) {
	settled(t, s)
	must(t, s.Edge.Stop())
	file := database(t, s)
	whole, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(file, whole[:len(whole)/2], 0o600))
	before, err := os.ReadFile(s.Edge.Log())
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Edge.Start(ctx); err == nil {
		s.Edge.Kill()
		t.Error("the box serves from half a file")
	} else {
		log, err := os.ReadFile(s.Edge.Log())
		must(t, err)
		if !bytes.Contains(log[len(before):], []byte("malformed")) {
			t.Errorf("the box does not say what is wrong: %s", log[len(before):])
		}
		s.Edge.Kill()
	}
	for _, end := range []string{"-wal", "-shm"} {
		_ = os.Remove(file + end)
	}
	must(t, os.WriteFile(file, whole, 0o600))
	must(t, s.Edge.Start(t.Context()))
	k := startWork(t, w, s, newAudit())
	k.goesOn(t)
	k.verify(t)
}

// database is the file of a box's database; after a snapshot its name is a link.
func database(t *testing.T, s *world.School) string {
	t.Helper()
	file, err := filepath.EvalSymlinks(filepath.Join(s.Edge.Dir(), "school.db"))
	must(t, err)
	return file
}
