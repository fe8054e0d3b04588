package packs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
)

var (
	errNetwork = errors.New("packs: the transfer was cut")
	errDisk    = syscall.ENOSPC
)

// answerError is an answer of the server that is not the pack.
type answerError struct{ status int }

func (e *answerError) Error() string { return "packs: the server answered " + strconv.Itoa(e.status) }

// manifest gives the verified manifest of l, from disk when it is there.
func (s *Service) manifest(ctx context.Context, l catalogue.Licence) (pack.Manifest, error) {
	signed, err := s.o.Store.Read(l.ManifestSHA256)
	if err != nil || pack.Hash(signed) != l.ManifestSHA256 {
		if signed, err = s.fetchManifest(ctx, l.ManifestSHA256); err != nil {
			return pack.Manifest{}, err
		}
	}
	m, err := pack.Verify(signed, s.o.Signer)
	if err != nil {
		return pack.Manifest{}, err
	}
	if m.CourseID != l.CourseID || m.Edition != l.Edition {
		return pack.Manifest{}, fmt.Errorf("%w: the manifest is of another edition than the licence", pack.ErrMalformed)
	}
	// Kept only once it is trusted.
	_, err = s.o.Store.Put(signed)
	return m, err
}

func (s *Service) fetchManifest(ctx context.Context, sha string) ([]byte, error) {
	res, err := s.get(ctx, "/packs/manifest/"+sha, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, &answerError{res.StatusCode}
	}
	signed, err := io.ReadAll(io.LimitReader(res.Body, pack.MaxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNetwork, err)
	}
	if pack.Hash(signed) != sha {
		return nil, fmt.Errorf("manifest: %w", pack.ErrCorrupt)
	}
	return signed, nil
}

// blobs fetches what is missing of m, counting what is here already.
func (s *Service) blobs(ctx context.Context, l catalogue.Licence, m pack.Manifest) error {
	var here int64
	var missing []pack.Blob
	seen := map[string]bool{}
	for _, b := range m.Blobs {
		if seen[b.SHA256] {
			continue
		}
		seen[b.SHA256] = true
		if _, ok := s.o.Store.Path(b.SHA256); ok {
			here += b.Size
			continue
		}
		missing = append(missing, b)
	}
	s.count(l.CourseID, here)
	for _, b := range missing {
		if err := s.blob(ctx, l.CourseID, b, here); err != nil {
			return err
		}
		here += b.Size
		s.count(l.CourseID, here)
	}
	return nil
}

// blob fetches one blob from where an earlier attempt stopped.
func (s *Service) blob(ctx context.Context, course catalogue.CourseID, b pack.Blob, before int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// A link that dies without a word is given up, so that the next attempt can begin.
	watchdog := time.AfterFunc(s.o.Idle, func() { cancel(errNetwork) })
	defer watchdog.Stop()
	offset := s.o.Store.PartSize(b.SHA256)
	if offset >= b.Size {
		offset = 0 // whole but never checked, or too long: once more
	}
	res, err := s.get(ctx, "/packs/blob/"+b.SHA256, offset)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	switch {
	case res.StatusCode == http.StatusOK: // the server does not resume: from the start
		offset = 0
	case res.StatusCode == http.StatusPartialContent && startsAt(res, offset):
	default:
		return &answerError{res.StatusCode}
	}

	at := before + offset
	return s.o.Store.Receive(b, offset, &tracker{r: res.Body, seen: func(n int) {
		watchdog.Reset(s.o.Idle)
		at += int64(n)
		s.count(course, at)
	}})
}

// startsAt tells whether a partial answer begins at offset: appending anything
// else would only be found out at the end.
func startsAt(res *http.Response, offset int64) bool {
	return strings.HasPrefix(res.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", offset))
}

func (s *Service) get(ctx context.Context, path string, offset int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(s.o.BaseURL, "/")+path, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch pack: %w", err)
	}
	// A range counts stored bytes: the answer must not be compressed on the way.
	req.Header.Set("Accept-Encoding", "identity")
	if offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	res, err := s.o.Client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNetwork, err)
	}
	return res, nil
}

// tracker reports the bytes that pass, and marks a failure as the network's.
type tracker struct {
	r    io.Reader
	seen func(n int)
}

// Read implements io.Reader.
func (t *tracker) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if n > 0 {
		t.seen(n)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", errNetwork, err)
	}
	return n, err
}
