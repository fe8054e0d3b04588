package app

import (
	"os/exec"
	"strings"
	"testing"
)

// What the cloud's binary must not contain, and why.
var forbidden = map[string]string{
	"github.com/mattn/go-sqlite3":                "the cloud is on Postgres, and builds without a C compiler",
	"urbanhomeschool.org/uhs/shared/db/sqlite":   "the cloud is on Postgres",
	"urbanhomeschool.org/uhs/shared/db/dbtest":   "it is for tests",
	"urbanhomeschool.org/uhs/shared/api/apitest": "it is for tests",
	"urbanhomeschool.org/uhs/edge":               "the two sides meet only in syncproto and shared",
	"urbanhomeschool.org/uhs/installer":          "the installer runs the binaries, not the other way round",
	"github.com/ollama/ollama":                   "local models are the appliance's",
}

func TestTheBinaryHoldsNothingForbidden(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", "sqlite_fts5", "../../cmd/uhs-cloud").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 100 {
		t.Fatalf("only %d packages: the list is not the binary's", len(deps))
	}
	for _, dep := range deps {
		for no, why := range forbidden {
			if dep == no || strings.HasPrefix(dep, no+"/") {
				t.Errorf("%s is in uhs-cloud: %s", dep, why)
			}
		}
	}
}
