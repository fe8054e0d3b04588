package syncproto_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/syncproto"
)

// What a decoder accepts must read back the same after it is written again; all
// it does not accept must be an error. `make fuzz` runs each for a while, and
// what it finds is kept in testdata/fuzz.

// thawed are frozen bytes, to begin with.
func thawed(f *testing.F, name string) []byte {
	f.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "v1", name))
	if err != nil {
		f.Fatal(err)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		f.Fatal(err)
	}
	return raw
}

func FuzzDecodeHello(f *testing.F) {
	f.Add(thawed(f, "hello.hex"))
	f.Add([]byte{0, 0xa0})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := syncproto.DecodeHello(b)
		if err != nil {
			return
		}
		m, err := syncproto.EncodeHello(h)
		if err != nil {
			return // more than a hello may hold
		}
		again, err := syncproto.DecodeHello(m.Data)
		if errors.Is(err, syncproto.ErrTooLarge) {
			return // it was written compressed, or with shorter numbers
		}
		h.MinSchema, h.MaxSchema = syncproto.MinSchema, syncproto.SchemaVersion // a writer says its own
		if err != nil || !reflect.DeepEqual(again, h) {
			t.Errorf("%+v became %+v: %v", h, again, err)
		}
	})
}

func FuzzDecodeAck(f *testing.F) {
	f.Add(thawed(f, "ack.hex"))
	f.Add([]byte{0, 0xa0})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := syncproto.DecodeAck(b)
		if err != nil {
			return
		}
		m, err := syncproto.EncodeAck(a)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := syncproto.DecodeAck(m.Data); !errors.Is(err, syncproto.ErrTooLarge) && err != nil || !reflect.DeepEqual(again, a) {
			t.Errorf("%+v became %+v: %v", a, again, err)
		}
	})
}

func FuzzDecodeReport(f *testing.F) {
	good, err := syncproto.EncodeReport(syncproto.Report{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{0xa1, 0x01, 0x02})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := syncproto.DecodeReport(b)
		if err != nil {
			return
		}
		out, err := syncproto.EncodeReport(r)
		if err != nil {
			return // more than a report may hold
		}
		if again, err := syncproto.DecodeReport(out); err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%+v became %+v: %v", r, again, err)
		}
	})
}

// A frame that was accepted and is written again has the same events and chain.
func FuzzFrameReadsBack(f *testing.F) {
	f.Add(thawed(f, "frame-one.hex"))
	f.Add(thawed(f, "frame-sixty.hex"))
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := syncproto.DecodeFrame(b)
		if err != nil {
			return
		}
		last := frame.Last
		out, err := syncproto.EncodeFrame(&frame)
		if err != nil {
			return // unpacked, it is more than a frame may hold
		}
		again, err := syncproto.DecodeFrame(out)
		if err != nil || again.Last != last || len(again.Events) != len(frame.Events) {
			t.Errorf("%d events became %d, chain %x became %x: %v", len(frame.Events), len(again.Events), last, again.Last, err)
		}
	})
}

func FuzzSubject(f *testing.F) {
	for _, s := range []string{"hello", "ack", "frame.4", "frame.99", "frame.-1", "frame", "", "frame.4.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, tail string) {
		m, err := syncproto.ParseSubject(tail, nil)
		if err == nil && m.Lane >= syncproto.Lanes {
			t.Errorf("%q is lane %d", tail, m.Lane)
		}
	})
}

// The words of claiming and renewing come from strangers as JSON.
func FuzzEnrolmentWords(f *testing.F) {
	for _, s := range []string{
		`{"code":"AAAA-BBBB-CCCC","node_key":"AAAA","nats_user":"U","recipient":"age1x","software":"1","from":3,"epochs":[1,2]}`,
		`{"from":3,"nonce":"n","reason":"fork","side":true,"epochs":[1],"waiting":4}`,
		`{"epoch":4,"history":[[{"seq":1,"chain":"AAAA"}],null,null,null,null],"applied":{"4":[null,null,null,null,null]}}`,
		`{"epoch":4,"resent":1,"missing":2,"gone":[{"epoch":1,"lane":4,"first":1,"last":2}]}`, `null`, `[]`, `{"history":{}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range []any{&syncproto.ClaimRequest{}, &syncproto.ClaimAnswer{}, &syncproto.EpochRequest{}, &syncproto.EpochAnswer{}, &syncproto.MovedReport{}, &syncproto.CloudRecipient{}} {
			if json.Unmarshal(b, v) != nil {
				continue
			}
			out, err := json.Marshal(v)
			if err != nil {
				t.Fatalf("%T: %v", v, err)
			}
			again := reflect.New(reflect.TypeOf(v).Elem()).Interface()
			if err := json.Unmarshal(out, again); err != nil {
				t.Errorf("%T: %s does not read back: %v", v, out, err)
			}
		}
	})
}
