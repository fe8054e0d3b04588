package syncer

import (
	"context"
	"encoding/json"
	"errors"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/syncproto"
)

// The states of a dead letter. Discarded ones are kept.
const (
	StateOpen      = "open"
	StateReplayed  = "replayed"
	StateDiscarded = "discarded"
)

// DeadLetter is an event that could not be stored, with the reason.
type DeadLetter struct {
	ID     string
	At     db.Time
	Pos    syncproto.Position
	Event  syncproto.Event
	Kind   string
	Reason string
	State  string
	// WaitsFor is the id of the missing record, of kind waiting.
	WaitsFor string
	// Fixed is what was stored instead of the event's body; nil: nothing.
	Fixed              []byte
	OpenedBy           string
	OpenedAt           db.Time
	DecidedBy, Because string
	DecidedAt          db.Time

	behind int // letters that followed when it was closed
}

// Filter chooses dead letters; empty fields choose all.
type Filter struct{ School, Kind, Type, State string }

// ErrNoLetter says that there is no such dead letter.
var ErrNoLetter = fault.New(fault.NotFound, "There is no such record.").WithCode("no_such_letter")

// ErrDecided says that somebody replayed or discarded it before.
var ErrDecided = fault.New(fault.Conflict, "This record was decided already.").WithCode("letter_decided")

// ErrBehind says that an earlier record of the same entity has to be decided first.
var ErrBehind = fault.New(fault.Conflict, "An earlier record of the same thing has to be decided first.").WithCode("letter_behind")

func scanLetter(r db.Rows) (l DeadLetter, err error) {
	var lane, version, hlc int64
	var deps, openedBy, decidedBy, because *string
	err = r.Scan(&l.ID, &l.Pos.School, &l.Pos.Epoch, &lane, &l.Pos.Seq, &l.Event.Type, &version, &l.Event.Entity, &hlc, &deps, &l.Event.Body, &l.Kind,
		&l.WaitsFor, &l.Reason, &l.State, &l.At, &l.Fixed, &openedBy, &l.OpenedAt, &decidedBy, &l.DecidedAt, &because)
	if err != nil {
		return l, err
	}
	l.Pos.Lane, l.Event.Version, l.Event.HLC = syncproto.Lane(lane), uint32(version), syncproto.HLC(hlc)
	for _, s := range []struct {
		from *string
		to   *string
	}{{openedBy, &l.OpenedBy}, {decidedBy, &l.DecidedBy}, {because, &l.Because}} {
		if s.from != nil {
			*s.to = *s.from
		}
	}
	if deps != nil {
		err = json.Unmarshal([]byte(*deps), &l.Event.Deps)
	}
	return l, err
}

func (f Filter) args(more ...any) []any {
	return append([]any{f.School, f.Kind, f.Type, f.State}, more...)
}

// ListLetters gives the letters of a filter, newest first, and how many there
// are.
func ListLetters(ctx context.Context, tx db.Tx, f Filter, skip, limit int) (letters []DeadLetter, total int64, err error) {
	rows, err := tx.Query(ctx, countLetters, f.args()...)
	if total, err = db.One(rows, err, db.Scalar[int64]); err != nil {
		return nil, 0, err
	}
	rows, err = tx.Query(ctx, listLetters, f.args(int64(limit), int64(skip))...)
	letters, err = db.Collect(rows, err, scanLetter)
	return letters, total, err
}

func letterIDs(ctx context.Context, tx db.Tx, f Filter, after string) ([]string, error) {
	rows, err := tx.Query(ctx, nextLetters, f.args(after)...)
	return db.Collect(rows, err, db.Scalar[string])
}

func readLetter(ctx context.Context, tx db.Tx, letter string) (DeadLetter, error) {
	rows, err := tx.Query(ctx, selectLetter, letter)
	l, err := db.One(rows, err, scanLetter)
	if errors.Is(err, db.ErrNoRows) {
		return l, ErrNoLetter
	}
	return l, err
}

// firstOfEntity is the earliest open letter of l's entity.
func (a *Applier) firstOfEntity(ctx context.Context, tx db.Tx, l DeadLetter) (DeadLetter, error) {
	rows, err := tx.Query(ctx, firstLetter, l.Pos.School, l.Event.Type, l.Event.Entity)
	return db.One(rows, err, scanLetter)
}

// Open gives one letter with its body as JSON, by the type its record has here,
// and notes who looked: bodies hold children's data. body is empty when this
// build cannot read it.
func (a *Applier) Open(ctx context.Context, letter, who string) (l DeadLetter, body []byte, err error) {
	err = a.DB.Update(ctx, func(tx db.Tx) error {
		if l, err = readLetter(ctx, tx, letter); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, noteOpened, letter, who, a.Clock.Now())
		return err
	})
	if err != nil {
		return l, nil, err
	}
	if k, ok := a.Registry.kinds[l.Event.Type]; ok {
		if body, err = k.toJSON(l.Event); err != nil {
			body = nil
		}
	}
	return l, body, nil
}

// Decision is what somebody decided about a dead letter.
type Decision struct {
	Letter, Who, Because string
	// Body, when set, is the mended record as JSON; fields it leaves out stay as
	// they are.
	Body []byte
}

// Replay stores a letter, mended by d.Body or as it is, and then what is parked
// behind it, in order; all in one transaction. It gives the number of records
// stored. The error of a record that still cannot be stored is returned, and
// nothing has changed.
func (a *Applier) Replay(ctx context.Context, d Decision) (n int, err error) {
	err = a.DB.Update(ctx, func(tx db.Tx) error {
		l, err := a.undecided(ctx, tx, d.Letter)
		if err != nil {
			return err
		}
		e, how := l.Event, closing{state: StateReplayed, Decision: d}
		if len(d.Body) > 0 {
			if e, err = a.mend(e, d.Body); err != nil {
				return err
			}
			how.fixed = e.Body
		}
		if err := a.applyOne(ctx, tx, l.Pos.School, e); err != nil {
			if a.permanent(err) {
				return fault.New(fault.Invalid, "The record still cannot be stored.").WithCode("letter_still_bad").At(err.Error(), "body").Because(err)
			}
			return err
		}
		err = a.close(ctx, tx, l, how)
		n = 1 + l.behind
		return err
	})
	return n, err
}

// Discard gives a letter up, with a reason; it is kept. What is parked behind it
// follows. It gives the number of records stored.
func (a *Applier) Discard(ctx context.Context, d Decision) (n int, err error) {
	err = a.DB.Update(ctx, func(tx db.Tx) error {
		l, err := a.undecided(ctx, tx, d.Letter)
		if err != nil {
			return err
		}
		err = a.close(ctx, tx, l, closing{state: StateDiscarded, Decision: d})
		n = l.behind
		return err
	})
	return n, err
}

// ReplayType tries again every open letter of a type, of all schools: after a
// fix was deployed. It gives the number of records stored.
func (a *Applier) ReplayType(ctx context.Context, typ string) (int, error) {
	return a.replayAll(ctx, Filter{State: StateOpen, Type: typ})
}

// undecided reads a letter that may be decided now.
func (a *Applier) undecided(ctx context.Context, tx db.Tx, letter string) (*DeadLetter, error) {
	l, err := readLetter(ctx, tx, letter)
	if err != nil {
		return nil, err
	}
	if l.State != StateOpen {
		return nil, ErrDecided
	}
	first, err := a.firstOfEntity(ctx, tx, l)
	if err != nil {
		return nil, err
	}
	if first.ID != l.ID {
		return nil, ErrBehind
	}
	return &l, nil
}

// mend is e with the body that a person wrote, in the present version.
func (a *Applier) mend(e syncproto.Event, body []byte) (syncproto.Event, error) {
	k, ok := a.Registry.kinds[e.Type]
	if !ok {
		return e, errUnknown
	}
	mended, err := k.fromJSON(e, body)
	if err != nil {
		return e, err
	}
	e.Body, e.Version = mended, k.Declared().Version
	return e, nil
}

// closing is how a letter ends.
type closing struct {
	Decision
	state string
	fixed []byte
}

// close ends l, lets what is parked behind it follow, and looks whether a paused
// lane may go on.
func (a *Applier) close(ctx context.Context, tx db.Tx, l *DeadLetter, how closing) error {
	if err := a.end(ctx, tx, l.ID, how); err != nil {
		return err
	}
	for {
		next, err := a.firstOfEntity(ctx, tx, *l)
		if errors.Is(err, db.ErrNoRows) {
			break
		}
		if err != nil {
			return err
		}
		if next.Kind != deadParked {
			break
		}
		err = tx.Savepoint(ctx, func(tx db.Tx) error { return a.applyOne(ctx, tx, next.Pos.School, next.Event) })
		if err != nil && !a.permanent(err) {
			return err
		}
		if err != nil { // it stands in the way itself now
			kind, waitsFor := kindOf(err)
			if _, err := tx.Exec(ctx, changeKind, next.ID, kind, waitsFor, clean(err.Error())); err != nil {
				return err
			}
			break
		}
		if err := a.end(ctx, tx, next.ID, closing{state: StateReplayed, Decision: how.Decision}); err != nil {
			return err
		}
		l.behind++
	}
	return a.maybeResume(ctx, tx, l.Pos.School, l.Pos.Lane)
}

func (a *Applier) end(ctx context.Context, tx db.Tx, letter string, how closing) error {
	var fixed, who, because any
	if len(how.fixed) > 0 {
		fixed = how.fixed
	}
	if how.Who != "" {
		who, because = how.Who, how.Because
	}
	_, err := tx.Exec(ctx, closeLetter, letter, how.state, fixed, who, a.Clock.Now(), because)
	return err
}
