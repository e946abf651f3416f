package gateway

import (
	"context"
	"net/http"
)

// headAsGet answers HEAD wherever GET is answered, as GET. net/http leaves the body out of the answer to HEAD. All that comes
// before it is the same, the length and the coding too (RFC 9110 § 9.3.2).
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		get := r.WithContext(ctx)
		get.Method = http.MethodGet
		next.ServeHTTP(&headWriter{ResponseWriter: w, control: http.NewResponseController(w), cancel: cancel}, get)
	})
}

// headWriter ends a stream once its first message has been sent: nobody sees what follows.
type headWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	cancel  context.CancelFunc
}

// FlushError flushes, for http.ResponseController. Over HTTP/2 it would fail, since the answer ends with its headers.
func (h *headWriter) FlushError() error {
	_ = h.control.Flush()
	h.cancel()
	return nil
}

// Unwrap lets http.ResponseController reach the connection.
func (h *headWriter) Unwrap() http.ResponseWriter { return h.ResponseWriter }
