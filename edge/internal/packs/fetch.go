package packs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
)

var errNetwork = errors.New("packs: the transfer was cut")

// answerError is an answer of the server that is not the pack.
type answerError struct{ status int }

func (e *answerError) Error() string { return "packs: the server answered " + strconv.Itoa(e.status) }

// manifest gives the verified manifest of l, from disk when it is there.
func (s *Service) manifest(ctx context.Context, l catalogue.Licence) (pack.Manifest, error) {
	if m, ok := s.known(l.ManifestSHA256); ok {
		return m, s.fits(l, m)
	}
	// What lies under its name and is not good would be found there for ever.
	if err := s.o.Store.Remove(l.ManifestSHA256); err != nil {
		return pack.Manifest{}, err
	}
	if _, err := s.makeRoom(ctx, demand{bytes: pack.MaxManifest}); err != nil {
		return pack.Manifest{}, err
	}
	var signed []byte
	err := s.ask(ctx, func(src *source) (err error) {
		signed, err = s.fetchManifest(ctx, src, l.ManifestSHA256)
		return err
	})
	if err != nil {
		return pack.Manifest{}, err
	}
	m, err := pack.Verify(signed, s.o.Signer)
	if err != nil {
		return pack.Manifest{}, err
	}
	if err := s.fits(l, m); err != nil {
		return pack.Manifest{}, err
	}
	// Kept only once it is trusted.
	_, err = s.o.Store.Put(signed)
	return m, err
}

func (s *Service) fits(l catalogue.Licence, m pack.Manifest) error {
	if m.CourseID != l.CourseID || m.Edition != l.Edition {
		return fmt.Errorf("%w: the manifest is of another edition than the licence", pack.ErrMalformed)
	}
	return nil
}

func (s *Service) fetchManifest(ctx context.Context, src *source, sha string) (signed []byte, err error) {
	err = s.transfer(ctx, src, "/packs/manifest/"+sha, 0, func(res *http.Response, body io.Reader) error {
		if res.StatusCode != http.StatusOK {
			return &answerError{res.StatusCode}
		}
		if signed, err = io.ReadAll(io.LimitReader(body, pack.MaxManifest+1)); err != nil {
			return err
		}
		if pack.Hash(signed) != sha {
			return fmt.Errorf("manifest: %w", pack.ErrCorrupt)
		}
		return nil
	})
	return signed, err
}

// blob fetches one blob from where an earlier attempt stopped, at this source or
// another: the bytes of a hash are the same everywhere.
func (s *Service) blob(ctx context.Context, b pack.Blob) error {
	// givers are the neighbours that gave some of the bytes: when the whole is
	// wrong nobody knows which part was, and the cloud is asked for all of it.
	var givers []*source
	try := func(src *source) error {
		if src.near {
			givers = append(givers, src)
		}
		return s.blobFrom(ctx, src, b)
	}
	err := s.ask(ctx, try)
	if errors.Is(err, pack.ErrCorrupt) && len(givers) > 0 {
		for _, src := range givers {
			s.drop(src, err)
		}
		err = s.blobFrom(ctx, s.cloud, b)
	}
	return err
}

func (s *Service) blobFrom(ctx context.Context, src *source, b pack.Blob) error {
	offset := s.o.Store.PartSize(b.SHA256)
	if offset >= b.Size {
		offset = 0 // whole but never checked, or too long: once more
	}
	return s.transfer(ctx, src, "/packs/blob/"+b.SHA256, offset, func(res *http.Response, body io.Reader) error {
		switch {
		case res.StatusCode == http.StatusOK: // the server does not resume: from the start
			return s.o.Store.Receive(b, 0, body)
		case res.StatusCode == http.StatusPartialContent && startsAt(res, offset):
			return s.o.Store.Receive(b, offset, body)
		default:
			return &answerError{res.StatusCode}
		}
	})
}

// startsAt tells whether a partial answer begins at offset: appending anything
// else would only be found out at the end.
func startsAt(res *http.Response, offset int64) bool {
	return strings.HasPrefix(res.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", offset))
}

// transfer asks src and gives the answer to take. It is given up when too little
// comes, so that the next attempt can begin, and when the disk fills.
func (s *Service) transfer(ctx context.Context, src *source, path string, offset int64, take func(*http.Response, io.Reader) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	var came atomic.Int64
	watch.Go(func() { src.watch(ctx, cancel, &came) })

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, src.url+path, nil)
	if err != nil {
		return fmt.Errorf("fetch pack: %w: %w", errNetwork, err)
	}
	// A range counts stored bytes: the answer must not be compressed on the way.
	req.Header.Set("Accept-Encoding", "identity")
	if offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	res, err := src.client.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", errNetwork, err)
	}
	defer func() { _ = res.Body.Close() }()
	return take(res, &tracker{r: res.Body, seen: func(n int) error {
		came.Add(int64(n))
		s.o.Step("chunk")
		if short, err := s.short(demand{bytes: int64(n)}); err != nil {
			return err
		} else if short {
			return errFull
		}
		return nil
	}})
}

// watch cancels a transfer of which too little comes.
func (src *source) watch(ctx context.Context, cancel func(), came *atomic.Int64) {
	window := time.NewTicker(src.window)
	defer window.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-window.C:
			if came.Swap(0) < src.least {
				cancel()
				return
			}
		}
	}
}

// tracker reports the bytes that pass, and marks a failure as the network's.
type tracker struct {
	r    io.Reader
	seen func(n int) error
}

// Read implements io.Reader. Bytes that seen refuses are not given on: there is
// no room for them.
func (t *tracker) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", errNetwork, err)
	}
	if n > 0 {
		if stop := t.seen(n); stop != nil {
			return 0, stop
		}
	}
	return n, err
}
