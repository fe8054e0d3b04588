package talk

import "time"

// Plan is how a school's line may be used. The zero Plan is a line without
// limits that is held open.
type Plan struct {
	// Metered: the line costs by the byte. It is not held open: the appliance
	// connects when it has something to send, and every Every minutes.
	Metered bool
	Every   int64
	// DayBytes and MonthBytes are budgets; zero: none.
	DayBytes, MonthBytes int64
	// Windows are when the line may carry what is not urgent; none: always.
	Windows []Window
}

// Window is a span of a day, in minutes after midnight at the school. To before
// From is past midnight. Days has a bit per weekday on which the span begins,
// 1 for Sunday; zero: every day.
type Window struct {
	From int64 `cbor:"1,keyasint" json:"from" minimum:"0" maximum:"1439" doc:"Minutes after midnight."`
	To   int64 `cbor:"2,keyasint" json:"to" minimum:"0" maximum:"1440" doc:"Minutes after midnight; before from: the next day."`
	Days int64 `cbor:"3,keyasint,omitempty" json:"days" minimum:"0" maximum:"127" doc:"One bit a weekday, 1 for Sunday; 0: every day."`
}

// Use is what was used of the budgets, in bytes both ways.
type Use struct{ Day, Month int64 }

// Way is how the line may be used at one moment.
type Way int

// The ways.
const (
	// Open: hold the line open and send everything.
	Open Way = iota
	// OnDemand: connect when there is something to send, and from time to time.
	OnDemand
	// Sparing: as OnDemand, and carry only control and money.
	Sparing
)

// defaultEvery is how often a metered line is used without need.
const defaultEvery = 15 * time.Minute

// Way tells how the line may be used at local, the school's time. A budget that
// is used up and a closed window never hold back control and money.
func (p Plan) Way(local time.Time, used Use) Way {
	switch {
	case over(used.Day, p.DayBytes), over(used.Month, p.MonthBytes), !p.within(local):
		return Sparing
	case p.Metered:
		return OnDemand
	default:
		return Open
	}
}

// Interval is how often the line is used without need when it is not held open.
func (p Plan) Interval() time.Duration {
	if p.Every < 1 {
		return defaultEvery
	}
	return time.Duration(p.Every) * time.Minute
}

func over(used, budget int64) bool { return budget > 0 && used >= budget }

func (p Plan) within(local time.Time) bool {
	minute := int64(local.Hour()*60 + local.Minute())
	today := int(local.Weekday())
	for _, w := range p.Windows {
		late := w.To < w.From
		if w.on(today) && minute >= w.From && (late || minute < w.To) {
			return true
		}
		if late && w.on((today+6)%7) && minute < w.To {
			return true
		}
	}
	return len(p.Windows) == 0
}

func (w Window) on(day int) bool { return w.Days == 0 || w.Days&(1<<day) != 0 }

// Demand decides when a line that is not held open is used. The zero Demand is
// ready.
type Demand struct{ last time.Time }

// gather is how long what is not urgent waits for company.
const gather = time.Minute

// Due tells whether to connect now: for what is urgent at once, for the rest
// after a minute of gathering, and otherwise every interval.
func (d *Demand) Due(now time.Time, waiting, urgent bool, interval time.Duration) bool {
	since := now.Sub(d.last)
	due := d.last.IsZero() || since < 0 || since >= interval || urgent || waiting && since >= gather
	if due {
		d.last = now
	}
	return due
}
