// Package world starts a whole Urban Home School on one computer: a private
// PostgreSQL, the gateway simulator, the cloud, and a school's appliance per
// school, each behind a *link* that can be cut. The demo, the end-to-end tests
// and the benchmark use the same world.
//
// The rule that surprises: it knows nothing of the programs' insides. It starts
// the built binaries, sets their environment, and does everything else through
// the public HTTP interface, as an admin would.
package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/postgres"
)

// Options say what world to start.
type Options struct {
	// Dir holds everything of the world; a second start finds it again.
	Dir string
	// Bin is the folder of the built binaries.
	Bin string
	// Throwaway makes a database that is fast and not safe against a power cut.
	Throwaway bool
	// CrashPoints takes the builds that end themselves where UHS_CRASH_AT says.
	CrashPoints bool
	// Cloud, Edge and Simgate are settings added to the programs' environments.
	Cloud, Edge, Simgate []string
	// Network puts the programs into network namespaces; nil: all are on the loopback,
	// and each school's line is a proxy.
	Network *Network
	// Progress is told what happens, one line at a time; nil: nobody is.
	Progress func(format string, args ...any)
}

// World is a running world.
type World struct {
	Postgres *postgres.Server
	Simgate  *Program
	// mailServer is where the simulated mail server listens.
	mailServer string
	Cloud      *Program
	Schools    []*School

	opts  Options
	state state
	links *switchboard
}

// School is a school with its appliance and its link to the cloud.
type School struct {
	// Key is the word for the school on the command line: "lodwar".
	Key  string
	Name string
	ID   string
	Edge *Program
	// Link is nil in a Network: its cables are the caller's.
	Link *Link
}

const database = "uhs"

// Start starts the world of o.Dir: everything that was there before, or an
// empty cloud. Stop it also when Start fails.
func Start(ctx context.Context, o Options) (*World, error) {
	if o.Progress == nil {
		o.Progress = func(string, ...any) {}
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", o.Dir, err)
	}
	o.Dir = dir
	w := &World{opts: o, links: newSwitchboard()}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil { // #nosec G301 -- PostgreSQL's user walks through it to its own 0700 folder
		return w, fmt.Errorf("make the world's folder: %w", err)
	}
	if err := w.readState(); err != nil {
		return w, err
	}
	if err := w.checkBinaries(); err != nil {
		return w, err
	}
	if w.state.unfinished() {
		o.Progress("the last first start did not finish; starting afresh")
		if err := w.startAfresh(); err != nil {
			return w, err
		}
	}
	for _, step := range []func(context.Context) error{w.startPostgres, w.startSimgate, w.startCloud, w.startSchools} {
		if err := step(ctx); err != nil {
			return w, err
		}
	}
	return w, nil
}

// Stop ends everything, schools first, and keeps the data.
func (w *World) Stop() error {
	var errs []error
	for _, s := range w.Schools {
		errs = append(errs, s.Edge.Stop())
	}
	errs = append(errs, w.Cloud.Stop(), w.Simgate.Stop())
	w.links.stop()
	if w.Postgres != nil {
		errs = append(errs, w.Postgres.Stop())
	}
	return errors.Join(errs...)
}

// Remove deletes a stopped world.
func Remove(dir string) error {
	return errors.Join(postgres.Remove(filepath.Join(dir, "postgres")), os.RemoveAll(dir))
}

// DatabaseURL is the cloud's database, for tests that count rows.
func (w *World) DatabaseURL() string { return w.Postgres.URL(database) }

// File is the database of a school's box; to be touched only while it is stopped.
func (w *World) File(s *School) string { return w.path(s.Key, "school.db") }

// Admin is a client signed in as the world's first admin, whom it makes when
// there is none.
func (w *World) Admin(ctx context.Context) (*Client, error) {
	if w.state.AdminPassword == "" {
		password := AdminPassword
		if err := w.Cloud.command(ctx, password+"\n", "admin", "create", AdminEmail); err != nil {
			return nil, fmt.Errorf("make the first admin: %w", err)
		}
		w.state.AdminPassword = password
		if err := w.writeState(); err != nil {
			return nil, err
		}
	}
	c := NewClient(w.Cloud.URL)
	return c, c.SignIn(ctx, AdminEmail, w.state.AdminPassword)
}

// Publish builds and publishes courses from source folders.
func (w *World) Publish(ctx context.Context, dirs ...string) error {
	return w.Cloud.command(ctx, "", append([]string{"publish"}, dirs...)...)
}

// AddSchool opens a school at the cloud, starts an empty appliance for it
// behind a link of its own, and has it claimed with a one-time code.
func (w *World) AddSchool(ctx context.Context, admin *Client, plan SchoolPlan) (*School, error) {
	var made struct {
		ID string `json:"id"`
	}
	if err := admin.Post(ctx, "/api/v1/schools", plan, &made); err != nil {
		return nil, fmt.Errorf("open the school %s: %w", plan.Name, err)
	}
	var claim struct {
		Code string `json:"code"`
	}
	if err := admin.Post(ctx, "/api/v1/schools/"+made.ID+"/claim-codes", nil, &claim); err != nil {
		return nil, fmt.Errorf("get a claim code for %s: %w", plan.Name, err)
	}
	w.state.Schools = append(w.state.Schools, schoolState{Key: plan.Key, Name: plan.Name, ID: made.ID})
	if err := w.writeState(); err != nil {
		return nil, err
	}
	return w.startSchool(ctx, w.state.Schools[len(w.state.Schools)-1], claim.Code)
}

// School finds a school by its key.
func (w *World) School(key string) (*School, error) {
	var keys []string
	for _, s := range w.Schools {
		if strings.EqualFold(s.Key, key) {
			return s, nil
		}
		keys = append(keys, s.Key)
	}
	return nil, fmt.Errorf("there is no school %q; the schools are %s", key, strings.Join(keys, " and "))
}

// SyncStatus is what a node says of where the work is.
type SyncStatus struct {
	Side    string `json:"side"`
	Claimed bool   `json:"claimed"`
	Link    string `json:"link"`
	Carrier string `json:"carrier"`
	Waiting int64  `json:"waiting"`
}

// Status asks the appliance where its work is.
func (s *School) Status(ctx context.Context) (st SyncStatus, err error) {
	return st, NewClient(s.Edge.URL).Get(ctx, "/api/v1/sync/status", &st)
}

// Page asks the appliance for its first page, as a browser does.
func (s *School) Page(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Edge.URL+"/", nil)
	if err != nil {
		return fmt.Errorf("ask for the first page: %w", err)
	}
	req.Header.Set("Accept", "text/html")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask for the first page: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		return fmt.Errorf("the first page answered %s, %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// Await asks again and again until ok is true or the limit has passed; what is
// what it waits for, for the error.
func Await(ctx context.Context, limit time.Duration, what string, ok func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var last error
	for {
		yes, err := ok(ctx)
		if yes && err == nil {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%s did not happen within %s", what, limit), last)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
