package world

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/postgres"
	"urbanhomeschool.org/uhs/installer/internal/process"
)

// Program is one of the built binaries with its settings. It can be killed and
// started again.
type Program struct {
	Name string
	// URL is where it serves HTTP.
	URL string

	spec  process.Spec
	ready string
	child *process.Child
}

// Start starts the program and waits until it serves.
func (p *Program) Start(ctx context.Context) error {
	child, err := process.Start(p.spec)
	if err != nil {
		return err
	}
	p.child = child
	return child.WaitHTTP(ctx, p.URL+p.ready, 60*time.Second)
}

// Stop ends the program gently.
func (p *Program) Stop() error {
	if p == nil || p.child == nil {
		return nil
	}
	return p.child.Stop()
}

// Kill ends it with kill -9.
func (p *Program) Kill() { p.child.Kill() }

// Done is closed when the program has ended.
func (p *Program) Done() <-chan struct{} { return p.child.Done() }

// RSS is the memory it holds, in bytes.
func (p *Program) RSS() (int64, error) { return p.child.RSS() }

// CPU is the processor time it has used since it was started.
func (p *Program) CPU() (time.Duration, error) { return p.child.CPU() }

// Log is the file of its output.
func (p *Program) Log() string { return p.spec.Log }

// Set changes a setting for the next start.
func (p *Program) Set(name, value string) {
	for i, kv := range p.spec.Env {
		if strings.HasPrefix(kv, name+"=") {
			p.spec.Env[i] = name + "=" + value
			return
		}
	}
	p.spec.Env = append(p.spec.Env, name+"="+value)
}

// Settings are all its settings, for Restore.
func (p *Program) Settings() []string { return slices.Clone(p.spec.Env) }

// Restore puts settings back for the next start.
func (p *Program) Restore(settings []string) { p.spec.Env = slices.Clone(settings) }

// Dir is the folder of its data.
func (p *Program) Dir() string { return p.spec.Dir }

// Do runs a sub-command with the program's settings and gives what it printed,
// also when it failed.
func (p *Program) Do(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, p.spec.Path, append(slices.Clone(p.spec.Args), args...)...) // #nosec G204 -- one of our own binaries
	cmd.Env, cmd.Dir = p.spec.Env, p.spec.Dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s", p.Name, strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// command runs a sub-command with the program's settings.
func (p *Program) command(ctx context.Context, input string, args ...string) error {
	cmd := exec.CommandContext(ctx, p.spec.Path, append(slices.Clone(p.spec.Args), args...)...) // #nosec G204 -- one of our own binaries
	cmd.Env, cmd.Dir, cmd.Stdin = p.spec.Env, p.spec.Dir, strings.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", p.Name, strings.Join(args, " "), err, out.String())
	}
	return nil
}

// plan is a program to be: its name, its binary, the path that answers when it is
// ready, its usual port and where it runs.
type plan struct {
	name, binary, ready string
	usual               int
	at                  Place
}

// program describes a binary that serves on a port of its place. In env, {port}
// is that port, {host} where to listen and {url} where it is reached.
func (w *World) program(ctx context.Context, p plan, env ...string) (*Program, error) {
	port, err := w.port(ctx, p.name, p.usual)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(w.path(p.name), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of %s: %w", p.name, err)
	}
	url := "http://" + net.JoinHostPort(p.at.Address, strconv.Itoa(port))
	words := strings.NewReplacer("{port}", fmt.Sprint(port), "{host}", p.at.listen(), "{url}", url)
	// Nothing of the caller's environment but what a process needs, so that a
	// key in a developer's shell never reaches a demo.
	env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TZ=UTC"}, env...) //nolint:forbidigo // handed on, not settings
	for i, kv := range env {
		env[i] = words.Replace(kv)
	}
	return &Program{
		Name: p.name, URL: url, ready: p.ready,
		spec: p.at.in(process.Spec{Name: p.name, Path: filepath.Join(w.opts.Bin, p.binary), Env: env, Dir: w.path(p.name), Log: w.path("logs", p.name+".log")}),
	}, nil
}

// build is the file of a binary, with the world's crash points or without.
func (w *World) build(binary string) string {
	if w.opts.CrashPoints {
		return binary + "-crash"
	}
	return binary
}

func (w *World) checkBinaries() error {
	for _, b := range []string{w.build("uhs-cloud"), w.build("uhs-edge"), "uhs-simgate"} {
		if _, err := os.Stat(filepath.Join(w.opts.Bin, b)); err != nil {
			return fmt.Errorf("%s is not built in %s; run `make build crash-binaries`", b, w.opts.Bin)
		}
	}
	abs, err := filepath.Abs(w.opts.Bin)
	w.opts.Bin = abs
	return err
}

func (w *World) startPostgres(ctx context.Context) error {
	w.opts.Progress("starting PostgreSQL")
	port, err := w.port(ctx, "postgres", 55440)
	if err != nil {
		return err
	}
	w.Postgres, err = postgres.Start(ctx, postgres.Options{Dir: w.path("postgres"), Port: port, Throwaway: w.opts.Throwaway, Socket: w.opts.Network != nil})
	if err != nil {
		return err
	}
	return w.Postgres.CreateDatabase(ctx, database)
}

func (w *World) startSimgate(ctx context.Context) (err error) {
	w.opts.Progress("starting the gateway simulator")
	at := w.cloudPlace()
	cloud, err := w.port(ctx, "cloud", 8000) // the SMS gateway reports there
	if err != nil {
		return err
	}
	smtp, err := w.port(ctx, "smtp", 1025)
	if err != nil {
		return err
	}
	w.mailServer = fmt.Sprintf("%s:%d", at.Address, smtp)
	env := append([]string{
		"SIMGATE_LISTEN={host}:{port}", "SIMGATE_FILE=" + w.path("simgate", "book.json"), "SIMGATE_POST_FILE=" + w.path("simgate", "post.json"),
		"SIMGATE_SMTP_LISTEN=" + w.mailServer, fmt.Sprintf("SIMGATE_SMS_CALLBACKS=http://%s:%d/hk/sim-callback", at.Address, cloud),
	}, w.opts.Simgate...)
	if w.Simgate, err = w.program(ctx, plan{"simgate", "uhs-simgate", "/", 8099, at}, env...); err != nil {
		return err
	}
	return w.Simgate.Start(ctx)
}

// manyPeople raises the limits of requests in a minute: here one program plays a
// whole school, and fills in its roster as one admin.
const manyPeople = "RATE_LIMIT_FACTOR=1000"

func (w *World) startCloud(ctx context.Context) error {
	w.opts.Progress("starting the cloud")
	leaf, err := w.port(ctx, "cloud-leaf", 7422)
	if err != nil {
		return err
	}
	// The simulator's own credentials; nothing here is a secret of a real gateway.
	env := append([]string{
		"DATABASE_URL=" + w.cloudDatabase(), "SECRET_KEY=" + w.state.SecretKey, "HTTP_ADDR={host}:{port}", "PUBLIC_URL={url}",
		"DATA_DIR=" + w.path("cloud"), fmt.Sprintf("NATS_LEAF_ADDR={host}:%d", leaf), fmt.Sprintf("NATS_PUBLIC_URL=tls://%s:%d", w.cloudPlace().Address, leaf),
		"ENVIRONMENT=development", "DEMO=true", "LOG_LEVEL=info", manyPeople,
		"MPESA_BASE_URL=" + w.Simgate.URL, "MPESA_CONSUMER_KEY=sim-key", "MPESA_CONSUMER_SECRET=sim-secret",
		"MPESA_SHORTCODE=600123", "MPESA_PASSKEY=sim-passkey", "MPESA_REGISTER=true",
		"SMTP_ADDR=" + w.mailServer, "SMTP_PLAIN=true",
		"SMS_BASE_URL=" + w.Simgate.URL, "SMS_USERNAME=sandbox", "SMS_API_KEY=sim-key", "SMS_SENDER=22384", "SMS_CALLBACK_SECRET=sim-callback",
		"LLM_BASE_URL=" + w.Simgate.URL + "/llm/v1", "LLM_API_KEY=sim-key", "LLM_MODEL=uhs-sim",
	}, w.opts.Cloud...)
	if w.Cloud, err = w.program(ctx, plan{"cloud", w.build("uhs-cloud"), "/health", 8000, w.cloudPlace()}, env...); err != nil {
		return err
	}
	return w.Cloud.Start(ctx)
}

func (w *World) startSchools(ctx context.Context) error {
	for _, s := range w.state.Schools {
		if _, err := w.startSchool(ctx, s, ""); err != nil {
			return err
		}
	}
	return nil
}

// startSchool starts a school's appliance and waits until it is claimed, with
// code when it was not.
func (w *World) startSchool(ctx context.Context, st schoolState, code string) (*School, error) {
	w.opts.Progress("starting the box of %s", st.Name)
	s, err := w.startBox(ctx, st, code)
	if err != nil {
		return nil, err
	}
	return s, Await(ctx, 60*time.Second, "the claim of "+s.Name, func(ctx context.Context) (bool, error) {
		st, err := s.Status(ctx)
		return st.Claimed, err
	})
}

// EmptyBox starts an appliance that belongs to nobody, behind a link of its own;
// the world forgets it when it stops.
func (w *World) EmptyBox(ctx context.Context, key string) (*School, error) {
	return w.startBox(ctx, schoolState{Key: key, Name: "an empty box"}, "")
}

// startBox starts an appliance behind a fresh link.
func (w *World) startBox(ctx context.Context, st schoolState, code string) (*School, error) {
	s := &School{Key: st.Key, Name: st.Name, ID: st.ID}
	web, err := w.port(ctx, st.Key+"-link-https", 0)
	if err != nil {
		return nil, err
	}
	leaf, err := w.port(ctx, st.Key+"-link-leaf", 0)
	if err != nil {
		return nil, err
	}
	box, cloud, hub, err := w.line(s, web, leaf)
	if err != nil {
		return nil, err
	}
	env := append([]string{
		"DATA_DIR=" + w.path(st.Key), "HTTP_ADDR={host}:{port}", "CLOUD_URL=http://" + cloud, "LEAF_URL=tls://" + hub, "ENVIRONMENT=development", "LOG_LEVEL=info", manyPeople,
	}, w.opts.Edge...)
	if code != "" {
		env = append(env, "CLAIM_CODE="+code)
	}
	if s.Edge, err = w.program(ctx, plan{st.Key, w.build("uhs-edge"), "/health", 8081 + len(w.Schools), box}, env...); err != nil {
		return nil, err
	}
	w.Schools = append(w.Schools, s)
	return s, s.Edge.Start(ctx)
}
