package courier_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/courier"
	"urbanhomeschool.org/uhs/cloud/internal/jobs"
	"urbanhomeschool.org/uhs/cloud/internal/mail"
	"urbanhomeschool.org/uhs/cloud/internal/simpost"
	"urbanhomeschool.org/uhs/cloud/internal/sms"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/db/postgres"
	"urbanhomeschool.org/uhs/shared/logging"
)

// world is a courier on a real database, with the post offices' simulators on
// the loopback.
type world struct {
	t *testing.T
	*courier.Courier
	db    *postgres.DB
	queue *jobs.Queue
	post  *simpost.Post
	gate  *httptest.Server
}

func newWorld(t *testing.T, edit func(*courier.Options)) *world {
	t.Helper()
	w := &world{t: t, db: dbtest.Postgres(t)}
	must(t, jobs.Migrate(t.Context(), w.db.Pool))
	now := clock.NewFake(time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC))

	// The cloud's two addresses, as internal/web mounts them.
	callbacks := http.NewServeMux()
	take := func(fn func(context.Context, []byte) error) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			raw, _ := io.ReadAll(r.Body)
			if err := fn(r.Context(), raw); err != nil {
				t.Error(err)
				rw.WriteHeader(http.StatusInternalServerError)
			}
		}
	}
	callbacks.HandleFunc("/d", take(func(ctx context.Context, raw []byte) error { return w.OnDelivery(ctx, raw) }))
	callbacks.HandleFunc("/i", take(func(ctx context.Context, raw []byte) error { return w.OnIncoming(ctx, raw) }))
	cloud := httptest.NewServer(callbacks)
	t.Cleanup(cloud.Close)

	var err error
	// Long enough for the courier to have stored the gateway's id.
	w.post, err = simpost.Open(simpost.Options{Delivery: cloud.URL + "/d", Incoming: cloud.URL + "/i", Delay: 300 * time.Millisecond, Clock: now, Log: logging.Discard()})
	must(t, err)
	w.gate = httptest.NewServer(w.post)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go func() { _ = w.post.ServeSMTP(l) }()
	t.Cleanup(func() { w.post.Close(); w.gate.Close() })

	sender, err := mail.New(mail.Config{Addr: l.Addr().String(), From: "Urban Home School <no-reply@uhs.example>", Plain: true})
	must(t, err)
	w.queue = jobs.New(jobs.Options{Pool: w.db.Pool, Log: logging.Discard(), Attempts: 5, Retry: func(int) time.Duration { return 50 * time.Millisecond }})
	o := courier.Options{
		DB: w.db, Jobs: w.queue, Clock: now, Log: logging.Discard(), Mail: sender,
		Text: sms.New(sms.Config{BaseURL: w.gate.URL, Username: simpost.DefaultUsername, Key: simpost.DefaultKey, From: simpost.DefaultShortCode}),
	}
	if edit != nil {
		edit(&o)
	}
	w.Courier, err = courier.New(o)
	must(t, err)
	must(t, w.queue.Open())
	return w
}

// start begins to work off the queue.
func (w *world) start() {
	w.t.Helper()
	must(w.t, w.queue.Start(w.t.Context()))
	w.t.Cleanup(func() { must(w.t, w.queue.Stop(context.Background())) })
}

func (w *world) send(l courier.Letter) error {
	return w.db.Update(w.t.Context(), func(tx db.Tx) error { return w.Send(w.t.Context(), tx, l) })
}

type row struct{ state, reference, cost, failure, data string }

func (w *world) letters() []row {
	w.t.Helper()
	rows, err := w.db.Pool.Query(w.t.Context(), `SELECT state, reference, cost, failure, data FROM letters ORDER BY created_at, id`)
	must(w.t, err)
	defer rows.Close()
	var out []row
	for rows.Next() {
		var r row
		must(w.t, rows.Scan(&r.state, &r.reference, &r.cost, &r.failure, &r.data))
		out = append(out, r)
	}
	return out
}

// until waits for a single letter to be in state.
func (w *world) until(state string) row {
	w.t.Helper()
	for range 200 {
		if got := w.letters(); len(got) == 1 && got[0].state == state {
			return got[0]
		}
		time.Sleep(50 * time.Millisecond)
	}
	w.t.Fatalf("no letter is %s: %+v", state, w.letters())
	return row{}
}

func code(phone, language string) courier.Letter {
	return courier.Letter{Channel: courier.SMS, To: phone, Template: "code", Language: language, Data: map[string]string{"code": "482913"}}
}

func TestMail(t *testing.T) {
	letter := courier.Letter{Channel: courier.Email, To: "mama@uhs.example", Template: "verify_email", Language: "sw",
		Data: map[string]string{"name": "Mama <b>Akinyi</b>", "url": "https://uhs.example/verify?token=abc&x=1"}}
	t.Run("a letter arrives in the person's language, as text and as page, and its link is wiped", func(t *testing.T) {
		w := newWorld(t, nil)
		w.start()
		must(t, w.send(letter))
		if got := w.until("sent"); got.data != "{}" {
			t.Errorf("the link is still in the database: %s", got.data)
		}
		mails := w.post.Snapshot().Mails
		if len(mails) != 1 {
			t.Fatalf("%d mails", len(mails))
		}
		m := mails[0]
		if m.Subject != "Thibitisha anwani yako ya barua pepe" || m.To[0] != "mama@uhs.example" || !strings.Contains(m.Text, "https://uhs.example/verify?token=abc&x=1") {
			t.Errorf("%+v", m)
		}
		if strings.Contains(m.HTML, "<b>") || !strings.Contains(m.HTML, `<a href="https://uhs.example/verify?token=abc&amp;x=1">`) {
			t.Errorf("the page is not escaped, or has no link: %s", m.HTML)
		}
	})
	t.Run("nothing goes when the transaction fails", func(t *testing.T) {
		w := newWorld(t, nil)
		boom := errors.New("boom")
		err := w.db.Update(t.Context(), func(tx db.Tx) error {
			must(t, w.Send(t.Context(), tx, letter))
			return boom
		})
		if !errors.Is(err, boom) || len(w.letters()) != 0 {
			t.Errorf("%v, %v", err, w.letters())
		}
		var queued int
		must(t, w.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM river_job`).Scan(&queued))
		if queued != 0 {
			t.Errorf("%d jobs are queued", queued)
		}
	})
	t.Run("a mailbox that does not exist is final, a full one is tried again", func(t *testing.T) {
		w := newWorld(t, nil)
		w.start()
		letter.To = "unknown@uhs.example"
		must(t, w.send(letter))
		if got := w.until("failed"); got.failure != "refused" || got.data != "{}" {
			t.Errorf("%+v", got)
		}

		w = newWorld(t, nil)
		w.start()
		letter.To = "full@uhs.example"
		must(t, w.send(letter))
		attempts := 0
		for range 200 {
			must(t, w.db.Pool.QueryRow(t.Context(), `SELECT attempts FROM letters`).Scan(&attempts))
			if attempts >= 2 {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Errorf("%d attempts", attempts)
	})
	t.Run("letters wait while no server is configured", func(t *testing.T) {
		w := newWorld(t, func(o *courier.Options) { o.Mail = nil })
		w.start()
		letter.To = "mama@uhs.example"
		must(t, w.send(letter))
		time.Sleep(300 * time.Millisecond)
		if got := w.until("queued"); got.data == "{}" {
			t.Error("what stands in the letter is lost")
		}
	})
	t.Run("a letter that lacks something is refused at once", func(t *testing.T) {
		w := newWorld(t, nil)
		letter.Data = map[string]string{"name": "x"}
		if err := w.send(letter); err == nil || strings.Contains(err.Error(), "map[") {
			t.Errorf("error = %v", err)
		}
	})
}

func TestTextMessage(t *testing.T) {
	t.Run("it reaches the phone, with cost and report, and the code is wiped", func(t *testing.T) {
		w := newWorld(t, nil)
		w.start()
		must(t, w.send(code("254711000001", "en")))
		got := w.until("delivered")
		if got.cost != "KES 0.8000" || !strings.HasPrefix(got.reference, "ATXid_") || got.data != "{}" {
			t.Errorf("%+v", got)
		}
		if m := w.post.Snapshot().Messages; len(m) != 1 || m[0].To != "254711000001" || !strings.Contains(m[0].Text, "482913") {
			t.Errorf("%+v", m)
		}
		rows, err := w.db.Pool.Query(t.Context(), `SELECT args::text FROM river_job`)
		must(t, err)
		defer rows.Close()
		for rows.Next() {
			var args string
			must(t, rows.Scan(&args))
			if strings.Contains(args, "482913") || strings.Contains(args, "254711000001") {
				t.Errorf("a job holds what the letter says: %s", args)
			}
		}
	})
	t.Run("a lost answer is never sent again", func(t *testing.T) {
		w := newWorld(t, nil)
		w.start()
		must(t, w.send(code("254711009000", "en")))
		for range 100 { // its delivery report arrives all the same, by the gateway's id, which we do not know
			if got := w.letters(); got[0].state == "unknown" {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(400 * time.Millisecond)
		if got := w.until("unknown"); got.data != "{}" {
			t.Errorf("%+v", got)
		}
		if m := w.post.Snapshot().Messages; len(m) != 1 {
			t.Errorf("%d messages went", len(m))
		}
	})
	t.Run("a crash in the middle of sending leaves it in doubt, not sent twice", func(t *testing.T) {
		w := newWorld(t, nil)
		must(t, w.send(code("254711000001", "en")))
		if _, err := w.db.Pool.Exec(t.Context(), `UPDATE letters SET state = 'sending', attempts = 1`); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.until("unknown")
		if m := w.post.Snapshot().Messages; len(m) != 0 {
			t.Errorf("%d messages went", len(m))
		}
	})
	t.Run("a message that never reaches the phone says why", func(t *testing.T) {
		w := newWorld(t, nil)
		w.start()
		must(t, w.send(code("254711009001", "en")))
		if got := w.until("failed"); got.failure != "DeliveryFailure" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a gateway that is away has not taken it: it goes later", func(t *testing.T) {
		var down atomic.Bool
		down.Store(true)
		w := newWorld(t, func(o *courier.Options) { o.Text = flaky{o.Text, &down} })
		w.start()
		must(t, w.send(code("254711000001", "en")))
		time.Sleep(120 * time.Millisecond)
		down.Store(false)
		w.until("delivered")
	})
}

// flaky is a gateway whose address answers nobody for a while.
type flaky struct {
	next courier.Texter
	down *atomic.Bool
}

func (f flaky) Send(ctx context.Context, phone, text string) (sms.Receipt, error) {
	if f.down.Load() {
		return sms.New(sms.Config{BaseURL: "http://127.0.0.1:1"}).Send(ctx, phone, text)
	}
	return f.next.Send(ctx, phone, text)
}

func TestIncoming(t *testing.T) {
	w := newWorld(t, nil)
	var heard []string
	w.Listen("other", func(_ context.Context, _ db.Tx, in sms.Incoming) (bool, error) {
		return strings.HasPrefix(in.Text, "OTHER"), nil
	})
	w.Listen("consents", func(_ context.Context, _ db.Tx, in sms.Incoming) (bool, error) {
		heard = append(heard, in.From+" "+in.Text)
		return true, nil
	})
	t.Run("a message from a phone is heard by who it is for, once", func(t *testing.T) {
		w.post.Text("254722000002", "NDIYO 4711")
		w.post.Wait()
		if len(heard) != 1 || heard[0] != "254722000002 NDIYO 4711" {
			t.Fatalf("heard %v", heard)
		}
		again := "id=m1&from=%2B254722000002&to=22384&text=OTHER"
		must(t, w.OnIncoming(t.Context(), []byte(again)))
		must(t, w.OnIncoming(t.Context(), []byte(again)))
		var n int
		var by string
		must(t, w.db.Pool.QueryRow(t.Context(), `SELECT count(*), max(handled_by) FROM sms_inbox WHERE id = 'm1'`).Scan(&n, &by))
		if n != 1 || by != "other" || len(heard) != 1 {
			t.Errorf("%d rows, handled by %q, heard %v", n, by, heard)
		}
	})
	for name, raw := range map[string]string{
		"no phone": "id=1&to=2&text=x", "letters as phone": "id=1&from=abc&to=2&text=x", "a zero byte": "id=1&from=254711000001&to=2&text=%00", "no id": "from=254711000001&to=2&text=x",
	} {
		t.Run("a report with "+name+" is refused", func(t *testing.T) {
			if err := w.OnIncoming(t.Context(), []byte(raw)); !errors.Is(err, courier.ErrReport) {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
