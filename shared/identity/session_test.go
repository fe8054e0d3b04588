package identity_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

func TestSignIn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		p, _ := w.parent(t, "mary@example.org")

		t.Run("the right password gives a token that says who it is", func(t *testing.T) {
			tokens := get(w.SignIn(ctx, " Mary@Example.org ", goodWord))(t)
			who := get(w.Verify(ctx, tokens.Access))(t)
			if who.Account != p.Account.ID || who.Role != identity.Parent || who.Email != "mary@example.org" || who.Session == "" || who.JTI == "" {
				t.Errorf("actor = %+v", who)
			}
			if tokens.ExpiresIn != 30*time.Minute {
				t.Errorf("expires in %v", tokens.ExpiresIn)
			}
			if me := get(w.Me(ctx, who))(t); me.LastLogin.IsZero() || me.Account.FullName != "Mary Mother" {
				t.Errorf("me = %+v", me)
			}
		})
		t.Run("a wrong password and an unknown address get the same answer", func(t *testing.T) {
			_, err := w.SignIn(ctx, "mary@example.org", otherWord)
			wantErr(t, err, identity.ErrWrongPassword)
			_, err = w.SignIn(ctx, "nobody@example.org", goodWord)
			wantErr(t, err, identity.ErrWrongPassword)
		})
		t.Run("a pending account enters as an applicant, and with its role once it is approved", func(t *testing.T) {
			in := identity.Registration{Email: "new@example.org", Password: goodWord, Role: identity.Instructor}
			pending := get(w.Register(ctx, in))(t)
			_, err := w.SignIn(ctx, "new@example.org", otherWord)
			wantErr(t, err, identity.ErrWrongPassword)
			tokens := get(w.SignIn(ctx, "new@example.org", goodWord))(t)
			if who := get(w.Verify(ctx, tokens.Access))(t); who.Role != identity.Applicant {
				t.Errorf("she enters as %s", who.Role)
			}

			get(w.SetStatus(ctx, w.admin, pending.Account.ID, identity.Active))(t)
			tokens = get(w.Refresh(ctx, tokens.Refresh))(t)
			if who := get(w.Verify(ctx, tokens.Access))(t); who.Role != identity.Instructor {
				t.Errorf("after approval she is %s", who.Role)
			}
		})
		t.Run("suspending ends the open sessions and refuses new ones", func(t *testing.T) {
			other, _ := w.parent(t, "susan@example.org")
			tokens := get(w.SignIn(ctx, "susan@example.org", goodWord))(t)
			get(w.SetStatus(ctx, w.admin, other.Account.ID, identity.Suspended))(t)
			_, err := w.Verify(ctx, tokens.Access)
			wantErr(t, err, identity.ErrTokenRevoked)
			_, err = w.Refresh(ctx, tokens.Refresh)
			wantErr(t, err, identity.ErrTokenRevoked)
			_, err = w.SignIn(ctx, "susan@example.org", goodWord)
			wantErr(t, err, identity.ErrSuspended)
		})
	})
}

func TestRefresh(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		w.parent(t, "mary@example.org")

		t.Run("a token gives one successor and, within the grace, the same again", func(t *testing.T) {
			first := get(w.SignIn(ctx, "mary@example.org", goodWord))(t)
			second := get(w.Refresh(ctx, first.Refresh))(t)
			w.clock.Advance(identity.RefreshGrace)
			again := get(w.Refresh(ctx, first.Refresh))(t)
			if second.Refresh == first.Refresh || again.Refresh != second.Refresh {
				t.Errorf("successors %q and %q of %q", second.Refresh, again.Refresh, first.Refresh)
			}
			third := get(w.Refresh(ctx, second.Refresh))(t)
			get(w.Verify(ctx, third.Access))(t)
		})
		t.Run("using it later ends the whole session", func(t *testing.T) {
			first := get(w.SignIn(ctx, "mary@example.org", goodWord))(t)
			second := get(w.Refresh(ctx, first.Refresh))(t)
			w.clock.Advance(identity.RefreshGrace + time.Second)
			_, err := w.Refresh(ctx, first.Refresh)
			wantErr(t, err, identity.ErrRefreshReused)
			_, err = w.Refresh(ctx, second.Refresh)
			wantErr(t, err, identity.ErrTokenRevoked)
			_, err = w.Verify(ctx, second.Access)
			wantErr(t, err, identity.ErrTokenRevoked)
		})
		t.Run("two at the same moment get the same successor", func(t *testing.T) {
			start := get(w.SignIn(ctx, "mary@example.org", goodWord))(t)
			var wg sync.WaitGroup
			got := make([]string, 4)
			for i := range got {
				wg.Go(func() {
					tokens, err := w.Refresh(context.WithoutCancel(ctx), start.Refresh)
					if err != nil {
						t.Error(err)
					}
					got[i] = tokens.Refresh
				})
			}
			wg.Wait()
			for _, g := range got {
				if g == "" || g != got[0] {
					t.Errorf("successors differ: %v", got)
				}
			}
		})
		t.Run("unknown and old tokens mean signing in again", func(t *testing.T) {
			_, err := w.Refresh(ctx, id.Secret(32))
			wantErr(t, err, identity.ErrSignInAgain)
			tokens := get(w.SignIn(ctx, "mary@example.org", goodWord))(t)
			w.clock.Advance(identity.RefreshLifetime)
			_, err = w.Refresh(ctx, tokens.Refresh)
			wantErr(t, err, identity.ErrSignInAgain)
			must(t, w.Sweep(ctx))
		})
		t.Run("a sign-in that is used every few days ends at last", func(t *testing.T) {
			tokens := get(w.SignIn(ctx, "mary@example.org", goodWord))(t)
			const step = 6 * 24 * time.Hour
			for used := step; used < identity.SessionLifetime; used += step {
				w.clock.Advance(step)
				tokens = get(w.Refresh(ctx, tokens.Refresh))(t)
			}
			w.clock.Advance(step)
			_, err := w.Refresh(ctx, tokens.Refresh)
			wantErr(t, err, identity.ErrSignInAgain)
		})
	})
}

func TestSignOut(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		a, b := w.school(t, "Alfa"), w.school(t, "Bravo")
		boxA, boxB := w.node(t, a.ID), w.node(t, b.ID)
		teacher, _ := w.instructor(t, a.ID, "tom@example.org")
		must(t, w.SetSchoolPassword(ctx, w.admin, teacher.ID, boxWord))
		w.down(t, boxA)

		t.Run("the tokens of the session are refused, another session's are not", func(t *testing.T) {
			gone := get(boxA.SignIn(ctx, "tom@example.org", boxWord))(t)
			stays := get(boxA.SignIn(ctx, "tom@example.org", boxWord))(t)
			must(t, boxA.SignOut(ctx, get(boxA.Verify(ctx, gone.Access))(t)))
			_, err := boxA.Verify(ctx, gone.Access)
			wantErr(t, err, identity.ErrTokenRevoked)
			_, err = boxA.Refresh(ctx, gone.Refresh)
			wantErr(t, err, identity.ErrTokenRevoked)
			get(boxA.Verify(ctx, stays.Access))(t)
			if sent := boxA.out.take("cloud"); len(sent) != 0 {
				t.Errorf("the end of a session of the box alone was sent: %d", len(sent))
			}
		})
		t.Run("the end of a cloud session travels both ways", func(t *testing.T) {
			in := identity.Registration{Email: "tina@example.org", Password: goodWord, Role: identity.Instructor, FullName: "Tina T"}
			tina := get(w.CreateAccount(ctx, w.admin, in))(t)
			get(w.AddInstructor(ctx, w.admin, a.ID, identity.NewInstructor{Account: tina.Account.ID}))(t)
			w.down(t, boxA)

			atBox := get(w.SignIn(ctx, "tina@example.org", goodWord))(t)
			must(t, boxA.SignOut(ctx, get(boxA.Verify(ctx, atBox.Access))(t)))
			w.up(t, boxA)
			_, err := w.Verify(ctx, atBox.Access)
			wantErr(t, err, identity.ErrTokenRevoked)

			atCloud := get(w.SignIn(ctx, "tina@example.org", goodWord))(t)
			must(t, w.SignOut(ctx, get(w.Verify(ctx, atCloud.Access))(t)))
			get(boxA.Verify(ctx, atCloud.Access))(t)
			w.down(t, boxA)
			_, err = boxA.Verify(ctx, atCloud.Access)
			wantErr(t, err, identity.ErrTokenRevoked)
		})
		t.Run("a school cannot end another school's session", func(t *testing.T) {
			in := identity.Registration{Email: "tess@example.org", Password: goodWord, Role: identity.Instructor, FullName: "Tess T"}
			tess := get(w.CreateAccount(ctx, w.admin, in))(t)
			get(w.AddInstructor(ctx, w.admin, a.ID, identity.NewInstructor{Account: tess.Account.ID}))(t)
			tokens := get(w.SignIn(ctx, "tess@example.org", goodWord))(t)
			who := get(w.Verify(ctx, tokens.Access))(t)
			forged := who
			forged.School = b.ID
			must(t, boxB.SignOut(ctx, forged))
			w.up(t, boxB)
			get(w.Verify(ctx, tokens.Access))(t)
		})
	})
}

func TestVerify(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		a, b := w.school(t, "Alfa"), w.school(t, "Bravo")
		boxA, boxB := w.node(t, a.ID), w.node(t, b.ID)
		amina := w.learner(t, a.ID, "Amina Otieno", "4711")
		in := identity.Registration{Email: "tom@example.org", Password: goodWord, Role: identity.Instructor, FullName: "Tom Teacher"}
		tom := get(w.CreateAccount(ctx, w.admin, in))(t)
		get(w.AddInstructor(ctx, w.admin, a.ID, identity.NewInstructor{
			Account: tom.Account.ID, SchoolPassword: boxWord, Duties: []identity.Duty{identity.Bursar},
		}))(t)
		w.parent(t, "mary@example.org")
		w.down(t, boxA)
		w.down(t, boxB)

		ofCloud := get(w.SignIn(ctx, "tom@example.org", goodWord))(t)
		ofBox := get(boxA.SignInPIN(ctx, amina.ID, "4711"))(t)

		t.Run("a cloud token works at its own school, with its duties", func(t *testing.T) {
			who := get(boxA.Verify(ctx, ofCloud.Access))(t)
			if who.Account != tom.Account.ID || who.School != a.ID || !who.Has(identity.Bursar) {
				t.Errorf("actor = %+v", who)
			}
		})
		t.Run("a token of school A is refused at school B", func(t *testing.T) {
			_, err := boxB.Verify(ctx, ofCloud.Access)
			wantErr(t, err, identity.ErrTokenInvalid)
			_, err = boxB.Verify(ctx, ofBox.Access)
			wantErr(t, err, identity.ErrTokenInvalid)
		})
		t.Run("a cloud token without a school is refused at a school", func(t *testing.T) {
			_, err := boxA.Verify(ctx, get(w.SignIn(ctx, "mary@example.org", goodWord))(t).Access)
			wantErr(t, err, identity.ErrTokenInvalid)
		})
		t.Run("a school's token is refused by the cloud", func(t *testing.T) {
			get(boxA.Verify(ctx, ofBox.Access))(t)
			_, err := w.Verify(ctx, ofBox.Access)
			wantErr(t, err, identity.ErrTokenInvalid)
		})
		t.Run("a refresh token and rubbish are no access tokens", func(t *testing.T) {
			for _, token := range []string{ofCloud.Refresh, "", "a.b.c", ofCloud.Access + "x", ofCloud.Access[:len(ofCloud.Access)-4]} {
				_, err := w.Verify(ctx, token)
				wantErr(t, err, identity.ErrTokenInvalid)
			}
		})
		t.Run("an expired token is refused after the leeway", func(t *testing.T) {
			fresh := get(w.SignIn(ctx, "tom@example.org", goodWord))(t)
			w.clock.Advance(identity.AccessLifetime + identity.ClockLeeway - time.Second)
			get(w.Verify(ctx, fresh.Access))(t)
			w.clock.Advance(2 * time.Second)
			_, err := w.Verify(ctx, fresh.Access)
			wantErr(t, err, identity.ErrTokenExpired)
		})
	})
}

func TestVerifyRefusesForgedTokens(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		key := get(w.JWKS(ctx))(t)[0]
		if key.KeyType != "OKP" || key.Curve != "Ed25519" || key.Algorithm != "EdDSA" {
			t.Fatalf("key = %+v", key)
		}
		public := get(base64.RawURLEncoding.DecodeString(key.X))(t)
		kid, announced := announceKey(t, w)
		_, stranger, err := ed25519.GenerateKey(nil)
		must(t, err)

		with := func(name string, value any) jwt.MapClaims {
			c := jwt.MapClaims{
				"iss": "https://uhs.example", "aud": "cloud", "sub": string(w.admin.Account), "role": "admin", "type": "access",
				"sid": id.New(), "jti": id.New(), "exp": w.clock.Now().Add(time.Minute).Unix(),
			}
			c[name] = value
			if value == nil {
				delete(c, name)
			}
			return c
		}
		signed := func(m jwt.SigningMethod, kid string, secret any, c jwt.MapClaims) string {
			tok := jwt.NewWithClaims(m, c)
			tok.Header["kid"] = kid
			return get(tok.SignedString(secret))(t)
		}
		ed := jwt.SigningMethodEdDSA

		// So that the cases below fail for their own reason.
		get(w.Verify(ctx, signed(ed, kid, announced, with("role", "admin"))))(t)

		for name, token := range map[string]string{
			"HMAC with the public key":  signed(jwt.SigningMethodHS256, key.KeyID, public, with("role", "admin")),
			"no signature":              signed(jwt.SigningMethodNone, key.KeyID, jwt.UnsafeAllowNoneSignatureType, with("role", "admin")),
			"one bit more at the end":   loose(signed(ed, kid, announced, with("role", "admin"))),
			"another key under our kid": signed(ed, key.KeyID, stranger, with("role", "admin")),
			"a path as kid":             signed(ed, "../../etc/passwd", stranger, with("role", "admin")),
			"SQL as kid":                signed(ed, "' OR 1=1 --", stranger, with("role", "admin")),
			"another audience":          signed(ed, kid, announced, with("aud", "box-1")),
			"two audiences":             signed(ed, kid, announced, with("aud", []string{"cloud", "box-1"})),
			"another issuer":            signed(ed, kid, announced, with("iss", "https://elsewhere.example")),
			"another type":              signed(ed, kid, announced, with("type", "refresh")),
			"no expiry":                 signed(ed, kid, announced, with("exp", nil)),
			"no audience":               signed(ed, kid, announced, with("aud", nil)),
			"no session":                signed(ed, kid, announced, with("sid", nil)),
			"no subject":                signed(ed, kid, announced, with("sub", nil)),
			"no role":                   signed(ed, kid, announced, with("role", nil)),
		} {
			t.Run(name, func(t *testing.T) {
				_, err := w.Verify(ctx, token)
				wantErr(t, err, identity.ErrTokenInvalid)
			})
		}
	})
}

// announceKey is a second key of the cloud whose private half the test knows.
func announceKey(t *testing.T, w *world) (kid string, private ed25519.PrivateKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	must(t, err)
	k := identity.Key{
		ID: id.New(), Issuer: "https://uhs.example", Public: base64.RawURLEncoding.EncodeToString(public), CreatedAt: db.Time{Time: w.clock.Now()},
	}
	must(t, w.db.Update(t.Context(), func(tx db.Tx) error {
		_, err := identity.Keys.Put(t.Context(), tx, k)
		return err
	}))
	return k.ID, private
}

// loose is the token with the spare bits of its last character set: the same bytes to a
// decoder that lets them pass, another text.
func loose(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(token) - 1
	return token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])|1])
}
