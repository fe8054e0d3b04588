package simtest

import (
	"time"

	"urbanhomeschool.org/uhs/syncproto"
)

// road carries messages between a school and the cloud, both ways. It stands
// for JetStream mirrors, HTTPS and a stick alike: it may lose, repeat, reorder
// and delay, and all that is on it may be wiped.
type road struct {
	up, down way
	// cut: nothing arrives. stores: what is sent meanwhile is kept by the
	// transport and arrives later, unless it is wiped.
	cut, stores bool
	healAt      time.Time
}

// way is one direction.
type way struct {
	gen     int // grows with each wipe: what was sent before is gone
	deliver func(epoch int64, m syncproto.Message) (again bool)
	carried []carried // frames on a stick or a phone
}

type carried struct {
	epoch int64
	m     syncproto.Message
}

// send puts a message on its way.
func (r *road) send(w *world, d *way, m syncproto.Message, epoch int64) {
	if r.cut && !r.stores {
		return
	}
	delay := w.between(20*time.Millisecond, 900*time.Millisecond)
	switch {
	case w.faultNow(8):
		w.note("lose", "", int64(m.Kind), epoch)
		return
	case w.faultNow(6):
		r.arrive(w, d, m, epoch, w.between(0, 3*time.Minute), 0)
	case w.faultNow(6): //nolint:gocritic // another roll of the dice
		delay = w.between(0, 2*time.Minute) // overtaken by others
	case w.faultNow(2) && m.Kind == syncproto.KindFrame:
		d.carried = append(d.carried, carried{epoch, m})
	}
	r.arrive(w, d, m, epoch, delay, 0)
}

// arrive delivers m after delay, and again when it was not taken.
func (r *road) arrive(w *world, d *way, m syncproto.Message, epoch int64, delay time.Duration, tries int) {
	gen := d.gen
	w.after(delay, func() {
		switch {
		case d.gen != gen:
			return // wiped
		case r.cut && r.stores:
			r.arrive(w, d, m, epoch, max(r.healAt.Sub(w.now), 0)+w.between(0, time.Second), tries)
			return
		case r.cut:
			return
		}
		if d.deliver(epoch, m) && tries < 8 && (m.Kind == syncproto.KindFrame || tries < 1) {
			r.arrive(w, d, m, epoch, time.Duration(1+tries)*w.between(time.Second, time.Minute), tries+1)
		}
	})
}

// wipe empties the transport in both directions.
func (r *road) wipe() { r.up.gen++; r.down.gen++ }
