//go:build overload

package chaos

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
)

// These tests are no part of go test ./... because they take their time, and because the race detector's memory is not the
// server's: .ci/run chaos or overload, and .ci/run full overload with the limits that a server has by default.

// writePlaces is how many of a practice's 8 places writes may hold.
const writePlaces = 5

// load is how much there is to do, and how slow Loop is.
type load struct {
	answer    time.Duration // of Loop to an import
	perSecond float64
	lasts     time.Duration
	burst     int
	slower    time.Duration // Loop's answer to each of a burst
	wait      time.Duration // imports.wait_limit
	imports   string        // the limits
	due       int
	abandons  time.Duration
}

func loadOf() load {
	if os.Getenv("LOOP_OVERLOAD") == "full" {
		return load{
			answer: 5 * time.Second, perSecond: 2.4, lasts: 150 * time.Second, burst: 60, slower: 11 * time.Second, wait: 20 * time.Second, due: 1200, abandons: 55 * time.Second,
		}
	}
	return load{
		answer: 2 * time.Second, perSecond: 6, lasts: 20 * time.Second, burst: 60, slower: 4400 * time.Millisecond, wait: 8 * time.Second,
		imports: ", wait_limit: 8s, call_limit: 24s", due: 150, abandons: 12 * time.Second,
	}
}

// ends are how the calls of a run ended.
type ends struct {
	mu       sync.Mutex
	words    map[string]int
	accepted []time.Time
	silent   []string // refusals that do not say when to come back
}

// call imports under an id and notes how it ends.
func (e *ends) call(f *fixture, practice, dossier, id string) {
	ctx, cancel := context.WithTimeout(f.Context(), 90*time.Second)
	defer cancel()
	request := &looppb.ImportEntriesRequest{Practice: practice, Dossier: dossier, RequestId: id, Entries: entries("R-"+id, id, 120)}
	w := f.caller.submit(ctx, request, false, "")
	e.mu.Lock()
	defer e.mu.Unlock()
	if w.Code == "" {
		e.words["accepted"]++
		e.accepted = append(e.accepted, time.Now())
		return
	}
	e.words[strings.TrimSpace(w.Code+" "+w.Reason+" "+w.Event.State)]++
	if w.retry <= 0 {
		e.silent = append(e.silent, id+": "+w.Code+" "+w.Reason+": "+w.Text)
	}
}

// told fails the test for what no caller should be told.
func (e *ends) told(t *testing.T) {
	t.Helper()
	t.Logf("the calls ended with %v", e.words)
	if len(e.silent) > 0 {
		t.Errorf("%d refusals do not say when to come back: %s", len(e.silent), e.silent[0])
	}
}

// states counts the imports of a practice.
func (f *fixture) states(practice string) map[string]int {
	f.Helper()
	states := map[string]int{}
	for token := ""; ; {
		page, err := f.caller.imports.ListImports(f.caller.authorized(f.Context()), &looppb.ListImportsRequest{Practice: practice, Dossier: "-", PageSize: 100, PageToken: token})
		testkit.OK(f, err)
		for _, each := range page.GetImports() {
			states[stateName(each.GetState())]++
		}
		if token = page.GetNextPageToken(); token == "" {
			return states
		}
	}
}

// grown watches the server's memory until it is asked how much was gained at most.
func (f *fixture) grown() func() (idle, most int) {
	idle := f.resident()
	var most atomic.Int64
	most.Store(int64(idle))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				most.Store(max(most.Load(), int64(f.resident())))
			}
		}
	}()
	return func() (int, int) {
		close(stop)
		<-stopped
		return idle, int(most.Load())
	}
}

// reads reads a list of the practice again and again, two at a time, and returns how long the slowest but one in a hundred
// took.
func (f *fixture) reads(lasts time.Duration) time.Duration {
	f.Helper()
	client := looppb.NewReferenceDataServiceClient(f.caller.conn)
	var mu sync.Mutex
	var took []time.Duration
	var readers sync.WaitGroup
	for end := time.Now().Add(lasts); len(took) == 0; readers.Wait() {
		for range 2 {
			readers.Go(func() {
				for time.Now().Before(end) {
					begun := time.Now()
					_, err := client.ListJournals(f.caller.authorized(f.Context()), &looppb.ListJournalsRequest{Practice: practice, Dossier: "CEGID003"})
					mu.Lock()
					took = append(took, time.Since(begun))
					mu.Unlock()
					if err != nil {
						f.Errorf("a read beside the writes: %v", err)
						return
					}
				}
			})
		}
	}
	slices.Sort(took)
	f.Logf("%d reads: half took less than %s, 99 %% less than %s", len(took), took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond))
	return took[len(took)*99/100]
}

func (f *fixture) slow(answer time.Duration) {
	f.loop.Inject(loopsim.Fault{Method: http.MethodPost, Route: "/importJson", Kind: loopsim.FaultLatency, Latency: answer})
}

func TestOverloadIsCarriedAndRefused(t *testing.T) {
	l := loadOf()
	f := newFixture(t, settings{imports: l.imports})
	e := &ends{words: map[string]int{}}
	e.call(f, practice, "CEGID001", "first") // the reference data is here
	f.loop.Inject(loopsim.Fault{Method: http.MethodGet, Route: "/journal", Kind: loopsim.FaultLatency, Latency: 100 * time.Millisecond})
	f.slow(l.answer)
	alone := f.reads(l.lasts / 4)
	grown := f.grown()

	var callers sync.WaitGroup
	begun := time.Now()
	beside := make(chan time.Duration, 1)
	callers.Go(func() { beside <- f.reads(l.lasts) })
	every := time.Duration(float64(time.Second) / l.perSecond)
	for n := 0; time.Since(begun) < l.lasts; n++ {
		callers.Go(func() { e.call(f, practice, "CEGID001", "L-"+strconv.Itoa(n)) })
		time.Sleep(time.Until(begun.Add(time.Duration(n+1) * every)))
	}
	callers.Wait()

	e.told(t)
	if states := f.states(practice); states["UNCERTAIN"] > 0 || states["SUBMITTING"] > 0 {
		t.Error(states)
	}
	// Between the first answers and the last call there is always one more that waits.
	from, until, inTime := begun.Add(2*l.answer), begun.Add(l.lasts), 0
	for _, at := range e.accepted {
		if at.After(from) && at.Before(until) {
			inTime++
		}
	}
	takes := float64(writePlaces) / l.answer.Seconds()
	carried := float64(inTime) / until.Sub(from).Seconds() / takes
	t.Logf("%.2f/s offered, %.2f/s is what 5 places take: %.1f %% of it carried", l.perSecond, takes, 100*carried)
	if carried < .95 {
		t.Error("want 95 %")
	}
	idle, most := grown()
	t.Logf("memory went from %d to %d MiB at most", idle>>20, most>>20)
	if most-idle > 100<<20 {
		t.Error("want 100 MiB more at most")
	}
	if slower := <-beside; slower > 2*alone {
		t.Errorf("99 %% of the reads took less than %s; without the writes %s", slower, alone)
	}
}

func TestABurstOnASlowLoopIsUncertainForNobody(t *testing.T) {
	t.Parallel()
	l := loadOf()
	f := newFixture(t, settings{imports: l.imports})
	e := &ends{words: map[string]int{}}
	e.call(f, practice, "CEGID001", "first")
	f.slow(l.slower)
	var callers sync.WaitGroup
	for n := range l.burst {
		callers.Go(func() { e.call(f, practice, "CEGID001", "B-"+strconv.Itoa(n)) })
	}
	callers.Wait()
	e.told(t)
	states := f.states(practice)
	if want := 1 + writePlaces*(1+int(l.wait/l.slower)); states["UNCERTAIN"] > 0 || e.words["accepted"] < want {
		t.Errorf("%v, and %d were accepted; want %d", states, e.words["accepted"], want)
	}
}

func TestASIGTERMWithAFullQueueIsUncertainForNobody(t *testing.T) {
	t.Parallel()
	l := loadOf()
	f := newFixture(t, settings{imports: l.imports})
	e := &ends{words: map[string]int{}}
	e.call(f, practice, "CEGID001", "first")
	f.slow(l.answer)
	// What this server says arrives: a channel that tries again finds nobody.
	conn, err := grpc.NewClient(f.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry())
	testkit.OK(t, err)
	defer func() { _ = conn.Close() }()
	f.caller.imports = looppb.NewImportServiceClient(conn)
	var callers sync.WaitGroup
	for n := range l.burst {
		callers.Go(func() { e.call(f, practice, "CEGID001", "T-"+strconv.Itoa(n)) })
	}
	// All are noted, and as many as may have left.
	for began := time.Now(); f.loop.count(0) < writePlaces || f.states(practice)["RECEIVED"] < l.burst/4; time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatal("they never began")
		}
	}
	begun := time.Now()
	if err := f.terminate(); err != nil {
		t.Error("the server ended with", err)
	}
	t.Logf("the server ended %s after SIGTERM", time.Since(begun).Round(10*time.Millisecond))
	callers.Wait()
	e.told(t)
	testkit.OK(t, f.start())
	if states := f.states(practice); states["UNCERTAIN"] > 0 || states["SUBMITTING"] > 0 || states["RECEIVED"] > 0 {
		t.Error(states)
	}
	if e.words["accepted"] < 1+writePlaces {
		t.Errorf("what was under way did not end: %v", e.words)
	}
}

func TestAnotherPracticesManyImportsDelayNoQuestion(t *testing.T) {
	t.Parallel()
	l := loadOf()
	f := newFixture(t, settings{})
	f.loop.SetImportDelays(time.Hour, time.Hour)
	var callers sync.WaitGroup
	next := make(chan int)
	for range 8 {
		callers.Go(func() {
			for n := range next {
				id := "D-" + strconv.Itoa(n)
				if w := f.submit(one(practice, "CEGID001", "R-"+id, id)); w.Code != "" {
					t.Errorf("%s: %s %s", id, w.Code, w.Text)
				}
			}
		})
	}
	for n := range l.due {
		next <- n
	}
	close(next)
	callers.Wait()
	f.loop.Inject(loopsim.Fault{Method: http.MethodGet, Route: "/getImportStatus", Practice: practice, Kind: loopsim.FaultLatency, Latency: 5 * time.Second})

	other := one(loopsim.SandboxPartner, "DOSSIER_TEST", "R-alone", "alone")
	if w := f.submit(other); w.Code != "" {
		t.Fatal(w.Code, w.Text)
	}
	due := func() time.Time {
		got, err := f.caller.imports.GetImport(f.caller.authorized(t.Context()), &looppb.GetImportRequest{Practice: other.GetPractice(), Dossier: other.GetDossier(), RequestId: other.GetRequestId()})
		testkit.OK(t, err)
		return got.GetImportRecord().GetNextPollTime().AsTime()
	}
	var latest time.Duration
	questions := 0
	for begun, expected := time.Now(), due(); time.Since(begun) < l.lasts/2; time.Sleep(10 * time.Millisecond) {
		now := due()
		if !now.Equal(expected) {
			questions++
			latest = max(latest, time.Since(expected))
			expected = now
		} else if late := time.Since(expected); late > latest {
			latest = late
		}
	}
	t.Logf("%d imports of one practice were due; the other's only one was asked for %d times, %s late at most", l.due, questions, latest.Round(time.Millisecond))
	if questions < 5 || latest > time.Second {
		t.Error("want 1 s at most")
	}
}

// TestWhoeverAbandonsCallsHoldsNoMore than the limits of a caller let it: 4 calls at a time, each left after a second.
func TestWhoeverAbandonsCallsHoldsNoMore(t *testing.T) {
	l := loadOf()
	for _, c := range []struct {
		name           string
		lines, comment int
	}{{"in long texts", 2200, 1900}, {"in many lines", 5000, 0}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, settings{})
			if w := f.submit(one(practice, "CEGID001", "R-first", "first")); w.Code != "" {
				t.Fatal(w.Code, w.Text)
			}
			f.loop.Inject(loopsim.Fault{Method: http.MethodPost, Route: "/importJson", Kind: loopsim.FaultHang})
			grown := f.grown()
			var callers sync.WaitGroup
			var calls, refused atomic.Int64
			var ends sync.Map
			end := time.Now().Add(l.abandons)
			for each := range 4 {
				callers.Go(func() {
					for n := 0; time.Now().Before(end); n++ {
						id := fmt.Sprintf("A-%d-%d", each, n)
						request := large(id, c.lines, c.comment)
						ctx, cancel := context.WithTimeout(t.Context(), time.Second)
						_, err := f.caller.imports.ImportEntries(f.caller.authorized(ctx), request, grpc.WaitForReady(true))
						<-ctx.Done()
						cancel()
						calls.Add(1)
						w := wordOf(nil, err)
						ends.Store(strings.TrimSpace(w.Code+" "+w.Reason), w.Text)
						if w.Reason == "CALLER_LIMIT" {
							refused.Add(1)
							if w.retry <= 0 {
								t.Errorf("%s: does not say when to come back", id)
							}
						}
					}
				})
			}
			callers.Wait()
			idle, most := grown()
			ends.Range(func(end, text any) bool { t.Logf("%s: %.200s", end, text); return true })
			t.Logf("%d calls, %d refused; memory went from %d to %d MiB at most", calls.Load(), refused.Load(), idle>>20, most>>20)
			if most-idle > mostOfACaller {
				t.Errorf("want %d MiB more at most", mostOfACaller>>20)
			}
			f.kill()
		})
	}
}

// mostOfACaller is what docs/threat-model.md says of the memory of one caller's calls.
const mostOfACaller = 512 << 20

// large is an import of so many lines, each with a comment of so many characters.
func large(id string, lines, comment int) *looppb.ImportEntriesRequest {
	text := strings.Repeat("x", comment)
	entry := &looppb.Entry{Journal: "ACH", Date: "2026-03-15", Reference: "R-" + id, DocumentReference: id}
	for n := range lines {
		line := &looppb.EntryLine{Account: "60700000", Label: "Achat", Comment: text + strconv.Itoa(n), Side: &looppb.EntryLine_Debit{Debit: "1.00"}}
		if n%2 == 1 {
			line.Side = &looppb.EntryLine_Credit{Credit: "1.00"}
		}
		entry.Lines = append(entry.Lines, line)
	}
	return &looppb.ImportEntriesRequest{
		Practice: practice, Dossier: "CEGID001", RequestId: id, Entries: []*looppb.Entry{entry}, Options: &looppb.ImportOptions{SkipPreflight: true},
	}
}
