package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
)

// Tokens answers a sign-in. Both are secrets of the person who signed in.
type Tokens struct {
	Access, Refresh string
	// ExpiresIn is how long Access lives.
	ExpiresIn time.Duration
}

// session is one sign-in: the family of its refresh tokens.
type session struct {
	id        string
	account   AccountID
	school    SchoolID
	createdAt db.Time
	expiresAt db.Time
	manner
}

type refreshToken struct {
	session           string
	expiresAt, usedAt db.Time
	salt              string
}

// subject is whom a token is made for.
type subject struct {
	account Account
	email   string
	duties  []Duty
	session string
	manner
	limited bool
}

// SignIn opens a session for an e-mail address and password, checked in this
// node's way. ErrWrongPassword also when nobody has the address, after the same
// time; ErrPending and ErrSuspended only after the right password.
func (s *Service) SignIn(ctx context.Context, email, password string) (Tokens, error) {
	return s.SignInWithCode(ctx, email, password, "")
}

// SignInWithCode is SignIn with the code of a second factor, for accounts that
// have one; ErrSecondFactor asks for it, after the right password only.
func (s *Service) SignInWithCode(ctx context.Context, email, password, code string) (Tokens, error) {
	who, err := s.candidate(ctx, func(tx db.Tx) (candidate, error) {
		return s.passwords.find(ctx, tx, strings.ToLower(strings.TrimSpace(email)))
	})
	if err != nil {
		return Tokens{}, fmt.Errorf("sign in: %w", err)
	}

	secret, err := s.passwords.secret(password)
	if err != nil {
		return Tokens{}, fmt.Errorf("sign in: %w", err)
	}
	who.typed = strings.ToLower(strings.TrimSpace(email))
	ok, err := s.proves(ctx, who, SchoolPassword, secret)
	if err != nil {
		return Tokens{}, fmt.Errorf("sign in: %w", err)
	}
	if !ok {
		return Tokens{}, s.noteFailedSignIn(ctx, who, ErrWrongPassword)
	}
	if err := s.passFactor(ctx, who, code); err != nil {
		return Tokens{}, fmt.Errorf("sign in: %w", err)
	}
	return s.open(ctx, who.account, manner{})
}

// passFactor takes the code of who's second factor, where she has one, and notes
// a refusal. It is asked after the right password only.
func (s *Service) passFactor(ctx context.Context, who candidate, code string) error {
	if s.factor == nil || who.account.Status != Active {
		return nil
	}
	if err := s.factor.Enter(ctx, who.account.ID, code); err != nil {
		return s.noteFailedSignIn(ctx, who, err)
	}
	return nil
}

// SignInPIN opens a session for a learner of this node's school. ErrWrongPIN
// also for anybody else.
func (s *Service) SignInPIN(ctx context.Context, learner AccountID, pin string) (Tokens, error) {
	return s.signInLearner(ctx, learner, PIN, pin)
}

func (s *Service) signInLearner(ctx context.Context, learner AccountID, kind CredentialKind, typed string) (Tokens, error) {
	who, err := s.candidate(ctx, func(tx db.Tx) (candidate, error) {
		return db.First(ctx, tx, selectLearnerSecret, scanCandidate, learner, s.school, kind)
	})
	if err != nil {
		return Tokens{}, fmt.Errorf("sign in by %s: %w", kind, err)
	}

	secret, err := s.schoolSecret(s.school, typed)
	if err != nil {
		return Tokens{}, fmt.Errorf("sign in by %s: %w", kind, err)
	}
	ok, err := s.proves(ctx, who, kind, secret)
	if err != nil {
		return Tokens{}, fmt.Errorf("sign in by %s: %w", kind, err)
	}
	if !ok {
		return Tokens{}, s.noteFailedSignIn(ctx, who, wrong(kind))
	}
	return s.open(ctx, who.account, manner{means: kind})
}

// candidate is what find gives, and the empty candidate for nobody.
func (s *Service) candidate(ctx context.Context, find func(db.Tx) (candidate, error)) (candidate, error) {
	var c candidate
	err := s.db.View(ctx, func(tx db.Tx) error {
		var err error
		c, err = find(tx)
		if errors.Is(err, db.ErrNoRows) {
			return nil
		}
		return err
	})
	return c, err
}

// manner is how a session was opened.
type manner struct {
	// guardian is set in a child's session at home.
	guardian AccountID
	// means is what was shown at the school's door.
	means CredentialKind
}

// open starts a session for a person whose secret was right, or for a child whose
// guardian hands her the phone.
func (s *Service) open(ctx context.Context, a Account, m manner) (Tokens, error) {
	if err := s.mayEnter(a); err != nil {
		return Tokens{}, s.noteFailedSignIn(ctx, candidate{account: a}, err)
	}

	sid, refresh, now := id.New(), id.Secret(32), s.now()
	until := db.Time{Time: now.Add(RefreshLifetime)}
	var p subject
	err := s.db.Update(ctx, func(tx db.Tx) error {
		var err error
		if p, err = s.subject(ctx, tx, a.ID, sid); err != nil {
			return err
		}
		p.manner = m
		if err := barred(ctx, tx, p.account); err != nil {
			return err
		}
		device := cutDevice(s.device(ctx))
		if _, err := tx.Exec(ctx, insertSession, sid, a.ID, p.account.School, now, until, m.guardian, m.means, device); err != nil {
			return err
		}
		if _, err = tx.Exec(ctx, insertRefresh, tokenHash(refresh), sid, until); err != nil {
			return err
		}
		return s.noteSignIn(ctx, tx, p)
	})
	if err != nil {
		return Tokens{}, fmt.Errorf("open a session: %w", err)
	}
	return s.tokens(p, refresh)
}

func (s *Service) subject(ctx context.Context, tx db.Tx, account AccountID, sid string) (subject, error) {
	p, err := db.First(ctx, tx, selectPerson, scanPerson, account)
	if err != nil {
		return subject{}, err
	}
	duties, err := dutiesOf(ctx, tx, account, p.Account.School)
	if err != nil {
		return subject{}, err
	}
	out := subject{account: p.Account, email: p.Email, duties: duties, session: sid}
	if s.factor != nil {
		out.limited, err = s.factor.Missing(ctx, tx, p.Account)
	}
	return out, err
}

func (s *Service) tokens(p subject, refresh string) (Tokens, error) {
	access, err := s.sign(p)
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{Access: access, Refresh: refresh, ExpiresIn: AccessLifetime}, nil
}

func dutiesOf(ctx context.Context, tx db.Tx, account AccountID, school SchoolID) ([]Duty, error) {
	if school == "" {
		return nil, nil
	}
	grants, err := db.All(ctx, tx, selectDuties, scanDuty, account, school)
	if err != nil {
		return nil, err
	}
	duties := make([]Duty, len(grants))
	for i, g := range grants {
		duties[i] = g.Duty
	}
	return duties, nil
}

// tokenHash is all that is stored of a refresh token. A fast hash is enough:
// the token is 256 random bits.
func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// successor derives the one token that follows. Whoever has only the database
// lacks the token, whoever has only the token lacks the salt; together they
// give the same successor again within the grace, without storing it.
func successor(salt, token string) string {
	mac := hmac.New(sha256.New, []byte(salt))
	mac.Write([]byte(token))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Refresh exchanges a refresh token for new tokens. Within RefreshGrace a used
// token leads to the newest of its family, so that a tab with an old token never
// takes the others back; later it ends the whole session, because then two
// parties hold it (ErrRefreshReused).
func (s *Service) Refresh(ctx context.Context, token string) (Tokens, error) {
	var p subject
	var next string
	var reused bool
	salt := id.Secret(32)
	err := s.db.Update(ctx, func(tx db.Tx) error {
		reused = false
		ses, err := s.liveSession(ctx, tx, token)
		if err != nil {
			return err
		}

		from, used, err := s.newest(ctx, tx, token, salt)
		if err != nil {
			return err
		}
		if used.salt == "" { // not ours to give, and committed: the family is dead
			reused = true
			return s.end(ctx, tx, ses.id, ses.school)
		}

		if p, err = s.subject(ctx, tx, ses.account, ses.id); err != nil {
			return err
		}
		if err := s.mayEnter(p.account); err != nil {
			return err
		}
		if p.account.School != ses.school {
			return ErrSignInAgain
		}
		p.manner = ses.manner
		if p.guardian != "" {
			if err := s.stillHome(ctx, tx, p); err != nil {
				return err
			}
		}

		next = successor(used.salt, from)
		until := db.Time{Time: used.usedAt.Add(RefreshLifetime)}
		if _, err := tx.Exec(ctx, insertRefresh, tokenHash(next), ses.id, until); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, extendSession, ses.id, until, used.usedAt)
		return err
	})
	if err != nil {
		return Tokens{}, fmt.Errorf("refresh: %w", err)
	}
	if reused {
		return Tokens{}, ErrRefreshReused
	}
	return s.tokens(p, next)
}

// liveSession is the session of a refresh token; ErrSignInAgain when the token
// is unknown or too old, or the session as old as one may be; ErrTokenRevoked when
// the session has ended.
func (s *Service) liveSession(ctx context.Context, tx db.Tx, token string) (session, error) {
	rt, err := db.First(ctx, tx, selectRefresh, scanRefresh, tokenHash(token))
	if errors.Is(err, db.ErrNoRows) || err == nil && !rt.expiresAt.After(s.clock.Now()) {
		return session{}, ErrSignInAgain
	}
	if err != nil {
		return session{}, err
	}
	ses, err := db.First(ctx, tx, selectSession, scanSession, rt.session)
	if err != nil {
		return ses, err
	}
	if !ses.createdAt.Add(SessionLifetime).After(s.clock.Now()) {
		return ses, ErrSignInAgain
	}
	ended, err := exists(ctx, tx, countRevocation, revocationID(ses.school, ses.id))
	if err != nil {
		return ses, err
	}
	if ended {
		return ses, ErrTokenRevoked
	}
	return ses, nil
}

// newest uses token or, when it was used within the grace, follows its family to
// the token whose successor nobody has used.
func (s *Service) newest(ctx context.Context, tx db.Tx, token, salt string) (string, refreshToken, error) {
	for {
		used, err := s.use(ctx, tx, token, salt)
		if err != nil || used.salt == "" || used.salt == salt {
			return token, used, err
		}
		next := successor(used.salt, token)
		rt, err := db.First(ctx, tx, selectRefresh, scanRefresh, tokenHash(next))
		if err != nil {
			return token, used, err
		}
		if rt.usedAt.IsZero() {
			return token, used, nil
		}
		token = next
	}
}

// use marks the token used and gives the mark: ours with salt, or within the
// grace the first user's. An empty salt says that the grace is over.
func (s *Service) use(ctx context.Context, tx db.Tx, token, salt string) (refreshToken, error) {
	hash, now := tokenHash(token), s.now()
	n, err := tx.Exec(ctx, useRefresh, hash, now, salt)
	if err != nil {
		return refreshToken{}, err
	}
	if n == 1 {
		return refreshToken{usedAt: now, salt: salt}, nil
	}
	used, err := db.First(ctx, tx, selectRefresh, scanRefresh, hash)
	if err != nil {
		return used, err
	}
	if now.Sub(used.usedAt.Time) > RefreshGrace {
		used.salt = ""
	}
	return used, nil
}

// SignOut ends the actor's session: its access and refresh tokens are refused
// from now on, here at once and on the other side after the next exchange.
func (s *Service) SignOut(ctx context.Context, who Actor) error {
	if who.Account == "" {
		return ErrNobody
	}
	err := s.db.Update(ctx, func(tx db.Tx) error {
		if err := s.end(ctx, tx, who.Session, who.School); err != nil {
			return err
		}
		return s.audit.Note(ctx, tx, audit.Entry{Action: "sign_out", School: string(who.School), TargetKind: "session", TargetID: who.Session})
	})
	if err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

// end stores the end of a session. It travels when the session's tokens are
// good elsewhere too: those of the cloud that name a school.
func (s *Service) end(ctx context.Context, tx db.Tx, sid string, school SchoolID) error {
	r := Revocation{
		ID: revocationID(school, sid), Session: sid, School: school,
		ExpiresAt: db.Time{Time: s.clock.Now().Add(RefreshLifetime + ClockLeeway)},
	}
	audience := s.audience
	_, err := db.First(ctx, tx, selectSession, scanSession, sid)
	if errors.Is(err, db.ErrNoRows) { // issued elsewhere, so by the cloud
		audience, err = CloudAudience, nil
	}
	if err != nil {
		return err
	}
	if audience != CloudAudience || school == "" {
		_, err = Revocations.Put(ctx, tx, r)
		return err
	}
	_, err = Revocations.Save(ctx, tx, r)
	return err
}

// endAll ends every live session of account except keep.
func (s *Service) endAll(ctx context.Context, tx db.Tx, account AccountID, keep string) error {
	live, err := db.All(ctx, tx, liveSessions, scanSession, account, s.now())
	if err != nil {
		return err
	}
	for _, ses := range live {
		if ses.id == keep {
			continue
		}
		if err := s.end(ctx, tx, ses.id, ses.school); err != nil {
			return err
		}
	}
	return nil
}

// KeepSessions is how long an ended session remains, for "last signed in".
const KeepSessions = 400 * 24 * time.Hour

// Sweep deletes refresh tokens, revocations and sessions that no longer matter.
// The app calls it now and then.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.now()
	err := s.db.Update(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, sweepRefresh, now); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sweepRevocations, now); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sweepSessions, db.Time{Time: now.Add(-KeepSessions)})
		return err
	})
	if err != nil {
		return fmt.Errorf("sweep sessions: %w", err)
	}
	return nil
}
