// Package logging sets up slog and gives the attribute constructors, so that
// keys never drift. No secrets and no learners' names go into a log.
package logging

import (
	"io"
	"log/slog"
)

// New is a logger of JSON lines on w; level is debug, info, warn or error.
func New(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l}))
}

// Discard drops everything; for tests.
func Discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Err is the error of a failed operation.
func Err(err error) slog.Attr { return slog.Any("err", err) }

// School is the id of a school.
func School(id string) slog.Attr { return slog.String("school", id) }

// Account is the id of a person, never the name.
func Account(id string) slog.Attr { return slog.String("account", id) }

// Lane is the number of a sync lane.
func Lane(lane int) slog.Attr { return slog.Int("lane", lane) }

// Request is the id of an HTTP request.
func Request(id string) slog.Attr { return slog.String("request_id", id) }
