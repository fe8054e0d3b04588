package logging_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"urbanhomeschool.org/uhs/shared/logging"
)

func TestALogIsJSONLinesWithSteadyKeys(t *testing.T) {
	var out bytes.Buffer
	log := logging.New(&out, "info")
	log.Info("hello", logging.School("s1"), logging.Account("a1"), logging.Lane(3), logging.Request("r1"), logging.Err(errors.New("boom")))
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"msg": "hello", "school": "s1", "account": "a1", "lane": 3.0, "request_id": "r1", "err": "boom"} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
}

func TestTheLevelKeepsLinesOut(t *testing.T) {
	for level, want := range map[string]int{"debug": 3, "info": 2, "warn": 1, "error": 0, "nonsense": 2} {
		var out bytes.Buffer
		log := logging.New(&out, level)
		log.Debug("a")
		log.Info("b")
		log.Warn("c")
		if n := bytes.Count(out.Bytes(), []byte("\n")); n != want {
			t.Errorf("%s lets %d lines through, want %d", level, n, want)
		}
	}
	logging.Discard().Error("goes nowhere")
}

func TestALibrarysLinesHaveTheirLevels(t *testing.T) {
	var out bytes.Buffer
	p := logging.Printf{Log: logging.New(&out, "debug")}
	for level, say := range map[string][]func(string, ...any){
		"DEBUG": {p.Noticef, p.Debugf, p.Tracef}, "WARN": {p.Warnf}, "ERROR": {p.Errorf, p.Fatalf},
	} {
		for _, f := range say {
			out.Reset()
			f("%d of %s", 2, "many")
			var line struct {
				Level string `json:"level"`
				Msg   string `json:"msg"`
			}
			if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Level != level || line.Msg != "2 of many" {
				t.Errorf("at %s: got %s, %v", level, out.String(), err)
			}
		}
	}
}
