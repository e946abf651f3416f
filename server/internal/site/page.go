package site

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

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

// entityTag is weak, because the content has the same one compressed and as it is.
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

// policed says what a page may load: what this server has, and nothing from elsewhere.
func policed(policy string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

// pagePolicy is that of pages without a script.
const pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
