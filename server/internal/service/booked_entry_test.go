package service

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/tenant"
)

// answering is a practice whose Loop gives one answer to everything.
func answering(t *testing.T, body string) *tenant.Practice {
	t.Helper()
	loop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
	client, err := cegidclient.New(cegidclient.Config{
		BaseURL: loop.URL, AllowPlainHTTP: true, Practice: "demo", RequireHookForWrites: true,
		Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret("k:s"), cegidclient.NewSecret("a:s"), cegidclient.NewSecret("sub")),
	})
	testkit.OK(t, err)
	t.Cleanup(func() { client.Close(); loop.Close() })
	return &tenant.Practice{Name: "demo", Client: client, HasStandard: true, HasAdvanced: true}
}

type noImports struct{ more bool }

func (n noImports) WithReference(context.Context, string, string, string) ([]*looppb.Import, bool, error) {
	return nil, n.more, nil
}

type entryStream struct {
	grpc.ServerStream
	ctx  context.Context
	sent []*looppb.StreamEntriesResponse
}

func (s *entryStream) Context() context.Context { return s.ctx }

func (s *entryStream) Send(m *looppb.StreamEntriesResponse) error {
	s.sent = append(s.sent, m)
	return nil
}

// TestEntriesFitAnAnswer: a Loop that does not keep to its limit, and rows as long as books.
func TestEntriesFitAnAnswer(t *testing.T) {
	const rows = 230
	body := "[" + strings.TrimSuffix(strings.Repeat(fmt.Sprintf(`{"refPiece":"FA-1","commentaire":%q},`, strings.Repeat("x", 50_000)), rows), ",") + "]"
	s := NewEntries(tenant.NewPractices(answering(t, body)), noImports{more: true})
	ask := &looppb.StreamEntriesRequest{Practice: "demo", Dossier: "D", IncludeUnmapped: true, Criterion: &looppb.StreamEntriesRequest_Lettering{Lettering: looppb.LetteringState_LETTERING_STATE_LETTERED}}

	list, err := s.ListEntries(t.Context(), &looppb.ListEntriesRequest{Practice: "demo", Dossier: "D", IncludeUnmapped: true, Criterion: &looppb.ListEntriesRequest_Lettering{Lettering: looppb.LetteringState_LETTERING_STATE_LETTERED}})
	if err != nil || !list.GetTruncated() || proto.Size(list) > 4<<20 || len(list.GetEntries()) < 50 {
		t.Errorf("%d entries, %d bytes, %v", len(list.GetEntries()), proto.Size(list), err)
	}
	found, err := s.FindEntriesByDocumentReference(t.Context(), &looppb.FindEntriesByDocumentReferenceRequest{Practice: "demo", Dossier: "D", DocumentReference: "FA-1", IncludeUnmapped: true})
	if err != nil || !found.GetTruncated() || !found.GetImportsTruncated() || proto.Size(found) > 4<<20 {
		t.Errorf("%d entries, %d bytes, %v", len(found.GetEntries()), proto.Size(found), err)
	}

	for _, all := range []bool{true, false} {
		ask.IncludeUnmapped = all
		stream := &entryStream{ctx: t.Context()}
		testkit.OK(t, s.StreamEntries(ask, stream))
		total := 0
		for i, message := range stream.sent {
			total += len(message.GetEntries())
			if len(message.GetEntries()) > 100 || proto.Size(message) > 4<<20 || message.GetTruncated() != (i == len(stream.sent)-1) {
				t.Errorf("message %d of %d: %d entries, %d bytes, truncated %t", i, len(stream.sent), len(message.GetEntries()), proto.Size(message), message.GetTruncated())
			}
		}
		if total != rows || len(stream.sent) < 3 {
			t.Errorf("%d entries in %d messages", total, len(stream.sent))
		}
	}
}
