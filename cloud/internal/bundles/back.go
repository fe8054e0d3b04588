package bundles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer/bundle"
	"urbanhomeschool.org/uhs/syncproto"
)

// Back is the way back of a bundle that was handed over.
type Back struct {
	Name    string
	Size    int64
	Records int64
	At      time.Time
}

// Back writes the bundle for the way back, once per bundle that came: acks, and
// what the box has not confirmed. ok is false when nobody could read it;
// bundle.ErrBelowFloor when the box needs more than records.
func (s *Service) Back(ctx context.Context, u bundle.Upload) (b Back, ok bool, err error) {
	s.back.Lock()
	defer s.back.Unlock()
	path := s.returnPath(u.Bundle)
	if !id.Valid(u.Bundle) {
		return b, false, nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && s.o.Clock.Now().Sub(info.ModTime()) > backFresh) {
		_, werr := s.ExportFile(ctx, u.School, What{}, path)
		if errors.Is(werr, ErrNoBox) {
			return b, false, nil
		}
		if werr != nil {
			return b, false, werr
		}
		info, err = os.Stat(path)
	}
	if err != nil {
		return b, false, err
	}
	h, err := frontOf(path)
	if err != nil {
		return b, false, err
	}
	b.Records = h.Records()
	b.Name, b.Size, b.At = "back-to-"+slug(u.SchoolName)+"-"+info.ModTime().UTC().Format(time.DateOnly)+".uhs", info.Size(), info.ModTime().UTC()
	return b, true, nil
}

// backFresh is how long the way back serves before it is written anew: answers
// may have come meanwhile.
const backFresh = time.Hour

func frontOf(path string) (syncproto.BundleHeader, error) {
	f, err := os.Open(path) //nolint:gosec // below the data directory
	if err != nil {
		return syncproto.BundleHeader{}, err
	}
	defer func() { _ = f.Close() }()
	r, err := bundle.Open(f)
	if err != nil {
		return syncproto.BundleHeader{}, err
	}
	return r.Header, nil
}

func slug(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) > 4 {
		words = words[:4]
	}
	return strings.Join(words, "-")
}

var bundleForm = regexp.MustCompile(`^[0-9a-f-]{36}$`)

// OpenBack finds the bundle for the way back; fs.ErrNotExist when it is not
// there. It opens for the school's box alone.
func (s *Service) OpenBack(bundleID string) (path, name string, err error) {
	if !bundleForm.MatchString(bundleID) {
		return "", "", fs.ErrNotExist
	}
	path = s.returnPath(bundleID)
	info, err := os.Stat(path)
	if err != nil {
		return "", "", err
	}
	return path, "back-to-school-" + info.ModTime().UTC().Format(time.DateOnly) + ".uhs", nil
}

// receiptWords names the sorts of work on a receipt.
var receiptWords = map[string]string{"learning": "pieces of work", "tutor": "questions to the tutor", "money": "payments", "roster": "changes to people and classes", "control": "consents and commands"}

// Receipt is a text for whoever carried a bundle: what arrived and when, signed
// by the cloud. fs.ErrNotExist for a bundle that did not arrive.
func (s *Service) Receipt(ctx context.Context, bundleID string) (string, error) {
	var n bundle.Note
	var ok bool
	var name string
	err := s.o.DB.View(ctx, func(tx db.Tx) (err error) {
		if n, ok, err = bundle.Find(ctx, tx, bundle.In, bundleID); err != nil || !ok {
			return err
		}
		name, err = schoolName(ctx, tx, n.School)
		return err
	})
	if err != nil {
		return "", err
	}
	if !ok {
		return "", fs.ErrNotExist
	}
	return s.receipt(name, n), nil
}

func (s *Service) receipt(school string, n bundle.Note) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Urban Home School: receipt\nSchool: %s\n%s%s\nMade at school: %s\n%s%s\n", school, bundle.ReceiptFile, n.ID,
		n.Made.Format(time.RFC3339), bundle.ReceiptArrived, n.At.Format(time.RFC3339))
	for _, l := range n.Result.Lanes {
		if l.Waits > 0 {
			fmt.Fprintf(&b, "%d %s are here and wait: %s\n", l.Waits, receiptWords[l.Lane.String()], waitsFor(l))
		}
		fmt.Fprintf(&b, "%d %s arrived (%d of them before); number %d of this kind is safe\n", l.New+l.Known, receiptWords[l.Lane.String()], l.Known, l.Applied)
	}
	if len(n.Result.Lanes) == 0 {
		b.WriteString("There was nothing new in it.\n")
	}
	return bundle.SignReceipt(b.String(), s.o.Signer)
}

// waitsFor is why records of a file that is here are not stored yet.
func waitsFor(l bundle.Lane) string {
	switch {
	case l.Paused:
		return "the office has to look at others first"
	case l.Forked:
		return "they do not fit what arrived before; an administrator has to decide"
	default:
		return "something made before them has to come first"
	}
}

// sweepBack removes bundles for the way back that nobody has fetched for long.
func (s *Service) sweepBack() {
	names, err := filepath.Glob(filepath.Join(s.o.Dir, "return", "*"))
	if err != nil {
		return
	}
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && s.o.Clock.Now().Sub(info.ModTime()) > backKept {
			_ = os.Remove(name) // tried again in an hour
		}
	}
	// What a crash left of a snapshot on its way into a file.
	left, err := filepath.Glob(filepath.Join(s.o.Dir, "snapshot-*"))
	if err != nil {
		return
	}
	for _, dir := range left {
		if info, err := os.Stat(dir); err == nil && s.o.Clock.Now().Sub(info.ModTime()) > backFresh*24 {
			_ = os.RemoveAll(dir) // tried again in an hour
		}
	}
}

// backKept is how long the way back can be fetched: it is written again for the
// next bundle.
const backKept = 14 * 24 * time.Hour
