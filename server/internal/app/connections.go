package app

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// birth is when a connection was accepted, and how much of the usual age it may have: a tenth more or less, so that those which
// came together do not go together.
type birth struct {
	at    time.Time
	share float64
}

type birthKey struct{}

func withBirth(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, birthKey{}, birth{time.Now(), 0.9 + 0.2*rand.Float64()})
}

// aging ends a connection of HTTP after an answer, when the connection is old enough or the server is about to end. The caller
// has the whole answer, and sends its next call over a new connection, which a balancer may give to another server.
type aging struct {
	age   time.Duration // 0 is any age
	ready func() error
}

func (a aging) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		born, known := r.Context().Value(birthKey{}).(birth)
		old := known && a.age > 0 && time.Since(born.at) >= time.Duration(born.share*float64(a.age))
		if old || a.ready() != nil {
			w.Header().Set("Connection", "close") // over HTTP/2, net/http says the same with GOAWAY
		}
		next.ServeHTTP(w, r)
	})
}
