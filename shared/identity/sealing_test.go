package identity_test

import (
	"bytes"
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/fernet"
	"urbanhomeschool.org/uhs/shared/identity"
)

func TestPrivateKeysAreSealed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(t, d)
		old, fresh := fernet.Key{1}, fernet.Key{2}
		with := func(ring identity.Sealer) *identity.Service {
			s := identity.New(identity.Options{
				DB: w.db, Clock: w.clock, Issuer: "https://uhs.example", Audience: identity.CloudAudience, Pepper: peppers, Passwords: identity.CloudPasswords{},
				AnnounceKey: identity.Keys.Save, BcryptCost: cheap, Sealer: ring,
			})
			must(t, s.EnsureKey(ctx))
			return s
		}
		stored := func() []byte {
			return view(t, d, func(tx db.Tx) ([]byte, error) {
				rows, err := tx.Query(ctx, db.SQL{Both: `SELECT seed FROM signing_secrets ORDER BY starts_at DESC, id DESC LIMIT 1`})
				return db.One(rows, err, db.Scalar[[]byte])
			})
		}
		bare := stored()
		if len(bare) != 32 {
			t.Fatalf("the seed of before has %d bytes", len(bare))
		}
		plain := with(nil)
		session := get(plain.SignIn(ctx, "admin@uhs.example", goodWord))(t)

		t.Run("a bare seed is sealed at the next start, and its tokens stay good", func(t *testing.T) {
			s := with(fernet.Ring{old})
			if at := stored(); bytes.Contains(at, bare) || len(at) <= 32 {
				t.Errorf("the seed lies bare: %d bytes", len(at))
			}
			get(s.Verify(ctx, session.Access))(t)
			get(s.Verify(ctx, get(s.SignIn(ctx, "admin@uhs.example", goodWord))(t).Access))(t)
		})
		t.Run("a new key of the ring seals anew, and then the old one is not needed", func(t *testing.T) {
			before := stored()
			with(fernet.Ring{fresh, old})
			if bytes.Equal(before, stored()) {
				t.Error("nothing was sealed anew")
			}
			get(with(fernet.Ring{fresh}).Verify(ctx, session.Access))(t)
		})
		t.Run("a database in another's hands signs nothing", func(t *testing.T) {
			s := with(fernet.Ring{fernet.Key{9}})
			if n := len(get(s.SigningKeys(ctx))(t)); n != 1 {
				t.Errorf("%d usable keys, want the one it had to make", n)
			}
		})
	})
}
