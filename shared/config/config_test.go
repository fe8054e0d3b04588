package config

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

type settings struct {
	URL     string        `env:"DATABASE_URL" required:"true" secret:"true" doc:"Where the data are."`
	Key     string        `env:"SECRET_KEY" required:"true" secret:"true" doc:"The key."`
	Port    int           `env:"PORT" default:"8000" doc:"The port."`
	Big     int64         `env:"BIG" doc:"A large number."`
	Demo    bool          `env:"DEMO" default:"false" doc:"Demo."`
	Wait    time.Duration `env:"WAIT" default:"30s" doc:"How long."`
	Names   []string      `env:"NAMES" doc:"Some names."`
	Private string
}

func from(env map[string]string) func(string) string { return func(k string) string { return env[k] } }

func TestLoadReadsEveryTypeAndItsDefault(t *testing.T) {
	var got settings
	err := load(&got, from(map[string]string{"DATABASE_URL": "postgres://x", "SECRET_KEY": "k", "BIG": "9000000000", "DEMO": "true", "NAMES": " a, ,b "}))
	if err != nil {
		t.Fatal(err)
	}
	want := settings{URL: "postgres://x", Key: "k", Port: 8000, Big: 9_000_000_000, Demo: true, Wait: 30 * time.Second, Names: []string{"a", "b"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestLoadTellsAllProblemsAtOnceAndNeverAValue(t *testing.T) {
	var got settings
	err := load(&got, from(map[string]string{"DATABASE_URL": "", "PORT": "hunter2-port", "DEMO": "hunter2-demo", "WAIT": "hunter2-wait", "BIG": "hunter2-big"}))
	if err == nil {
		t.Fatal("it was accepted")
	}
	for _, name := range []string{"DATABASE_URL", "SECRET_KEY", "PORT", "DEMO", "WAIT", "BIG"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %q", name, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a submitted value is in %q", err)
	}
}

func TestDocumentNamesEverySettingAndNoValue(t *testing.T) {
	doc := Document(settings{URL: "postgres://hunter2@db", Key: "hunter2"})
	if strings.Contains(doc, "hunter2") {
		t.Errorf("a secret is in %q", doc)
	}
	if n := strings.Count(doc, "\n"); n != 7 {
		t.Errorf("%d lines, want one for each of 7 settings:\n%s", n, doc)
	}
	if !strings.Contains(doc, "PORT\t8000\tThe port.") {
		t.Errorf("no line for the port in %s", doc)
	}
}

func TestAnUnknownTypeIsAMistakeOfOurs(t *testing.T) {
	var s struct {
		Rate float64 `env:"RATE"`
	}
	if err := load(&s, from(map[string]string{"RATE": "1"})); err == nil || !strings.Contains(err.Error(), "float64") {
		t.Errorf("got %v", err)
	}
}
