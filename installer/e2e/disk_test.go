package e2e

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// TestFullDisk fills the disk of a box, a small file system of its own, while the
// school works: what is not saved is said to be not saved, nothing is half there,
// and with room again everything goes on.
func TestFullDisk(t *testing.T) {
	w := theWorld(t)
	dir := filepath.Join(shared.dir, "mandera")
	must(t, os.MkdirAll(dir, 0o700))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=48m"); err != nil {
		if os.Getenv("CI") == "true" && os.Geteuid() == 0 {
			t.Fatalf("a small file system cannot be made: %v", err)
		}
		t.Skipf("this test needs root, to make a small file system: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	admin, err := w.Admin(t.Context())
	must(t, err)
	s, err := w.AddSchool(t.Context(), admin, world.SchoolPlan{Key: "mandera", Name: "Mandera Day", Code: "MANDERA-1", County: "Mandera", Language: "en"})
	must(t, err)
	t.Cleanup(s.Edge.Kill) // before the file system goes
	must(t, s.Edge.Stop())
	s.Edge.Set("KEEP_FREE", "1000") // its courses fit
	must(t, s.Edge.Start(t.Context()))
	k := &work{w: w, school: s, audit: newAudit()}
	one := addNewcomer(t, admin, s)

	for range 3 {
		must(t, k.spend(t.Context(), one))
	}
	growth := filepath.Join(dir, "growth")
	refused := 0
	// The write-ahead log has room of its own, which is used first; and what the
	// box gives back meanwhile is taken again.
	for tries := 0; tries < 2000 && refused < 10; tries++ {
		must(t, fill(growth))
		err := k.spend(t.Context(), one)
		if err == nil {
			continue
		}
		refused++
		if p := problem(err); p == nil || p.Status != http.StatusServiceUnavailable || p.Code != "disk_full" {
			t.Errorf("on a full disk a write was answered with %v", err)
		}
	}
	if refused == 0 {
		t.Error("the disk was full and nothing was refused")
	}
	_, err = readQuiz(t.Context(), one.Client, one.shelf.Lessons[0].AssessmentID)
	must(t, err) // reading goes on
	must(t, os.Remove(growth))
	await(t, "with room again a write succeeds", func(_ context.Context) (bool, error) { return k.spend(t.Context(), one) == nil, nil })
	arrived(t, w, s)
	k.audit.check(t, map[string]map[string]int{"time": atCloud(t, w, s.ID)["time"]})
}

// fill writes at the end of a file until there is no room.
func fill(path string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for size := 1 << 20; size >= 512; {
		if _, err = f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return errors.Join(errors.New("the disk is not full"), err, f.Close())
	}
	return f.Close()
}
