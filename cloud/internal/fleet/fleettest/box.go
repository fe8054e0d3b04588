package fleettest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path/filepath"

	"filippo.io/age"
	"github.com/nats-io/nkeys"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/learning"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/registry"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/httpcarrier"
	"urbanhomeschool.org/uhs/syncproto"
)

// Box is an appliance: its keys, its file and, once claimed, its side of the
// conversation.
type Box struct {
	Cloud  *Cloud
	Node   ed25519.PrivateKey
	Age    *age.X25519Identity
	User   string
	Answer syncproto.ClaimAnswer
	Epoch  int64
	// Highest is the highest epoch the box remembers outside its file, and Side
	// tells that it delivers beside its school's box.
	Highest int64
	Side    bool
	nonces  map[int64]string

	File    db.DB
	DB      db.DB
	Outbox  *syncer.Outbox
	Peer    *syncer.Peer
	Carrier *httpcarrier.Carrier
	Forked  error
}

// Box makes a box fresh from the depot.
func (c *Cloud) Box() *Box {
	c.T.Helper()
	_, node, err := ed25519.GenerateKey(nil)
	c.Must(err)
	recipient, err := age.GenerateX25519Identity()
	c.Must(err)
	user, err := nkeys.CreateUser()
	c.Must(err)
	public, err := user.PublicKey()
	c.Must(err)
	b := &Box{Cloud: c, Node: node, Age: recipient, User: public}
	b.Load(dbtest.SQLite(c.T))
	return b
}

// Load gives the box another file, as a restore does.
func (b *Box) Load(file db.DB) {
	b.Cloud.T.Helper()
	b.File = file
	hybrid, err := syncer.OpenHybrid(b.Cloud.T.Context(), file, b.Cloud.Clock)
	b.Cloud.Must(err)
	b.Outbox = &syncer.Outbox{Hybrid: hybrid, Clock: b.Cloud.Clock}
	b.DB = syncer.WithJournal(file, &syncer.Uplink{Outbox: b.Outbox, Current: b.Log, Wake: func() {}})
}

// Backup copies everything the sync knows of into a second file, and gives it.
func (b *Box) Backup() db.DB {
	c := b.Cloud
	c.T.Helper()
	copied := filepath.Join(c.T.TempDir(), "backup.db")
	run := func(d db.DB, q string, args ...any) {
		w, ok := d.(interface{ Writer() *sql.DB })
		if !ok {
			c.T.Fatal("not a file")
		}
		_, err := w.Writer().ExecContext(c.T.Context(), q, args...)
		c.Must(err)
	}
	run(b.File, "VACUUM INTO ?", copied)
	fresh := dbtest.SQLite(c.T)
	run(fresh, "ATTACH DATABASE ? AS copied", copied)
	for _, table := range []string{"outbox", "outbox_heads", "watermarks", "frame_history", "entity_versions", "peer_states", "node_state",
		"schools", "accounts", "learning_activities"} {
		run(fresh, "INSERT OR REPLACE INTO main."+table+" SELECT * FROM copied."+table)
	}
	run(fresh, "DETACH DATABASE copied")
	return fresh
}

// Log is the box's uplink.
func (b *Box) Log() syncer.Log { return syncer.Log{School: b.Answer.SchoolID, Epoch: b.Epoch} }

// Request is what the box says to be claimed.
func (b *Box) Request(code string) syncproto.ClaimRequest {
	return syncproto.ClaimRequest{Code: code, NodeKey: publicOf(b.Node), NATSUser: b.User, Recipient: b.Age.Recipient().String(), Software: "test"}
}

// Problem is the part of an error answer that a box reads.
type Problem struct {
	Status       int
	Code, Detail string
}

// Claim claims the box over HTTP; the Problem's Status is 200 on success.
func (b *Box) Claim(code string) Problem {
	b.Cloud.T.Helper()
	p := b.Post(http.DefaultClient, syncproto.ClaimPath, b.Request(code), &b.Answer)
	if p.Status == http.StatusOK {
		b.Connect(b.Answer.Epoch)
	}
	return p
}

// Secrets opens what the cloud sealed to the box.
func (b *Box) Secrets() (out syncproto.SealedSecrets, err error) {
	r, err := age.Decrypt(bytes.NewReader(b.Answer.Sealed), b.Age)
	if err != nil {
		return out, err
	}
	return out, json.NewDecoder(r).Decode(&out)
}

// Renew asks for the epoch after from.
func (b *Box) Renew(from int64, nonce string) (syncproto.EpochAnswer, Problem) {
	b.Cloud.T.Helper()
	var out syncproto.EpochAnswer
	p := b.Post(b.Client(), syncproto.EpochPath, syncproto.EpochRequest{From: from, Nonce: nonce, Reason: "a test"}, &out)
	return out, p
}

// Client signs its requests as the box.
func (b *Box) Client() *http.Client {
	return &http.Client{Transport: httpcarrier.Signer{Appliance: b.Answer.ApplianceID, Key: b.Node, Next: http.DefaultTransport}}
}

// Post sends in as JSON and reads out, or the problem.
func (b *Box) Post(client *http.Client, path string, in, out any) Problem {
	b.Cloud.T.Helper()
	body, err := json.Marshal(in)
	b.Cloud.Must(err)
	return b.Send(client, path, "application/json", body, out)
}

// Send posts bytes.
func (b *Box) Send(client *http.Client, path, contentType string, body []byte, out any) Problem {
	b.Cloud.T.Helper()
	r, err := http.NewRequestWithContext(b.Cloud.T.Context(), http.MethodPost, b.Cloud.URL+path, bytes.NewReader(body))
	b.Cloud.Must(err)
	r.Header.Set("Content-Type", contentType)
	return b.Do(client, r, out)
}

// Do sends a request.
func (b *Box) Do(client *http.Client, r *http.Request, out any) Problem {
	b.Cloud.T.Helper()
	resp, err := client.Do(r)
	b.Cloud.Must(err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	b.Cloud.Must(err)
	p := Problem{}
	if resp.StatusCode == http.StatusOK && out != nil {
		b.Cloud.Must(json.Unmarshal(answer, out))
	} else {
		_ = json.Unmarshal(answer, &p)
	}
	p.Status = resp.StatusCode
	return p
}

func (b *Box) sign(method, uri string, body []byte) string {
	r, err := http.NewRequestWithContext(context.Background(), method, "http://x"+uri, bytes.NewReader(body))
	b.Cloud.Must(err)
	var signature string
	_, _ = httpcarrier.Signer{Appliance: b.Answer.ApplianceID, Key: b.Node, Next: roundTripper(func(r *http.Request) {
		signature = r.Header.Get(httpcarrier.SignatureHeader)
	})}.RoundTrip(r)
	return signature
}

type roundTripper func(r *http.Request)

var errNotSent = errors.New("not sent")

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	f(r)
	return nil, errNotSent
}

// Connect begins a conversation over HTTPS in an epoch.
func (b *Box) Connect(epoch int64) {
	c := b.Cloud
	c.T.Helper()
	b.Epoch, b.Forked = epoch, nil
	reg, err := registry.All()
	c.Must(err)
	applier := &syncer.Applier{DB: b.DB, Registry: reg, Hybrid: b.Outbox.Hybrid, Clock: c.Clock, Log: logging.Discard(), From: syncproto.CloudOnly}
	b.Peer = syncer.NewPeer(syncer.PeerOptions{
		DB: b.DB, Outbox: b.Outbox, Applier: applier, Clock: c.Clock, Log: logging.Discard(), Out: b.Log(),
		In: syncer.Log{School: b.Answer.SchoolID, Epoch: syncer.DownEpoch}, Epoch: epoch, Appliance: b.Answer.ApplianceID, Software: "test",
		Timeline: b.Answer.Timeline, Forked: func(reason error) { b.Forked = reason },
	})
	b.Carrier = httpcarrier.New(httpcarrier.Options{BaseURL: c.URL, Epoch: epoch, Client: b.Client(), Clock: c.Clock, Log: logging.Discard(),
		Active: func() bool { return false }})
	b.listen()
}

func (b *Box) listen() {
	c := b.Cloud
	c.T.Helper()
	c.Must(b.Carrier.Start(c.T.Context(), func(ctx context.Context, m syncproto.Message) error {
		if err := b.Peer.Handle(ctx, m); !errors.Is(err, syncer.ErrRefused) {
			return err
		}
		return nil
	}, func() {}))
	c.T.Cleanup(func() { _ = b.Carrier.Stop(context.Background()) })
}

// Talk exchanges messages so many times, and says hello once more at the end.
func (b *Box) Talk(rounds int) error {
	b.Cloud.T.Helper()
	for range rounds {
		msgs, err := b.Peer.Outgoing(b.Cloud.T.Context(), syncproto.MaxFrame)
		if err != nil {
			return err
		}
		if err := b.Carrier.Send(b.Cloud.T.Context(), msgs); err != nil {
			b.Peer.Unsent()
			return err
		}
		b.Cloud.Clock.Advance(3 * 1e9)
	}
	return nil
}

// Learn stores that a learner worked on a lesson, and gives the record.
func (b *Box) Learn(learner identity.AccountID) learning.Activity {
	b.Cloud.T.Helper()
	a := learning.Activity{ID: learning.ActivityID(id.New()), Kind: learning.TimeSpent, LearnerID: learner, SchoolID: identity.SchoolID(b.Answer.SchoolID),
		CourseID: "course", LessonID: "lesson", Seconds: 60, At: db.Time{Time: b.Cloud.Clock.Now()}}
	b.Cloud.Must(b.DB.Update(b.Cloud.T.Context(), func(tx db.Tx) error {
		_, err := learning.Activities.Save(b.Cloud.T.Context(), tx, a)
		return err
	}))
	return a
}

// Frame cuts the frame that holds everything of a lane.
func (b *Box) Frame(lane syncproto.Lane) (m syncproto.Message) {
	b.Cloud.T.Helper()
	b.Cloud.Must(b.DB.View(b.Cloud.T.Context(), func(tx db.Tx) error {
		_, data, err := syncer.Cut(b.Cloud.T.Context(), tx, b.Log(), syncer.Piece{Lane: lane, MaxBytes: syncproto.MaxFrame})
		m = syncproto.Message{Kind: syncproto.KindFrame, Lane: lane, Data: data}
		return err
	}))
	return m
}

// Count asks the box's file for a number.
func (b *Box) Count(query string, args ...any) int64 {
	b.Cloud.T.Helper()
	return count(b.Cloud.T, b.DB, query, args...)
}

// MoveTo makes the box speak to another cloud, whose address its name now has. It
// stays up, so it still knows what the old one had applied.
func (b *Box) MoveTo(c *Cloud) {
	c.T.Helper()
	b.Cloud.Must(b.Carrier.Stop(context.Background()))
	b.Cloud = c
	b.Carrier = httpcarrier.New(httpcarrier.Options{BaseURL: c.URL, Epoch: b.Epoch, Client: b.Client(), Clock: c.Clock, Log: logging.Discard(),
		Active: func() bool { return false }})
	b.listen()
	b.Peer.Takeover()
}

// Backed is how far the box knows a lane to be backed up at the cloud.
func (b *Box) Backed(lane syncproto.Lane) (n int64) {
	b.Cloud.T.Helper()
	b.Cloud.Must(b.DB.View(b.Cloud.T.Context(), func(tx db.Tx) error {
		h, err := syncer.ReadHeads(b.Cloud.T.Context(), tx, b.Log())
		n = h.Backed[lane]
		return err
	}))
	return n
}

// Prune deletes what the box need not keep any more.
func (b *Box) Prune() {
	b.Cloud.T.Helper()
	b.Cloud.Must(b.DB.Update(b.Cloud.T.Context(), func(tx db.Tx) error {
		_, err := b.Outbox.Prune(b.Cloud.T.Context(), tx, b.Answer.SchoolID)
		return err
	}))
}
