package app

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"cegid.internal/gateway/server/internal/authn"
	"cegid.internal/gateway/server/internal/gateway"
	"cegid.internal/gateway/server/internal/status"
)

// Where the operator of the server's own machine directs it, on the listener of operations.
const (
	// TrustClockPath: POST says that the clock of the ledger is right.
	TrustClockPath = "/ledger/trust-clock"
	// ConfigPath: GET shows what is in force.
	ConfigPath = "/config"
	// LogLevelPath: GET and PUT the level of the log.
	LogLevelPath = "/log/level"
	// ReloadPath: POST reads the configuration again.
	ReloadPath = "/reload"
	// DrainPath: PUT makes the server not ready, DELETE ready again, GET says whether it is drained.
	DrainPath = "/drain"
)

// operationsHandler answers metrics to every client that reaches the listener, and profiles to this machine alone, whose operator may also
// look at the configuration, and direct the server.
func (s *Server) operationsHandler() http.Handler {
	registry := s.cfg.Registry
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
	mux.Handle("GET "+status.Path, s.status) // what metrics tell, for people
	mux.HandleFunc("GET "+status.StylePath, s.status.ServeStyle)
	gateway.AddProbes(mux, s.readiness.why, s.readiness.whyNoWrites) // here in plaintext, and when they are not public, too
	// Not pprof.Cmdline: a command line can hold what it should not.
	for path, handler := range map[string]http.HandlerFunc{
		"/debug/pprof/": pprof.Index, "/debug/pprof/profile": pprof.Profile,
		"/debug/pprof/symbol": pprof.Symbol, "/debug/pprof/trace": pprof.Trace,
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			peer, err := netip.ParseAddrPort(r.RemoteAddr)
			if err != nil || !peer.Addr().Unmap().IsLoopback() || !ofThisMachine(r) {
				http.Error(w, "profiles are for loopback peers", http.StatusForbidden)
				return
			}
			handler(w, r)
		})
	}
	mux.HandleFunc("GET /debug/pprof/cmdline", http.NotFound)
	for path, handler := range map[string]http.HandlerFunc{
		"POST " + TrustClockPath: s.trustClock,
		"GET " + ConfigPath:      s.showConfig,
		"GET " + LogLevelPath:    s.logLevel,
		"PUT " + LogLevelPath:    s.setLogLevel,
		"POST " + ReloadPath:     s.reload,
		"GET " + DrainPath:       s.drained,
		"PUT " + DrainPath:       s.setDrained(true),
		"DELETE " + DrainPath:    s.setDrained(false),
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			// Not for pages in a browser of this machine, either.
			if !fromHere(r) || r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Origin") != "" {
				http.Error(w, "this is for the machine of the server", http.StatusForbidden)
				return
			}
			handler(w, r)
		})
	}
	return mux
}

func (s *Server) trustClock(w http.ResponseWriter, r *http.Request) {
	if err := s.cfg.Ledger.TrustClock(r.Context()); err != nil {
		http.Error(w, "the ledger does not take it: "+err.Error(), http.StatusServiceUnavailable)
	}
}

func (s *Server) showConfig(w http.ResponseWriter, _ *http.Request) {
	reloader := s.reloader.Load()
	if reloader == nil {
		http.Error(w, "this server has no configuration in a file", http.StatusNotFound)
		return
	}
	answer(w, reloader.InForce())
}

func (s *Server) logLevel(w http.ResponseWriter, _ *http.Request) {
	if s.cfg.LogLevel == nil {
		http.Error(w, "the level of this server's log is not to be changed", http.StatusNotFound)
		return
	}
	_, _ = fmt.Fprintln(w, strings.ToLower(s.cfg.LogLevel.Level().String()))
}

func (s *Server) setLogLevel(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(io.LimitReader(r.Body, 16))
	level, known := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn,
		"error": slog.LevelError,
	}[strings.TrimSpace(string(text))]
	if err != nil || !known {
		http.Error(w, "send debug, info, warn or error", http.StatusBadRequest)
		return
	}
	if s.cfg.LogLevel == nil {
		s.logLevel(w, r)
		return
	}
	before := s.cfg.LogLevel.Level()
	s.cfg.LogLevel.Set(min(before, level, slog.LevelInfo)) // so that the line is there whatever the level was, and will be
	s.cfg.Log.Info("the level of the log was changed, as the operator asked", "before", strings.ToLower(before.String()), "level",
		strings.ToLower(level.String()))
	s.cfg.LogLevel.Set(level)
	s.logLevel(w, r)
}

func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	reloader := s.reloader.Load()
	if reloader == nil {
		http.Error(w, "this server has no configuration in a file", http.StatusNotFound)
		return
	}
	changes, err := reloader.Reload(r.Context())
	if err != nil {
		http.Error(w, "what was in force stays in force: "+err.Error(), http.StatusConflict)
		return
	}
	answer(w, struct {
		Changes    []string `json:"changes"`
		ConfigHash string   `json:"config_hash"`
		PolicyHash string   `json:"policy_hash"`
	}{append([]string{}, changes...), reloader.InForce().ConfigHash, reloader.InForce().PolicyHash})
}

func (s *Server) drained(w http.ResponseWriter, _ *http.Request) {
	word := "serving"
	if s.readiness.drainedNow() {
		word = "drained"
	}
	_, _ = fmt.Fprintln(w, word)
}

func (s *Server) setDrained(drained bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.readiness.drainedNow() != drained {
			s.readiness.set(func(r *readiness) { r.drained = drained })
			if drained {
				s.cfg.Log.Info("the server is not ready, as the operator asked; it answers calls all the same")
			} else {
				s.cfg.Log.Info("the server may be ready again, as the operator asked")
			}
		}
		s.drained(w, r)
	}
}

func answer(w http.ResponseWriter, what any) {
	w.Header().Set("Content-Type", "application/json")
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	_ = out.Encode(what)
}

// fromHere says whether the peer is on this machine: on a pod's own address it has that.
func fromHere(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if peer.Addr().Unmap().IsLoopback() {
		return true
	}
	here, err := netip.ParseAddrPort(fmt.Sprint(local))
	return ok && err == nil && here.Addr().Unmap() == peer.Addr().Unmap()
}

// ofThisMachine tells a request of somebody at this machine from that of a page of somebody else's in a browser there, whose
// name may lead to loopback, too.
func ofThisMachine(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = strings.Trim(r.Host, "[]")
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return authn.Loopback(host) && (site == "" || site == "none" || site == "same-origin")
}
