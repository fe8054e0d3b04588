package registry_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// someone matches the fields that name or reach a person, beside those of the type
// identity.AccountID.
var someone = regexp.MustCompile(`(^|_)(account|learner|actor|target|holder|second|guardian|teacher|adult|person|by|other)_id$|phone|email|full_name|guardian_name|^details$`)

// people are the fields of v that say who somebody is, with what is in them.
func people(v reflect.Value, out map[string]string) {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if inner := reflect.Indirect(v.Field(i)); inner.Kind() == reflect.String &&
				(inner.Type() == reflect.TypeFor[identity.AccountID]() || someone.MatchString(name)) {
				out[name] = inner.String()
				continue
			}
			people(v.Field(i), out)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			for i := range v.Len() {
				people(v.Index(i), out)
			}
		}
	}
}

// remembered are the fields that no erasure touches, and why.
var remembered = map[string]string{
	"personal.erasure":      "person_id, by_id: the id alone, so that what comes late is told from news",
	"identity.school":       "named_adult_id: the id alone; another one is named before she can be erased",
	"identity.barring":      "account_id: the id alone; it keeps the door shut",
	"door.use":              "account_id, holder_id, second_id: ids alone; a code that was used must stay used",
	"roster.class":          "teacher_id: the id alone; the class stays",
	"identity.account":      "merged_into_id: the id alone; duplicates are erased with her",
	"payments.intent":       "payer_phone: goes with the learner; a payer's number is blanked in the tables, by the number",
	"tutor.acknowledgement": "account_id: who took it up, by id; it is the child's record",
}

// forgets tells what a kind does with each person whom a sample of it names: the
// fields that stay as they are.
func forgets[T any](e syncer.Entity[T]) (left []string) {
	var sample T
	fill(reflect.ValueOf(&sample).Elem(), e.Name)
	fields := map[string]string{}
	people(reflect.ValueOf(&sample), fields)
	learner, ofLearner := e.Audience(sample).Learner()
	for name, value := range fields {
		if ofLearner && value == learner {
			continue // the record goes with her
		}
		if strings.HasSuffix(name, "by_id") || strings.HasSuffix(name, "_by") {
			continue // staff at work, by id
		}
		if e.Forget != nil {
			if _, trace := e.Forget(sample, value); trace != syncer.Untouched {
				continue
			}
			if len(fields) > 1 && forgetsAny(e, sample, fields) && !strings.HasSuffix(name, "_id") && name != "id" {
				continue // goes with the person whose it is
			}
		}
		left = append(left, name)
	}
	slices.Sort(left)
	return left
}

func forgetsAny[T any](e syncer.Entity[T], sample T, fields map[string]string) bool {
	for _, value := range fields {
		if _, trace := e.Forget(sample, value); trace != syncer.Untouched {
			return true
		}
	}
	return false
}

// A record that names a person forgets her when she is erased: because she is its
// audience, by its Forget, or not, with a reason.
func TestEveryRecordAboutAPersonForgetsHer(t *testing.T) {
	for _, b := range bodies() {
		t.Run(b.spec.Name, func(t *testing.T) {
			why, listed := remembered[b.spec.Name]
			for _, name := range b.remembers {
				if !strings.Contains(why, name) {
					t.Errorf("%s names a person: give the record a Forget, or say in remembered why it stays", name)
				}
			}
			if listed && len(b.remembers) == 0 {
				t.Error("is in remembered, and forgets everybody")
			}
		})
	}
	for name := range remembered {
		if !slices.ContainsFunc(bodies(), func(b body) bool { return b.spec.Name == name }) {
			t.Errorf("%s is in remembered and no record", name)
		}
	}
}
