package interceptor

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"google.golang.org/grpc"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
)

// thousand is the largest page of a list.
func thousand() *looppb.ListAccountsResponse {
	out := &looppb.ListAccountsResponse{}
	for i := range 1000 {
		out.Accounts = append(out.Accounts, &looppb.Account{
			Number: fmt.Sprintf("%08d", 60000000+i), Label: new("Fournitures d'entretien"), Analytic: new(true), ObjectId: fmt.Sprintf("5b0f4a52-0d0e-4f0b-9a51-2f6c%08d", i),
		})
	}
	return out
}

// throughChain makes a call that does nothing but to pass the interceptors. A line of the log is made, and written to nobody.
func throughChain(t testing.TB) func() {
	unary, _ := Around(testChain(t, slog.New(slog.DiscardHandler), nil, t.Context()))
	info := &grpc.UnaryServerInfo{FullMethod: "/s/Read"}
	request, answer := &looppb.ListAccountsRequest{Practice: "demo", Dossier: "D1"}, &looppb.ListAccountsResponse{}
	known := as(t.Context(), "token")
	return func() {
		ctx := grpc.NewContextWithServerTransportStream(known, &transport{method: info.FullMethod})
		_, err := unary(ctx, request, info, func(context.Context, any) (any, error) { return answer, nil })
		testkit.OK(t, err)
	}
}

func BenchmarkChain(b *testing.B) {
	call := throughChain(b)
	b.ReportAllocs()
	for b.Loop() {
		call()
	}
}

func BenchmarkEncode1000Accounts(b *testing.B) {
	codec, answer := boundedCodec(), thousand()
	b.ReportAllocs()
	for b.Loop() {
		data, err := codec.Marshal(answer)
		testkit.OK(b, err)
		b.SetBytes(int64(data.Len()))
		data.Free()
	}
}

func TestTheChainAllocatesLittle(t *testing.T) {
	if n := testing.AllocsPerRun(200, throughChain(t)); n > 56 {
		t.Errorf("a call through the interceptors allocates %.0f times; at most 56", n)
	}
	codec, answer := boundedCodec(), thousand()
	if n := testing.AllocsPerRun(50, func() {
		data, err := codec.Marshal(answer)
		testkit.OK(t, err)
		data.Free()
	}); n > 4 {
		t.Errorf("1,000 accounts are written with %.0f allocations; at most 4", n)
	}
}
