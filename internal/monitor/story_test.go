package monitor_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"fairlead/internal/hubtest"
	"fairlead/internal/monitor"
	"fairlead/internal/scenario"
)

var told = sync.OnceValue(tellStory)

// acceptance is a mirror of the log of the acceptance story.
func acceptance(t testing.TB) made {
	t.Helper()
	if testing.Short() {
		t.Skip("the story takes half a minute")
	}
	l := told()
	must(t, l.err)
	return l
}

func tellStory() (l made) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	story, err := scenario.Load(scenario.Ours())
	if err != nil {
		return made{err: err}
	}
	w, err := hubtest.Open(ctx, hubtest.Config{Dir: filepath.Join(scratch, "story"), Start: story.Start.Time, HTTP: "127.0.0.1:0"})
	if err != nil {
		return made{err: err}
	}
	defer w.Close()
	p := &scenario.Player{Story: story, World: w, Files: scenario.Ours()}
	if l.err = p.Prepare(ctx); l.err != nil {
		return l
	}
	if _, l.err = p.Play(ctx); l.err != nil {
		return l
	}
	credential, err := w.Hub.AddAuditor(ctx, "tester")
	if err != nil {
		return made{err: err}
	}
	l.dir, l.vkey = filepath.Join(scratch, "story-mirror"), w.Hub.LogKey()
	_, l.err = monitor.Mirror(ctx, monitor.MirrorConfig{URL: w.Hub.HTTPURL(), Credential: credential, Dir: l.dir, VKey: l.vkey})
	return l
}
