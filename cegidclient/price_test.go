package cegidclient

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"cegid.internal/gateway/internal/testkit"
)

// fixed is a transport that has the answer at hand.
type fixed string

func (a fixed) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(a)),
		Body: io.NopCloser(strings.NewReader(string(a))),
	}, nil
}

// readOfOne reads a list of one account through the whole chain, up to the transport.
func readOfOne(t testing.TB) func() {
	c, _ := testClient(t, nil, func(cfg *Config) { cfg.Transport = fixed("[" + accountJSON(1) + "]") })
	return func() {
		page, err := c.Accounts.List(t.Context(), "D1", ListOptions{Take: 1})
		testkit.OK(t, err)
		if len(page.Items) != 1 {
			t.Fatalf("%d items", len(page.Items))
		}
	}
}

func BenchmarkChain(b *testing.B) {
	read := readOfOne(b)
	b.ReportAllocs()
	for b.Loop() {
		read()
	}
}

func TestAReadAllocatesLittle(t *testing.T) {
	if n := testing.AllocsPerRun(200, readOfOne(t)); n > 145 {
		t.Errorf("a read of one account allocates %.0f times up to the transport; at most 145", n)
	}
}
