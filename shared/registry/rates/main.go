// Command rates measures the engine of the sync without processes and lines
// around it, each figure as a ratio to something measured in the same run: rows
// applied to PostgreSQL against the same rows by bare COPY, records saved at the
// appliance against bare inserts of the same rows, and bytes on the wire for
// each record. It measures what it costs to verify a token on each database, and fills an appliance's file with a large backlog. It is a
// part of `make bench`; nothing is asserted.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
)

func main() {
	url := flag.String("postgres", "", "address of an empty database")
	dir := flag.String("dir", "", "an empty folder on the disk to be measured")
	fill := flag.String("fill", "", "an appliance's file to put a backlog into; its box must be stopped")
	tokens := flag.Bool("tokens", false, "measure the verification of tokens instead")
	records := flag.Int("records", 20_000, "records of a measurement, or of the backlog")
	flag.Parse()
	var err error
	switch ctx := context.Background(); {
	case *fill != "":
		err = fillFile(ctx, *fill, *records)
	case *tokens && *url != "" && *dir != "":
		err = verified(ctx, *url, *dir)
	case *url != "" && *dir != "":
		err = measure(ctx, *url, *dir, *records)
	default:
		err = fmt.Errorf("want -fill, or -postgres and -dir")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "rates:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, url, dir string, records int) error {
	if err := wire(); err != nil {
		return err
	}
	if err := applied(ctx, url, records); err != nil {
		return err
	}
	return saved(ctx, dir, records)
}

func tell(what, figure, aim string) { fmt.Printf("%-58s %10s   aim %s\n", what, figure, aim) }

// watch times what it is given.
type watch struct{ took time.Duration }

func (w *watch) run(fn func() error) error {
	began := clock.System{}.Now()
	err := fn()
	w.took += clock.System{}.Now().Sub(began)
	return err
}

func (w *watch) rate(n int) float64 { return float64(n) / w.took.Seconds() }
