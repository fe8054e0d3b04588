package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
)

// Registration is what a person or an admin says to open an account.
type Registration struct {
	Email, Password string
	Role            Role
	FullName        string
	Grade           string // of students, optional
	Profile         Profile
	// Phone is the number she signs in with, beside or instead of Email. PhoneCode
	// proves that it is hers; Prove checks it.
	Phone, PhoneCode string
	// Language of letters to her: sw, otherwise en.
	Language string
	// Invited accounts have no password yet: it is set by a link.
	Invited bool
	// Within runs in the transaction that opens the account; its error undoes it. A
	// registration with a Phone needs one, which has the code checked.
	Within func(ctx context.Context, tx db.Tx, p Person) error
}

// Register opens an account for the public: students and parents at once,
// instructors and partners pending approval. Staff and admins are made by an
// admin only.
func (s *Service) Register(ctx context.Context, in Registration) (Person, error) {
	status := Active
	switch in.Role {
	case Student, Parent:
	case Instructor, Partner:
		status = Pending
	case Admin, Staff:
		return Person{}, fault.New(fault.Forbidden, "Accounts of staff and admins are made by an admin.").WithCode("role_not_public")
	default:
		return Person{}, invalid("unknown_role", "The role is student, parent, instructor or partner.", "role")
	}
	p, err := s.create(ctx, in, status, db.Time{})
	if err != nil {
		return p, fmt.Errorf("register: %w", err)
	}
	return p, nil
}

// CreateAccount opens an account of any role; for admins, who thereby vouch for
// the e-mail address.
func (s *Service) CreateAccount(ctx context.Context, who Actor, in Registration) (Person, error) {
	if err := who.Require(Admin); err != nil {
		return Person{}, err
	}
	if !slices.Contains([]Role{Student, Parent, Instructor, Admin, Staff, Partner}, in.Role) {
		return Person{}, invalid("unknown_role", "The role is student, parent, instructor, admin, staff or partner.", "role")
	}
	verified := s.now()
	if in.Invited { // the link proves the address
		verified = db.Time{}
	}
	p, err := s.create(ctx, in, Active, verified)
	if err != nil {
		return p, fmt.Errorf("create an account: %w", err)
	}
	return p, nil
}

// CreateFirstAdmin opens the admin account of a new installation. It fails with
// ErrEmailTaken once the address is known, so that it can run at every start.
func (s *Service) CreateFirstAdmin(ctx context.Context, email, password, fullName string) (Person, error) {
	in := Registration{Email: email, Password: password, Role: Admin, FullName: fullName}
	p, err := s.create(ctx, in, Active, s.now())
	if err != nil {
		return p, fmt.Errorf("create the first admin: %w", err)
	}
	return p, nil
}

func (s *Service) create(ctx context.Context, in Registration, status Status, verified db.Time) (Person, error) {
	in, err := s.checkRegistration(in)
	if err != nil {
		return Person{}, err
	}
	hash := ""
	if !in.Invited {
		if hash, err = s.hash(ctx, keyed([]byte(cloudPepper), in.Password)); err != nil {
			return Person{}, err
		}
	}

	now := s.now()
	a := Account{
		ID: AccountID(id.New()), Role: in.Role, FullName: in.FullName, Status: status, Grade: in.Grade, CreatedAt: now, UpdatedAt: now,
	}
	if in.Role == Instructor {
		a.Email = in.Email
	}
	var p Person
	err = s.db.Update(ctx, func(tx db.Tx) error {
		if err := openLogin(ctx, tx, a.ID, in, hash, verified); err != nil {
			return err
		}
		if err := saveAccount(ctx, tx, a); err != nil {
			return err
		}
		if err := s.mayShow(ctx, tx, a, in.Profile.AvatarURL); err != nil {
			return err
		}
		if err := putProfile(ctx, tx, a.ID, in.Profile, now); err != nil {
			return err
		}
		if p, err = db.First(ctx, tx, selectPerson, scanPerson, a.ID); err != nil {
			return err
		}
		if err := s.noteUser(ctx, tx, "user.created", a, nil, map[string]string{"role": string(a.Role), "status": string(a.Status)}); err != nil || in.Within == nil {
			return err
		}
		return in.Within(ctx, tx, p)
	})
	return p, err
}

func (s *Service) checkRegistration(in Registration) (Registration, error) {
	in, err := checkAddresses(in)
	if err != nil {
		return in, err
	}
	if !in.Invited {
		if err := checkPassword(in.Password, "password"); err != nil {
			return in, err
		}
	}
	if in.FullName == "" && in.Email != "" { // optional in the published request
		in.FullName, _, _ = strings.Cut(in.Email, "@")
	}
	if in.FullName, err = cleanName(in.FullName, "full_name"); err != nil {
		return in, err
	}
	if in.Grade != "" {
		if err := checkGrade(in.Grade); err != nil {
			return in, err
		}
	}
	in.Profile, err = in.Profile.check(s.clock.Now())
	return in, err
}

// Me is the actor's own person.
func (s *Service) Me(ctx context.Context, who Actor) (Person, error) {
	if who.Account == "" {
		return Person{}, ErrNobody
	}
	return s.person(ctx, who.Account)
}

// Person is anybody's; for admins, and staff to whom that was lent.
func (s *Service) Person(ctx context.Context, who Actor, account AccountID) (Person, error) {
	if err := mayLookUp(who); err != nil {
		return Person{}, err
	}
	return s.person(ctx, account)
}

func (s *Service) person(ctx context.Context, account AccountID) (Person, error) {
	var p Person
	err := s.db.View(ctx, func(tx db.Tx) error {
		var err error
		p, err = db.First(ctx, tx, selectPerson, scanPerson, account)
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return p, ErrNoSuchAccount
	}
	return p, err
}

// PersonChange is what a person changes of herself; nil leaves a field alone.
type PersonChange struct {
	FullName, Phone, Bio, Grade, AvatarURL, County, DateOfBirth *string
	LearningInterests                                           *[]string
	// Language of letters to her: en or sw.
	Language *string
}

// UpdateMe changes the actor's own profile, on the cloud. The grade of a
// school's learner is the school's to change.
func (s *Service) UpdateMe(ctx context.Context, who Actor, in PersonChange) (Person, error) {
	if who.Account == "" {
		return Person{}, ErrNobody
	}
	var p Person
	err := s.db.Update(ctx, func(tx db.Tx) error {
		var err error
		if p, err = db.First(ctx, tx, selectPerson, scanPerson, who.Account); err != nil {
			return err
		}

		changed, err := in.apply(p)
		if err != nil {
			return err
		}
		if changed.Profile, err = changed.Profile.check(s.clock.Now()); err != nil {
			return err
		}

		if changed.Profile.AvatarURL != p.Profile.AvatarURL {
			if err := s.mayShow(ctx, tx, p.Account, changed.Profile.AvatarURL); err != nil {
				return err
			}
		}

		now := s.now()
		if changed.Account != p.Account {
			changed.Account.UpdatedAt = now
			if err := saveAccount(ctx, tx, changed.Account); err != nil {
				return err
			}
		}
		if changed.Language != p.Language {
			if _, err := tx.Exec(ctx, updateLanguage, who.Account, changed.Language); err != nil {
				return err
			}
		}
		p = changed
		return putProfile(ctx, tx, who.Account, p.Profile, now)
	})
	if err != nil {
		return p, fmt.Errorf("update a profile: %w", err)
	}
	return p, nil
}

func (in PersonChange) apply(p Person) (Person, error) {
	if in.FullName != nil {
		name, err := cleanName(*in.FullName, "full_name")
		if err != nil {
			return p, err
		}
		p.Account.FullName = name
	}
	if in.Grade != nil && *in.Grade != p.Account.Grade {
		if p.Account.School != "" {
			return p, invalid("set_by_school", "The school sets the grade of its learners.", "grade_level")
		}
		if err := checkGrade(*in.Grade); err != nil {
			return p, err
		}
		p.Account.Grade = *in.Grade
	}
	for _, f := range []struct{ to, from *string }{
		{&p.Profile.Phone, in.Phone}, {&p.Profile.Bio, in.Bio}, {&p.Profile.AvatarURL, in.AvatarURL},
		{&p.Profile.County, in.County}, {&p.Profile.DateOfBirth, in.DateOfBirth},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if in.Language != nil {
		if *in.Language != "en" && *in.Language != "sw" {
			return p, ErrLanguage
		}
		p.Language = *in.Language
	}
	if in.LearningInterests != nil {
		p.Profile.LearningInterests = *in.LearningInterests
	}
	return p, nil
}

// ChangePassword changes the cloud password after checking the current one, and
// ends all other sessions.
func (s *Service) ChangePassword(ctx context.Context, who Actor, current, next string) error {
	if who.Account == "" {
		return ErrNobody
	}
	if err := checkPassword(next, "new_password"); err != nil {
		return err
	}
	login, err := s.login(ctx, who.Account)
	if err != nil {
		return fmt.Errorf("change a password: %w", err)
	}
	ok, err := s.provesCloud(ctx, login, current)
	if err != nil {
		return fmt.Errorf("change a password: %w", err)
	}
	if !ok {
		return s.noteFailedSignIn(ctx, login, invalid("wrong_password", "The current password is wrong.", "current_password"))
	}

	hash, err := s.hash(ctx, keyed([]byte(cloudPepper), next))
	if err != nil {
		return fmt.Errorf("change a password: %w", err)
	}
	err = s.db.Update(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, updateLoginHash, who.Account, hash); err != nil {
			return err
		}
		if err := s.noteUser(ctx, tx, "user.password", Account{ID: who.Account, School: who.School}, nil, nil); err != nil {
			return err
		}
		return s.endAll(ctx, tx, who.Account, who.Session)
	})
	if err != nil {
		return fmt.Errorf("change a password: %w", err)
	}
	return nil
}

// login is the cloud sign-in of an account; empty when it has none.
func (s *Service) login(ctx context.Context, account AccountID) (candidate, error) {
	return s.candidate(ctx, func(tx db.Tx) (candidate, error) {
		return db.First(ctx, tx, selectLoginOf, scanCandidate, account)
	})
}

// SetStatus approves, suspends or restores an account; for admins. Suspending
// ends its sessions.
func (s *Service) SetStatus(ctx context.Context, who Actor, account AccountID, status Status) (Person, error) {
	if err := who.Require(Admin); err != nil {
		return Person{}, err
	}
	if status != Active && status != Suspended {
		return Person{}, invalid("unknown_status", "The status is active or suspended.", "status")
	}
	var p Person
	err := s.db.Update(ctx, func(tx db.Tx) error {
		if err := s.SetStatusIn(ctx, tx, account, status); err != nil {
			return err
		}
		var err error
		p, err = db.First(ctx, tx, selectPerson, scanPerson, account)
		return err
	})
	if err != nil {
		return p, fmt.Errorf("set the status of an account: %w", err)
	}
	return p, nil
}

// PersonFilter selects persons for ListPersons. Empty fields select everything;
// Sort is created_at, name or email; Order asc or desc.
type PersonFilter struct {
	Role        Role
	Status      Status
	Search      string
	Sort, Order string
	Skip, Limit int
}

// ListPersons gives a page of persons and how many there are; for
// admins, and staff to whom that was lent.
func (s *Service) ListPersons(ctx context.Context, who Actor, f PersonFilter) (page []Person, total int, err error) {
	if err := mayLookUp(who); err != nil {
		return nil, 0, err
	}
	if !slices.Contains([]string{"created_at", "name", "email"}, f.Sort) || !slices.Contains([]string{"asc", "desc"}, f.Order) {
		return nil, 0, invalid("unknown_order", "Sort by created_at, name or email; asc or desc.", "sort_by")
	}
	pattern := ""
	if f.Search != "" {
		pattern = "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(f.Search)) + "%"
	}
	err = s.db.View(ctx, func(tx db.Tx) error {
		var err error
		if total, err = db.First(ctx, tx, countPersons, db.Scalar[int], f.Role, f.Status, pattern); err != nil {
			return err
		}
		page, err = db.All(ctx, tx, selectPersons, scanPerson, f.Role, f.Status, pattern, f.Sort+" "+f.Order, f.Limit, f.Skip)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list persons: %w", err)
	}
	return page, total, nil
}
