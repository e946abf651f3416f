package interceptor

import (
	"context"
	"net/http"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// Origin is where a call comes from.
type Origin struct {
	// Transport is grpc or rest.
	Transport string
	// Peer is the other end of the connection, host:port: a balancer's where there is one between.
	Peer string
	// UserAgent is what the caller calls itself; printable, and no longer than 200 bytes.
	UserAgent string
}

// The keys by which the gateway hands over where a request of HTTP comes from. The public server does not read them.
const (
	httpPeerKey      = "x-loop-http-peer"
	httpUserAgentKey = "x-loop-http-user-agent"
)

// OriginOf is what the gateway sends along of a request of HTTP.
func OriginOf(r *http.Request) metadata.MD {
	return metadata.MD{httpPeerKey: {r.RemoteAddr}, httpUserAgentKey: {Printable(r.UserAgent())}}
}

// originOf tells where a call comes from: overHTTP as the gateway says.
func originOf(ctx context.Context, overHTTP bool) Origin {
	if overHTTP {
		return Origin{"rest", Printable(first(ctx, httpPeerKey)), Printable(first(ctx, httpUserAgentKey))}
	}
	from := Origin{Transport: "grpc", UserAgent: Printable(first(ctx, "user-agent"))}
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		from.Peer = p.Addr.String()
	}
	return from
}

func first(ctx context.Context, key string) string {
	if values := metadata.ValueFromIncomingContext(ctx, key); len(values) > 0 {
		return values[0]
	}
	return ""
}

// Printable keeps of a text from outside what a log may hold: printable ASCII, and 200 bytes of it.
func Printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, clip(text))
}
