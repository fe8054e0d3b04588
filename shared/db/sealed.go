package db

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
)

// Sealer seals fields at rest; fernet.Fields is one.
type Sealer interface {
	// Seal makes a token of plain, another one each time.
	Seal(plain []byte) (string, error)
	// SealAlike makes the same token of the same plain, so that it can be looked for;
	// none where such fields stay bare.
	SealAlike(plain []byte) (string, error)
	// Open gives what a token holds, also one of an older key.
	Open(token string) ([]byte, error)
	// Anew gives the token under the newest key, and whether that changed it.
	Anew(token string, alike bool) (out string, changed bool, err error)
}

// Secret is a text that lies sealed in the database, as an argument and, through
// its pointer, as what Scan fills; an order by it means nothing.
//
// Both drivers seal and open, with the Sealer they were given; without one the
// values lie as they are. What lay bare before is read as it is, until SealAnew has
// sealed it. The column's type and name stay: a sealed text is "sealed:" and a
// Fernet token; for bytes see joined. An empty value stays empty. A text that does
// not open is an error; a body that does not is given as it lies, and is no record.
type Secret string

// Contact is a Secret that can be looked for by equality, DISTINCT and UNIQUE too.
type Contact string

// SecretBytes is a record's body that lies sealed.
type SecretBytes []byte

// SealerKey is the key under which Tx.Value gives the driver's Sealer.
type SealerKey struct{}

const (
	sealedText = "sealed:"
	sealedByte = 0x81
)

// errUnsealable answers a read of what another node's key sealed.
var errUnsealable = errors.New("db: a field is sealed with a key that this node does not have")

// SealArgs is for drivers: args with sealed values in the place of Secret, Contact
// and SecretBytes. It changes args.
func SealArgs(k Sealer, args []any) (_ []any, err error) {
	for i, a := range args {
		switch a := a.(type) {
		case Secret:
			args[i], err = sealText(k, string(a), false)
		case Contact:
			args[i], err = sealText(k, string(a), true)
		case SecretBytes:
			args[i], err = sealBytes(k, a)
		}
		if err != nil {
			return nil, fmt.Errorf("seal a field: %w", err)
		}
	}
	return args, nil
}

func sealText(k Sealer, plain string, alike bool) (string, error) {
	if k == nil || plain == "" {
		return plain, nil
	}
	seal := k.Seal
	if alike {
		seal = k.SealAlike
	}
	token, err := seal([]byte(plain))
	if err != nil || token == "" {
		return plain, err
	}
	return sealedText + token, nil
}

func sealBytes(k Sealer, plain []byte) ([]byte, error) {
	if k == nil || len(plain) == 0 {
		return plain, nil
	}
	token, err := k.Seal(plain)
	if err != nil {
		return nil, err
	}
	return joined(idsIn(plain), token)
}

// joined is a sealed body: the byte 0x81, which begins no CBOR map, how many ids are
// in it, the ids, and the token's bytes. The ids stay to be seen, as they are in
// other columns: whose record it is must be found when she asks for hers, or is
// erased.
func joined(ids []byte, token string) ([]byte, error) {
	raw, err := base64.URLEncoding.DecodeString(token)
	out := binary.BigEndian.AppendUint16([]byte{sealedByte}, uint16(len(ids)/idSize))
	return append(append(out, ids...), raw...), err
}

// parted is what joined joined; false for what is no sealed body.
func parted(stored []byte) (ids []byte, token string, ok bool) {
	const head = 3
	if len(stored) < head || stored[0] != sealedByte {
		return nil, "", false
	}
	n := head + idSize*int(binary.BigEndian.Uint16(stored[1:]))
	if len(stored) < n {
		return nil, "", false
	}
	return stored[head:n], base64.URLEncoding.EncodeToString(stored[n:]), true
}

const idSize = 16

// idsIn are the ids in a CBOR body, where they are byte strings of 16. It walks from
// head to head (RFC 8949, section 3); what it does not know ends the walk.
func idsIn(body []byte) (out []byte) {
	for len(body) > 0 && len(out) < idSize*math.MaxUint16 {
		major, info := body[0]>>5, body[0]&0x1f
		body = body[1:]
		n := uint64(info)
		if info >= 24 {
			size := 1 << (info - 24)
			if info > 27 || len(body) < size {
				return out
			}
			n = 0
			for _, b := range body[:size] {
				n = n<<8 | uint64(b)
			}
			body = body[size:]
		}
		if major != 2 && major != 3 {
			continue // a number, or the head of what follows
		}
		if n > uint64(len(body)) {
			return out
		}
		if major == 2 && n == idSize {
			out = append(out, body[:n]...)
		}
		body = body[n:]
	}
	return out
}

func openText(k Sealer, stored string) (string, error) {
	token, sealed := strings.CutPrefix(stored, sealedText)
	if !sealed {
		return stored, nil
	}
	if k == nil {
		return "", errUnsealable
	}
	plain, err := k.Open(token)
	if err != nil {
		return "", errUnsealable
	}
	return string(plain), nil
}

func openBytes(k Sealer, stored []byte) ([]byte, error) {
	_, token, sealed := parted(stored)
	if !sealed {
		return stored, nil
	}
	if k == nil {
		return nil, errUnsealable
	}
	plain, err := k.Open(token)
	if err != nil {
		return stored, nil //nolint:nilerr // a flipped bit: whoever reads the record finds that it is none
	}
	return plain, nil
}

// OpenScan is for drivers: it scans, and opens what goes into a *Secret, a *Contact
// or a *SecretBytes.
func OpenScan(k Sealer, scan func(dest ...any) error, dest []any) error {
	sealed := false
	into := dest
	for i, d := range dest {
		switch d.(type) {
		case *Secret, *Contact, *SecretBytes:
			if !sealed {
				into, sealed = append([]any(nil), dest...), true
			}
			into[i] = bare(d)
		}
	}
	if err := scan(into...); err != nil || !sealed {
		return err
	}
	for i, d := range dest {
		var err error
		switch d.(type) {
		case *Secret, *Contact:
			s := into[i].(*string) //nolint:forcetypeassert // made by bare
			*s, err = openText(k, *s)
		case *SecretBytes:
			b := into[i].(*[]byte) //nolint:forcetypeassert // made by bare
			*b, err = openBytes(k, *b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bare is the same place by the type that a driver fills.
func bare(d any) any {
	switch d := d.(type) {
	case *Secret:
		return (*string)(d)
	case *Contact:
		return (*string)(d)
	case *SecretBytes:
		return (*[]byte)(d)
	}
	return d
}

// Unsealed opens a value that was scanned without a type, as an export does: text or
// bytes that tx's Sealer sealed, and anything else as it is.
func Unsealed(tx Tx, v any) (any, error) {
	k, _ := tx.Value(SealerKey{}).(Sealer)
	switch v := v.(type) {
	case string:
		return openText(k, v)
	case []byte:
		if strings.HasPrefix(string(v), sealedText) {
			return openText(k, string(v))
		}
		return openBytes(k, v)
	}
	return v, nil
}

// SealedColumn is a column that is kept sealed.
type SealedColumn struct {
	Table, Column string
	Alike, Bytes  bool
}

// page is how many rows are sealed anew in one transaction.
const page = 200

// SealAnew seals what lies bare in a column, or under an older key. It gives how
// many fields it changed. What another node's key sealed is passed over. It can run
// while the column is in use, and again at any time.
func SealAnew(ctx context.Context, d DB, c SealedColumn) (changed int, err error) {
	for {
		n, err := c.pass(ctx, d)
		changed += n
		if err != nil {
			return changed, fmt.Errorf("seal %s.%s anew: %w", c.Table, c.Column, err)
		}
		// On Postgres a changed row moves, and one that somebody else changes in
		// between can move back over the reader: only a pass without work is the last.
		if n == 0 || d.Dialect() == SQLite {
			return changed, nil
		}
	}
}

// place is a field with the place of its row.
type place struct{ at, stored string }

func (c SealedColumn) pass(ctx context.Context, d DB) (changed int, err error) {
	after := "(0,0)"
	if d.Dialect() == SQLite {
		after = "-9223372036854775808"
	}
	for {
		var places []place
		if err := d.View(ctx, func(tx Tx) error {
			rows, err := tx.Query(ctx, c.read(), after, page)
			places, err = Collect(rows, err, c.scan)
			return err
		}); err != nil || len(places) == 0 {
			return changed, err
		}
		after = places[len(places)-1].at
		n, err := c.seal(ctx, d, places)
		changed += n
		if err != nil {
			return changed, err
		}
	}
}

func (c SealedColumn) scan(r Rows) (p place, err error) {
	if c.Bytes {
		var b []byte
		err = r.Scan(&p.at, &b)
		p.stored = string(b)
		return p, err
	}
	return p, r.Scan(&p.at, &p.stored)
}

// seal writes a page; rows that changed since they were read are left to the next
// pass, or were sealed by who changed them.
func (c SealedColumn) seal(ctx context.Context, d DB, places []place) (changed int, err error) {
	work := false
	keys, err := SealerOf(ctx, d)
	if err != nil || keys == nil {
		return 0, err
	}
	next := make([]string, len(places))
	for i, p := range places {
		if next[i], err = c.anew(keys, p.stored); err != nil {
			return 0, err
		}
		work = work || next[i] != ""
	}
	if !work {
		return 0, nil
	}
	err = d.Update(ctx, func(tx Tx) error {
		changed = 0
		for i, p := range places {
			if next[i] == "" {
				continue
			}
			n, err := tx.Exec(ctx, c.write(), p.at, c.arg(p.stored), c.arg(next[i]))
			if err != nil {
				return err
			}
			changed += int(n)
		}
		return nil
	})
	return changed, err
}

func (c SealedColumn) arg(s string) any {
	if c.Bytes {
		return []byte(s)
	}
	return s
}

// anew is the field as it should lie; empty when it does.
func (c SealedColumn) anew(k Sealer, stored string) (string, error) {
	var ids []byte
	token, sealed := strings.CutPrefix(stored, sealedText)
	if c.Bytes {
		ids, token, sealed = parted([]byte(stored))
	}
	switch {
	case stored == "":
		return "", nil
	case !sealed && c.Bytes:
		b, err := sealBytes(k, []byte(stored))
		return string(b), err
	case !sealed:
		if out, err := sealText(k, stored, c.Alike); err != nil || out != stored {
			return out, err
		}
		return "", nil
	}
	out, changed, err := k.Anew(token, c.Alike)
	if err != nil || !changed {
		return "", nil //nolint:nilerr // another node's: nothing can be done here
	}
	if c.Bytes {
		b, err := joined(ids, out)
		return string(b), err
	}
	return sealedText + out, nil
}

// SealerOf is what seals the fields of d; nil when nothing does.
func SealerOf(ctx context.Context, d DB) (k Sealer, err error) {
	err = d.View(ctx, func(tx Tx) error { k, _ = tx.Value(SealerKey{}).(Sealer); return nil })
	return k, err
}

// read and write go by the place of a row, which every table has. Table and column
// are constants of the declarations.
func (c SealedColumn) read() SQL {
	return SQL{
		Postgres: "SELECT ctid::text AS place, " + c.Column + " FROM " + c.Table + " WHERE ctid > $1::tid AND " + c.Column + " IS NOT NULL ORDER BY ctid LIMIT $2",
		SQLite:   "SELECT CAST(rowid AS TEXT) AS place, " + c.Column + " FROM " + c.Table + " WHERE rowid > CAST($1 AS INTEGER) AND " + c.Column + " IS NOT NULL ORDER BY rowid LIMIT $2",
	}
}

func (c SealedColumn) write() SQL {
	return SQL{
		Postgres: "UPDATE " + c.Table + " SET " + c.Column + " = $3 WHERE ctid = $1::tid AND " + c.Column + " = $2",
		SQLite:   "UPDATE " + c.Table + " SET " + c.Column + " = $3 WHERE rowid = CAST($1 AS INTEGER) AND " + c.Column + " = $2",
	}
}
