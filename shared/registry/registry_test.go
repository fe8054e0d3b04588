package registry_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/assessment"
	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/consent"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/door"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/learning"
	"urbanhomeschool.org/uhs/shared/payments"
	"urbanhomeschool.org/uhs/shared/personal"
	"urbanhomeschool.org/uhs/shared/registry"
	"urbanhomeschool.org/uhs/shared/roster"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/line"
	"urbanhomeschool.org/uhs/shared/tutor"
	"urbanhomeschool.org/uhs/syncproto"
)

var (
	freeze = flag.Bool("freeze", false, "write the bodies that testdata does not have yet; existing ones are never changed")
	write  = flag.Bool("write", false, "write syncproto/ENTITIES.md instead of comparing it")
)

// body is the frozen form of one kind of record.
type body struct {
	spec  syncproto.Spec
	about syncproto.Audience
	// encode gives the bytes of the sample; decode reads bytes of this version and
	// reports whether they are the sample.
	encode func() ([]byte, error)
	decode func(b []byte) (bool, error)
	// lift brings the bytes of an older version to this one and reads them.
	lift func(from uint32, b []byte) error
	// rewrite reads bytes of this version, asks whom they are about, and writes them again.
	rewrite func(b []byte) ([]byte, error)
	// remembers are the fields that name a person and that no erasure touches.
	remembers []string
}

func of[T any](e syncer.Entity[T]) body {
	var sample T
	fill(reflect.ValueOf(&sample).Elem(), e.Name)
	return body{
		spec: e.Spec, about: e.Audience(sample), remembers: forgets(e),
		encode: func() ([]byte, error) { return syncproto.EncodeBody(sample) },
		decode: func(b []byte) (bool, error) {
			var got T
			err := syncproto.DecodeBody(b, &got)
			return reflect.DeepEqual(got, sample), err
		},
		rewrite: func(b []byte) ([]byte, error) {
			var got T
			if err := syncproto.DecodeBody(b, &got); err != nil {
				return nil, err
			}
			e.Audience(got)
			if e.School != nil {
				e.School(got)
			}
			return syncproto.EncodeBody(got)
		},
		lift: func(from uint32, b []byte) (err error) {
			for v := from; v < e.Version && err == nil; v++ {
				b, err = e.Upcast[v](b)
			}
			var got T
			return errors.Join(err, syncproto.DecodeBody(b, &got))
		},
	}
}

func bodies() []body {
	return []body{
		of(identity.Keys), of(identity.Schools), of(personal.Erasures), of(personal.Receipts), of(personal.Moments), of(identity.Accounts), of(identity.Credentials), of(identity.DutyGrants), of(identity.Guardians),
		of(identity.Consents), of(consent.Privacy), of(identity.Revocations), of(identity.Barrings), of(door.Sheets), of(door.Uses),
		of(roster.Classes), of(roster.Terms), of(roster.Changes), of(roster.Verdicts), of(roster.Codes), of(roster.Uses), of(line.Plans), of(catalogue.Licences), of(payments.Intents), of(payments.Outcomes), of(payments.Entitlements),
		of(learning.Enrolments), of(learning.Activities), of(assessment.Attempts), of(tutor.Questions), of(tutor.Answers), of(tutor.Alerts),
		of(tutor.Acknowledgements), of(audit.Entries),
	}
}

// fill sets every field to a value that depends on its place alone: ids where
// ids stand, since they have a form of their own on the wire.
func fill(v reflect.Value, place string) {
	switch v.Interface().(type) {
	case db.Time:
		v.Set(reflect.ValueOf(db.Time{Time: time.Date(2026, 5, 4, 7, 8, 9, 123456000, time.UTC)}))
		return
	case []byte:
		v.SetBytes([]byte(place))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); strings.HasSuffix(name, "_id") || name == "id" {
				v.Field(i).SetString(id.Derived(place, f.Name))
				continue
			}
			fill(v.Field(i), place+"."+f.Name)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), fmt.Sprintf("%s.%d", place, i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), place)
	case reflect.String:
		v.SetString("ñ " + place)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(1000 + len(place)))
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(1 + len(place)%7))
	default:
		panic("a field of a kind that no record had so far: " + place + " " + v.Type().String())
	}
}

func file(version uint32, name string) string {
	return filepath.Join("testdata", fmt.Sprintf("v%d", version), name+".hex")
}

// forms are the frozen bytes of a version, oldest first: a record that got a new
// optional field has one more.
func forms(t *testing.T, version uint32, name string) [][]byte {
	t.Helper()
	var out [][]byte
	for path := file(version, name); ; path = file(version, fmt.Sprintf("%s.%d", name, len(out)+1)) {
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
}

// frozen is the newest form of a version.
func frozen(t *testing.T, version uint32, name string) []byte {
	t.Helper()
	all := forms(t, version, name)
	if len(all) == 0 {
		t.Fatalf("%s is not frozen; a new body is frozen by: go test ./registry -freeze", name)
	}
	return all[len(all)-1]
}

// thaw writes the form that testdata does not have yet. Those that are there are
// never changed.
func thaw(t *testing.T, b body) {
	t.Helper()
	all := forms(t, b.spec.Version, b.spec.Name)
	raw, err := b.encode()
	if err == nil && len(all) > 0 && bytes.Equal(all[len(all)-1], raw) {
		return
	}
	path := file(b.spec.Version, b.spec.Name)
	if len(all) > 0 {
		path = file(b.spec.Version, fmt.Sprintf("%s.%d", b.spec.Name, len(all)+1))
	}
	if err == nil {
		err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(hexLines(raw)), 0o644))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func hexLines(b []byte) string {
	var out strings.Builder
	for text := hex.EncodeToString(b); text != ""; {
		n := min(len(text), 96)
		out.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return out.String()
}

// A body that changes breaks boxes that are months behind. A field that may be
// missing is added under a new key with omitempty, and a further form is frozen:
// older boxes skip it, and bodies without it read and write as they always did.
// Anything else counts the version up and comes with an upcaster.
func TestTheBodyOfEveryRecordIsFrozen(t *testing.T) {
	for _, b := range bodies() {
		t.Run(b.spec.Name, func(t *testing.T) {
			if *freeze {
				thaw(t, b)
			}
			want := frozen(t, b.spec.Version, b.spec.Name)
			got, err := b.encode()
			if err != nil {
				t.Fatal(err)
			}
			if hexLines(got) != hexLines(want) {
				t.Errorf("the encoding has changed; got\n%swant\n%s", hexLines(got), hexLines(want))
			}
			if same, err := b.decode(want); err != nil || !same {
				t.Errorf("the frozen bytes read as another record (%v)", err)
			}
			for i, old := range forms(t, b.spec.Version, b.spec.Name) {
				if again, err := b.rewrite(old); err != nil || !bytes.Equal(again, old) {
					t.Errorf("form %d is not what it was (%v): got\n%s", i+1, err, hexLines(again))
				}
			}
			for v := uint32(1); v < b.spec.Version; v++ {
				if err := b.lift(v, frozen(t, v, b.spec.Name)); err != nil {
					t.Errorf("version %d cannot be read any more: %v", v, err)
				}
			}
		})
	}
}

func TestEveryRecordOfTheRegistryIsFrozenHere(t *testing.T) {
	reg, err := registry.All()
	if err != nil {
		t.Fatal(err)
	}
	specs := reg.Specs()
	here := bodies()
	if len(specs) != len(here) {
		t.Fatalf("%d kinds of record, %d frozen", len(specs), len(here))
	}
	for i, s := range specs {
		if here[i].spec != s {
			t.Errorf("number %d is %s, frozen is %s", i, s.Name, here[i].spec.Name)
		}
	}
	for _, s := range specs {
		if domain, noun, ok := strings.Cut(s.Name, "."); !ok || domain == "" || noun == "" || strings.ToLower(s.Name) != s.Name {
			t.Errorf("%q is not <domain>.<noun>", s.Name)
		}
	}
}

func TestOnlyTheCloudWritesAboutEveryone(t *testing.T) {
	for _, b := range bodies() {
		if b.about.Everyone() && b.spec.Writer != syncproto.CloudOnly {
			t.Errorf("%s is about everyone and can be written at a school", b.spec.Name)
		}
		if who, ok := b.about.Learner(); ok && !id.Valid(who) {
			t.Errorf("%s is about the learner %q", b.spec.Name, who)
		}
		if where, ok := b.about.School(); ok && !id.Valid(where) {
			t.Errorf("%s is about the school %q", b.spec.Name, where)
		}
	}
}

func page() string {
	var out strings.Builder
	out.WriteString("# What travels\n\nEvery record that crosses the wire, in the order of dependence. Generated from the declarations\n" +
		"(`make generate`); the bytes of each body are frozen in `shared/registry/testdata`.\n\n" +
		"*Writer* is the side that may write it, *merge* how two writes of one id become one, *about* whom it\nconcerns: that decides which schools get it and which school may send it.\n\n" +
		"| record | lane | writer | merge | about | version |\n|---|---|---|---|---|---|\n")
	writers := map[syncproto.Writer]string{syncproto.CloudOnly: "cloud", syncproto.EdgeOnly: "school", syncproto.EitherSide: "either"}
	merges := map[syncproto.Merge]string{syncproto.AppendOnly: "append only", syncproto.LastWriter: "last writer"}
	for _, b := range bodies() {
		s := b.spec
		fmt.Fprintf(&out, "| `%s` | %d %s | %s | %s | %s | %d |\n", s.Name, s.Lane, s.Lane, writers[s.Writer], merges[s.Merge], about(b.about), s.Version)
	}
	return out.String()
}

func about(a syncproto.Audience) string {
	if _, ok := a.School(); ok {
		return "a school"
	}
	if _, ok := a.Learner(); ok {
		return "a learner"
	}
	return "everyone"
}

func TestThePageOfRecordsIsUpToDate(t *testing.T) {
	const path = "../../syncproto/ENTITIES.md"
	if *write {
		if err := os.WriteFile(path, []byte(page()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil || string(have) != page() {
		t.Errorf("syncproto/ENTITIES.md is out of date (%v): run `make generate`", err)
	}
}
