package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"fairlead/internal/broker"
	"fairlead/internal/fairlead"
	"fairlead/internal/natsd"
	"fairlead/internal/registry"
)

// HTTPURL is where the read-only HTTP server listens; "" if it does not.
func (h *Hub) HTTPURL() string {
	if h.webAddr == "" {
		return ""
	}
	return "http://" + h.webAddr
}

// listen opens the HTTP server and the operator's socket.
func (h *Hub) listen() error {
	if h.cfg.HTTP != "" {
		ln, err := net.Listen("tcp", h.cfg.HTTP)
		if err != nil {
			return err
		}
		h.webAddr = ln.Addr().String()
		h.web = &http.Server{Handler: h.handler(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Minute}
		h.done.Go(func() { _ = h.web.Serve(ln) }) // ends with Close
	}
	path := h.SocketPath()
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("operator's socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return err
	}
	h.socket = &http.Server{Handler: h.operator(), ReadHeaderTimeout: 5 * time.Second}
	h.done.Go(func() { _ = h.socket.Serve(ln) }) // ends with Close
	return nil
}

// SocketPath is the operator's socket: who may write to it may act as operator.
func (h *Hub) SocketPath() string { return filepath.Join(h.cfg.Dir, "operator.sock") }

var (
	hashTile  = regexp.MustCompile(`^/tile/\d{1,2}(/x\d{3})*/\d{3}(\.p/\d{1,3})?$`)
	entryTile = regexp.MustCompile(`^/tile/entries(/x\d{3})*/\d{3}(\.p/\d{1,3})?$`)
	segment   = regexp.MustCompile(`^/details(/x\d{3})*/\d{3}$`)
)

// handler serves what others may read: checkpoint and hash tiles to everybody, entry tiles and details
// to auditors, whose reading is on record.
func (h *Hub) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /checkpoint", func(w http.ResponseWriter, _ *http.Request) {
		h.file(w, filepath.Join(broker.LogDir, "checkpoint"), "text/plain; charset=utf-8")
	})
	mux.HandleFunc("GET /"+cosignedFile, func(w http.ResponseWriter, _ *http.Request) {
		h.file(w, cosignedFile, "text/plain; charset=utf-8")
	})
	mux.HandleFunc("GET /tile/", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case hashTile.MatchString(r.URL.Path):
			h.file(w, filepath.Join(broker.LogDir, r.URL.Path), "application/octet-stream")
		case entryTile.MatchString(r.URL.Path):
			h.forAuditors(w, r, filepath.Join(broker.LogDir, r.URL.Path))
		default:
			http.NotFound(w, r)
		}
	})
	mux.HandleFunc("GET /details/", func(w http.ResponseWriter, r *http.Request) {
		if !segment.MatchString(r.URL.Path) {
			http.NotFound(w, r)
			return
		}
		h.forAuditors(w, r, r.URL.Path)
	})
	mux.HandleFunc("GET /healthz", h.health)
	mux.Handle("GET /metrics", h.metrics())
	return mux
}

func (h *Hub) file(w http.ResponseWriter, name, contentType string) {
	b, err := os.ReadFile(filepath.Join(h.cfg.Dir, name))
	if err != nil {
		http.Error(w, "not here (yet)", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(b) // the reader has gone
}

func (h *Hub) health(w http.ResponseWriter, _ *http.Request) {
	if err := h.Failed(); err != nil {
		http.Error(w, "the broker has stopped: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// metrics counts; no label names an agency, a case or a child.
func (h *Hub) metrics() http.Handler {
	reg := prometheus.NewRegistry()
	gauge := func(name, help string, labels prometheus.Labels, f func(broker.Status) float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "fairlead_" + name, Help: help, ConstLabels: labels},
			func() float64 { return f(h.broker.Status()) }))
	}
	gauge("entries", "Entries of the log.", nil, func(s broker.Status) float64 { return float64(s.Entries) })
	gauge("agencies", "Agencies enrolled.", nil, func(s broker.Status) float64 { return float64(s.Agencies) })
	gauge("proofs_owed", "Proofs not yet handed out.", nil, func(s broker.Status) float64 { return float64(s.Owed) })
	gauge("unreadable", "Submissions that could not be read, since start.", nil, func(s broker.Status) float64 { return float64(s.Unread) })
	gauge("alarms", "Reports of agencies' programs that the hub did what an honest one does not, since start.", nil,
		func(s broker.Status) float64 { return float64(s.Alarms) })
	gauge("split_views", "Shares whose sender, and cosignatures whose witness, was shown another log, since start.", nil,
		func(s broker.Status) float64 { return float64(s.Splits + h.Witnessed().Splits) })
	gauge("witnessed_entries", "Entries of the last checkpoint that a quorum of witnesses has cosigned.", nil, func(broker.Status) float64 { return float64(h.Witnessed().Size) })
	gauge("unwitnessed_seconds", "Age of the first checkpoint that no quorum has cosigned; over 60 is an alarm.", nil,
		func(broker.Status) float64 {
			since := h.Witnessed().Since
			if since.IsZero() {
				return 0
			}
			return h.cfg.Now().Sub(since).Seconds()
		})
	for _, r := range []fairlead.Result{fairlead.Delivered, fairlead.DeliveredRedacted, fairlead.Held, fairlead.Refused} {
		gauge("decisions", "Decisions since start.", prometheus.Labels{"result": string(r)}, func(s broker.Status) float64 { return float64(s.Decisions[r]) })
	}
	for _, what := range natsd.Oversteps() {
		gauge("oversteps", "Refused by the server of this program, since start: credentials used for what they do not allow.",
			prometheus.Labels{"what": string(what)}, func(broker.Status) float64 { return float64(h.oversteps.count(what)) })
	}
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
}

// operator serves the operator's acts on the socket.
func (h *Hub) operator() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /invitation", func(w http.ResponseWriter, r *http.Request) {
		inv, err := h.Invite(fairlead.AgencyID(r.URL.Query().Get("agency")))
		reply(w, inv, err)
	})
	mux.HandleFunc("GET /agencies", func(w http.ResponseWriter, _ *http.Request) { reply(w, h.broker.Agencies(), nil) })
	mux.HandleFunc("GET /operators", func(w http.ResponseWriter, _ *http.Request) { reply(w, h.broker.Operators(), nil) })
	mux.Handle("POST /approve", acts(func(ctx context.Context, s registry.SignedRequest) (any, error) { return h.Approve(ctx, s) }))
	mux.Handle("POST /refuse", acts(func(ctx context.Context, r refusing) (any, error) { return nothing, h.Refuse(ctx, r.Request, r.Reason) }))
	mux.Handle("POST /suspend", acts(func(ctx context.Context, s registry.Suspension) (any, error) { return nothing, h.Suspend(ctx, true, s) }))
	mux.Handle("POST /resume", acts(func(ctx context.Context, s registry.Suspension) (any, error) {
		return nothing, h.Suspend(ctx, false, s)
	}))
	mux.Handle("POST /remove", acts(func(ctx context.Context, s registry.Suspension) (any, error) { return nothing, h.Remove(ctx, s) }))
	mux.Handle("POST /revoke", acts(func(_ context.Context, s registry.Suspension) (any, error) { return nothing, h.Revoke(s.Agency) }))
	mux.Handle("POST /operators", acts(func(ctx context.Context, o registry.Operators) (any, error) { return nothing, h.SetOperators(ctx, o) }))
	mux.Handle("POST /erase", acts(func(ctx context.Context, e registry.Erasing) (any, error) { return nothing, h.EraseDetails(ctx, e) }))
	mux.Handle("POST /rules", acts(func(ctx context.Context, r registry.Rules) (any, error) { return nothing, h.SetRules(ctx, r) }))
	mux.Handle("POST /auditor", acts(func(ctx context.Context, a auditing) (any, error) {
		credential, err := h.AddAuditor(ctx, a.Name)
		return map[string]string{"credential": credential}, err
	}))
	return mux
}

// refusing and auditing are what the operator's program sends.
type (
	refusing struct {
		Request registry.SignedRequest `json:"request"`
		Reason  string                 `json:"reason"`
	}
	auditing struct {
		Name string `json:"name"`
	}
)

// nothing is the answer to an act that is done.
var nothing = struct{}{}

// acts serves one act: it reads what is asked, does it, and answers.
func acts[T any](do func(context.Context, T) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked T
		if err := decode(r, &asked); err != nil {
			reply(w, nil, err)
			return
		}
		v, err := do(r.Context(), asked)
		reply(w, v, err)
	})
}

func reply(w http.ResponseWriter, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the operator has gone
}
