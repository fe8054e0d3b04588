package app

import (
	"flag"
	"os"
	"testing"

	"urbanhomeschool.org/uhs/shared/api/apitest"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
)

var write = flag.Bool("write", false, "write routes.golden and the web app's openapi.json instead of comparing them; run the appliance's first")

// mounted is the cloud's API without anything behind it: enough to be listed.
func mounted() *core { return &core{log: logging.Discard(), clock: clock.System{}} }

func TestTheListOfRoutesIsUpToDate(t *testing.T) {
	apitest.Golden(t, "routes.golden", []byte(apitest.Routes(mounted().routes())), write)
}

// The web app is served by both sides, so its types come from one document made
// of both: the cloud's from the code, the appliance's from the file that its own
// test keeps up to date.
func TestTheWebAppsDocumentIsUpToDate(t *testing.T) {
	school, err := os.ReadFile("../../../edge/internal/app/openapi.golden")
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := apitest.Document(mounted().routes())
	if err != nil {
		t.Fatal(err)
	}
	both, err := apitest.Merge(cloud, school)
	if err != nil {
		t.Fatal(err)
	}
	apitest.Golden(t, "../../../shared/web/src/api/openapi.json", both, write)
}

func TestEveryAnswerProtectsTheBrowser(t *testing.T) {
	if n := apitest.Headers(t, mounted().routes()); n < 90 {
		t.Errorf("only %d routes were asked", n)
	}
}
