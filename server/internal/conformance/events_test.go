package conformance

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
)

// TestEventsOfAnImportArrive: as they happen, over gRPC, lines of JSON and Server-Sent Events, which go on where they were; to
// whose import it is, and to nobody who may not see it.
func TestEventsOfAnImportArrive(t *testing.T) {
	h := start(t, nil)
	ctx, cancel := context.WithTimeout(as(t.Context(), "everything"), 30*time.Second)
	defer cancel()
	client := looppb.NewEventServiceClient(h.conn)
	stream, err := client.StreamEvents(ctx, &looppb.StreamEventsRequest{Practice: "-", After: "now"})
	testkit.OK(t, err)
	first, err := stream.Recv()
	if err != nil || len(first.GetEvents()) != 0 || first.GetCursor() == "" {
		t.Fatalf("%v, %v", first, err)
	}
	request := importOf("FA-1", invoice("FA-1", "120"))
	request.Metadata = map[string]string{"job": "nightly"}
	if _, err := looppb.NewImportServiceClient(h.conn).ImportEntries(ctx, request); err != nil {
		t.Fatal(err)
	}
	h.Simulator.FinishImports()
	var got []*looppb.Event
	for len(got) < 2 {
		message, err := stream.Recv()
		testkit.OK(t, err)
		got = append(got, message.GetEvents()...)
	}
	for i, want := range []struct {
		kind  looppb.EventKind
		state string
	}{{looppb.EventKind_EVENT_KIND_ACCEPTED, "WAITING"}, {looppb.EventKind_EVENT_KIND_FINAL, "SUCCEEDED"}} {
		e := got[i]
		if e.GetKind() != want.kind || e.GetStateAfter() != want.state || e.GetRequestId() != "FA-1" || e.GetDossier() != "DOSSIER_TEST" || e.GetMetadata()["job"] != "nightly" ||
			e.GetCaller() != "everything" || e.GetCollection() != looppb.EventCollection_EVENT_COLLECTION_IMPORTS || e.GetTime() == nil || e.GetAttempt() != 1 {
			t.Errorf("%v", e)
		}
	}
	list, err := client.ListEvents(ctx, &looppb.ListEventsRequest{Practice: "partner", After: first.GetCursor()})
	if err != nil || len(list.GetEvents()) != 2 || list.GetCursor() != got[1].GetId() {
		t.Errorf("%v, %v", list, err)
	}
	same, err := client.ListEvents(ctx, &looppb.ListEventsRequest{Practice: "partner", After: list.GetCursor()})
	if err != nil || len(same.GetEvents()) != 0 || same.GetCursor() != list.GetCursor() {
		t.Errorf("an empty page: %v, %v", same, err)
	}
	// Another caller with a grant on the practice, and none on the dossier.
	others, err := client.ListEvents(as(t.Context(), "stranger"), &looppb.ListEventsRequest{Practice: "-"})
	if err != nil || len(others.GetEvents()) != 0 {
		t.Errorf("somebody else sees %v, %v", others, err)
	}

	// As a browser does it: from the beginning, and then behind the event that it had last.
	sse := func(last string) (ids []string, first string) {
		t.Helper()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.rest+"/v1/practices/partner/events:stream?catchUp=true", nil)
		testkit.OK(t, err)
		request.Header.Set("Authorization", "Bearer everything")
		request.Header.Set("Accept", "text/event-stream")
		if last != "" {
			request.Header.Set("Last-Event-ID", last)
		}
		response, err := http.DefaultClient.Do(request)
		testkit.OK(t, err)
		defer response.Body.Close()
		if kind := response.Header.Get("Content-Type"); kind != "text/event-stream" || response.StatusCode != http.StatusOK || response.Header.Get("X-Accel-Buffering") != "no" {
			t.Errorf("%d, %q", response.StatusCode, kind)
		}
		id := ""
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			if first == "" {
				first = lines.Text()
			}
			if rest, is := strings.CutPrefix(lines.Text(), "id: "); is {
				id = rest
			}
			if data, is := strings.CutPrefix(lines.Text(), "data: "); is {
				var event struct{ ID, Kind, RequestID string }
				if err := json.Unmarshal([]byte(data), &event); err != nil || event.ID != id || event.RequestID != "FA-1" {
					t.Errorf("%s under %s: %v", data, id, err)
				}
				ids = append(ids, id)
			}
		}
		return ids, first
	}
	ids, retry := sse("")
	if len(ids) != 2 || ids[1] != got[1].GetId() || !strings.HasPrefix(retry, "retry: ") {
		t.Errorf("%q, %q", ids, retry)
	}
	if ids, _ := sse(ids[0]); len(ids) != 1 || ids[0] != got[1].GetId() {
		t.Errorf("behind the first: %q", ids)
	}
	if ids, _ := sse(got[1].GetId()); len(ids) != 0 {
		t.Errorf("behind the last: %q", ids)
	}
}

// TestAConnectionWhoseKeyIsRejectedIsLost, and found once the key is activated again, each told once, to callers with a grant.
func TestAConnectionWhoseKeyIsRejectedIsLost(t *testing.T) {
	h := start(t, nil)
	ctx, cancel := context.WithTimeout(as(t.Context(), "stranger"), 30*time.Second)
	defer cancel()
	stream, err := looppb.NewEventServiceClient(h.conn).StreamEvents(ctx, &looppb.StreamEventsRequest{Practice: "-", After: "now"})
	testkit.OK(t, err)
	if _, err := stream.Recv(); err != nil { // where it begins
		t.Fatal(err)
	}
	activate := func(is bool) {
		testkit.OK(t, h.Simulator.SetActivated("partner", loopsim.Standard, is))
	}
	read := func(times int) {
		for range times {
			_, _ = looppb.NewReferenceDataServiceClient(h.conn).ListAccounts(as(t.Context(), "everything"), &looppb.ListAccountsRequest{Practice: "partner", Dossier: "DOSSIER_TEST"})
		}
	}
	next := func(want looppb.EventKind) {
		t.Helper()
		for {
			message, err := stream.Recv()
			testkit.OK(t, err)
			if len(message.GetEvents()) == 0 {
				continue
			}
			if e := message.GetEvents()[0]; len(message.GetEvents()) != 1 || e.GetKind() != want || e.GetPractice() != "partner" || e.GetDossier() != "" || e.GetCaller() != "" {
				t.Fatalf("%v, want %v", message, want)
			}
			return
		}
	}
	activate(false)
	read(5)
	next(looppb.EventKind_EVENT_KIND_CONNECTION_LOST)
	read(3)
	activate(true)
	read(1)
	next(looppb.EventKind_EVENT_KIND_CONNECTION_FOUND)
}

// TestTheStreamOfEventsIsWhatTheDocumentSays, of each media type, and of what its caller takes of them.
func TestTheStreamOfEventsIsWhatTheDocumentSays(t *testing.T) {
	h := start(t, nil)
	ask := func(path, accept string) (*http.Response, []byte) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.rest+path, http.NoBody)
		testkit.OK(t, err)
		request.Header.Set("Authorization", "Bearer everything")
		request.Header.Set("Accept", accept)
		response, err := h.web.Do(request)
		testkit.OK(t, err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		testkit.OK(t, err)
		return response, text
	}
	_, text := ask("/openapi.json", "*/*")
	var document struct {
		Paths map[string]struct {
			Get struct {
				Responses map[string]struct{ Content map[string]any }
			}
		}
	}
	testkit.OK(t, json.Unmarshal(text, &document))
	types := document.Paths["/v1/practices/{practice}/events:stream"].Get.Responses["200"].Content
	if len(types) != 2 {
		t.Errorf("it has %v", types)
	}
	wants := map[string]string{
		"": "application/x-ndjson", "*/*": "application/x-ndjson", "application/json": "application/x-ndjson", "text/event-stream, */*": "text/event-stream",
		"application/x-ndjson, text/event-stream": "application/x-ndjson", "text/event-stream;q=0.5, application/x-ndjson;q=0.4": "text/event-stream",
	}
	for each := range types {
		wants[each] = each
	}
	for accept, want := range wants {
		if response, _ := ask("/v1/practices/-/events:stream?catchUp=true", accept); response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != want {
			t.Errorf("%s: %d, %s; want %s", accept, response.StatusCode, response.Header.Get("Content-Type"), want)
		}
	}
}
