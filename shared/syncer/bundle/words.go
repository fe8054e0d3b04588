package bundle

import (
	"fmt"
	"strings"
)

// Words says in plain words what a bundle brought, for the command line. The
// web app has its own sentences.
func (n Note) Words() string {
	r := n.Result
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch n.State {
	case Known:
		say("everything in it had arrived before; nothing changed")
	case Held:
		say("kept unread: an admin has to decide about the box that wrote it")
	case Forked:
		say("kept: it contradicts what had arrived from this school; an admin has to look")
	case Torn:
		say("the file is incomplete: what was whole is stored; copy the file again and import it once more")
	case Below:
		say("the box has been away for longer than records are kept: it has to connect to the internet once, and is then brought up to date by itself")
	}
	if r.Anew {
		say("the box was away for longer than records are kept: a fresh copy of everything came, and the box takes it now by itself")
	}
	if r.New > 0 {
		say("%d records stored%s", r.New, alsoKnown(r.Known))
	}
	if r.Confirmed > 0 {
		say("%d of our own records are now safe on the other side", r.Confirmed)
	}
	if r.Answers > 0 {
		say("%d tutor answers came", r.Answers)
	}
	if r.Blobs > 0 {
		say("%d files of courses came", r.Blobs)
	}
	if r.Aside > 0 {
		say("%d records could not be stored and are kept aside", r.Aside)
	}
	for _, l := range r.Lanes {
		if l.Paused {
			say("lane %s waits: %d records are kept in the file until somebody has looked at what was kept aside; it then goes on by itself", l.Lane, l.Waits)
		}
		if l.Missing > 0 {
			say("lane %s waits: record %d has to come first; the file is kept and goes on by itself", l.Lane, l.Missing)
		}
	}
	return strings.Join(out, "\n  ")
}

func alsoKnown(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d had come before", n)
}
