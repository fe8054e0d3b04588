// Package crash names the points at which the end-to-end tests end a process
// with SIGKILL. Only a build with the tag crashpoints has them; in every other
// build Here is empty and the compiler leaves it out.
//
// The rule that surprises: a point stands where a crash is worst, between two
// things that belong together. Add one there when you add such a place.
package crash

// The points, in the order in which a record passes them.
const (
	OutboxBeforeCommit   = "outbox.before-commit"   // rows and outbox row are written, not committed
	OutboxAfterCommit    = "outbox.after-commit"    // the person was not told yet
	FrameCut             = "frame.cut"              // counted as sent, not handed over
	FrameSent            = "frame.sent"             // handed to the carrier
	ApplyBeforeCommit    = "apply.before-commit"    // stored with its watermark, not committed
	ApplyAfterCommit     = "apply.after-commit"     // applied, the other side not told
	AckBeforeCommit      = "ack.before-commit"      // what the other side applied is noted, not committed
	AckAfterCommit       = "ack.after-commit"       // noted, the carrier's copy not freed
	PruneBeforeCommit    = "prune.before-commit"    // rows are deleted, not committed
	RenewBeforeCommit    = "renew.before-commit"    // the cloud issued an epoch, the box has not moved
	SnapshotBeforeRename = "snapshot.before-rename" // the new database is complete, the old one in place
	SnapshotAfterRename  = "snapshot.after-rename"  // in place, not opened
)
