package personal

import (
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Erasure tells the replica of one school that a person is to be erased, and for
// ever that she was.
type Erasure struct {
	ID     string  `cbor:"1,keyasint" json:"id"`
	Person string  `cbor:"2,keyasint" json:"person_id"`
	School string  `cbor:"3,keyasint" json:"school_id"`
	By     string  `cbor:"4,keyasint" json:"by_id"`
	At     db.Time `cbor:"5,keyasint" json:"at"`
}

// Receipt says that a box has erased somebody.
type Receipt struct {
	ID      string  `cbor:"1,keyasint" json:"id"`
	Erasure string  `cbor:"2,keyasint" json:"erasure_id"`
	School  string  `cbor:"3,keyasint" json:"school_id"`
	Node    string  `cbor:"4,keyasint" json:"node"`
	At      db.Time `cbor:"5,keyasint" json:"at"`
}

// Erasures are made at the cloud for each school that ever held the person, or
// at the box of her own school. They go ahead of all work.
var Erasures = syncer.Entity[Erasure]{
	Spec:     control("personal.erasure"),
	ID:       func(v Erasure) string { return v.ID },
	Audience: func(v Erasure) syncproto.Audience { return syncproto.OfSchool(v.School) },
	School:   func(v Erasure) string { return v.School },
	Put:      putErasure,
	Get:      erasureByID,
	List:     syncer.ListOf(&pageErasures, scanErasure),
}

// Receipts are made at boxes; a spare box gets its predecessor's back in a
// snapshot.
var Receipts = syncer.Entity[Receipt]{
	Spec:     control("personal.receipt"),
	ID:       func(v Receipt) string { return v.ID },
	Audience: func(v Receipt) syncproto.Audience { return syncproto.OfSchool(v.School) },
	School:   func(v Receipt) string { return v.School },
	Put:      putReceipt,
	Get:      receiptByID,
	List:     syncer.ListOf(&pageReceipts, scanReceipt),
}

func control(name string) syncproto.Spec {
	return syncproto.Spec{Name: name, Version: 1, Lane: syncproto.LaneControl, Writer: syncproto.EitherSide, Merge: syncproto.AppendOnly}
}

func erasureID(person, school string) string { return id.Derived("personal.erasure", person, school) }
