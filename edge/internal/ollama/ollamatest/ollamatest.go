// Package ollamatest runs a real Ollama server for tests: it builds the server
// from its Go module once (cached by version), writes a 37 KB model itself,
// starts and kills servers on free ports, and can stand in front of one to kill
// it in the middle of an answer.
//
// It lives here because only the appliance talks to Ollama. The end-to-end tests
// may not import this module; they run the command in serve, so the code exists
// once.
package ollamatest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/ollama/ollama/api"
)

// Version is the server that is built: the newest whose module can be installed
// as it is (later ones lack headers, which module archives drop).
const Version = "v0.11.4"

// ModelName is the model that Create makes.
const ModelName = "uhs-test"

// Build gives the path of the server's binary, after building it when the cache
// does not hold it: about three minutes of two processors, then never again. The
// cache is <repository>/.cache/ollama, or UHS_OLLAMA_CACHE.
func Build(ctx context.Context) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, Version)
	binary := filepath.Join(dir, "ollama")
	if err := os.MkdirAll(cache, 0o750); err != nil {
		return "", fmt.Errorf("cache of Ollama: %w", err)
	}
	unlock, err := lock(filepath.Join(cache, Version+".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}

	partial := dir + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return "", fmt.Errorf("cache of Ollama: %w", err)
	}
	cmd := exec.CommandContext(ctx, "nice", "-n", "10", "go", "install", "-p", "2", "-trimpath", "-ldflags=-s -w", "github.com/ollama/ollama@"+Version)
	cmd.Dir = cache
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1", "GOBIN="+partial, "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build Ollama %s: %w: %s", Version, err, out[max(0, len(out)-600):])
	}
	if err := os.Rename(partial, dir); err != nil {
		return "", fmt.Errorf("keep Ollama: %w", err)
	}
	return binary, nil
}

// lock keeps two test processes from building at once.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cache of Ollama: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock the cache of Ollama: %w", err)
	}
	return func() { _ = f.Close() }, nil
}

func cacheDir() (string, error) {
	if dir := os.Getenv("UHS_OLLAMA_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := dir; at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.work")); err == nil {
			return filepath.Join(at, ".cache", "ollama"), nil
		}
	}
	return "", errors.New("not inside the repository: set UHS_OLLAMA_CACHE")
}

// Server is a running Ollama.
type Server struct {
	URL string
	// PID of the server; its model runner is in the same process group.
	PID int

	client *api.Client
	models string
	done   chan struct{}
}

// Start runs the server at binary on a free port, with its own home and models
// below dir.
func Start(ctx context.Context, binary, dir string) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	_ = l.Close()

	s := &Server{URL: "http://" + address, models: filepath.Join(dir, "models"), done: make(chan struct{})}
	log, err := os.Create(filepath.Join(dir, "ollama.log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(binary, "serve")
	cmd.Env = append(os.Environ(), "HOME="+dir, "OLLAMA_HOST="+address, "OLLAMA_MODELS="+s.models, "OLLAMA_NO_CLOUD=1", "OLLAMA_NOPRUNE=1",
		"OLLAMA_NUM_PARALLEL=1", "OLLAMA_MAX_LOADED_MODELS=1", "OLLAMA_CONTEXT_LENGTH=2048", "OLLAMA_KEEP_ALIVE=5m")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that Kill reaches the runner too
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Ollama: %w", err)
	}
	s.PID = cmd.Process.Pid
	go func() { _ = cmd.Wait(); close(s.done) }()

	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	s.client = api.NewClient(u, &http.Client{})
	if err := s.awake(ctx); err != nil {
		s.Kill()
		return nil, err
	}
	return s, nil
}

// startTime is how long a server may take to answer for the first time.
const startTime = 30 * time.Second

func (s *Server) awake(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		err := s.client.Heartbeat(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no answer from Ollama: %w", err)
		case <-s.done:
			return errors.New("no Ollama: it ended at once, see its log")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Kill ends server and runner as a power cut would, and waits for the end.
func (s *Server) Kill() {
	select {
	case <-s.done: // gone already, and its number may be somebody else's
	default:
		_ = syscall.Kill(-s.PID, syscall.SIGKILL)
		<-s.done
	}
}

// Create makes ModelName from Model through the API.
func (s *Server) Create(ctx context.Context) error {
	file := Model()
	sum := sha256.Sum256(file)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	if err := s.client.CreateBlob(ctx, digest, bytes.NewReader(file)); err != nil {
		return fmt.Errorf("send the model: %w", err)
	}
	created := false
	err := s.client.Create(ctx, &api.CreateRequest{Model: ModelName, Files: map[string]string{"model.gguf": digest},
		Template: "{{ if .System }}{{ .System }}\n{{ end }}{{ .Prompt }}"}, func(p api.ProgressResponse) error {
		created = created || p.Status == "success"
		return nil
	})
	if err != nil || !created {
		return fmt.Errorf("create the model: success %v: %w", created, err)
	}
	return nil
}

// Damage overwrites the first bytes of the model's file, as a bad stick would.
func (s *Server) Damage() error {
	sum := sha256.Sum256(Model())
	path := filepath.Join(s.models, "blobs", "sha256-"+hex.EncodeToString(sum[:]))
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("damage the model: %w", err)
	}
	_, err = f.WriteAt([]byte("XXXXXXXX"), 0)
	return errors.Join(err, f.Close())
}

// New is a server with the model, for one test. Where Ollama cannot be built the
// test is skipped with the reason; with CI=true it fails.
func New(t testing.TB) *Server {
	t.Helper()
	binary, err := Build(t.Context())
	if err != nil && os.Getenv("CI") != "true" {
		t.Skipf("no real Ollama here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := Start(t.Context(), binary, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	if err := s.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}
