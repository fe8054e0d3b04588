// Package syncer moves records between the databases of a school and the cloud
// and loses none. Its nouns: an *entity* is a kind of record that travels; the
// *outbox* holds what the other side has not yet applied; a *frame* is a run of
// consecutive outbox rows of one lane; a *watermark* is how far the other side's
// log has been applied here; a *carrier* moves frames and may lose them; a
// *peer* is one conversation, with the same code on both sides.
//
// The rule that surprises: nothing is done because a carrier said "sent". A row
// leaves the outbox only when the other side says "applied" and our own hash
// chain agrees at that point.
package syncer
