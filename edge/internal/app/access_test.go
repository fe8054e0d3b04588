package app

import (
	"testing"

	"urbanhomeschool.org/uhs/shared/api/apitest"
)

func TestEveryRouteIsInTheTable(t *testing.T) {
	apitest.Complete(t, mounted().schoolAPI(&school{}).Routes())
}

func TestThePageOfAccessIsUpToDate(t *testing.T) {
	page := "# Who may do what at a school's box\n\nGenerated from shared/access (`make generate`); the table itself is in `access.md`. Only students and\n" +
		"instructors exist at a box.\n\n" + apitest.Access(mounted().schoolAPI(&school{}).Routes())
	apitest.Golden(t, "../../../docs/access-school.md", []byte(page), write)
}
