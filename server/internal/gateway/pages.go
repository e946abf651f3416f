package gateway

import (
	"net/http"

	"cegid.internal/gateway/server/internal/site"
)

// newPages returns what is beside the API; refuse answers for everything else.
func newPages(cfg Config, refuse func(http.ResponseWriter, *http.Request, error)) (http.Handler, error) {
	pages := http.NewServeMux()
	if !cfg.NoHealth {
		AddProbes(pages, cfg.Ready, cfg.Writes)
	}
	if cfg.Site != nil {
		if err := site.Register(pages, *cfg.Site); err != nil {
			return nil, err
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, found := pages.Handler(r); found != "" {
			pages.ServeHTTP(w, r)
			return
		}
		get := r.WithContext(r.Context())
		get.Method = http.MethodGet
		if _, found := pages.Handler(get); found != "" {
			refuse(w, r, errMethodNotAllowed(w, []string{http.MethodGet, http.MethodHead}))
			return
		}
		refuse(w, r, errNoSuchPath())
	}), nil
}

// AddProbes adds what an orchestrator asks: whether the process answers, and whether calls are welcome. Ready says why they
// are not, and writes why writes are not; nil when they are.
func AddProbes(pages *http.ServeMux, ready, writes func() error) {
	pages.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok\n") })
	pages.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		var noWrites error
		if writes != nil {
			noWrites = writes()
		}
		switch why := ready(); {
		case why != nil:
			writeText(w, http.StatusServiceUnavailable, why.Error()+"\n")
		case noWrites == nil:
			writeText(w, http.StatusOK, "ready\n")
		case r.URL.Query().Get("service") == "writes":
			writeText(w, http.StatusServiceUnavailable, noWrites.Error()+"\n")
		default:
			writeText(w, http.StatusOK, "ready for reads; writes are refused: "+noWrites.Error()+"\n")
		}
	})
}
