package packs

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/logging"
)

// source is where packs are fetched from: the cloud or a neighbour's box.
type source struct {
	url    string
	client *http.Client
	near   bool
	// least is what must come in each window for the source to be good.
	window time.Duration
	least  int64

	// fails in a row; the source is left alone from dropped for as long as pause.
	fails   int
	dropped time.Time
	pause   time.Duration
}

const (
	nearDial = 2 * time.Second
	// A neighbour that is slow or away is asked again after a minute, then two,
	// at most an hour; one that gave wrong bytes after a day, one that is busy soon.
	awayMin, awayMax = time.Minute, time.Hour
	liarPause        = 24 * time.Hour
	busyPause        = 10 * time.Second
)

func sources(o Options) (cloud *source, near []*source) {
	// Neighbours get a client of their own: a signature of this box is the
	// cloud's alone, and where a neighbour redirects to is not asked.
	client := &http.Client{
		Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: nearDial}).DialContext, ResponseHeaderTimeout: o.NearIdle,
			TLSHandshakeTimeout: nearDial, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for _, url := range o.Neighbours {
		near = append(near, &source{url: strings.TrimSuffix(url, "/"), client: client, near: true, window: o.NearIdle, least: 64 << 10})
	}
	return &source{url: strings.TrimSuffix(o.BaseURL, "/"), client: o.Client, window: o.Idle, least: 1}, near
}

// resting tells whether the source is left alone now. A clock that jumped back
// does not keep it so.
func (src *source) resting(now time.Time) bool {
	since := now.Sub(src.dropped)
	return src.pause > 0 && since >= 0 && since < src.pause
}

// ask tries the neighbours that are well, then the cloud. A neighbour that fails
// is dropped for a while; only the cloud's failure, and the box's own, count.
func (s *Service) ask(ctx context.Context, try func(*source) error) error {
	for _, src := range s.near {
		if src.resting(s.o.Clock.Now()) {
			continue
		}
		err := try(src)
		if err == nil {
			src.fails, src.pause = 0, 0
			return nil
		}
		if ctx.Err() != nil || !s.drop(src, err) {
			return err
		}
	}
	return try(s.cloud)
}

// drop leaves a neighbour alone for a while; false when err is not its fault.
func (s *Service) drop(src *source, err error) bool {
	pause := time.Duration(0)
	if answer, ok := errors.AsType[*answerError](err); ok {
		switch answer.status {
		case http.StatusNotFound: // it has not got this one
			return true
		case http.StatusServiceUnavailable, http.StatusTooManyRequests:
			pause = busyPause
		}
	}
	switch {
	case pause > 0:
	case errors.Is(err, pack.ErrCorrupt):
		pause = liarPause
	case errors.Is(err, errFull), reason(err) == "disk_full", reason(err) == "disk", reason(err) == "failed":
		return false
	default:
		pause = min(awayMin<<min(src.fails, 10), awayMax)
	}
	src.fails++
	src.dropped, src.pause = s.o.Clock.Now(), pause
	s.o.Log.Warn("neighbour left alone", slog.String("neighbour", src.url), slog.Duration("for", pause), logging.Err(err))
	return true
}
