package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"fairlead/internal/registry"
)

// erase orders the details of entries erased: by retention, order, request or mistake.
func erase(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse("erase", args, 3, stderr)
	if err != nil {
		return err
	}
	e := registry.Erasing{Reason: o.args[1], Reference: o.args[2]}
	if e.Details, err = entries(o.args[0]); err != nil {
		return err
	}
	if err := o.call(ctx, "POST", "/erase", e, &struct{}{}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "erased: %d details, by a log entry; their leaves stay. Copies and backups of the hub's folder still hold them\n", len(e.Details))
	return err
}

// entries reads "12", "12-40" or several of them with commas between.
func entries(text string) (list []registry.Detail, err error) {
	for part := range strings.SplitSeq(text, ",") {
		first, last, ranged := strings.Cut(part, "-")
		if !ranged {
			last = first
		}
		from, err := strconv.ParseInt(first, 10, 64)
		to, again := strconv.ParseInt(last, 10, 64)
		if err != nil || again != nil || from < 0 || to < from || to-from >= registry.MaxErase {
			return nil, fmt.Errorf("entries: want numbers and ranges such as 12,40-52, at most %d, not %.40q", registry.MaxErase, text)
		}
		for i := from; i <= to; i++ {
			list = append(list, registry.Detail{Entry: i})
		}
	}
	return list, nil
}
