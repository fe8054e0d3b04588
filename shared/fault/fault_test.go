package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"urbanhomeschool.org/uhs/shared/fault"
)

var errUsed = fault.New(fault.Gone, "This code was used.").WithCode("code_used")

func TestFaultsAreEqualByKindAndCode(t *testing.T) {
	boom := errors.New("boom")
	dressed := errUsed.At("used", "code").Hint("by box 7").Because(boom)
	for name, c := range map[string]struct {
		err, target error
		want        bool
	}{
		"itself after At, Hint and Because":   {dressed, errUsed, true},
		"wrapped":                             {fmt.Errorf("claim: %w", dressed), errUsed, true},
		"another code":                        {errUsed.WithCode("code_expired"), errUsed, false},
		"the same code of another kind":       {fault.New(fault.NotFound, "x").WithCode("code_used"), errUsed, false},
		"another message under the same code": {fault.New(fault.Gone, "Namba imetumika.").WithCode("code_used"), errUsed, true},
		"no code, the same message":           {fault.New(fault.Gone, "a"), fault.New(fault.Gone, "a"), true},
		"no code, another message":            {fault.New(fault.Gone, "a"), fault.New(fault.Gone, "b"), false},
		"the cause":                           {dressed, boom, true},
		"something else":                      {boom, errUsed, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := errors.Is(c.err, c.target); got != c.want {
				t.Errorf("errors.Is gave %v, want %v", got, c.want)
			}
		})
	}
}

func TestFaultCanBeTakenOutOfAWrappedError(t *testing.T) {
	err := fmt.Errorf("claim: %w", errUsed.At("want 12 characters", "code"))
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != "code_used" || len(f.Fields) != 1 {
		t.Fatalf("got %+v", f)
	}
	if got := fmt.Sprint(f.Fields[0].Loc); got != "[body code]" {
		t.Errorf("the field is at %s", got)
	}
	if fault.KindOf(err) != fault.Gone {
		t.Errorf("kind %v", fault.KindOf(err))
	}
}

func TestUnknownErrorIsInternal(t *testing.T) {
	if k := fault.KindOf(errors.New("boom")); k != fault.Internal {
		t.Errorf("kind %v", k)
	}
}

func TestDressingAFaultLeavesThePackageValueAlone(t *testing.T) {
	_ = errUsed.At("x", "y").Hint("z").Because(errors.New("boom")).WithCode("other")
	if errUsed.Code != "code_used" || errUsed.Fields != nil || errUsed.HintText != "" || errUsed.Cause != nil {
		t.Errorf("the shared value changed: %+v", errUsed)
	}
	one := errUsed.At("first", "a")
	two, three := one.At("second", "b"), one.At("third", "c")
	if len(one.Fields) != 1 || two.Fields[1].Msg != "second" || three.Fields[1].Msg != "third" {
		t.Error("two faults made of one share their fields")
	}
}
