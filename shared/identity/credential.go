package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
)

// pinVerifier is the verifier of a PIN, empty for none.
func (s *Service) pinVerifier(ctx context.Context, school SchoolID, pin string) (string, error) {
	if pin == "" {
		return "", nil
	}
	if err := checkPIN(pin); err != nil {
		return "", err
	}
	secret, err := s.schoolSecret(school, pin)
	if err != nil {
		return "", err
	}
	return s.hash(ctx, secret)
}

// passwordVerifier is the verifier of a school password, empty for none. It
// refuses the account's cloud password: what a stolen box gives away must not
// open the cloud.
func (s *Service) passwordVerifier(ctx context.Context, school SchoolID, account AccountID, password string) (string, error) {
	if password == "" {
		return "", nil
	}
	if err := checkPassword(password, "school_password"); err != nil {
		return "", err
	}
	login, err := s.login(ctx, account)
	if err != nil {
		return "", err
	}
	same, err := s.matches(ctx, login.verifier, keyed([]byte(cloudPepper), password))
	if err != nil {
		return "", err
	}
	if same {
		return "", invalid("same_as_cloud", "The school password differs from the one for the cloud.", "school_password")
	}
	secret, err := s.schoolSecret(school, password)
	if err != nil {
		return "", err
	}
	return s.hash(ctx, secret)
}

func (s *Service) saveCredential(ctx context.Context, tx db.Tx, a Account, kind CredentialKind, verifier string) error {
	_, err := Credentials.Save(ctx, tx, Credential{
		ID: credentialID(a.School, a.ID, kind), School: a.School, Account: a.ID, Kind: kind, Verifier: verifier, UpdatedAt: s.now(),
	})
	return err
}

// SetPIN gives a learner a new PIN; for admins and all instructors of her school.
func (s *Service) SetPIN(ctx context.Context, who Actor, learner AccountID, pin string) error {
	if err := who.Require(Admin, Instructor); err != nil {
		return err
	}
	if err := checkPIN(pin); err != nil {
		return err
	}
	a, err := s.member(ctx, who, learner, Student)
	if err != nil {
		return fmt.Errorf("set a PIN: %w", err)
	}
	verifier, err := s.pinVerifier(ctx, a.School, pin)
	if err != nil {
		return fmt.Errorf("set a PIN: %w", err)
	}
	return s.replaceCredential(ctx, who, a, PIN, verifier)
}

// SetSchoolPassword gives an instructor a new password for the school's box; for
// herself, admins and the head.
func (s *Service) SetSchoolPassword(ctx context.Context, who Actor, account AccountID, password string) error {
	if err := who.Require(Admin, Instructor); err != nil {
		return err
	}
	if err := checkPassword(password, "school_password"); err != nil {
		return err
	}
	a, err := s.member(ctx, who, account, Instructor)
	if err != nil {
		return fmt.Errorf("set a school password: %w", err)
	}
	if who.Role != Admin && who.Account != account && !who.Has(Head) {
		return ErrForbidden
	}
	verifier, err := s.passwordVerifier(ctx, a.School, account, password)
	if err != nil {
		return fmt.Errorf("set a school password: %w", err)
	}
	return s.replaceCredential(ctx, who, a, SchoolPassword, verifier)
}

// member is a school's member of role that the actor, an admin or of the same
// school, may know of; ErrNoSuchAccount otherwise.
func (s *Service) member(ctx context.Context, who Actor, account AccountID, role Role) (Account, error) {
	var a Account
	err := s.db.View(ctx, func(tx db.Tx) error {
		var err error
		a, err = s.Account(ctx, tx, account)
		return err
	})
	if err != nil {
		return a, err
	}
	if a.Role != role || a.School == "" || (who.Role != Admin && who.School != a.School) {
		return Account{}, ErrNoSuchAccount
	}
	return a, nil
}

// replaceCredential stores a verifier, made outside the transaction, unless the
// person has changed school meanwhile: then the pepper is the wrong one.
func (s *Service) replaceCredential(ctx context.Context, who Actor, a Account, kind CredentialKind, verifier string) error {
	err := s.db.Update(ctx, func(tx db.Tx) error {
		now, err := s.Account(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if now.School != a.School {
			return ErrNoSuchAccount
		}
		save := s.saveCredential
		if kind == PIN {
			save = s.saveLearnerSecret
		}
		if err := save(ctx, tx, a, kind, verifier); err != nil {
			return err
		}
		return s.NoteAct(ctx, tx, who, Act{Action: "set_" + string(kind), Target: a.ID})
	})
	if err != nil {
		return fmt.Errorf("replace a credential: %w", err)
	}
	return nil
}

// Pictures are the twelve that a child chooses from. The names are on the wire
// and in verifiers: they never change, and none is taken away.
func Pictures() []string {
	return []string{"sun", "tree", "fish", "house", "star", "ball", "cup", "key", "boat", "drum", "flower", "book"}
}

// sequence is the secret that three pictures in their order are; it refuses
// anything but three different ones.
func sequence(pictures []string) (string, error) {
	bad := invalid("bad_pictures", "Three different pictures of the twelve, in their order.", "pictures")
	if len(pictures) != sequenceLength {
		return "", bad
	}
	for i, p := range pictures {
		if !slices.Contains(Pictures(), p) || slices.Contains(pictures[:i], p) {
			return "", bad
		}
	}
	return strings.Join(pictures, " "), nil
}

const sequenceLength = 3

// SignInPictures opens a session for a learner of this node's school who shows
// her three pictures: it is told who she says she is, and no more than learning
// is open to her. Where pictures may be shown is the guard's to say.
// ErrWrongPictures also for anybody else.
func (s *Service) SignInPictures(ctx context.Context, learner AccountID, pictures []string) (Tokens, error) {
	typed, err := sequence(pictures)
	if err != nil {
		return Tokens{}, err
	}
	return s.signInLearner(ctx, learner, PictureSecret, typed)
}

// Card is what a child is given on paper. The secret is shown at this moment and
// never again: what is stored cannot be read back.
type Card struct {
	Learner  Account
	Kind     CredentialKind
	PIN      string
	Pictures []string
}

// MaxCards is how many cards are made at once: more than the largest class.
const MaxCards = 120

// MakeCards gives learners of one school fresh PINs or pictures, which replace
// what they had of either kind; for admins and all instructors of the school, on
// either side and without a line. All of them or none.
func (s *Service) MakeCards(ctx context.Context, who Actor, kind CredentialKind, learners []AccountID) ([]Card, error) {
	if err := who.Require(Admin, Instructor); err != nil {
		return nil, err
	}
	if kind != PIN && kind != PictureSecret {
		return nil, invalid("unknown_credential", "The kind is pin or pictures.", "kind")
	}
	if len(learners) == 0 || len(learners) > MaxCards {
		return nil, invalid("card_count", "Between 1 and 120 learners.", "learners")
	}
	cards, verifiers := make([]Card, len(learners)), make([]string, len(learners))
	for i, l := range learners {
		a, err := s.member(ctx, who, l, Student)
		if err != nil {
			return nil, fmt.Errorf("make cards: %w", err)
		}
		cards[i] = freshCard(a, kind)
		if verifiers[i], err = s.cardVerifier(ctx, cards[i]); err != nil {
			return nil, fmt.Errorf("make cards: %w", err)
		}
	}
	err := s.db.Update(ctx, func(tx db.Tx) error {
		for i, c := range cards {
			if err := s.saveCard(ctx, tx, c, verifiers[i]); err != nil {
				return err
			}
			if err := s.NoteAct(ctx, tx, who, Act{Action: "reset_" + string(kind), Target: c.Learner.ID}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("make cards: %w", err)
	}
	return cards, nil
}

func freshCard(a Account, kind CredentialKind) Card {
	c := Card{Learner: a, Kind: kind}
	if kind == PictureSecret {
		all := Pictures()
		for len(c.Pictures) < sequenceLength {
			i := id.Below(len(all))
			c.Pictures, all = append(c.Pictures, all[i]), slices.Delete(all, i, i+1)
		}
		return c
	}
	for c.PIN == "" || easyPIN(c.PIN) {
		c.PIN = fmt.Sprintf("%04d", id.Below(10_000))
	}
	return c
}

// easyPIN is a PIN that a classmate tries first: one digit four times, or a run.
func easyPIN(pin string) bool {
	same, up, down := true, true, true
	for i := 1; i < len(pin); i++ {
		same = same && pin[i] == pin[i-1]
		up = up && pin[i] == pin[i-1]+1
		down = down && pin[i] == pin[i-1]-1
	}
	return same || up || down
}

func (s *Service) cardVerifier(ctx context.Context, c Card) (string, error) {
	typed := c.PIN
	if c.Kind == PictureSecret {
		typed = strings.Join(c.Pictures, " ")
	}
	secret, err := s.schoolSecret(c.Learner.School, typed)
	if err != nil {
		return "", err
	}
	return s.hash(ctx, secret)
}

// saveCard stores the new secret and makes the other kind's useless: a child
// whose pictures are known to the class gets a PIN, and the pictures end.
func (s *Service) saveCard(ctx context.Context, tx db.Tx, c Card, verifier string) error {
	now, err := s.Account(ctx, tx, c.Learner.ID)
	if err != nil {
		return err
	}
	if now.School != c.Learner.School {
		return ErrNoSuchAccount // the pepper is the wrong one
	}
	if err := s.saveLearnerSecret(ctx, tx, now, c.Kind, verifier); err != nil {
		return err
	}
	other := PIN
	if c.Kind == PIN {
		other = PictureSecret
	}
	had, err := exists(ctx, tx, countCredential, credentialID(now.School, now.ID, other))
	if err != nil || !had {
		return err
	}
	return s.saveCredential(ctx, tx, now, other, "")
}

// checkCredential lets only those credentials in that the school may have: of its
// present members, of the kind that belongs to their role, under the id that
// belongs to all three. Whoever wrote it, it is asked here.
func checkCredential(ctx context.Context, tx db.Tx, v Credential) error {
	if v.ID != credentialID(v.School, v.Account, v.Kind) {
		return ErrNotYourLearner
	}
	role, err := db.First(ctx, tx, membershipRole, db.Scalar[Role], v.Account, v.School)
	if errors.Is(err, db.ErrNoRows) {
		return ErrNotYourLearner
	}
	if err != nil {
		return err
	}
	fits := role == Student && (v.Kind == PIN || v.Kind == PictureSecret) || role == Instructor && v.Kind == SchoolPassword
	if !fits {
		return ErrNotYourLearner
	}
	if v.Verifier == "" {
		return nil // taken away
	}
	cost, err := bcrypt.Cost([]byte(v.Verifier))
	if err != nil || cost > highestCost {
		return fault.New(fault.Invalid, "This is no verifier.").WithCode("bad_verifier")
	}
	return nil
}

// highestCost keeps one record from holding a box's processor for minutes.
const highestCost = 14

// Act is something done at the door that the audit hears of.
type Act struct {
	Action string
	Target AccountID
	// Facts are short and hold no secret.
	Facts map[string]string
}

// NoteAct tells the audit.
func (s *Service) NoteAct(ctx context.Context, tx db.Tx, who Actor, act Act) error {
	e := audit.Entry{Action: "user." + act.Action, Actor: string(who.Account), Role: string(who.Role), School: string(who.School),
		TargetKind: "user", TargetID: string(act.Target)}
	if len(act.Facts) > 0 {
		e.After = act.Facts
	}
	return s.audit.Note(ctx, tx, e)
}

// SetPasswordByProof sets an instructor's password for the school's box when
// proof, run in the same transaction, says that she may: a code instead of who
// she is. Her sessions here end.
func (s *Service) SetPasswordByProof(ctx context.Context, account AccountID, password string, proof func(ctx context.Context, tx db.Tx) error) error {
	if err := checkPassword(password, "password"); err != nil {
		return err
	}
	verifier, err := s.passwordVerifier(ctx, s.school, account, password)
	if err != nil {
		return fmt.Errorf("set a school password: %w", err)
	}
	err = s.db.Update(ctx, func(tx db.Tx) error {
		a, err := s.Account(ctx, tx, account)
		if err != nil {
			return err
		}
		if a.Role != Instructor || a.School != s.school {
			return ErrNoSuchAccount
		}
		if err := proof(ctx, tx); err != nil {
			return err
		}
		if err := s.saveCredential(ctx, tx, a, SchoolPassword, verifier); err != nil {
			return err
		}
		return s.endAll(ctx, tx, a.ID, "")
	})
	if err != nil {
		return fmt.Errorf("set a school password: %w", err)
	}
	return nil
}

// ProvePassword tells whose e-mail address and password these are, with her
// duties, and opens nothing; ErrWrongPassword for anybody else.
func (s *Service) ProvePassword(ctx context.Context, email, password string) (Account, []Duty, error) {
	who, err := s.candidate(ctx, func(tx db.Tx) (candidate, error) {
		return s.passwords.find(ctx, tx, strings.ToLower(strings.TrimSpace(email)))
	})
	if err != nil {
		return Account{}, nil, fmt.Errorf("prove a password: %w", err)
	}
	secret, err := s.passwords.secret(password)
	if err != nil {
		return Account{}, nil, fmt.Errorf("prove a password: %w", err)
	}
	ok, err := s.matches(ctx, who.verifier, secret)
	if err != nil {
		return Account{}, nil, fmt.Errorf("prove a password: %w", err)
	}
	if !ok {
		return Account{}, nil, ErrWrongPassword
	}
	if err := who.account.MayEnter(); err != nil {
		return Account{}, nil, err
	}
	var duties []Duty
	err = s.db.View(ctx, func(tx db.Tx) (err error) {
		duties, err = dutiesOf(ctx, tx, who.account.ID, who.account.School)
		return err
	})
	return who.account, duties, err
}
