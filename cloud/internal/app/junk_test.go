package app

import (
	"testing"

	"urbanhomeschool.org/uhs/shared/api/apitest"
)

// Every operation of a whole cloud, as everybody, with input that nobody should
// send: no failure of ours, and no refusal that repeats what was sent.
func TestJunkIsRefusedAndNotRepeated(t *testing.T) {
	w := newWalk(t)
	if sent := apitest.Junk(t, w.routes(), w.walkers, 2); sent < 2000 {
		t.Errorf("only %d requests were sent", sent)
	}
}
