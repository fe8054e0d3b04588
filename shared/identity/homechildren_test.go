package identity_test

import (
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

func TestWhoLearnsOnAPhone(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		h, ctx := newHome(t, d), t.Context()
		school := h.school(t, "Beta").ID
		brother, stranger := h.learner(t, school, "Brian Otieno", ""), h.learner(t, school, "Chebet Stranger", "")
		must(t, h.db.Update(ctx, func(tx db.Tx) error {
			_, err := h.s.LinkParent(ctx, tx, h.parent.Account.ID, brother.ID)
			return err
		}))
		names := func(f identity.Family) (out []string) {
			for _, c := range f.Children {
				out = append(out, c.FullName)
			}
			return out
		}

		t.Run("the child in front of it sees her brother, and the parent both", func(t *testing.T) {
			parent := identity.Actor{Account: h.parent.Account.ID, Role: identity.Parent, Session: id.New()}
			for _, who := range []identity.Actor{h.child, parent} {
				f := get(h.s.FamilyAtHome(ctx, who))(t)
				if got := names(f); len(got) != 2 || got[0] != "Amina Otieno" || got[1] != "Brian Otieno" || f.Guardian.ID != h.parent.Account.ID {
					t.Errorf("%v of %q", got, f.Guardian.FullName)
				}
			}
		})
		t.Run("a learner who signed in by herself is at nobody's home", func(t *testing.T) {
			_, err := h.s.FamilyAtHome(ctx, identity.Actor{Account: stranger.ID, Role: identity.Student, Session: id.New()})
			wantErr(t, err, identity.ErrNoSuchAccount)
		})
		t.Run("who may not enter is not offered", func(t *testing.T) {
			get(h.SetStatus(ctx, h.admin, brother.ID, identity.Suspended))(t)
			if got := names(get(h.s.FamilyAtHome(ctx, h.child))(t)); len(got) != 1 {
				t.Errorf("%v", got)
			}
		})
	})
}
