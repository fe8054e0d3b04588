package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Command is `audit verify` of both binaries: it reports on every chain and
// fails when one does not hold.
func Command(ctx context.Context, l *Log, args []string, out io.Writer) error {
	if len(args) != 1 || args[0] != "verify" {
		return errors.New("usage: audit verify")
	}
	reports, err := l.Verify(ctx)
	if err != nil {
		return err
	}
	damaged := 0
	for _, r := range reports {
		if r.Broken != nil {
			damaged++
		}
		if _, err := fmt.Fprintln(out, r); err != nil {
			return err
		}
	}
	if damaged > 0 {
		return fmt.Errorf("%d of %d chains of the audit log do not hold", damaged, len(reports))
	}
	_, err = fmt.Fprintf(out, "%d chains hold\n", len(reports))
	return err
}

// String is the line of `audit verify`.
func (r Report) String() string {
	if r.Broken != nil {
		return fmt.Sprintf("%s: BROKEN at entry %d %s: %s", r.Node, r.Broken.Seq, r.Broken.ID, r.Broken.Reason)
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%s: %d entries, the last is number %d", r.Node, r.Entries, r.Last)
	if r.Erased > 0 {
		fmt.Fprintf(&s, "; the details of %d were erased", r.Erased)
	}
	for _, at := range r.Forks {
		fmt.Fprintf(&s, "; two entries follow number %d: the box was restored from an older copy", at)
	}
	return s.String()
}
