package monitor

import "context"

// Progress is told how far long work has come: which, and how many entries of how many.
type Progress func(work string, done, total int64)

type progressKey struct{}

// WithProgress has the work that is done under a context told, as net/http/httptrace does.
func WithProgress(ctx context.Context, p Progress) context.Context {
	return context.WithValue(ctx, progressKey{}, p)
}

// progress tells one piece of work.
func progress(ctx context.Context, work string, total int64) func(done int64) {
	p, _ := ctx.Value(progressKey{}).(Progress)
	return func(done int64) {
		if p != nil && (done%span == 0 || done == total) {
			p(work, done, total)
		}
	}
}
