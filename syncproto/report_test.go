package syncproto_test

import (
	"testing"

	"urbanhomeschool.org/uhs/syncproto"
)

func TestAReportTravelsInTheHelloAndIsAbsentWhenThereIsNothingToSay(t *testing.T) {
	said := syncproto.Report{Backed: [syncproto.Lanes]int64{0, 7, 0, 0, 9}, OldestUnacked: 90, OldestSinceUp: 3, PendingBytes: 4096, DeadLetters: 1, Digest: "equal",
		DigestAt: 1_763_870_400, UsedToday: 1 << 20, UsedMonth: 1 << 24, BudgetDay: 1 << 21, BudgetMonth: 1 << 26, DiskFree: 1 << 33, DiskTotal: 1 << 35,
		CopyAt: 1_763_870_300, CopyState: "ok", BundleAt: 5, LostIfDead: 12, Snapshot: "loading", SnapshotDone: 10, SnapshotOf: 20}
	for name, want := range map[string]syncproto.Report{"everything": said, "nothing": {}} {
		m, err := syncproto.EncodeHello(syncproto.Hello{School: school, Epoch: 7, Report: want})
		if err != nil {
			t.Fatal(err)
		}
		h, err := syncproto.DecodeHello(m.Data)
		if err != nil || h.Report != want {
			t.Errorf("%s: %v, got %+v", name, err, h.Report)
		}
		b, err := syncproto.EncodeReport(want)
		if err != nil || (len(b) == 0) != (want == syncproto.Report{}) {
			t.Errorf("%s: %v, stored as %d bytes", name, err, len(b))
		}
		if back, err := syncproto.DecodeReport(b); err != nil || back != want {
			t.Errorf("%s: %v, read back %+v", name, err, back)
		}
	}
}
