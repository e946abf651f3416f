package conformance

import (
	"cmp"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/stats"

	"cegid.internal/gateway/internal/testkit"
)

// TestCompressedCalls: the corpus over gRPC, with compressed messages. Cases that need a service of their own are left out.
func TestCompressedCalls(t *testing.T) {
	served := map[string]bool{}
	for file, cases := range corpus(t) {
		t.Run(file, func(t *testing.T) {
			h := start(t, nil)
			_ = h.conn.Close()
			answers := &encodings{}
			var err error
			h.conn, err = grpc.NewClient(h.conn.Target(), grpc.WithTransportCredentials(insecure.NewCredentials()),
				grpc.WithDefaultCallOptions(grpc.UseCompressor(gzip.Name)), grpc.WithStatsHandler(answers))
			testkit.OK(t, err)
			for _, c := range cases {
				if c.As == "-" || c.Faults != nil || c.Shape != nil || c.Sim != nil {
					continue
				}
				if c.File != nil && c.File.Size > 1<<20 {
					continue // one byte, many times: no file, but a bomb
				}
				t.Run(c.Name, func(t *testing.T) {
					h.t = t
					c.prepare(t, h)
					if c.REST != nil { // what others lean on
						c.REST.leave(t, h, cmp.Or(c.As, "everything"))
						return
					}
					m := method(t, c.Call)
					before := answers.compressed.Load()
					got := h.overGRPC(t.Context(), m, cmp.Or(c.As, "everything"), c.request(t, m))
					c.check(t, h, "gRPC", got, m.IsStreamingServer())
					if got.Err == nil && len(got.Messages) > 0 {
						served[c.Call] = true
						if answers.compressed.Load() == before {
							t.Error("the answer is not compressed")
						}
					}
				})
			}
		})
	}
	if len(served) < 35 {
		t.Errorf("%d RPCs answer: too few to prove anything", len(served))
	}
}

// leave makes a request for what it leaves behind.
func (r *restCase) leave(t *testing.T, h *harness, token string) {
	t.Helper()
	request := r.request(t, h)
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := h.web.Do(request)
	testkit.OK(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
}

// encodings counts the answers of each encoding.
type encodings struct{ compressed atomic.Int64 }

func (*encodings) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (*encodings) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*encodings) HandleConn(context.Context, stats.ConnStats)                       {}
func (e *encodings) HandleRPC(_ context.Context, event stats.RPCStats) {
	if header, ok := event.(*stats.InHeader); ok && header.Compression == gzip.Name {
		e.compressed.Add(1)
	}
}
