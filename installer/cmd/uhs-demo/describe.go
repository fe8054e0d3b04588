package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// describe prints where everything is and who can sign in.
func describe(out io.Writer, w *world.World) {
	people := w.People()
	fmt.Fprintf(out, "\nUrban Home School is running. These are DEMO accounts with DEMO passwords; they are refused in production.\n\n")
	fmt.Fprintf(out, "The cloud         %s   (parents, office, admin)   API: %s/docs\n", w.Cloud.URL, w.Cloud.URL)
	fmt.Fprintf(out, "M-Pesa simulator  %s   (look at the book; play the payer)\n", w.Simgate.URL)
	fmt.Fprintf(out, "Mailbox, phones   %s/post   (read every mail and text message; answer from a phone)\n\n", w.Simgate.URL)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "AT THE CLOUD\tROLE\tE-MAIL\tPASSWORD")
	for _, p := range people.Offices {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", p.Name, p.Role, p.Email, p.Password)
	}
	for _, p := range people.Parents {
		fmt.Fprintf(t, "%s\tparent (%s)\t%s\t%s\n", p.Name, p.School, p.Email, p.Password)
	}
	_ = t.Flush()
	for _, s := range w.Schools {
		internet := "internet plugged in"
		if s.Link.IsCut() {
			internet = "internet unplugged"
		}
		fmt.Fprintf(out, "\n%s   %s   (%s)\n", s.Name, s.Edge.URL, internet)
		t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "AT THE SCHOOL\tROLE\tSIGN IN WITH\tSECRET")
		for _, p := range people.Teachers {
			if p.School == s.Key {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s (at the cloud: %s)\n", p.Name, p.Role, p.Email, world.SchoolPassword, p.Password)
			}
		}
		for _, p := range people.Learners {
			if p.School == s.Key {
				fmt.Fprintf(t, "%s\tstudent\tclass %s, name\tPIN %s\n", p.Name, p.Class, p.PIN)
			}
		}
		_ = t.Flush()
	}
	fmt.Fprintf(out, "\nIn another terminal:\n")
	for _, s := range w.Schools {
		fmt.Fprintf(out, "  make demo-unplug SCHOOL=%s     make demo-plug SCHOOL=%s\n", s.Key, s.Key)
	}
	fmt.Fprintf(out, "Ctrl-C stops everything and keeps the data; make demo-reset deletes them.\n\n")
}
