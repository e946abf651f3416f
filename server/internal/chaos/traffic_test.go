//go:build weather

package chaos

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
)

// traffic is what a caller does all the time behind a balancer: it reads, imports, and watches, over gRPC and REST. Its channel
// repeats nothing; it repeats what it is told to.
type traffic struct {
	*caller
	t        *testing.T
	practice string
	// reads and writes are the dossiers that it does so in.
	reads, writes string

	stop    context.CancelFunc
	workers sync.WaitGroup
	road    sync.RWMutex // held by calls at a pace
	ids     atomic.Int64

	mu       sync.Mutex
	calls    []made
	told     map[string]word // of each import, the last word on it
	accepted []string        // ids
	// repeated are writes that were NOT_SENT, and that their caller sent again under the same id; resumed are streams that ended with
	// word to do so.
	repeated, resumed int
}

// made is a call that has ended, repeats under its id included.
type made struct {
	practice, kind string
	began, ended   time.Time
	word
}

func newTraffic(t *testing.T, name, practice string, trust *tls.Config, address, rest string) *traffic {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(trust)), grpc.WithDisableServiceConfig())
	testkit.OK(t, err)
	c := &caller{
		name: name, conn: conn, imports: looppb.NewImportServiceClient(conn), rest: []string{"https://" + rest},
		web: &http.Client{Transport: &http.Transport{TLSClientConfig: trust.Clone(), MaxIdleConnsPerHost: 64}},
	}
	t.Cleanup(func() {
		_ = conn.Close()
		c.web.CloseIdleConnections()
	})
	return &traffic{caller: c, t: t, practice: practice, reads: "CEGID001", writes: "CEGID001", told: map[string]word{}}
}

// patienceOfACaller is how long it repeats a call that it is told to.
const patienceOfACaller = 30 * time.Second

const (
	aRead  = "read"
	aWrite = "write"
	aWatch = "watch"
)

// begin has each kind of call made twice at a time, again and again.
func (w *traffic) begin() {
	ctx := w.open()
	for _, each := range []struct {
		kind string
		call func(context.Context) error
	}{
		{aRead, w.list(false)}, {aRead, w.list(true)}, {aWrite, w.importing(false)}, {aWrite, w.importing(true)}, {aWatch, w.watching},
	} {
		for range 2 {
			w.workers.Go(func() {
				for ctx.Err() == nil {
					w.call(each.kind, each.call)
					time.Sleep(5 * time.Millisecond)
				}
			})
		}
	}
}

// at has a kind of call begun at a steady pace, however long each takes; calls take turns.
func (w *traffic) at(ctx context.Context, pace time.Duration, kind string, calls ...func(context.Context) error) {
	w.workers.Go(func() {
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				w.road.RLock() // see still
				w.workers.Go(func() {
					defer w.road.RUnlock()
					w.call(kind, calls[n%len(calls)])
				})
			}
		}
	})
}

// still begins no call for a moment in which none is under way.
func (w *traffic) still() (goOn func()) {
	w.road.Lock()
	return w.road.Unlock
}

func (w *traffic) open() context.Context {
	ctx, stop := context.WithCancel(w.t.Context())
	w.stop = stop
	return ctx
}

// end lets the calls under way end.
func (w *traffic) end() {
	w.stop()
	w.workers.Wait()
}

func (w *traffic) call(kind string, call func(context.Context) error) {
	ctx, cancel := context.WithTimeout(w.authorized(w.t.Context()), patienceOfACaller)
	defer cancel()
	began := time.Now()
	said := wordOfError(call(ctx))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, made{w.practice, kind, began, time.Now(), said})
}

// wordOfError is nothing where there is none.
func wordOfError(err error) word {
	if err == nil {
		return word{}
	}
	return wordOf(nil, err)
}

// list reads a short list.
func (w *traffic) list(overREST bool) func(context.Context) error { return w.listOf(w.reads, overREST) }

func (w *traffic) listOf(dossier string, overREST bool) func(context.Context) error {
	return func(ctx context.Context) error {
		if overREST {
			return w.overREST(ctx, http.MethodGet, "/v1/practices/"+w.practice+"/dossiers/"+dossier+"/accounts?pageSize=100", nil, nil, new(looppb.ListAccountsResponse))
		}
		_, err := looppb.NewReferenceDataServiceClient(w.conn).ListAccounts(ctx, &looppb.ListAccountsRequest{Practice: w.practice, Dossier: dossier, PageSize: 100})
		return err
	}
}

func (w *traffic) importing(overREST bool) func(context.Context) error {
	return func(ctx context.Context) error {
		id := fmt.Sprintf("W-%s-%d", w.name, w.ids.Add(1))
		request := &looppb.ImportEntriesRequest{Practice: w.practice, Dossier: w.writes, RequestId: id, Entries: entries(id, id, 120)}
		var before error // what it was told last
		for asked := false; ; {
			err := w.send(ctx, request, overREST)
			said := wordOfError(err)
			w.mu.Lock()
			w.told[id] = said
			if err == nil {
				w.accepted = append(w.accepted, id)
			}
			w.mu.Unlock()
			switch {
			case err == nil:
				return nil
			case (ctx.Err() != nil || said.Code == "DEADLINE_EXCEEDED") && before != nil:
				return before
			case said.Code == "UNKNOWN" && !asked:
				asked = true // the same id sends nothing again
				continue
			case said.retry == 0:
				return err
			}
			before = err
			select {
			case <-ctx.Done():
				return err
			case <-time.After(said.retry):
			}
			w.mu.Lock()
			w.repeated++
			w.mu.Unlock()
		}
	}
}

func (w *traffic) send(ctx context.Context, request *looppb.ImportEntriesRequest, overREST bool) error {
	if !overREST {
		_, err := w.imports.ImportEntries(ctx, request)
		return err
	}
	body := proto.CloneOf(request)
	body.Practice, body.Dossier = "", ""
	return w.overREST(ctx, http.MethodPost, fmt.Sprintf("/v1/practices/%s/dossiers/%s/imports", request.GetPractice(), request.GetDossier()), nil, body, new(looppb.ImportEntriesResponse))
}

// watching watches the newest import to its end, however often it has to resume.
func (w *traffic) watching(ctx context.Context) error {
	w.mu.Lock()
	var id string
	if n := len(w.accepted); n > 0 {
		id = w.accepted[n-1]
	}
	w.mu.Unlock()
	if id == "" {
		return nil
	}
	for {
		stream, err := w.imports.WatchImport(ctx, &looppb.WatchImportRequest{Practice: w.practice, Dossier: w.writes, RequestId: id})
		for err == nil {
			_, err = stream.Recv()
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		said := wordOf(nil, err)
		pause := said.retry
		switch {
		case said.Reason == "SHUTTING_DOWN": // another one answers
			pause = 50 * time.Millisecond
			w.mu.Lock()
			w.resumed++
			w.mu.Unlock()
		case said.retry == 0:
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// allIsWell asserts that no call failed, and that there were enough of each kind.
func (w *traffic) allIsWell() {
	w.t.Helper()
	count, failures := map[string]int{}, map[string]int{}
	for _, each := range w.calls {
		count[each.kind]++
		if each.Code != "" {
			failures[fmt.Sprintf("%s: %s %s: %.200s", each.kind, each.Code, each.Reason, each.Text)]++
		}
	}
	for failure, n := range failures {
		w.t.Errorf("%d times: %s", n, failure)
	}
	for _, kind := range []string{aRead, aWrite, aWatch} {
		if count[kind] < 100 {
			w.t.Errorf("%s: %d calls only", kind, count[kind])
		}
	}
}

// bookedAsTold asserts that what was accepted is booked once, what was said not to be sent is not, and nothing else is twice.
func (w *traffic) bookedAsTold(l *loop) {
	w.t.Helper()
	l.FinishImports()
	booked, err := l.Entries(w.practice, w.writes)
	testkit.OK(w.t, err)
	times := map[string]int{}
	for _, entry := range booked {
		times[entry.RefPiece]++
	}
	for id, said := range w.told {
		switch n := times[id]; {
		case n > 1, said.Code == "" && n != 1, n > 0 && (said.State == "NOT_SENT" || said.State == "REFUSED"):
			w.t.Errorf("%s is booked %d times; its caller was told %q %s %s", id, n, said.Code, said.Reason, said.State)
		}
	}
}

func (w *traffic) figures() string {
	count := map[string]int{}
	for _, each := range w.calls {
		count[each.kind]++
	}
	var out strings.Builder
	for _, kind := range []string{aRead, aWrite, aWatch} {
		fmt.Fprintf(&out, "%s: %d calls; ", kind, count[kind])
	}
	fmt.Fprintf(&out, "%d imports booked once each; %d writes sent again under their id, %d streams resumed", len(w.accepted), w.repeated, w.resumed)
	return out.String()
}
