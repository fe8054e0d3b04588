package syncproto_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/syncproto"
)

func aHeader() syncproto.BundleHeader {
	return syncproto.BundleHeader{
		ID: "01890a5d-ac96-774b-bcce-b302099a8057", Way: syncproto.Up, School: "01890a5d-ac96-774b-bcce-b302099a8058", SchoolName: "Lodwar Primary",
		From: "01890a5d-ac96-774b-bcce-b302099a8059", To: "age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq",
		Created: time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC), Epoch: 1_764_000_000, Timeline: "t",
		Lanes: []syncproto.LaneRange{{Lane: syncproto.LaneMoney, First: 1, Last: 3}, {Lane: syncproto.LaneLearning, First: 201, Last: 412}},
		Packs: 2, PackBytes: 12345, MinSchema: syncproto.MinSchema, MaxSchema: syncproto.SchemaVersion,
	}
}

func frozenBundle(t *testing.T) map[string][]byte {
	t.Helper()
	header, err := syncproto.EncodeBundleHeader(aHeader())
	if err != nil {
		t.Fatal(err)
	}
	segment, err := syncproto.EncodeSegmentHead(syncproto.SegmentHead{Number: 2, Last: true, Size: 1000, SHA256: bytes.Repeat([]byte{7}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	section, err := syncproto.EncodeSectionHead(syncproto.SectionHead{Kind: syncproto.SectionBlob, Size: 5, SHA256: bytes.Repeat([]byte{8}, 32),
		Blob: strings.Repeat("ab", 32), Offset: 10, Total: 15})
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"bundle-header": header, "bundle-segment": segment, "bundle-section": section}
}

func TestTheBytesOfABundleNeverChange(t *testing.T) {
	for name, got := range frozenBundle(t) {
		path := filepath.Join("testdata", "v1", name+".hex")
		want, err := os.ReadFile(path)
		if os.IsNotExist(err) && *freeze {
			if err := os.WriteFile(path, []byte(hex.EncodeToString(got)+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(string(want)) != hex.EncodeToString(got) {
			t.Errorf("%s: the encoding changed:\n%x\nwant\n%s", name, got, want)
		}
	}
}

func TestAFrozenBundleHeaderIsStillRead(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "v1", "bundle-header.hex"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	h, err := syncproto.DecodeBundleHeader(raw)
	if err != nil || !reflect.DeepEqual(h, aHeader()) || h.Records() != 215 {
		t.Errorf("got %+v, %v", h, err)
	}
}

func TestABundleHeaderHasLimits(t *testing.T) {
	for name, change := range map[string]func(h *syncproto.BundleHeader){
		"no id":            func(h *syncproto.BundleHeader) { h.ID = "" },
		"a long id":        func(h *syncproto.BundleHeader) { h.ID = strings.Repeat("x", 65) },
		"no school":        func(h *syncproto.BundleHeader) { h.School = "" },
		"no way":           func(h *syncproto.BundleHeader) { h.Way = 0 },
		"another way":      func(h *syncproto.BundleHeader) { h.Way = 3 },
		"a negative epoch": func(h *syncproto.BundleHeader) { h.Epoch = -1 },
		"a lane beyond":    func(h *syncproto.BundleHeader) { h.Lanes[0].Lane = syncproto.Lanes },
		"from zero":        func(h *syncproto.BundleHeader) { h.Lanes[0].First = 0 },
		"backwards":        func(h *syncproto.BundleHeader) { h.Lanes[0].Last = 0 },
		"an endless lane":  func(h *syncproto.BundleHeader) { h.Lanes[0].Last = 1 << 60 },
		"too many lanes":   func(h *syncproto.BundleHeader) { h.Lanes = make([]syncproto.LaneRange, 6) },
		"negative packs":   func(h *syncproto.BundleHeader) { h.PackBytes = -1 },
		"a very long name": func(h *syncproto.BundleHeader) { h.SchoolName = strings.Repeat("x", syncproto.MaxBundleHeader) },
	} {
		h := aHeader()
		change(&h)
		raw, err := syncproto.EncodeBundleHeader(h)
		if err == nil {
			_, err = syncproto.DecodeBundleHeader(raw)
		}
		if !errors.Is(err, syncproto.ErrMalformed) && !errors.Is(err, syncproto.ErrTooLarge) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func FuzzBundleHeads(f *testing.F) {
	f.Add([]byte{})
	for _, name := range []string{"bundle-header", "bundle-segment", "bundle-section"} {
		text, err := os.ReadFile(filepath.Join("testdata", "v1", name+".hex"))
		if err != nil {
			f.Fatal(err)
		}
		raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := syncproto.DecodeBundleHeader(b); err == nil && h.Records() < 0 {
			t.Errorf("a negative number of records: %+v", h)
		}
		if s, err := syncproto.DecodeSegmentHead(b); err == nil && (s.Size < 1 || s.Size > syncproto.MaxSegment) {
			t.Errorf("got %+v", s)
		}
		if s, err := syncproto.DecodeSectionHead(b); err == nil && (s.Size < 0 || s.Offset < 0) {
			t.Errorf("got %+v", s)
		}
	})
}
