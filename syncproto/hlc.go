package syncproto

import "time"

// HLC is a hybrid logical clock value: 48 bits of Unix milliseconds and a 16-bit
// counter (Kulkarni et al., "Logical Physical Clocks", 2014). Order of
// last-writer records never depends on wall time alone.
type HLC uint64

// MaxHLCSkew is how far ahead of its own clock the cloud lets a value be; a
// value beyond is clamped to it, never refused.
const MaxHLCSkew = 5 * time.Minute

// HLCAt is the first value of the millisecond of t; zero before 1970.
func HLCAt(t time.Time) HLC {
	ms := t.UnixMilli()
	if ms < 0 {
		return 0
	}
	return HLC(uint64(ms) << 16)
}

// Time is the wall part of h.
func (h HLC) Time() time.Time { return time.UnixMilli(int64(h >> 16)).UTC() }

// Next is a value after h that is not before now: the clock's step for a write.
func (h HLC) Next(now time.Time) HLC {
	return max(h+1, HLCAt(now))
}

// Clamp limits h to now plus MaxHLCSkew.
func (h HLC) Clamp(now time.Time) HLC { return min(h, HLCAt(now.Add(MaxHLCSkew))) }
