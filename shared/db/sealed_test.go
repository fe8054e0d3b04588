package db_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/fernet"
	"urbanhomeschool.org/uhs/syncproto"
)

var (
	makeThings = db.SQL{Postgres: `CREATE TABLE things (id TEXT PRIMARY KEY, word TEXT, phone TEXT UNIQUE, body BYTEA)`,
		SQLite: `CREATE TABLE things (id TEXT PRIMARY KEY, word TEXT, phone TEXT UNIQUE, body BLOB)`}
	insertThing = db.SQL{Both: `INSERT INTO things (id, word, phone, body) VALUES ($1, $2, $3, $4)`}
	readThing   = db.SQL{Both: `SELECT word, phone, body FROM things WHERE phone = $1`}
	readBare    = db.SQL{Both: `SELECT word, phone, body FROM things ORDER BY id`}
)

// thing is a row with each sort of secret.
type thing struct {
	word, phone string
	body        []byte
}

func scanThing(r db.Rows) (v thing, err error) {
	return v, r.Scan((*db.Secret)(&v.word), (*db.Contact)(&v.phone), (*db.SecretBytes)(&v.body))
}

func scanBare(r db.Rows) (v thing, err error) { return v, r.Scan(&v.word, &v.phone, &v.body) }

func (v thing) args(id string) []any {
	return []any{id, db.Secret(v.word), db.Contact(v.phone), db.SecretBytes(v.body)}
}

func sealWith(d db.DB, keys ...fernet.Key) {
	d.(interface{ Seal(k db.Sealer) }).Seal(fernet.Fields{Ring: keys, Now: time.Now})
}

func TestWhatIsSecretLiesSealed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		old, fresh := fernet.Key{1}, fernet.Key{2}
		plain := thing{"my uncle hits me", "254711000001", []byte{0xa1, 1, 2}}
		update := func(fn func(ctx context.Context, tx db.Tx) error) error {
			return d.Update(t.Context(), func(tx db.Tx) error { return fn(t.Context(), tx) })
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		list := func(q db.SQL, scan func(db.Rows) (thing, error), args ...any) (out []thing, err error) {
			err = d.View(t.Context(), func(tx db.Tx) error {
				rows, err := tx.Query(t.Context(), q, args...)
				out, err = db.Collect(rows, err, scan)
				return err
			})
			return out, err
		}
		anew := func() (n int) {
			for _, c := range []db.SealedColumn{{Table: "things", Column: "phone", Alike: true}, {Table: "things", Column: "word"}, {Table: "things", Column: "body", Bytes: true}} {
				changed, err := db.SealAnew(t.Context(), d, c)
				must(err)
				n += changed
			}
			return n
		}
		found := func() {
			t.Helper()
			got, err := list(readThing, scanThing, db.Contact(plain.phone))
			if err != nil || len(got) != 1 || got[0].word != plain.word || got[0].phone != plain.phone || !bytes.Equal(got[0].body, plain.body) {
				t.Errorf("%q, %v", got, err)
			}
		}

		must(update(func(ctx context.Context, tx db.Tx) error { _, err := tx.Exec(ctx, makeThings); return err }))
		must(update(func(ctx context.Context, tx db.Tx) error {
			_, err := tx.Exec(ctx, insertThing, plain.args("1")...)
			return err
		}))
		found()
		if got, _ := list(readBare, scanBare); got[0].word != plain.word {
			t.Errorf("without a key it lies as %q", got[0].word)
		}
		sealWith(d, old)
		if got, err := list(readBare, scanThing); err != nil || got[0].word != plain.word || !bytes.Equal(got[0].body, plain.body) {
			t.Errorf("what lay bare is read as %q, %v", got, err)
		}
		if n := anew(); n != 3 {
			t.Errorf("%d fields were sealed, want 3", n)
		}
		found()
		lies := func() thing {
			t.Helper()
			got, err := list(readBare, scanBare)
			must(err)
			for _, v := range got {
				if all := v.word + v.phone + string(v.body); strings.Contains(all, "uncle") || strings.Contains(all, "254711") || bytes.Contains(v.body, plain.body) {
					t.Errorf("it lies bare: %q", v)
				}
			}
			return got[0]
		}
		before := lies()

		must(update(func(ctx context.Context, tx db.Tx) error {
			if err := tx.BulkInsert(ctx, "things", []string{"id", "word", "phone", "body"}, [][]any{thing{"uncle", "254711000002", plain.body}.args("2")}); err != nil {
				return err
			}
			_, err := tx.BulkUpsert(ctx, "things", []string{"id", "word", "phone", "body"},
				[][]any{thing{"uncle", "254711000003", nil}.args("3"), thing{"", "254711000002", nil}.args("2")})
			return err
		}))
		lies()
		if err := update(func(ctx context.Context, tx db.Tx) error {
			_, err := tx.Exec(ctx, insertThing, plain.args("4")...)
			return err
		}); !d.Permanent(err) {
			t.Errorf("the same number twice: %v", err)
		}

		sealWith(d, fresh, old)
		if n := anew(); n != 3+3+2 {
			t.Errorf("%d fields were sealed anew, want 8", n)
		}
		if after := lies(); after.word == before.word || after.phone == before.phone || bytes.Equal(after.body, before.body) {
			t.Error("it lies under the old key")
		}
		found()
		if n := anew(); n != 0 {
			t.Errorf("%d fields were sealed again without need", n)
		}
		sealWith(d, fresh)
		found()

		sealWith(d, fernet.Key{9})
		if _, err := list(readBare, scanThing); err == nil {
			t.Error("another node's key opens it")
		}
		if n := anew(); n != 0 {
			t.Errorf("%d fields of another node were changed", n)
		}
	})
}

// What records are about is found in their bodies, also when these are sealed.
func TestASealedBodyShowsItsIdsAndNothingElse(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		sealWith(d, fernet.Key{1})
		her := []byte("0123456789abcdef")
		body, err := syncproto.EncodeBody(map[int]any{1: her, 2: "PPPlease, my uncle is here again", 3: map[int]any{1: []any{her, 1.5, uint64(1) << 40, nil}}, 4: []byte("seventeen bytes..")})
		if err != nil {
			t.Fatal(err)
		}
		var lies, opened []byte
		err = d.Update(t.Context(), func(tx db.Tx) error {
			if _, err := tx.Exec(t.Context(), makeThings); err != nil {
				return err
			}
			if _, err := tx.Exec(t.Context(), insertThing, thing{"", "", body}.args("1")...); err != nil {
				return err
			}
			rows, err := tx.Query(t.Context(), db.SQL{Both: `SELECT body FROM things`})
			if lies, err = db.One(rows, err, db.Scalar[[]byte]); err != nil {
				return err
			}
			v, err := db.Unsealed(tx, slices.Clone(lies))
			opened, _ = v.([]byte)
			return err
		})
		if err != nil || !bytes.Equal(opened, body) {
			t.Errorf("%q, %v", opened, err)
		}
		if bytes.Count(lies, her) != 2 || bytes.Contains(lies, []byte("uncle")) || bytes.Contains(lies, []byte("lease")) || bytes.Contains(lies, []byte("seventeen")) {
			t.Errorf("it lies as %q", lies)
		}
	})
}

func TestManyRowsAreSealedWhileTheyAreInUse(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		const many = 950
		err := d.Update(t.Context(), func(tx db.Tx) error {
			if _, err := tx.Exec(t.Context(), makeThings); err != nil {
				return err
			}
			for i := range many {
				if _, err := tx.Exec(t.Context(), insertThing, thing{"uncle", fmt.Sprint(254711000000 + i), nil}.args(fmt.Sprintf("%04d", i))...); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		sealWith(d, fernet.Key{1})
		touched := make(chan error)
		go func() {
			var err error
			for i := 0; i < many && err == nil; i += 7 {
				err = d.Update(t.Context(), func(tx db.Tx) error {
					_, err := tx.Exec(t.Context(), db.SQL{Both: `UPDATE things SET body = $2 WHERE id = $1`}, fmt.Sprintf("%04d", i), []byte{0xa0})
					return err
				})
			}
			touched <- err
		}()
		if _, err := db.SealAnew(t.Context(), d, db.SealedColumn{Table: "things", Column: "word"}); err != nil {
			t.Fatal(err)
		}
		if err := <-touched; err != nil {
			t.Fatal(err)
		}
		var bare []thing
		err = d.View(t.Context(), func(tx db.Tx) error {
			rows, err := tx.Query(t.Context(), readBare)
			bare, err = db.Collect(rows, err, scanBare)
			return err
		})
		if n := len(slices.DeleteFunc(bare, func(v thing) bool { return v.word != "uncle" })); err != nil || n > 0 {
			t.Errorf("%d of %d lie bare, %v", n, many, err)
		}
	})
}
