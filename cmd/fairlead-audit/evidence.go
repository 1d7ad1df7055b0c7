package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fairlead/internal/monitor"
	"fairlead/internal/tlog"
)

// errProof ends evidence where the log's own key signed what this log never was.
var errProof = errors.New("the log's key signed another log than this one: keep the file and the copy as they are")

// errOther: the agency signed that it was shown another log, and no exhibit is signed by the log's key.
var errOther = errors.New("the agency signed that it knows another log than this one: compare with other mirrors, and with the agency")

// maxEvidence bounds the file of an agency: its alarms hold whole deliveries.
const maxEvidence = 1 << 30

// examine holds the file of an agency against the mirror.
func examine(ctx context.Context, o *options) error {
	vkey, err := o.vkey()
	if err != nil {
		return err
	}
	file, err := tlog.ReadFile("", o.word, maxEvidence)
	if err != nil {
		return fmt.Errorf("the agency's file: %w", err)
	}
	x, err := monitor.Examine(ctx, o.Mirror, vkey, file)
	if err != nil {
		return err
	}
	if err := o.print(x); err != nil {
		return err
	}
	switch proof := slices.ContainsFunc(x.Exhibits, func(e monitor.Exhibit) bool { return e.Proof }); {
	case proof:
		return errProof
	case !x.SameLog:
		return errOther
	}
	return nil
}
