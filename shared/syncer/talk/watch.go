package talk

import "time"

// stalled: with records waiting and no progress for this long since the link
// came up, the watch moves to the next carrier; so often it tries a better one.
const stalled = 60 * time.Second

// Watch chooses between carriers, which are numbered in order of preference.
type Watch struct {
	n, current int
	probe      []bool // carriers to say hello on
	knocked    time.Time
	line       time.Time // since when another carrier has a line and the current one has not
}

// NewWatch begins with the best of n carriers.
func NewWatch(n int) *Watch { return &Watch{n: n, probe: make([]bool, n)} }

// Current is the carrier in use.
func (w *Watch) Current() int { return w.current }

// Delivered notes that carrier i brought a message. It tells whether the
// conversation has to be taken over by it: a better one works again.
func (w *Watch) Delivered(i int) (takeover bool) {
	if i >= w.current {
		return false
	}
	w.current = i
	return true
}

// LinkUp notes that carrier i has connected and tells whether it is the current
// one; a better one is tried with a hello first.
func (w *Watch) LinkUp(i int) (mine bool) {
	w.probe[i] = i < w.current
	return i == w.current
}

// Knock lists the better carriers to try with a hello now: those that have
// connected again and, from time to time, all that are connected.
func (w *Watch) Knock(now time.Time, connected func(i int) bool) (try []int) {
	if w.current > 0 && Since(now, w.knocked) > stalled {
		w.knocked = now
		for i := range w.current {
			w.probe[i] = connected(i)
		}
	}
	for i := range w.probe {
		if w.probe[i] && i < w.current {
			try = append(try, i)
		}
		w.probe[i] = false
	}
	return try
}

// Stalled is the carrier to move to if records wait: nothing has moved since
// progress for too long. ok is false when there is no reason or no other one.
func (w *Watch) Stalled(now, progress time.Time) (next int, ok bool) {
	if w.n < 2 || Since(now, progress) < stalled {
		return 0, false
	}
	return (w.current + 1) % w.n, true
}

// settle is how long the current carrier has to connect over a line that has
// just come up.
const settle = 10 * time.Second

// Settled tells whether to leave the current carrier, which has no line, for the
// one that Stalled named: when that has had a line for a while. After days without
// any both find it again at about the same moment, and the better one may be the
// later.
func (w *Watch) Settled(now time.Time, line bool) bool {
	if !line {
		w.line = time.Time{}
		return false
	}
	if w.line.IsZero() {
		w.line = now
	}
	return Since(now, w.line) >= settle
}

// Use makes carrier i the current one.
func (w *Watch) Use(i int) { w.current = i }
