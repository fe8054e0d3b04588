package id_test

import (
	"sort"
	"strings"
	"testing"

	"github.com/google/uuid"

	"urbanhomeschool.org/uhs/shared/id"
)

// The values are frozen: rows at schools and in the cloud have these ids.
func TestDerivedIDsNeverChange(t *testing.T) {
	for _, c := range []struct {
		want  string
		parts []string
	}{
		{"e8191603-6317-8a28-8e01-b53a416706ee", []string{"enrolment", "course-1", "learner-1"}},
		{"e3b0c442-98fc-8c14-9afb-f4c8996fb924", []string{""}},
		{"f04cdced-9736-869d-a610-3f08a4daaf8c", []string{"a", "b"}},
		{"fb8e20fc-2e4c-8f24-8c60-c39bd652f3c1", []string{"ab"}},
	} {
		if got := id.Derived(c.parts...); got != c.want {
			t.Errorf("%q gave %s, want %s", c.parts, got, c.want)
		}
	}
}

func TestADerivedIDIsAUUIDOfVersion8(t *testing.T) {
	u, err := uuid.Parse(id.Derived("x", "y"))
	if err != nil || u.Version() != 8 || u.Variant() != uuid.RFC4122 {
		t.Errorf("%v, version %v, variant %v", err, u.Version(), u.Variant())
	}
}

func TestNewIDsSortByTheTimeTheyWereMade(t *testing.T) {
	ids := make([]string, 200)
	for i := range ids {
		ids[i] = id.New()
		if !id.Valid(ids[i]) {
			t.Fatalf("%s is not valid", ids[i])
		}
	}
	if !sort.StringsAreSorted(ids) {
		t.Error("they do not")
	}
}

func TestOnlyTheUsualFormOfAUUIDIsValid(t *testing.T) {
	u := id.New()
	for _, s := range []string{"", "x", strings.ReplaceAll(u, "-", ""), "{" + u + "}", "urn:uuid:" + u, u + "0", u[:35] + "g"} {
		if id.Valid(s) {
			t.Errorf("%q is valid", s)
		}
	}
}

func TestACodeIsSafeToReadAloud(t *testing.T) {
	seen := map[rune]bool{}
	for range 200 {
		c := id.Code(12)
		if len(c) != 12 || strings.ContainsAny(c, "ILOU") || c != strings.ToUpper(c) {
			t.Fatalf("got %q", c)
		}
		for _, r := range c {
			seen[r] = true
		}
	}
	if len(seen) != 32 {
		t.Errorf("%d different letters in 2,400, want all 32", len(seen))
	}
}

func TestTwoSecretsDiffer(t *testing.T) {
	a, b := id.Secret(16), id.Secret(16)
	if a == b || len(a) != 22 {
		t.Errorf("%q and %q", a, b)
	}
}

func TestWhatIsTypedIsReadAsItWasMeant(t *testing.T) {
	for _, c := range []struct{ typed, want string }{
		{" yu7k-3m9q x2Ol ", "YU7K3M9QX201"}, {"i1/L", "111"}, {"", ""}, {"é-€", ""},
	} {
		if got := id.Typed(c.typed); got != c.want {
			t.Errorf("%q reads %q, want %q", c.typed, got, c.want)
		}
	}
	for range 100 {
		if c := id.Code(12); id.Typed(c) != c {
			t.Errorf("a code of ours changes: %s", c)
		}
	}
}
