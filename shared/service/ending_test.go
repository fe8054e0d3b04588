package service_test

import (
	"os"
	"path/filepath"
	"testing"

	"urbanhomeschool.org/uhs/shared/service"
)

func TestAKilledRunIsKnown(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	began := func(want bool) {
		t.Helper()
		if got, err := service.Began(dir); err != nil || got != want {
			t.Errorf("stopped: %v, %v; want %v", got, err, want)
		}
	}
	began(true) // nobody was here
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	began(false)
	if err := service.Ended(dir); err != nil {
		t.Fatal(err)
	}
	began(true)
	began(false) // the run that began then was killed
}
