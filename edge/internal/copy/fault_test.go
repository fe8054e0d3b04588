package copy

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/shared/db/sqlite"
)

// same fails when the copy is not the database, page by page.
func (b *box) same(m Medium) restored {
	b.t.Helper()
	r := b.mustRestore(m)
	if r.last != b.next {
		b.t.Fatalf("the copy ends at fact %d of %d", r.last, b.next)
	}
	var notes string
	must(b.t, b.db.Writer().QueryRow(allNotes).Scan(&notes))
	if notes != r.notes {
		b.t.Fatal("the copy's records are not the database's")
	}
	return r
}

// settle waits until everything written is in all copies.
func (b *box) settle(s *Service) {
	b.t.Helper()
	begin := time.Now()
	eventually(b.t, "the copies are up to date", func() bool {
		for _, m := range s.Status() {
			if !m.At.After(begin) || m.State == Starting {
				return false
			}
		}
		return true
	})
}

func (b *box) writeSome(n int) {
	b.t.Helper()
	for range n {
		b.write()
	}
}

var errCrash = errors.New("the process is gone")

// crashing is a medium at which the process dies at an operation: before it,
// in its middle, or after it but before the answer.
type crashing struct {
	*Dir
	left, how int
	dead      bool
}

func (c *crashing) step() bool {
	if c.dead {
		return true
	}
	c.left--
	c.dead = c.left < 0
	return c.dead
}

func (c *crashing) Put(ctx context.Context, chain string, seq uint64, data []byte) error {
	if c.dead {
		return errCrash
	}
	if !c.step() {
		return c.Dir.Put(ctx, chain, seq, data)
	}
	switch c.how {
	case 1: // a torn file that never got its name
		_ = os.MkdirAll(c.dir(chain), 0o700)
		_ = os.WriteFile(filepath.Join(c.dir(chain), segmentName(seq)+".part"), data[:len(data)/2], 0o600)
	case 2: // a torn file with its name: a stick that lies about its cache
		_ = os.MkdirAll(c.dir(chain), 0o700)
		_ = os.WriteFile(filepath.Join(c.dir(chain), segmentName(seq)), data[:len(data)/2], 0o600)
	case 3:
		_ = c.Dir.Put(ctx, chain, seq, data)
	}
	return errCrash
}

func (c *crashing) Drop(ctx context.Context, chain string, below uint64) error {
	if c.step() {
		return errCrash
	}
	return c.Dir.Drop(ctx, chain, below)
}

func (c *crashing) Check(ctx context.Context) error {
	if c.dead {
		return errCrash
	}
	return c.Dir.Check(ctx)
}

func TestACrashAtAnyStepCostsNothing(t *testing.T) {
	for how, name := range []string{"before a write", "with an unnamed torn file", "with a named torn file", "after a write", "with half a journal"} {
		t.Run(name, func(t *testing.T) {
			b, m := newBox(t), stick(t)
			b.writeSome(300)
			for round := range 8 {
				c := &crashing{Dir: m, left: round % 4, how: min(how, 3)}
				s := b.service(c)
				stop := follow(t, s)
				for i := 0; !s.followers[0].dead(c) && i < 2000; i++ {
					b.write()
					time.Sleep(time.Millisecond)
				}
				stop()
				if how == 4 {
					halveJournal(t, s)
				}
				b.writeSome(20) // while no copy is made

				again := b.service(m)
				stop = follow(t, again)
				b.settle(again)
				stop()
				b.same(m)
			}
		})
	}
}

func (f *follower) dead(c *crashing) bool { return f.Status().State == Failing && c.dead }

func halveJournal(t *testing.T, s *Service) {
	t.Helper()
	path := s.followers[0].journal.path
	i, err := os.Stat(path)
	must(t, err)
	must(t, os.Truncate(path, i.Size()*2/3))
}

func TestARestartComparesInsteadOfCopyingAll(t *testing.T) {
	b, m := newBox(t), stick(t)
	b.writeSome(2000)
	s := b.service(m)
	stop := follow(t, s)
	b.settle(s)
	stop()
	first := s.Status()[0].Bytes
	b.write()
	again := b.service(m)
	stop = follow(t, again)
	b.settle(again)
	stop()
	if n := again.Status()[0]; n.Bytes == 0 || n.Bytes > first/4 {
		t.Errorf("a restart wrote %d bytes for one fact; the first copy was %d", n.Bytes, first)
	}
	b.same(m)
}

// chainOn is the one chain of a medium, with its segments.
func chainOn(t *testing.T, m *Dir) (chain string, all []uint64) {
	t.Helper()
	chains, err := m.Chains(t.Context())
	must(t, err)
	all, err = m.Segments(t.Context(), chains[0])
	must(t, err)
	return chains[0], all
}

func TestDamageEndsTheRestoreAtTheLastGoodPoint(t *testing.T) {
	damage := map[string]func(path string, r *rand.Rand) error{
		"a missing segment": func(path string, _ *rand.Rand) error { return os.Remove(path) },
		"a torn segment": func(path string, r *rand.Rand) error {
			i, err := os.Stat(path)
			if err != nil {
				return err
			}
			return os.Truncate(path, r.Int64N(i.Size()))
		},
		"a flipped bit": func(path string, r *rand.Rand) error {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			data[r.IntN(len(data))] ^= 1 << r.IntN(8)
			return os.WriteFile(path, data, 0o600)
		},
	}
	for name, do := range damage {
		t.Run(name, func(t *testing.T) {
			b, m := newBox(t), stick(t)
			b.writeSome(100)
			s := b.service(m)
			stop := follow(t, s)
			b.settle(s)
			at := map[int]int{} // segment to the last fact that must be there
			for range 12 {
				b.writeSome(5)
				b.settle(s)
				_, all := chainOn(t, m)
				at[int(all[len(all)-1])] = b.next
			}
			stop()
			chain, all := chainOn(t, m)
			for seed := range uint64(8) {
				r := rand.New(rand.NewPCG(seed, 7))
				hurt := stickAt(t, t.TempDir())
				copyFiles(t, m.path, hurt.path)
				victim := all[len(all)-1-r.IntN(11)]
				must(t, do(filepath.Join(hurt.dir(chain), segmentName(victim)), r))

				got := b.mustRestore(hurt)
				want := 0 // what was complete before the hurt one
				for k, last := range at {
					if k < int(victim) {
						want = max(want, last)
					}
				}
				if got.last < want || got.last > want+5 {
					t.Errorf("seed %d: segment %d is hurt: restored to fact %d, want %d", seed, victim, got.last, want)
				}
				missingLast := name == "a missing segment" && victim == all[len(all)-1]
				if !missingLast && !slices.Contains(got.Unusable, victim) {
					t.Errorf("seed %d: it does not say that %d is unusable: %+v", seed, victim, got.Restored)
				}
			}
		})
	}
}

func TestAPulledStickIsAStateAndTheCopyGoesOnWhenItIsBack(t *testing.T) {
	b, m := newBox(t), stick(t)
	s := b.service(m)
	follow(t, s)
	b.writeSome(50)
	b.settle(s)
	away := m.path + ".away"
	for range 3 {
		must(t, os.Rename(m.path, away))
		must(t, os.Mkdir(m.path, 0o700)) // the empty mount point stays
		eventually(t, "the state is missing", func() bool { return s.Status()[0].State == Missing })
		b.writeSome(50)
		time.Sleep(50 * time.Millisecond)
		if e, err := os.ReadDir(m.path); err != nil || len(e) != 0 {
			t.Fatalf("something was written where the stick should be: %v %v", e, err)
		}
		must(t, os.Remove(m.path))
		must(t, os.Rename(away, m.path))
		b.settle(s)
		b.same(m)
	}
}

func TestASlowMediumLetsNeitherTheLogNorTheSchoolWait(t *testing.T) {
	b := newBox(t)
	hang := make(chan struct{})
	m := &hanging{Dir: stick(t), until: hang}
	s := b.service(m)
	follow(t, s)
	slowest := time.Duration(0)
	for range 3000 {
		begin := time.Now()
		b.write()
		slowest = max(slowest, time.Since(begin))
	}
	i, err := os.Stat(b.path + "-wal")
	must(t, err)
	if i.Size() > 12<<20 {
		t.Errorf("the log grew to %d bytes behind a medium that hangs", i.Size())
	}
	close(hang)
	b.settle(s)
	b.same(m.Dir)
	t.Logf("log %d bytes, slowest commit %s", i.Size(), slowest)
}

type hanging struct {
	*Dir
	until chan struct{}
}

func (h *hanging) Put(ctx context.Context, chain string, seq uint64, data []byte) error {
	<-h.until
	return h.Dir.Put(ctx, chain, seq, data)
}

func TestTwoMediaAreIndependent(t *testing.T) {
	b, one, two := newBox(t), stick(t), stick(t)
	s := b.service(one, two)
	follow(t, s)
	b.writeSome(100)
	b.settle(s)
	must(t, os.Rename(one.path, one.path+".away"))
	eventually(t, "one is missing", func() bool { return s.Status()[0].State == Missing })
	b.writeSome(100)
	begin := time.Now()
	eventually(t, "the other goes on", func() bool { return s.Status()[1].At.After(begin) })
	b.same(two)
	if at, state := s.Sum(); state != Missing || !at.After(begin) {
		t.Errorf("the sum is %s of %s", state, at)
	}
}

func TestANewBaseReplacesTheOldOneWithoutAGap(t *testing.T) {
	b, m := newBox(t), stick(t)
	s := b.service(m)
	follow(t, s)
	b.writeSome(3000)
	b.settle(s)
	f := s.followers[0]
	for range 3 {
		before, _ := b.restore(m)
		f.force.Store(true)
		b.writeSome(200)
		b.settle(s)
		eventually(t, "the new base is complete", func() bool {
			b.write()
			r, err := b.restore(m)
			must(t, err)
			return r.At.After(before.At) && !f.force.Load()
		})
	}
	_, all := chainOn(t, m)
	if all[0] == 1 {
		t.Error("the oldest base is still there")
	}
	b.settle(s)
	b.same(m)
}

func TestAStrangerCannotReadOrForgeACopy(t *testing.T) {
	b, m := newBox(t), stick(t)
	b.exec(`INSERT INTO node_state VALUES ('a child', 'Wanjiru of Grade 4')`)
	s := b.service(m)
	stop := follow(t, s)
	b.writeSome(200)
	b.settle(s)
	stop()

	thief, err := age.GenerateX25519Identity()
	must(t, err)
	path := filepath.Join(t.TempDir(), "x.db")
	if _, err := Restore(t.Context(), m, path, []age.Identity{thief}, nil); !errors.Is(err, ErrWrongKey) {
		t.Errorf("the thief gets %v", err)
	}
	chain, all := chainOn(t, m)
	for _, seq := range all {
		data, err := m.Get(t.Context(), chain, seq)
		must(t, err)
		for _, word := range []string{"Wanjiru", "SQLite format", "CREATE TABLE"} {
			if bytes.Contains(data, []byte(word)) {
				t.Errorf("segment %d shows %q", seq, word)
			}
		}
	}
	// A copy that somebody else signed is not taken, though it is encrypted right.
	other := newBox(t)
	other.id, other.chain = b.id, [16]byte{9}
	forged := other.service(m)
	stop = follow(t, forged)
	other.writeSome(500)
	other.settle(forged)
	stop()
	public, _ := b.key.Public().(ed25519.PublicKey)
	r, err := Restore(t.Context(), m, path, []age.Identity{b.id}, []ed25519.PublicKey{public})
	must(t, err)
	if r.Chain != chain {
		t.Error("the forged copy was taken")
	}
}

func TestALogThatAStrangerResetsLosesNothing(t *testing.T) {
	b, m := newBox(t), stick(t)
	b.writeSome(2000)
	s := b.service(m)
	s.o.Look, s.o.Every = time.Hour, 300*time.Millisecond // so that the resets go by unseen
	follow(t, s)
	b.settle(s)
	for i := range 5 {
		b.exec(`UPDATE facts SET note = note || ' changed' WHERE id % 997 = ?`, 100*i)
		b.exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
		b.writeSome(3)
		b.settle(s)
	}
	b.same(m)
}

func TestALargeTransactionIsRestoredWholeOrNotAtAll(t *testing.T) {
	b, m := newBox(t), stick(t)
	b.exec(`CREATE TABLE blobs (id INTEGER PRIMARY KEY, life INTEGER NOT NULL, body BLOB NOT NULL)`)
	b.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) INSERT INTO blobs SELECT i, 0, randomblob(3900) FROM n`)
	s := b.service(m)
	stop := follow(t, s)
	b.settle(s)
	stop()
	c := &crashing{Dir: m, left: 1} // dies after the first of three segments
	half := b.service(c)
	b.exec(`UPDATE blobs SET life = 1`)
	stop = follow(t, half)
	eventually(t, "the process is gone", func() bool { return half.followers[0].dead(c) })
	stop()
	if got := b.lives(m); got != "0" {
		t.Errorf("a copy that holds half the transaction restores to lives %s", got)
	}
	whole := b.service(m)
	stop = follow(t, whole)
	b.settle(whole)
	stop()
	if got := b.lives(m); got != "1" {
		t.Errorf("restored to lives %s, want 1", got)
	}
}

// lives are the values of blobs.life in the copy.
func (b *box) lives(m Medium) (out string) {
	b.t.Helper()
	path := filepath.Join(b.t.TempDir(), "lives.db")
	_, err := Restore(context.Background(), m, path, []age.Identity{b.id}, nil)
	must(b.t, err)
	d, err := sqlite.Open(path)
	must(b.t, err)
	defer func() { must(b.t, d.Close()) }()
	must(b.t, d.Writer().QueryRow(`SELECT group_concat(DISTINCT life) FROM blobs`).Scan(&out))
	return out
}

func TestAFullStickIsAStateAndItGoesOnWhenThereIsRoom(t *testing.T) {
	if os.Getenv("UHS_OWN_MOUNTS") == "" { // once more, where mounts are this test's own
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		again.Env = append(os.Environ(), "UHS_OWN_MOUNTS=yes")
		again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}}
		if out, err := again.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	dir := t.TempDir()
	must(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=600k"))
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	b := newBox(t)
	m := NewDir(dir, b.dir) // another device: it marks itself
	s := b.service(m)
	follow(t, s)
	b.writeSome(50)
	b.settle(s)
	if s.Status()[0].State != OK {
		t.Fatalf("%+v", s.Status()[0])
	}
	eventually(t, "the stick is full", func() bool { b.write(); return s.Status()[0].State == Full })
	r := b.mustRestore(m) // what is there is still good
	b.writeSome(10)
	must(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=64m"))
	b.settle(s)
	if again := b.same(m); again.last <= r.last {
		t.Error("it did not go on")
	}
	must(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	eventually(t, "read-only is a state", func() bool { b.write(); return s.Status()[0].State == ReadOnly })
	must(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=64m"))
	b.settle(s)
	b.same(m)
	must(t, syscall.Unmount(dir, 0)) // pulled: below it lies the main disk
	eventually(t, "missing is a state", func() bool { return s.Status()[0].State == Missing })
	if e, err := os.ReadDir(dir); err != nil || len(e) != 0 {
		t.Errorf("something was written to the main disk: %v %v", e, err)
	}
}
