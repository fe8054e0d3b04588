package accounts_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"regexp"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/accounts"
	"urbanhomeschool.org/uhs/cloud/internal/courier"
	"urbanhomeschool.org/uhs/cloud/internal/jobs"
	"urbanhomeschool.org/uhs/cloud/internal/secondfactor"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/db/postgres"
	"urbanhomeschool.org/uhs/shared/fernet"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

const (
	word  = "Sunny-Day-2026"
	other = "Rainy-Night-77"
	phone = "254711000001"
)

// world is accounts on a real database. Letters are read from their table: the
// courier stores them, and no server takes them away.
type world struct {
	t *testing.T
	*accounts.Service
	people *identity.Service
	factor *secondfactor.Service
	db     *postgres.DB
	queue  *jobs.Queue
	clock  *clock.Fake
	admin  identity.Actor
	told   *journal
}

// journal keeps what a school is told.
type journal struct{ changes []syncer.Change }

func (j *journal) Record(_ context.Context, tx db.Tx, c syncer.Change) error {
	tx.AfterCommit(func() { j.changes = append(j.changes, c) })
	return nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, db: dbtest.Postgres(t), clock: clock.NewFake(time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)), told: &journal{}}
	must(t, jobs.Migrate(t.Context(), w.db.Pool))
	d := syncer.WithJournal(w.db, w.told)
	w.factor = secondfactor.New(secondfactor.Options{DB: d, Clock: w.clock, Issuer: "Urban Home School", Ring: fernet.Ring{{1}}, CodeKey: []byte("codes")})
	w.people = identity.New(identity.Options{
		DB: d, Clock: w.clock, Issuer: "https://uhs.example", Audience: identity.CloudAudience, Passwords: identity.CloudPasswords{},
		Pepper:      func(identity.SchoolID) ([]byte, error) { return []byte("pepper"), nil },
		AnnounceKey: identity.Keys.Save, BcryptCost: 4, SecondFactor: w.factor,
	})
	w.factor.Join(w.people)
	must(t, w.people.EnsureKey(t.Context()))
	w.queue = jobs.New(jobs.Options{Pool: w.db.Pool, Log: logging.Discard()})
	post, err := courier.New(courier.Options{DB: d, Jobs: w.queue, Clock: w.clock, Log: logging.Discard()})
	must(t, err)
	w.Service = accounts.New(accounts.Options{
		DB: d, People: w.people, Letters: post, Jobs: w.queue, Clock: w.clock, CodeKey: []byte("key of codes"),
		PublicURL: "https://uhs.example", CodesAnHour: 8,
	})
	must(t, w.queue.Open())
	p, err := w.people.CreateFirstAdmin(t.Context(), "admin@uhs.example", word, "Ada Admin")
	must(t, err)
	w.admin = identity.Actor{Account: p.Account.ID, Role: identity.Admin}
	return w
}

// letter is a row of letters.
type letter struct {
	Channel, To, Template, Language string
	Data                            map[string]string
}

func (w *world) letters() []letter {
	w.t.Helper()
	rows, err := w.db.Pool.Query(w.t.Context(), `SELECT channel, recipient, template, language, data FROM letters ORDER BY created_at, id`)
	must(w.t, err)
	defer rows.Close()
	var out []letter
	for rows.Next() {
		var l letter
		var data string
		must(w.t, rows.Scan(&l.Channel, &l.To, &l.Template, &l.Language, &data))
		must(w.t, json.Unmarshal([]byte(data), &l.Data))
		out = append(out, l)
	}
	return out
}

// last is the newest letter, which must be template for to.
func (w *world) last(template, to string) letter {
	w.t.Helper()
	all := w.letters()
	if len(all) == 0 || all[len(all)-1].Template != template || all[len(all)-1].To != to {
		w.t.Fatalf("the last letter is not %s to %s: %+v", template, to, all)
	}
	return all[len(all)-1]
}

var fragment = regexp.MustCompile(`#token=([A-Za-z0-9_-]{43})$`)

func (l letter) token(t *testing.T) string {
	t.Helper()
	m := fragment.FindStringSubmatch(l.Data["url"])
	if m == nil {
		t.Fatalf("no token in %q", l.Data["url"])
	}
	return m[1]
}

func (w *world) register(email string, role identity.Role) identity.Actor {
	w.t.Helper()
	p, err := w.Register(w.t.Context(), identity.Registration{Email: email, Password: word, Role: role, FullName: "Some Body", Language: "sw"})
	must(w.t, err)
	return w.actor(p, role)
}

// actor signs a person in, as the API sees her.
func (w *world) actor(p identity.Person, _ identity.Role) identity.Actor {
	w.t.Helper()
	name := p.Email
	if name == "" {
		name = "+" + p.LoginPhone
	}
	tokens, err := w.people.SignIn(w.t.Context(), name, word)
	must(w.t, err)
	who, err := w.people.Verify(w.t.Context(), tokens.Access)
	must(w.t, err)
	return who
}

// work does the jobs of forgotten passwords, the way the queue would.
func (w *world) work() {
	w.t.Helper()
	before := w.count(`SELECT count(*) FROM river_job WHERE kind = 'forgotten_password' AND state = 'completed'`)
	waiting := w.count(`SELECT count(*) FROM river_job WHERE kind = 'forgotten_password' AND state <> 'completed'`)
	must(w.t, w.queue.Start(w.t.Context()))
	for range 200 {
		if w.count(`SELECT count(*) FROM river_job WHERE kind = 'forgotten_password' AND state = 'completed'`) == before+waiting {
			must(w.t, w.queue.Stop(context.Background()))
			must(w.t, w.queue.Open())
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	w.t.Fatal("the jobs are not done")
}

func (w *world) count(q string, args ...any) (n int) {
	w.t.Helper()
	must(w.t, w.db.Pool.QueryRow(w.t.Context(), q, args...).Scan(&n))
	return n
}

func TestRegistration(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	t.Run("by e-mail: the address is confirmed by a link that works once", func(t *testing.T) {
		who := w.register("mama@uhs.example", identity.Parent)
		l := w.last("verify_email", "mama@uhs.example")
		if l.Language != "sw" {
			t.Errorf("the letter is in %s", l.Language)
		}
		token := l.token(t)
		if n := w.count(`SELECT count(*) FROM account_links WHERE hash = $1`, token); n != 0 {
			t.Error("the token itself is in the database")
		}
		must(t, w.VerifyEmail(ctx, token))
		if p, err := w.people.Me(ctx, who); err != nil || !p.Verified {
			t.Errorf("verified: %v, %v", p.Verified, err)
		}
		wantErr(t, w.VerifyEmail(ctx, token), accounts.ErrLink)
		wantErr(t, w.VerifyEmail(ctx, ""), accounts.ErrLink)
	})
	t.Run("a link that is too old opens nothing", func(t *testing.T) {
		w.register("late@uhs.example", identity.Parent)
		token := w.last("verify_email", "late@uhs.example").token(t)
		w.clock.Advance(24*time.Hour + time.Second)
		wantErr(t, w.VerifyEmail(ctx, token), accounts.ErrLink)
	})
	t.Run("another link is mailed at most once a minute and five times a day", func(t *testing.T) {
		who := w.register("again@uhs.example", identity.Parent)
		wantErr(t, w.ResendVerification(ctx, who), accounts.ErrTooSoon)
		for range 4 {
			w.clock.Advance(2 * time.Minute)
			must(t, w.ResendVerification(ctx, who))
		}
		w.clock.Advance(2 * time.Minute)
		wantErr(t, w.ResendVerification(ctx, who), accounts.ErrTooMany)
		must(t, w.VerifyEmail(ctx, w.last("verify_email", "again@uhs.example").token(t)))
		n := len(w.letters())
		w.clock.Advance(48 * time.Hour)
		must(t, w.ResendVerification(ctx, identity.Actor{Account: who.Account}))
		if len(w.letters()) != n {
			t.Error("a verified address gets another link")
		}
	})
	t.Run("who waits for approval enters with no powers of the role", func(t *testing.T) {
		for _, role := range []identity.Role{identity.Instructor, identity.Partner} {
			if who := w.register(string(role)+"@uhs.example", role); who.Role != identity.Applicant {
				t.Errorf("%s enters as %s", role, who.Role)
			}
		}
	})
	t.Run("staff and admins do not register themselves", func(t *testing.T) {
		for _, role := range []identity.Role{identity.Admin, identity.Staff, identity.Applicant} {
			if _, err := w.Register(ctx, identity.Registration{Email: string(role) + "2@uhs.example", Password: word, Role: role, FullName: "X Y"}); err == nil {
				t.Errorf("%s registered", role)
			}
		}
	})
	t.Run("a taken address says so and mails nobody", func(t *testing.T) {
		n := len(w.letters())
		_, err := w.Register(ctx, identity.Registration{Email: "MAMA@uhs.example", Password: word, Role: identity.Parent, FullName: "X Y"})
		wantErr(t, err, identity.ErrEmailTaken)
		if len(w.letters()) != n {
			t.Error("a letter went")
		}
	})
}

// code asks for a code and reads it from the text message.
func (w *world) code(phone string, purpose accounts.Purpose) string {
	w.t.Helper()
	must(w.t, w.SendCode(w.t.Context(), phone, purpose, "en"))
	return w.last("code", phone).Data["code"]
}

func wrong(code string) string {
	if code[0] == '9' {
		return "0" + code[1:]
	}
	return string(code[0]+1) + code[1:]
}

func TestRegistrationByPhone(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	in := identity.Registration{Phone: "0711 000 001", Password: word, Role: identity.Parent, FullName: "Baba Otieno"}
	t.Run("without the code nothing is opened", func(t *testing.T) {
		_, err := w.Register(ctx, in)
		wantErr(t, err, accounts.ErrCode)
	})
	t.Run("the code opens the account, and the phone signs in", func(t *testing.T) {
		in.PhoneCode = w.code(phone, accounts.ToRegister)
		if !regexp.MustCompile(`^[0-9]{6}$`).MatchString(in.PhoneCode) {
			t.Fatalf("the code is %q", in.PhoneCode)
		}
		if n := w.count(`SELECT count(*) FROM phone_codes WHERE code_hash LIKE '%' || $1 || '%'`, in.PhoneCode); n != 0 {
			t.Error("the code itself is in the database")
		}
		p, err := w.Register(ctx, in)
		must(t, err)
		if p.LoginPhone != phone || p.Email != "" || p.Profile.Phone != phone {
			t.Errorf("%+v", p)
		}
		for _, name := range []string{"0711000001", "+254 711 000 001", "254711000001"} {
			if _, err := w.people.SignIn(ctx, name, word); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err = w.people.SignIn(ctx, "0711000001", other)
		wantErr(t, err, identity.ErrWrongPassword)
	})
	t.Run("a code works once, and only who holds the phone learns that it is taken", func(t *testing.T) {
		_, err := w.Register(ctx, in)
		wantErr(t, err, accounts.ErrCode)
		w.clock.Advance(2 * time.Minute)
		in.PhoneCode = w.code(phone, accounts.ToRegister)
		_, err = w.Register(ctx, in)
		wantErr(t, err, identity.ErrPhoneTaken)
	})
	const second = "254722000002"
	t.Run("five wrong guesses end a code, also when they come with good passwords", func(t *testing.T) {
		in.Phone, in.PhoneCode = second, ""
		code := w.code(second, accounts.ToRegister)
		for range 5 {
			in.PhoneCode = wrong(code)
			_, err := w.Register(ctx, in)
			wantErr(t, err, accounts.ErrCode)
		}
		in.PhoneCode = code
		_, err := w.Register(ctx, in)
		wantErr(t, err, accounts.ErrCode)
	})
	t.Run("the next code waits a minute and ends the one before", func(t *testing.T) {
		wantErr(t, w.SendCode(ctx, second, accounts.ToRegister, "en"), accounts.ErrTooSoon)
		w.clock.Advance(61 * time.Second)
		old := w.code(second, accounts.ToRegister)
		w.clock.Advance(61 * time.Second)
		next := w.code(second, accounts.ToRegister)
		if old != next {
			in.PhoneCode = old
			_, err := w.Register(ctx, in)
			wantErr(t, err, accounts.ErrCode)
		}
		w.clock.Advance(10*time.Minute + time.Second)
		in.PhoneCode = next
		_, err := w.Register(ctx, in)
		wantErr(t, err, accounts.ErrCode)
	})
	t.Run("a code for one thing proves no other", func(t *testing.T) {
		who := w.register("mover@uhs.example", identity.Parent)
		code := w.code(second, accounts.ToRegister)
		wantErr(t, w.ChangePhone(ctx, who, accounts.PhoneChange{Phone: second, Code: code, Password: word}), accounts.ErrCode)
		w.clock.Advance(61 * time.Second)
		must(t, w.ChangePhone(ctx, who, accounts.PhoneChange{Phone: second, Code: w.code(second, accounts.ToChangePhone), Password: word}))
		if _, err := w.people.SignIn(ctx, second, word); err != nil {
			t.Error(err)
		}
	})
	t.Run("a phone gets five codes a day, and all phones together no more than the limit", func(t *testing.T) {
		w.clock.Advance(61 * time.Second)
		wantErr(t, w.SendCode(ctx, second, accounts.ToRegister, "en"), accounts.ErrTooMany)
		w.clock.Advance(25 * time.Hour)
		for i := range 8 {
			must(t, w.SendCode(ctx, "25471100010"+string(rune('0'+i)), accounts.ToRegister, "en"))
		}
		wantErr(t, w.SendCode(ctx, "254711000200", accounts.ToRegister, "en"), accounts.ErrTooMany)
	})
}

func TestForgottenPassword(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	who := w.register("mama@uhs.example", identity.Parent)
	t.Run("the request does the same for every address: one job, and nobody is looked up", func(t *testing.T) {
		shape := func(address string) string {
			t.Helper()
			links, codes, letters := w.count(`SELECT count(*) FROM account_links`), w.count(`SELECT count(*) FROM phone_codes`), len(w.letters())
			must(t, w.Forgot(ctx, address, "sw"))
			if w.count(`SELECT count(*) FROM account_links`) != links || w.count(`SELECT count(*) FROM phone_codes`) != codes || len(w.letters()) != letters {
				t.Errorf("the request for %s did more than to note it", address)
			}
			var kind, args string
			must(t, w.db.Pool.QueryRow(ctx, `SELECT kind, args::text FROM river_job ORDER BY id DESC LIMIT 1`).Scan(&kind, &args))
			return kind + strings.Replace(args, address, "ADDRESS", 1)
		}
		known := shape("mama@uhs.example")
		for _, unknown := range []string{"nobody@uhs.example", "0799999999", "not an address"} {
			if got := shape(unknown); got != known {
				t.Errorf("%s gave %s; a known address %s", unknown, got, known)
			}
		}
	})
	t.Run("only a known address gets a link; it sets a password once and ends every session", func(t *testing.T) {
		n := len(w.letters())
		w.work()
		if got := len(w.letters()); got != n+1 {
			t.Fatalf("%d letters went", got-n)
		}
		token := w.last("reset_password", "mama@uhs.example").token(t)
		tokens, err := w.people.SignIn(ctx, "mama@uhs.example", word)
		must(t, err)
		err = w.ResetPassword(ctx, accounts.Reset{Token: token, Password: "weak"})
		if err == nil {
			t.Error("a weak password was taken")
		}
		must(t, w.ResetPassword(ctx, accounts.Reset{Token: token, Password: other}))
		w.last("password_changed", "mama@uhs.example")
		_, err = w.people.SignIn(ctx, "mama@uhs.example", word)
		wantErr(t, err, identity.ErrWrongPassword)
		if _, err := w.people.SignIn(ctx, "mama@uhs.example", other); err != nil {
			t.Error(err)
		}
		_, err = w.people.Refresh(ctx, tokens.Refresh)
		wantErr(t, err, identity.ErrTokenRevoked)
		wantErr(t, w.ResetPassword(ctx, accounts.Reset{Token: token, Password: word}), accounts.ErrLink)
		if p, err := w.people.Me(ctx, who); err != nil || !p.Verified {
			t.Error("the link came by mail, so the address is verified")
		}
	})
	t.Run("a verification link sets no password", func(t *testing.T) {
		w.register("two@uhs.example", identity.Parent)
		token := w.last("verify_email", "two@uhs.example").token(t)
		wantErr(t, w.ResetPassword(ctx, accounts.Reset{Token: token, Password: other}), accounts.ErrLink)
	})
	t.Run("by phone a code sets the password", func(t *testing.T) {
		in := identity.Registration{Phone: phone, PhoneCode: w.code(phone, accounts.ToRegister), Password: word, Role: identity.Parent, FullName: "Baba Otieno"}
		_, err := w.Register(ctx, in)
		must(t, err)
		w.clock.Advance(2 * time.Minute)
		must(t, w.Forgot(ctx, "0711000001", "en"))
		w.work()
		code := w.last("code", phone).Data["code"]
		wantErr(t, w.ResetPassword(ctx, accounts.Reset{Phone: phone, Code: wrong(code), Password: other}), accounts.ErrCode)
		wantErr(t, w.ResetPassword(ctx, accounts.Reset{Phone: "254799999999", Code: code, Password: other}), accounts.ErrCode)
		must(t, w.ResetPassword(ctx, accounts.Reset{Phone: phone, Code: code, Password: other}))
		if _, err := w.people.SignIn(ctx, phone, other); err != nil {
			t.Error(err)
		}
	})
	t.Run("a suspended account gets nothing", func(t *testing.T) {
		_, err := w.SetStatus(ctx, w.admin, who.Account, identity.Suspended)
		must(t, err)
		n := len(w.letters())
		w.clock.Advance(2 * time.Hour)
		must(t, w.Forgot(ctx, "mama@uhs.example", "en"))
		w.work()
		if len(w.letters()) != n {
			t.Error("a letter went")
		}
	})
}

func TestChangingThePassword(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	who := w.register("mama@uhs.example", identity.Parent)
	elsewhere, err := w.people.SignIn(ctx, "mama@uhs.example", word)
	must(t, err)
	err = w.ChangePassword(ctx, who, other, other)
	if err == nil {
		t.Error("a wrong current password was taken")
	}
	must(t, w.ChangePassword(ctx, who, word, other))
	w.last("password_changed", "mama@uhs.example")
	_, err = w.people.Refresh(ctx, elsewhere.Refresh)
	wantErr(t, err, identity.ErrTokenRevoked)
	if n := w.count(`SELECT count(*) FROM revocations WHERE session_id = $1`, who.Session); n != 0 {
		t.Error("her own session ended too")
	}
}

func TestInvitation(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	in := identity.Registration{Email: "new@uhs.example", Role: identity.Staff, FullName: "New Staff"}
	_, err := w.CreateAccount(ctx, identity.Actor{Account: "x", Role: identity.Staff}, in)
	wantErr(t, err, identity.ErrForbidden)
	_, err = w.CreateAccount(ctx, w.admin, in)
	must(t, err)
	_, err = w.people.SignIn(ctx, in.Email, "")
	wantErr(t, err, identity.ErrWrongPassword)
	w.clock.Advance(6 * 24 * time.Hour)
	must(t, w.ResetPassword(ctx, accounts.Reset{Token: w.last("set_password", in.Email).token(t), Password: word}))
	tokens, err := w.people.SignIn(ctx, in.Email, word)
	must(t, err)
	if who, err := w.people.Verify(ctx, tokens.Access); err != nil || who.Role != identity.Staff {
		t.Errorf("%+v, %v", who, err)
	}
}

func TestClosing(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	t.Run("a person closes her own account with her password, and an admin restores it", func(t *testing.T) {
		who := w.register("mama@uhs.example", identity.Parent)
		if err := w.Deactivate(ctx, who, other); err == nil {
			t.Error("a wrong password closed the account")
		}
		must(t, w.Deactivate(ctx, who, word))
		w.last("closed", "mama@uhs.example")
		_, err := w.people.SignIn(ctx, "mama@uhs.example", word)
		wantErr(t, err, identity.ErrClosed)
		_, err = w.Restore(ctx, identity.Actor{Account: who.Account, Role: identity.Parent}, who.Account)
		wantErr(t, err, identity.ErrForbidden)
		_, err = w.Restore(ctx, w.admin, who.Account)
		must(t, err)
		if _, err := w.people.SignIn(ctx, "mama@uhs.example", word); err != nil {
			t.Error(err)
		}
		_, err = w.Restore(ctx, w.admin, who.Account)
		wantErr(t, err, accounts.ErrNotClosed)
	})
	t.Run("what was pending is pending again after delete and restore", func(t *testing.T) {
		who := w.register("partner@uhs.example", identity.Partner)
		must(t, w.Delete(ctx, w.admin, who.Account, "twice registered"))
		must(t, w.Delete(ctx, w.admin, who.Account, "again"))
		p, err := w.Restore(ctx, w.admin, who.Account)
		if err != nil || p.Account.Status != identity.Pending {
			t.Errorf("%s, %v", p.Account.Status, err)
		}
	})
	t.Run("an admin closes neither herself nor the last admin, and gives a reason", func(t *testing.T) {
		wantErr(t, w.Delete(ctx, w.admin, w.admin.Account, "x"), accounts.ErrOwnAccount)
		wantErr(t, w.Deactivate(ctx, w.admin, word), identity.ErrLastAdmin)
		who := w.register("b@uhs.example", identity.Parent)
		if err := w.Delete(ctx, w.admin, who.Account, " "); err == nil {
			t.Error("no reason was taken")
		}
		wantErr(t, w.Delete(ctx, w.admin, "nobody", "x"), identity.ErrNoSuchAccount)
		wantErr(t, w.Delete(ctx, who, w.admin.Account, "x"), identity.ErrForbidden)
	})
	t.Run("a school hears that its learner's account is closed, and decides itself", func(t *testing.T) {
		school, err := w.people.CreateSchool(ctx, w.admin, identity.NewSchool{Name: "Lodwar", County: "Turkana"})
		must(t, err)
		who := w.register("child@uhs.example", identity.Student)
		_, err = w.people.AddLearner(ctx, w.admin, school.ID, identity.NewLearner{Account: who.Account, Grade: "Grade 4", ClassName: "4 Blue"})
		must(t, err)
		wantErr(t, w.Deactivate(ctx, who, word), accounts.ErrBySchool)
		w.told.changes = nil
		must(t, w.Delete(ctx, w.admin, who.Account, "left"))
		status := identity.Status("")
		for _, c := range w.told.changes {
			var a identity.Account
			if c.Spec.Name == identity.Accounts.Name && syncproto.DecodeBody(c.Body, &a) == nil && a.ID == who.Account {
				status = a.Status
			}
		}
		if status != identity.Deleted {
			t.Errorf("the school was told %q", status)
		}
	})
}

func picture(t *testing.T, w, h int, enc func(*bytes.Buffer, image.Image) error) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, color.RGBA{200, 30, 30, 255})
		}
	}
	var b bytes.Buffer
	must(t, enc(&b, img))
	return b.Bytes()
}

func asPNG(b *bytes.Buffer, i image.Image) error  { return png.Encode(b, i) }
func asJPEG(b *bytes.Buffer, i image.Image) error { return jpeg.Encode(b, i, nil) }

func TestPicture(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	who := w.register("mama@uhs.example", identity.Parent)
	hidden := []byte("<script>alert(1)</script>")
	for name, raw := range map[string][]byte{
		"a PNG": append(picture(t, 700, 500, asPNG), hidden...), "a JPEG": append(picture(t, 90, 200, asJPEG), hidden...), "one pixel": picture(t, 1, 1, asPNG),
	} {
		t.Run(name+" becomes a small square of its own, without what was hidden in the file", func(t *testing.T) {
			url, err := w.SetAvatar(ctx, who, raw)
			must(t, err)
			kept, err := w.Avatar(ctx, strings.TrimPrefix(url, "/api/v1/avatars/"))
			must(t, err)
			if bytes.Contains(kept, []byte("script")) {
				t.Error("the file still holds what was hidden")
			}
			img, kind, err := image.Decode(bytes.NewReader(kept))
			if err != nil || kind != "jpeg" || img.Bounds().Dx() != 256 || img.Bounds().Dy() != 256 {
				t.Fatalf("%s %v %v", kind, img.Bounds(), err)
			}
			if r, g, _, _ := img.At(128, 128).RGBA(); r>>8 < 190 || g>>8 > 45 {
				t.Errorf("the colour is %d %d", r>>8, g>>8)
			}
			if p, err := w.people.Me(ctx, who); err != nil || p.Profile.AvatarURL != url {
				t.Errorf("%s, %v", p.Profile.AvatarURL, err)
			}
		})
	}
	// The header of a PNG that claims 60,000 by 60,000 pixels.
	huge := picture(t, 1, 1, asPNG)
	copy(huge[16:24], []byte{0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60})
	for name, raw := range map[string][]byte{
		"nothing": nil, "a text": hidden, "an SVG": []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "half a file": picture(t, 50, 50, asPNG)[:60], "a claim of too many pixels": huge,
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			_, err := w.SetAvatar(ctx, who, raw)
			wantErr(t, err, accounts.ErrPicture)
		})
	}
	t.Run("a removed picture is gone", func(t *testing.T) {
		url, err := w.SetAvatar(ctx, who, picture(t, 5, 5, asPNG))
		must(t, err)
		must(t, w.RemoveAvatar(ctx, who))
		_, err = w.Avatar(ctx, strings.TrimPrefix(url, "/api/v1/avatars/"))
		wantErr(t, err, accounts.ErrNoSuchFile)
	})
}
