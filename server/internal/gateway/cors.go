package gateway

import (
	"net/http"
	"slices"
	"time"

	"github.com/rs/cors"
)

// callerHeaders are the headers by which an HTTP caller says something, besides what browsers send by themselves. Those of
// them that are passed on to the service are the allow-list of incomingHeader.
var callerHeaders = []struct {
	name   string
	passed bool
}{
	{"Authorization", false}, // grpc-gateway passes it on by itself
	{"Cache-Control", false},
	{"Content-Type", false},
	{"Grpc-Timeout", false}, // grpc-gateway makes it the deadline of the call
	{"Idempotency-Key", false},
	{"If-None-Match", false},
	{lastEventID, false},
	{"Traceparent", true},
	{"Tracestate", true},
	{requestIDHeader, true},
}

// answerHeaders are the headers of answers that a caller acts upon, besides those that a page may always read.
var answerHeaders = []string{
	"Accept", "Accept-Encoding", "Age", "Allow", "Cache-Status", "ETag", "Idempotent-Replayed", "Retry-After", "WWW-Authenticate",
	requestIDHeader,
}

// preflightAge is how long a browser may remember an answer; they keep it for two hours at most.
const preflightAge = time.Hour

// sharing lets pages of these origins call: a browser asks before (a preflight, which is answered here, for a stranger, too,
// and makes no call), and lets the page read the answer. Not with a credential that the browser sends by itself: cookies mean
// nothing here, and a client with a certificate is no page.
func sharing(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next
	}
	var headers []string
	for _, header := range callerHeaders {
		headers = append(headers, header.name)
	}
	shared := cors.New(cors.Options{
		AllowOriginVaryRequestFunc: func(_ *http.Request, origin string) (bool, []string) { return slices.Contains(origins, origin), nil },
		AllowedMethods:             []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch},
		AllowedHeaders:             headers,
		ExposedHeaders:             answerHeaders,
		MaxAge:                     int(preflightAge.Seconds()),
	}).Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if certified(r) || len(r.Header.Values("Origin")) > 1 {
			next.ServeHTTP(w, r)
			return
		}
		shared.ServeHTTP(w, r)
	})
}
