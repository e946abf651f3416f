package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// TestStreamsThatWaitAreNotSilent: a watch and a list that waits for Loop send something every 15 s, so that no balancer ends their
// connections.
func TestStreamsThatWaitAreNotSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settings["loop"] = strings.TrimSuffix(w.settings["loop"], "}") + ", calls: {attempt_timeout: 50s}}"
	w.SetImportDelays(time.Hour, time.Hour)
	p := w.serve(t, "")
	if code, text := ask(t, http.DefaultClient, http.MethodPost, "http://"+p.http+"/v1/practices/demo/dossiers/CEGID001/imports", w.token, purchase, "Idempotency-Key", "FA-1"); code != http.StatusOK {
		t.Fatalf("HTTP %d %s", code, text)
	}
	w.Inject(loopsim.Fault{Method: http.MethodGet, Route: "/compte", Kind: loopsim.FaultLatency, Latency: 25 * time.Second, Times: 2})
	conn := dial(t, p.grpc, nil)
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+w.token), 2*time.Minute)
	defer cancel()
	var streams sync.WaitGroup
	beat := func(what string, begun time.Time) {
		if took := time.Since(begun); took < 14*time.Second || took > 24*time.Second {
			t.Errorf("%s sent something after %s", what, took)
		}
	}
	streams.Go(func() {
		stream, err := looppb.NewImportServiceClient(conn).WatchImport(ctx, &looppb.WatchImportRequest{Practice: "demo", Dossier: "CEGID001", RequestId: "FA-1"})
		if err == nil {
			_, err = stream.Recv()
		}
		begun := time.Now()
		var got *looppb.WatchImportResponse
		for err == nil && time.Since(begun) < 14*time.Second { // what has changed is told, too
			got, err = stream.Recv()
		}
		if beat("a watch", begun); err != nil || got.GetImportRecord().GetRequestId() != "FA-1" {
			t.Errorf("a watch: %v, %v", got, err)
		}
	})
	streams.Go(func() {
		begun := time.Now()
		stream, err := looppb.NewReferenceDataServiceClient(conn).StreamAccounts(ctx, &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "CEGID001"})
		var first, rows *looppb.StreamAccountsResponse
		if err == nil {
			first, err = stream.Recv()
		}
		beat("a list", begun)
		if err == nil {
			rows, err = stream.Recv()
		}
		if err != nil || len(first.GetAccounts()) != 0 || len(rows.GetAccounts()) == 0 {
			t.Errorf("a list: %d rows, then %d, %v", len(first.GetAccounts()), len(rows.GetAccounts()), err)
		}
	})
	streams.Go(func() {
		begun := time.Now()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.http+"/v1/practices/demo/dossiers/CEGID001/accounts:stream", nil)
		if err != nil {
			t.Error(err)
			return
		}
		request.Header.Set("Authorization", "Bearer "+w.token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = response.Body.Close() }()
		piece := make([]byte, 1)
		_, err = response.Body.Read(piece)
		beat("a list over REST", begun)
		rest, last := io.ReadAll(response.Body)
		line, _, _ := strings.Cut(string(piece)+string(rest), "\n")
		if err != nil || last != nil || strings.Contains(line, "number") || !strings.Contains(line, `"result"`) || !strings.Contains(string(rest), `"number"`) {
			t.Errorf("a list over REST: %v, %v: %q, and %d bytes in all", err, last, line, len(rest))
		}
	})
	streams.Wait()
	cancel()
	p.stop(t)
}
