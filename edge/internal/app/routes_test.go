package app

import (
	"flag"
	"testing"

	"urbanhomeschool.org/uhs/shared/api/apitest"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
)

var write = flag.Bool("write", false, "write routes.golden and openapi.golden instead of comparing them")

// mounted is a box without anything behind it: enough to be listed.
func mounted() *box { return &box{log: logging.Discard(), clock: clock.System{}} }

func TestTheListOfRoutesIsUpToDate(t *testing.T) {
	list := "A box that belongs to no school:\n" + apitest.Routes(mounted().setupAPI(func() {})) +
		"\nA school's box:\n" + apitest.Routes(mounted().schoolAPI(&school{}))
	apitest.Golden(t, "routes.golden", []byte(list), write)
}

// The document of both states of a box; the cloud's test joins it with its own
// for the web app.
func TestTheDocumentIsUpToDate(t *testing.T) {
	unclaimed, err := apitest.Document(mounted().setupAPI(func() {}))
	if err != nil {
		t.Fatal(err)
	}
	claimed, err := apitest.Document(mounted().schoolAPI(&school{}))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := apitest.Merge(unclaimed, claimed)
	if err != nil {
		t.Fatal(err)
	}
	apitest.Golden(t, "openapi.golden", doc, write)
}

func TestEveryAnswerProtectsTheBrowser(t *testing.T) {
	n := apitest.Headers(t, mounted().setupAPI(func() {})) + apitest.Headers(t, mounted().schoolAPI(&school{}))
	if n < 70 {
		t.Errorf("only %d routes were asked", n)
	}
}
