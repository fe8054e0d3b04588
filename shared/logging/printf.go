package logging

import (
	"fmt"
	"log/slog"
)

// Printf gives the printf-like lines of a library, such as an embedded server,
// to Log. The library's notices are of use only to somebody who debugs it.
type Printf struct{ Log *slog.Logger }

// Noticef logs at debug.
func (p Printf) Noticef(format string, v ...any) { p.Log.Debug(fmt.Sprintf(format, v...)) }

// Warnf logs at warn.
func (p Printf) Warnf(format string, v ...any) { p.Log.Warn(fmt.Sprintf(format, v...)) }

// Errorf logs at error.
func (p Printf) Errorf(format string, v ...any) { p.Log.Error(fmt.Sprintf(format, v...)) }

// Fatalf logs at error. It does not end the process: whoever waits for the
// library finds it not ready.
func (p Printf) Fatalf(format string, v ...any) { p.Log.Error(fmt.Sprintf(format, v...)) }

// Debugf logs at debug.
func (p Printf) Debugf(format string, v ...any) { p.Log.Debug(fmt.Sprintf(format, v...)) }

// Tracef logs at debug.
func (p Printf) Tracef(format string, v ...any) { p.Log.Debug(fmt.Sprintf(format, v...)) }
