package e2e

import "testing"

func TestTheAuditSeesWhatIsLostTwiceOrUnsent(t *testing.T) {
	a := newAudit()
	for value, is := range map[string]told{"900001": saved, "900002": saved, "900003": saved, "900004": unknown, "900005": unknown, "900006": refused, "900007": refused} {
		a.note("time", value, is)
	}
	v := a.judge("time", map[string]int{"900001": 1, "900003": 2, "900004": 1, "900006": 1, "900008": 1})
	if v.ok != 1 || v.lost != 1 || v.duplicate != 1 || v.unknownThere != 1 || v.unknownNot != 1 || v.refusedOK != 1 {
		t.Errorf("the verdict is %+v", v)
	}
	if len(v.wrong) != 4 { // lost, twice, refused and there, never sent
		t.Errorf("wrong are %v", v.wrong)
	}
}
