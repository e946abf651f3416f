package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

// newPages returns what is beside the API; refuse answers for everything else.
func newPages(cfg Config, refuse func(http.ResponseWriter, *http.Request, error)) (http.Handler, error) {
	pages := http.NewServeMux()
	if !cfg.NoHealth {
		AddProbes(pages, cfg.Ready, cfg.Writes)
	}
	if !cfg.NoDocs {
		docs, err := newDocs()
		if err != nil {
			return nil, err
		}
		pages.Handle("GET /openapi.json", newPage("application/json", cfg.OpenAPI))
		if err := addProtos(pages, cfg.Protos); err != nil {
			return nil, err
		}
		pages.Handle("GET /docs/", docs)
		pages.Handle("GET /docs", http.RedirectHandler("/docs/", http.StatusMovedPermanently))
		pages.Handle("GET /{$}", http.RedirectHandler("/docs/", http.StatusFound))
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

// addProtos adds a page for each file.
func addProtos(pages *http.ServeMux, files fs.FS) error {
	if files == nil {
		return nil
	}
	return fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		if err == nil {
			pages.Handle("GET /protos/"+path, newPage("text/plain; charset=utf-8", text))
		}
		return err
	})
}

// newPage answers a document that stays as it is while the server runs. Who has it asks whether it still holds, since a
// release may change it, and is told in a few bytes (RFC 9111 § 4.3).
func newPage(contentType string, content []byte) http.Handler {
	tag := entityTag(content)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Type", contentType)
		header.Set("Cache-Control", revalidate)
		header.Set("ETag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
}

// revalidate: keep it, and ask each time.
const revalidate = "no-cache"

// entityTag is weak, because the same one stands for the content compressed and as it is.
func entityTag(content []byte) string {
	sum := sha256.Sum256(content)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// tagged gives the entity tags of files the form that they need: their handler writes and compares them without quotes.
func tagged(files http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := r.Header.Get("If-None-Match")
		if bare, weak := strings.CutPrefix(asked, `W/"`); weak {
			r = r.Clone(r.Context())
			r.Header.Set("If-None-Match", strings.TrimSuffix(bare, `"`))
		}
		files.ServeHTTP(&tagWriter{ResponseWriter: w, asked: asked}, r)
	})
}

type tagWriter struct {
	http.ResponseWriter
	asked string // the tag that the caller has
	begun bool
}

func (t *tagWriter) WriteHeader(code int) {
	if !t.begun {
		t.begun = true
		switch header := t.Header(); {
		case code == http.StatusNotModified:
			header.Set("ETag", t.asked)
			header.Set("Cache-Control", revalidate)
		case header.Get("ETag") != "":
			header.Set("ETag", `W/"`+header.Get("ETag")+`"`)
			header.Set("Cache-Control", revalidate)
		}
	}
	t.ResponseWriter.WriteHeader(code)
}

func (t *tagWriter) Write(p []byte) (int, error) {
	if !t.begun {
		t.WriteHeader(http.StatusOK)
	}
	return t.ResponseWriter.Write(p)
}
