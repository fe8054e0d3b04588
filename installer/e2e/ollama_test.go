package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// localModel is a real Ollama server with the tiny model that the test wrote,
// run by its own program.
type localModel struct {
	URL   string `json:"url"`
	Model string `json:"model"`
	PID   int    `json:"pid"`

	in  io.WriteCloser
	out *bufio.Reader
}

func startModel(t *testing.T) *localModel {
	t.Helper()
	abs, err := filepath.Abs(binaries())
	must(t, err)
	// Not under the test's context: a killed runner would leave its Ollama behind.
	cmd := exec.Command(filepath.Join(abs, "uhs-ollama"))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() }) // it ends when its input does
	m := &localModel{in: in, out: bufio.NewReader(out)}
	line, err := m.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("the local model did not start (bin/uhs-ollama builds it once): %v", err)
	}
	must(t, json.Unmarshal(line, m))
	return m
}

// arm makes the next answer break off after its first piece.
func (m *localModel) arm(t *testing.T) {
	t.Helper()
	_, err := fmt.Fprintln(m.in, "cut")
	must(t, err)
	_, err = m.out.ReadBytes('\n')
	must(t, err)
}

// TestLocalModel asks a real Ollama at a school without internet, and kills it
// in the middle of an answer.
func TestLocalModel(t *testing.T) {
	w := theWorld(t)
	s := schoolOf(t, w, "nakuru")
	m := startModel(t)
	must(t, s.Edge.Stop())
	s.Edge.Set("OLLAMA_URL", m.URL)
	s.Edge.Set("OLLAMA_MODEL", m.Model)
	must(t, s.Edge.Start(t.Context()))
	t.Cleanup(func() {
		s.Edge.Set("OLLAMA_URL", "")
		if err := s.Edge.Stop(); err != nil {
			t.Error(err)
		}
		must(t, s.Link.Plug())
		must(t, s.Edge.Start(context.Background())) // the test's own context has ended
	})
	cut(t, s)
	learner := learnerAt(t, w, s, "Kiprono")
	ask := func(text string) (a tutorAnswer) {
		t.Helper()
		began := time.Now()
		must(t, learner.Post(t.Context(), "/api/v1/ai-tutor/chat", map[string]any{"message": text}, &a))
		t.Logf("%s after %s, reason %q", a.Source.Kind, time.Since(began).Round(time.Millisecond), a.Source.Reason)
		return a
	}

	t.Run("the local model answers", func(t *testing.T) {
		if a := ask("What is a fraction?"); a.Source.Kind != "local_model" || a.Message == "" {
			t.Errorf("%+v", a)
		}
	})
	t.Run("killed in the middle of an answer, the lessons answer instead and say why", func(t *testing.T) {
		m.arm(t)
		a := ask("How do I add two fractions?")
		if a.Source.Kind != "lesson_passages" || len(a.Source.Passages) == 0 || a.Source.Reason == "" {
			t.Errorf("%+v", a)
		}
		resp, err := http.Get(m.URL)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				t.Error("Ollama is still alive: nothing was tested")
			}
		}
	})
	t.Run("without a model the lessons go on answering", func(t *testing.T) {
		if a := ask("What is place value?"); a.Source.Kind != "lesson_passages" {
			t.Errorf("%+v", a)
		}
	})
	t.Run("words of danger get the fixed answer on the spot and the named adult is told", func(t *testing.T) {
		a := ask("I want to kill myself")
		if a.Source.Kind != "safety" || a.Queued {
			t.Errorf("%+v", a)
		}
		head := world.NewClient(s.Edge.URL)
		must(t, head.SignIn(t.Context(), w.People().Teacher(s.Key, "head").Email, world.SchoolPassword))
		var alerts struct {
			Open   int64
			Alerts []struct {
				LearnerID string `json:"learner_id"`
			}
		}
		must(t, head.Get(t.Context(), "/api/v1/safeguarding/alerts", &alerts))
		if alerts.Open != 1 || len(alerts.Alerts) != 1 || alerts.Alerts[0].LearnerID != w.People().Learner("Kiprono").ID {
			t.Errorf("the named adult sees %+v", alerts)
		}
	})
}
