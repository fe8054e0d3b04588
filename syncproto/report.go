package syncproto

// Report is what an appliance says of itself in its hello: samples for the
// operator's pages. Nothing depends on it and the latest wins; an older
// appliance sends none.
type Report struct {
	// Backed is how far the appliance knows its uplink to be covered by a verified
	// backup of the cloud.
	Backed [Lanes]int64
	// OldestUnacked is the age of its oldest record the cloud has not applied, in
	// seconds; OldestSinceUp the same, but counted from when the link came up at
	// the earliest: the figure to alert on.
	OldestUnacked, OldestSinceUp int64
	// PendingBytes is the size of the bodies that the cloud has not applied.
	PendingBytes int64
	// DeadLetters are the records of the cloud that this box could not store.
	DeadLetters int64
	// Digest is the state of the last comparison of this box's records with the
	// cloud's: "", "equal", "repairing" or "differs"; DigestAt its Unix seconds.
	Digest   string
	DigestAt int64
	// UsedToday and UsedMonth are the bytes that sync and downloads used; budgets
	// of zero are none.
	UsedToday, UsedMonth     int64
	BudgetDay, BudgetMonth   int64
	DiskFree, DiskTotal      int64
	CopyAt                   int64  // Unix seconds of the newest copy on the second medium; 0: none
	CopyState                string // "", "ok" or the code of what is wrong with the second medium
	BundleAt                 int64  // Unix seconds of the last bundle that was carried out
	LostIfDead               int64  // records that exist on this box alone: neither applied nor on a second medium
	Snapshot                 string // "", "loading", "full" (the disk) or "swapped": the state of the last snapshot
	SnapshotDone, SnapshotOf int64  // its progress in bytes
}

type wireReport struct {
	Backed        []int64 `cbor:"1,keyasint,omitempty"`
	OldestUnacked int64   `cbor:"2,keyasint,omitempty"`
	OldestSinceUp int64   `cbor:"3,keyasint,omitempty"`
	PendingBytes  int64   `cbor:"4,keyasint,omitempty"`
	DeadLetters   int64   `cbor:"5,keyasint,omitempty"`
	Digest        string  `cbor:"6,keyasint,omitempty"`
	DigestAt      int64   `cbor:"7,keyasint,omitempty"`
	UsedToday     int64   `cbor:"8,keyasint,omitempty"`
	UsedMonth     int64   `cbor:"9,keyasint,omitempty"`
	BudgetDay     int64   `cbor:"10,keyasint,omitempty"`
	BudgetMonth   int64   `cbor:"11,keyasint,omitempty"`
	DiskFree      int64   `cbor:"12,keyasint,omitempty"`
	DiskTotal     int64   `cbor:"13,keyasint,omitempty"`
	CopyAt        int64   `cbor:"14,keyasint,omitempty"`
	CopyState     string  `cbor:"15,keyasint,omitempty"`
	BundleAt      int64   `cbor:"16,keyasint,omitempty"`
	LostIfDead    int64   `cbor:"17,keyasint,omitempty"`
	Snapshot      string  `cbor:"18,keyasint,omitempty"`
	SnapshotDone  int64   `cbor:"19,keyasint,omitempty"`
	SnapshotOf    int64   `cbor:"20,keyasint,omitempty"`
}

func (r Report) wire() *wireReport {
	if r == (Report{}) {
		return nil
	}
	return &wireReport{r.Backed[:], r.OldestUnacked, r.OldestSinceUp, r.PendingBytes, r.DeadLetters, r.Digest, r.DigestAt, r.UsedToday, r.UsedMonth,
		r.BudgetDay, r.BudgetMonth, r.DiskFree, r.DiskTotal, r.CopyAt, r.CopyState, r.BundleAt, r.LostIfDead, r.Snapshot, r.SnapshotDone, r.SnapshotOf}
}

func (w *wireReport) report() (r Report) {
	if w == nil {
		return r
	}
	r = Report{OldestUnacked: w.OldestUnacked, OldestSinceUp: w.OldestSinceUp, PendingBytes: w.PendingBytes, DeadLetters: w.DeadLetters, Digest: w.Digest,
		DigestAt: w.DigestAt, UsedToday: w.UsedToday, UsedMonth: w.UsedMonth, BudgetDay: w.BudgetDay, BudgetMonth: w.BudgetMonth, DiskFree: w.DiskFree,
		DiskTotal: w.DiskTotal, CopyAt: w.CopyAt, CopyState: w.CopyState, BundleAt: w.BundleAt, LostIfDead: w.LostIfDead, Snapshot: w.Snapshot,
		SnapshotDone: w.SnapshotDone, SnapshotOf: w.SnapshotOf}
	copy(r.Backed[:], w.Backed)
	return r
}

// EncodeReport writes r to be stored; empty when there is nothing to say.
func EncodeReport(r Report) ([]byte, error) {
	w := r.wire()
	if w == nil {
		return nil, nil
	}
	return marshal(w)
}

// DecodeReport reads what EncodeReport wrote.
func DecodeReport(b []byte) (Report, error) {
	if len(b) == 0 {
		return Report{}, nil
	}
	var w wireReport
	if err := unmarshal(b, &w); err != nil {
		return Report{}, err
	}
	return w.report(), nil
}
