package catalogue

import (
	"context"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Licence says that a school may cache a course, and in which edition: the
// news of an edition and the key to it in one record. It does not say who may
// open the course; that is an entitlement.
type Licence struct {
	// ID is derived from school and course, so that a school has one licence of
	// a course and a newer edition replaces it.
	ID       string            `cbor:"1,keyasint" json:"id"`
	SchoolID identity.SchoolID `cbor:"2,keyasint" json:"school_id"`
	CourseID CourseID          `cbor:"3,keyasint" json:"course_id"`
	Edition  int64             `cbor:"4,keyasint" json:"edition"`
	Title    string            `cbor:"5,keyasint" json:"title"`
	// ManifestSHA256 is the hex hash of the signed manifest, by which it is fetched.
	ManifestSHA256 string `cbor:"6,keyasint" json:"manifest_sha256"`
	// SizeBytes is the whole pack.
	SizeBytes int64 `cbor:"7,keyasint" json:"size_bytes"`
	// Recipient is the appliance's age public key that WrappedKey is encrypted to.
	Recipient string `cbor:"8,keyasint" json:"recipient"`
	// WrappedKey is the pack's age identity, encrypted to Recipient.
	WrappedKey []byte  `cbor:"9,keyasint" json:"-"`
	GrantedAt  db.Time `cbor:"10,keyasint" json:"granted_at"`
}

// LicenceID is the id of a school's licence of a course.
func LicenceID(school identity.SchoolID, course CourseID) string {
	return id.Derived("licence", string(school), string(course))
}

// Licences travel from the cloud to the school they name.
var Licences = syncer.Entity[Licence]{
	Spec: syncproto.Spec{Name: "catalogue.licence", Version: 1,
		Lane: syncproto.LaneRoster, Writer: syncproto.CloudOnly, Merge: syncproto.LastWriter},
	ID:       func(l Licence) string { return l.ID },
	Audience: func(l Licence) syncproto.Audience { return syncproto.OfSchool(string(l.SchoolID)) },
	Put:      putLicence,
	List:     syncer.ListOf(&pageLicences, scanLicence),
	Get: func(ctx context.Context, tx db.Tx, id string) (Licence, error) {
		rows, err := tx.Query(ctx, selectLicence, id)
		return db.One(rows, err, scanLicence)
	},
}

func putLicence(ctx context.Context, tx db.Tx, l Licence) (bool, error) {
	_, err := tx.Exec(ctx, upsertLicence, l.ID, l.SchoolID, l.CourseID, l.Edition, l.Title, l.ManifestSHA256, l.SizeBytes,
		l.Recipient, l.WrappedKey, l.GrantedAt)
	return err == nil, err
}

// LicencesOf lists what a school may cache.
func LicencesOf(ctx context.Context, tx db.Tx, school identity.SchoolID) ([]Licence, error) {
	rows, err := tx.Query(ctx, selectLicences, school)
	return db.Collect(rows, err, scanLicence)
}

// LicencesFor lists the licences of a course, for all schools.
func LicencesFor(ctx context.Context, tx db.Tx, course CourseID) ([]Licence, error) {
	rows, err := tx.Query(ctx, selectHolders, course)
	return db.Collect(rows, err, scanLicence)
}
