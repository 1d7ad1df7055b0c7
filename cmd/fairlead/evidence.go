package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/rs/zerolog"
)

// evidence writes the file for an auditor: what the program found that an honest hub does not do, and the bytes that
// show it. It needs no hub: whoever has reason to use it may have none to ask.
func evidence(_ context.Context, s *session) error {
	if err := s.openHome(); err != nil {
		return err
	}
	var err error
	if s.client, err = s.home.Open(nil, time.Now, zerolog.Nop()); err != nil {
		return err
	}
	file, err := s.client.Evidence()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(s.args[0], os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; name a file that is not", s.args[0])
	}
	if err != nil {
		return err
	}
	_, err = f.Write(file)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(s.args[0]))
	}
	alarms, err := s.client.Alarms()
	if err != nil {
		return err
	}
	return s.print(map[string]any{"file": s.args[0], "alarms": len(alarms)}, func() {
		s.say("%d alarms, with what shows them, signed: %s", len(alarms), s.args[0])
		s.say("give it to your auditor, who holds it against the log: fairlead-audit evidence MIRROR FILE")
	})
}
