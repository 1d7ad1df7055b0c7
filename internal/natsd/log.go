package natsd

import (
	"fmt"
	"sync"

	"github.com/rs/zerolog"

	"fairlead/internal/fairlead"
)

// logger hands the server's messages to zerolog. It keeps the first fatal one: the server only logs
// why it cannot start.
type logger struct {
	log      zerolog.Logger
	overstep func(fairlead.Account, Overstep)

	mu    sync.Mutex
	first string
}

func (l *logger) fatal() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

// Noticef implements server.Logger. The server's banner is of use to who debugs it, not to an operator.
func (l *logger) Noticef(format string, v ...any) { l.log.Debug().Msgf(format, v...) }

// Warnf implements server.Logger.
func (l *logger) Warnf(format string, v ...any) { l.log.Warn().Msgf(format, v...) }

// Errorf implements server.Logger. What an agency oversteps is counted and named by who listens; a line
// for each would let it fill the disk.
func (l *logger) Errorf(format string, v ...any) {
	line := fmt.Sprintf(format, v...)
	if account, what, ok := readOverstep(line); ok && l.overstep != nil {
		l.overstep(account, what)
		l.log.Debug().Msg(line)
		return
	}
	l.log.Error().Msg(line)
}

// Debugf implements server.Logger.
func (l *logger) Debugf(format string, v ...any) { l.log.Debug().Msgf(format, v...) }

// Tracef implements server.Logger.
func (l *logger) Tracef(format string, v ...any) { l.log.Trace().Msgf(format, v...) }

// Fatalf implements server.Logger. It does not end the program: Start returns the message.
func (l *logger) Fatalf(format string, v ...any) {
	l.log.Error().Msgf(format, v...)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == "" {
		l.first = fmt.Sprintf(format, v...)
	}
}
