package simtest

import (
	"time"

	"urbanhomeschool.org/uhs/syncproto"
)

// lane names one lane of one log.
type lane struct {
	school string
	epoch  int64
	lane   int64
}

type headRow struct {
	seq, hlc, acked, backed int64
	chain                   []byte
	ackedAt                 time.Time
}

type outRow struct {
	seq, version, hlc int64
	typ, entity       string
	deps              any
	body, hash, chain []byte
	created           time.Time
}

type appliedRow struct {
	seq int64
	at  time.Time
}

type markRow struct {
	seq   int64
	chain []byte
}

type entityKey struct{ typ, entity string }

type versionRow struct {
	hlc, version int64
	body         []byte
}

type deadRow struct {
	id              string
	lane            lane
	seq             int64
	typ, entity     string
	version, hlc    int64
	body            []byte
	kind, reason    string
	at              time.Time
	open            bool
	deps            any
	waitsFor, state string
	fixed           []byte
}

// aboutKey names the letters about one record of a school.
type aboutKey struct{ school, typ, entity string }

func (d deadRow) about() aboutKey { return aboutKey{d.lane.school, d.typ, d.entity} }

type conflictRow struct {
	hlc  int64
	body []byte
}

type peerRow struct {
	epoch, offset                int64
	appliance, software, carrier string
	timeline                     string
	head, report                 []byte
	seen, caught                 time.Time
}

type factRow struct {
	learner, school string
	points, bonus   int64
	at              time.Time
}

type textRow struct{ school, text string }

type intentRow struct {
	school, learner string
	amount          int64
}

type placeRow struct {
	learner, school string
	here            int64
}

type schoolRow struct {
	epoch     int64
	appliance string
	nonce     string
}

type epochKey struct {
	school string
	epoch  int64
}

type holdKey struct {
	school string
	lane   int64
}

type holdRow struct {
	paused                      bool
	dead, waiting, epoch, after int64
}

// tables are all that a store keeps. The first group is the engine's, the
// second the simulated domain's, the third the simulated fleet's.
type tables struct {
	heads     *table[lane, headRow]
	outbox    *table[lane, []outRow]
	applied   *table[lane, []appliedRow]
	marksIn   *table[lane, markRow]
	history   *table[lane, []markRow]
	versions  *table[entityKey, versionRow]
	dead      *table[string, deadRow]    // by id
	deadOf    *table[string, []string]   // their ids, by school, in the order of arrival
	deadAbout *table[aboutKey, []string] // and by what they are about
	conflicts *table[entityKey, []conflictRow]
	peers     *table[string, peerRow]
	holds     *table[holdKey, holdRow]
	state     *table[string, string]

	facts   *table[string, factRow]
	notes   *table[string, textRow]
	orders  *table[string, textRow]
	intents *table[string, intentRow]
	totals  *table[string, int64]
	badges  *table[string, textRow]
	places  *table[string, placeRow]

	schools *table[string, schoolRow]
	epochs  *table[epochKey, string]
}

const tableCount = 22

func newTables() tables {
	return tables{
		heads: newTable[lane, headRow](), outbox: listTable[lane, outRow](), applied: listTable[lane, appliedRow](),
		marksIn: newTable[lane, markRow](), history: listTable[lane, markRow](), versions: newTable[entityKey, versionRow](),
		dead: newTable[string, deadRow](), deadOf: listTable[string, string](), deadAbout: listTable[aboutKey, string](),
		conflicts: listTable[entityKey, conflictRow](), peers: newTable[string, peerRow](),
		state: newTable[string, string](),
		facts: newTable[string, factRow](), notes: newTable[string, textRow](), orders: newTable[string, textRow](),
		intents: newTable[string, intentRow](), totals: newTable[string, int64](), badges: newTable[string, textRow](),
		places: newTable[string, placeRow](), schools: newTable[string, schoolRow](), epochs: newTable[epochKey, string](), holds: newTable[holdKey, holdRow](),
	}
}

func (t *tables) all() [tableCount]undoer {
	return [tableCount]undoer{t.heads, t.outbox, t.applied, t.marksIn, t.history, t.versions, t.dead, t.conflicts, t.peers, t.state,
		t.facts, t.notes, t.orders, t.intents, t.totals, t.badges, t.places, t.schools, t.epochs, t.holds, t.deadOf, t.deadAbout}
}

func (t *tables) copy() tables {
	return tables{
		heads: copyTable(t.heads), outbox: copyTable(t.outbox), applied: copyTable(t.applied), marksIn: copyTable(t.marksIn),
		history: copyTable(t.history), versions: copyTable(t.versions), dead: copyTable(t.dead), deadOf: copyTable(t.deadOf), deadAbout: copyTable(t.deadAbout),
		conflicts: copyTable(t.conflicts),
		peers:     copyTable(t.peers), state: copyTable(t.state), facts: copyTable(t.facts), notes: copyTable(t.notes), orders: copyTable(t.orders),
		intents: copyTable(t.intents), totals: copyTable(t.totals), badges: copyTable(t.badges), places: copyTable(t.places),
		schools: copyTable(t.schools), epochs: copyTable(t.epochs), holds: copyTable(t.holds),
	}
}

// zeroChain is the chain before the first event.
var zeroChain = make([]byte, syncproto.HashSize)
