package app

import (
	"os/exec"
	"strings"
	"testing"
)

// What the appliance's binary must not contain, and why.
var forbidden = map[string]string{
	"github.com/jackc/pgx":                       "the appliance is on SQLite",
	"urbanhomeschool.org/uhs/shared/db/postgres": "the appliance is on SQLite",
	"urbanhomeschool.org/uhs/shared/db/dbtest":   "it is for tests",
	"urbanhomeschool.org/uhs/shared/api/apitest": "it is for tests",
	"urbanhomeschool.org/uhs/cloud":              "the two sides meet only in syncproto and shared",
	"urbanhomeschool.org/uhs/installer":          "the installer runs the binaries, not the other way round",
	"github.com/riverqueue/river":                "jobs of that kind are the cloud's",
	"github.com/sashabaranov/go-openai":          "questions for hosted models go through the cloud, which knows the consents",
	"github.com/stripe/stripe-go":                "only the cloud moves money",
}

func TestTheBinaryHoldsNothingForbidden(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", "sqlite_fts5", "../../cmd/uhs-edge").CombinedOutput()
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
				t.Errorf("%s is in uhs-edge: %s", dep, why)
			}
		}
	}
}
