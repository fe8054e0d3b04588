package world

import (
	"context"
	"fmt"
	"time"
)

// The passwords of a demo world. They are printed on the screen and refused in
// production.
const (
	AdminEmail    = "admin@example.org"
	AdminPassword = "Demo-karibu-26" //nolint:gosec // printed on purpose; a demo's password
	// SchoolPassword opens a teacher's session at the school's box.
	SchoolPassword = "Demo-shule-26" //nolint:gosec // as above
)

// Person is somebody who can sign in.
type Person struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Role     string `json:"role"`
	School   string `json:"school,omitempty"`
	Class    string `json:"class,omitempty"`
	Grade    string `json:"grade,omitempty"`
	Email    string `json:"email,omitempty"`
	Password string `json:"password,omitempty"`
	PIN      string `json:"pin,omitempty"`
	Phone    string `json:"phone,omitempty"`
}

// People are everybody of a populated world.
type People struct {
	Offices  []Person `json:"offices"`
	Teachers []Person `json:"teachers"`
	Parents  []Person `json:"parents"`
	Learners []Person `json:"learners"`
}

// Learner finds a learner by first name.
func (p *People) Learner(name string) Person { return find(p.Learners, name) }

// Parent finds a parent by first name.
func (p *People) Parent(name string) Person { return find(p.Parents, name) }

// Teacher finds a teacher of a school by role: head, bursar, teacher.
func (p *People) Teacher(school, role string) Person {
	for _, t := range p.Teachers {
		if t.School == school && t.Role == role {
			return t
		}
	}
	return Person{}
}

func find(list []Person, name string) Person {
	for _, p := range list {
		if len(p.Name) >= len(name) && p.Name[:len(name)] == name {
			return p
		}
	}
	return Person{}
}

// SchoolPlan is a school to be opened, with its people.
type SchoolPlan struct {
	Key      string     `json:"-"`
	Name     string     `json:"name"`
	Code     string     `json:"code"`
	County   string     `json:"county"`
	Language string     `json:"language"`
	Teachers []Person   `json:"-"`
	Learners []Person   `json:"-"`
	Families []Guardian `json:"-"`
}

// Guardian says whose parent somebody is, and whether the cloud may be asked
// for the child.
type Guardian struct {
	Parent  Person
	Child   string
	Consent bool
}

// Schools are the two schools of the demo. All people are invented.
func Schools() []SchoolPlan {
	return []SchoolPlan{
		{
			Key: "lodwar", Name: "Kawalase Primary School", Code: "LODWAR-1", County: "Turkana", Language: "en",
			Teachers: []Person{
				{Name: "Esekon Lopeyok", Role: "head", Email: "head.lodwar@example.org"},
				{Name: "Ikal Atabo", Role: "bursar", Email: "bursar.lodwar@example.org"},
				{Name: "Akal Ewoton", Role: "teacher", Email: "teacher.lodwar@example.org"},
			},
			Learners: []Person{
				{Name: "Akiru Lokwang", Grade: "Grade 6", Class: "6 Blue", PIN: "2601"},
				{Name: "Ekai Nakali", Grade: "Grade 6", Class: "6 Blue", PIN: "2602"},
				{Name: "Nakiru Ekidor", Grade: "Grade 4", Class: "4 Green", PIN: "2603"},
				{Name: "Lomuria Ewoi", Grade: "Grade 7", Class: "7 Red", PIN: "2604"},
			},
			Families: []Guardian{
				{Parent: Person{Name: "Arupe Lokwang", Email: "mama.akiru@example.org", Phone: "254712000101"}, Child: "Akiru", Consent: true},
				{Parent: Person{Name: "Lokiru Ekidor", Email: "baba.nakiru@example.org", Phone: "254712000102"}, Child: "Nakiru", Consent: true},
			},
		},
		{
			Key: "nakuru", Name: "Menengai View School", Code: "NAKURU-1", County: "Nakuru", Language: "sw",
			Teachers: []Person{
				{Name: "Grace Chebet", Role: "head", Email: "head.nakuru@example.org"},
				{Name: "Peter Mwangi", Role: "bursar", Email: "bursar.nakuru@example.org"},
			},
			Learners: []Person{
				{Name: "Wanjiru Kamau", Grade: "Grade 5", Class: "5 Twiga", PIN: "2611"},
				{Name: "Kiprono Cheruiyot", Grade: "Grade 6", Class: "6 Simba", PIN: "2612"},
				{Name: "Achieng Odhiambo", Grade: "Grade 4", Class: "4 Ndovu", PIN: "2613"},
			},
			Families: []Guardian{
				{Parent: Person{Name: "Njeri Kamau", Email: "mama.wanjiru@example.org", Phone: "254712000201"}, Child: "Wanjiru", Consent: true},
			},
		},
	}
}

// Offices are the accounts without a school.
func Offices() []Person {
	return []Person{
		{Name: "Otieno Okoth", Role: "instructor", Email: "mwalimu.otieno@example.org"},
		{Name: "Zawadi Mutua", Role: "staff", Email: "staff@example.org"},
		{Name: "Turkana Learning Fund", Role: "partner", Email: "partner@example.org"},
	}
}

// People are everybody, nil until Populate has finished once.
func (w *World) People() *People { return w.state.People }

// Populate opens accounts of all roles, publishes the courses, opens the
// schools and waits until their boxes have everything. It does nothing in a
// world that was populated before.
func (w *World) Populate(ctx context.Context, schools []SchoolPlan, courses []string) error {
	if w.state.People != nil {
		return nil
	}
	admin, err := w.Admin(ctx)
	if err != nil {
		return err
	}
	people := &People{Offices: []Person{{Name: "Administrator", Role: "admin", Email: AdminEmail, Password: AdminPassword}}}
	w.opts.Progress("opening accounts")
	for _, p := range Offices() {
		if p, err = openAccount(ctx, admin, p, p.Role); err != nil {
			return err
		}
		people.Offices = append(people.Offices, p)
	}
	w.opts.Progress("publishing %d courses", len(courses))
	if err := w.Publish(ctx, courses...); err != nil {
		return err
	}
	for _, plan := range schools {
		if err := w.openSchool(ctx, admin, plan, people); err != nil {
			return err
		}
	}
	if err := w.settle(ctx, people, len(courses)); err != nil {
		return err
	}
	w.state.People = people
	return w.writeState()
}

// openSchool opens a school with its people, and then its box.
func (w *World) openSchool(ctx context.Context, admin *Client, plan SchoolPlan, people *People) error {
	s, err := w.AddSchool(ctx, admin, plan)
	if err != nil {
		return err
	}
	for _, t := range plan.Teachers {
		if t, err = addTeacher(ctx, admin, s, t); err != nil {
			return err
		}
		people.Teachers = append(people.Teachers, t)
		if t.Role == "head" {
			if err := admin.Put(ctx, "/api/v1/schools/"+s.ID+"/named-adult", map[string]string{"account_id": t.ID}, nil); err != nil {
				return fmt.Errorf("name the adult of %s: %w", s.Name, err)
			}
		}
	}
	for _, l := range plan.Learners {
		in := map[string]any{"full_name": l.Name, "grade": l.Grade, "class_name": l.Class, "pin": l.PIN}
		if err := admin.Post(ctx, "/api/v1/schools/"+s.ID+"/learners", in, &l); err != nil {
			return fmt.Errorf("add %s: %w", l.Name, err)
		}
		l.Role, l.School = "student", s.Key
		people.Learners = append(people.Learners, l)
	}
	for _, f := range plan.Families {
		if err := addFamily(ctx, admin, s, f, people); err != nil {
			return err
		}
	}
	return nil
}

func addTeacher(ctx context.Context, admin *Client, s *School, t Person) (Person, error) {
	t, err := openAccount(ctx, admin, t, "instructor")
	if err != nil {
		return t, err
	}
	in := map[string]any{"account_id": t.ID, "school_password": SchoolPassword}
	if t.Role != "teacher" {
		in["duties"] = []string{t.Role}
	}
	if err := admin.Post(ctx, "/api/v1/schools/"+s.ID+"/instructors", in, nil); err != nil {
		return t, fmt.Errorf("add %s to %s: %w", t.Email, s.Name, err)
	}
	t.School = s.Key
	return t, nil
}

func addFamily(ctx context.Context, admin *Client, s *School, f Guardian, people *People) error {
	parent, err := openAccount(ctx, admin, f.Parent, "parent")
	if err != nil {
		return err
	}
	parent.Role, parent.School = "parent", s.Key
	people.Parents = append(people.Parents, parent)
	child := people.Learner(f.Child)
	link := map[string]any{"learner_id": child.ID, "parent_id": parent.ID, "name": parent.Name, "phone_number": parent.Phone,
		"relationship": "parent", "verified": true}
	if err := admin.Post(ctx, "/api/v1/schools/"+s.ID+"/guardians", link, nil); err != nil {
		return fmt.Errorf("link %s: %w", parent.Email, err)
	}
	if !f.Consent {
		return nil
	}
	consent := map[string]any{"purpose": "cloud_tutor", "given": true, "method": "paper", "guardian_name": parent.Name, "text_version": "2026-11"}
	if err := admin.Post(ctx, "/api/v1/learners/"+child.ID+"/consents", consent, nil); err != nil {
		return fmt.Errorf("record the consent of %s: %w", parent.Email, err)
	}
	return nil
}

func openAccount(ctx context.Context, admin *Client, p Person, role string) (Person, error) {
	in := map[string]any{"email": p.Email, "password": AdminPassword, "role": role,
		"profile_data": map[string]string{"full_name": p.Name, "phone_number": p.Phone}}
	var out struct {
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := admin.Post(ctx, "/api/v1/admin/users", in, &out); err != nil {
		return p, fmt.Errorf("open the account %s: %w", p.Email, err)
	}
	p.ID, p.Password = out.Data.ID, AdminPassword
	return p, nil
}

// settle waits until every box has its learners and its courses.
func (w *World) settle(ctx context.Context, people *People, courses int) error {
	for _, s := range w.Schools {
		w.opts.Progress("waiting until %s has its learners and courses", s.Name)
		want := 0
		for _, l := range people.Learners {
			if l.School == s.Key {
				want++
			}
		}
		box := NewClient(s.Edge.URL)
		err := Await(ctx, 2*time.Minute, "the first sync of "+s.Name, func(ctx context.Context) (bool, error) {
			var classes struct {
				Classes []struct{ Learners int }
			}
			var shelf struct{ Total int }
			if err := box.Get(ctx, "/api/v1/auth/classes", &classes); err != nil {
				return false, err
			}
			if err := box.Get(ctx, "/api/v1/courses/", &shelf); err != nil {
				return false, err
			}
			got := 0
			for _, c := range classes.Classes {
				got += c.Learners
			}
			return got == want && shelf.Total >= courses, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
