//go:build weather

package chaos

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// traffic is what callers do all the time: they read, import, and watch, over gRPC and REST. Their channels repeat nothing.
type traffic struct {
	t    *testing.T
	loop *loop
	conn *grpc.ClientConn
	web  *http.Client
	rest string

	stop    context.CancelFunc
	workers sync.WaitGroup
	ids     atomic.Int64

	mu       sync.Mutex
	calls    map[string]int
	failures map[string]int
	imported []string // ids that were accepted
	// repeated are writes that were NOT_SENT, and that their caller sent again under the same id; resumed are streams that ended with
	// word to do so.
	repeated, resumed int
}

func newTraffic(t *testing.T, l *loop, trust *tls.Config, address, rest string) *traffic {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(trust)), grpc.WithDisableServiceConfig())
	if err != nil {
		t.Fatal(err)
	}
	w := &traffic{
		t: t, loop: l, conn: conn, rest: "https://" + rest, calls: map[string]int{}, failures: map[string]int{},
		web: &http.Client{Transport: &http.Transport{TLSClientConfig: trust.Clone(), MaxIdleConnsPerHost: 16}},
	}
	t.Cleanup(func() {
		_ = conn.Close()
		w.web.CloseIdleConnections()
	})
	return w
}

// begin starts the callers.
func (w *traffic) begin() {
	ctx, stop := context.WithCancel(metadata.AppendToOutgoingContext(w.t.Context(), "authorization", "Bearer "+tokenOf(billing)))
	w.stop = stop
	for name, call := range map[string]func(context.Context) error{
		"list over gRPC": w.list, "list over REST": w.listREST, "import over gRPC": w.importGRPC, "import over REST": w.importREST, "watch": w.watch,
	} {
		for range 2 {
			w.workers.Go(func() {
				for ctx.Err() == nil {
					w.noted(name, call(context.WithoutCancel(ctx)))
					time.Sleep(5 * time.Millisecond)
				}
			})
		}
	}
}

func (w *traffic) end() {
	w.stop()
	w.workers.Wait()
}

func (w *traffic) noted(name string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[name]++
	if err != nil {
		w.failures[fmt.Sprintf("%s: %.200s", name, err)]++
	}
}

func (w *traffic) list(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	_, err := looppb.NewReferenceDataServiceClient(w.conn).ListAccounts(ctx, &looppb.ListAccountsRequest{Practice: practice, Dossier: "CEGID001", PageSize: 10})
	return err
}

func (w *traffic) listREST(ctx context.Context) error {
	code, answer, err := w.ask(ctx, http.MethodGet, "/v1/practices/demo/dossiers/CEGID001/accounts?pageSize=10", "")
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("%d %s", code, answer)
	}
	return err
}

func (w *traffic) ask(ctx context.Context, method, path, body string) (code int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, w.rest+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+tokenOf(billing))
	response, err := w.web.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// mayRepeat says whether an error tells its caller to send the same id again, and when.
func mayRepeat(err error) (time.Duration, bool) {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration(), true
		}
	}
	return 0, false
}

func (w *traffic) repeats(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.repeated++
}

func (w *traffic) accepted(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.imported = append(w.imported, id)
}

func (w *traffic) importGRPC(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	id := fmt.Sprintf("W-%d", w.ids.Add(1))
	for {
		_, err := looppb.NewImportServiceClient(w.conn).ImportEntries(ctx, &looppb.ImportEntriesRequest{Practice: practice, Dossier: "CEGID001", RequestId: id, Entries: entries(id, id, 120)})
		if pause, ok := mayRepeat(err); err != nil && ok && ctx.Err() == nil {
			w.repeats(id)
			time.Sleep(pause)
			continue
		}
		if err == nil {
			w.accepted(id)
		}
		return err
	}
}

func (w *traffic) importREST(ctx context.Context) error {
	id := fmt.Sprintf("W-%d", w.ids.Add(1))
	body := fmt.Sprintf(`{"requestId": %q, "entries": [{"journal": "ACH", "date": "2026-03-15", "reference": %q, "documentReference": %q, "lines": [
		{"account": "60700000", "label": "A", "debit": "120"}, {"account": "40100000", "label": "B", "credit": "120", "thirdParty": "FEXEMPLE"}]}]}`, id, id, id)
	for attempt := 0; ; attempt++ {
		code, answer, err := w.ask(ctx, http.MethodPost, "/v1/practices/demo/dossiers/CEGID001/imports", body)
		if err != nil {
			return err
		}
		var problem struct {
			Details []map[string]any `json:"details"`
		}
		_ = json.Unmarshal(answer, &problem)
		retry := slices.ContainsFunc(problem.Details, func(detail map[string]any) bool {
			return strings.HasSuffix(fmt.Sprint(detail["@type"]), "RetryInfo")
		})
		switch {
		case code == http.StatusOK:
			w.accepted(id)
			return nil
		case retry && attempt < 20:
			w.repeats(id)
			time.Sleep(200 * time.Millisecond)
		default:
			return fmt.Errorf("%d %s", code, answer)
		}
	}
}

// watch imports something and watches it to its end, however often it has to resume.
func (w *traffic) watch(ctx context.Context) error {
	w.mu.Lock()
	var id string
	if n := len(w.imported); n > 0 {
		id = w.imported[n-1]
	}
	w.mu.Unlock()
	if id == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		stream, err := looppb.NewImportServiceClient(w.conn).WatchImport(ctx, &looppb.WatchImportRequest{Practice: practice, Dossier: "CEGID001", RequestId: id})
		for err == nil {
			_, err = stream.Recv()
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if _, ok := mayRepeat(err); !ok || status.Code(err) != codes.Unavailable {
			return err
		}
		w.mu.Lock()
		w.resumed++
		w.mu.Unlock()
	}
}

// judge asserts that no call failed, and that what was accepted is booked once.
func (w *traffic) judge() {
	w.t.Helper()
	for failure, n := range w.failures {
		w.t.Errorf("%d times: %s", n, failure)
	}
	w.loop.FinishImports()
	booked, err := w.loop.Entries(practice, "CEGID001")
	if err != nil {
		w.t.Fatal(err)
	}
	times := map[string]int{}
	for _, entry := range booked {
		times[entry.RefPiece]++
	}
	for _, id := range w.imported {
		if times[id] != 1 {
			w.t.Errorf("%s is booked %d times", id, times[id])
		}
	}
	for _, name := range []string{"list over gRPC", "list over REST", "import over gRPC", "import over REST", "watch"} {
		if w.calls[name] < 50 {
			w.t.Errorf("%s: %d calls only", name, w.calls[name])
		}
	}
}

func (w *traffic) figures() string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(w.calls)) {
		fmt.Fprintf(&out, "%s: %d calls; ", name, w.calls[name])
	}
	fmt.Fprintf(&out, "%d imports booked once each; %d writes sent again under their id, %d streams resumed", len(w.imported), w.repeated, w.resumed)
	return out.String()
}
