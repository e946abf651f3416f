package chaos

import (
	"context"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// fixture is a server, a Loop, and a caller.
type fixture struct {
	*testing.T
	*gateway
	loop   *loop
	caller *caller
}

func newFixture(t *testing.T, s settings) *fixture {
	t.Helper()
	journal, err := NewJournal(filepath.Join(t.TempDir(), "journal"))
	if err != nil {
		t.Fatal(err)
	}
	l := newLoop(t)
	g := newGateway(t, l.url, s)
	f := &fixture{T: t, gateway: g, loop: l, caller: newCaller(t, journal, billing, g)}
	t.Cleanup(func() {
		g.kill()
		g.healthy()
		if err := journal.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// one is an import of one entry. Preflight is off: what is counted is importJson alone, and what blocks is that alone.
func one(practice, dossier, reference, id string) *looppb.ImportEntriesRequest {
	return &looppb.ImportEntriesRequest{
		Practice: practice, Dossier: dossier, RequestId: id, Entries: entries(reference, id, 120),
		Options: &looppb.ImportOptions{SkipPreflight: true},
	}
}

// submit calls ImportEntries and waits for its outcome.
func (f *fixture) submit(request *looppb.ImportEntriesRequest) word {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), 20*time.Second)
	defer cancel()
	return f.caller.submit(ctx, request, false, "")
}

// leave calls ImportEntries with 50 ms to wait, which do not suffice. On a busy machine they may be over before the server
// has noted anything: then nothing has begun, and the caller asks again.
func (f *fixture) leave(request *looppb.ImportEntriesRequest, overREST bool) {
	f.Helper()
	for range 100 {
		ctx, cancel := context.WithTimeout(f.Context(), 50*time.Millisecond)
		w := f.caller.submit(ctx, request, overREST, "")
		cancel()
		if w.Code != "DEADLINE_EXCEEDED" {
			f.Fatalf("%s: the call of a caller who leaves ended with %s %s %s", request.GetRequestId(), w.State, w.Code, w.Text)
		}
		if f.state(request.GetPractice(), request.GetRequestId()) != "" {
			return
		}
	}
	f.Fatalf("%s: it never began", request.GetRequestId())
}

// await asks until the import is in the state, as it must be soon.
func (f *fixture) await(practice, id, state string) {
	f.Helper()
	var w word
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(10 * time.Millisecond) {
		if w = f.caller.get(f.Context(), practice, id, false, false); w.State == state {
			return
		}
	}
	f.Fatalf("%s is %q (%s), not %s", id, w.State, w.Code, state)
}

func (f *fixture) state(practice, id string) string {
	f.Helper()
	return f.caller.get(f.Context(), practice, id, false, false).State
}

// submissions are how often Loop was sent a document, and how often it is booked.
func (f *fixture) submissions(id string) (sent, booked int) {
	for _, each := range f.loop.Imports() {
		if slices.Contains(each.RefPieces, id) {
			sent++
			booked += len(each.Entries)
		}
	}
	return sent, booked
}

// TestAServerThatIsKilledKnowsWhatBecameOfEachImport is the table of design § 6: an import is brought into each state, the
// server is killed there, and started again. All die in one death. No state is made up: RECEIVED is an import that has not
// got its turn, and SUBMITTING one whose answer does not come.
func TestAServerThatIsKilledKnowsWhatBecameOfEachImport(t *testing.T) {
	t.Parallel()
	f := newFixture(t, settings{partnerConcurrency: 1})
	const demo, partner, sandboxDossier = loopsim.SandboxDemo, loopsim.SandboxPartner, "DOSSIER_TEST"
	submit := http.MethodPost
	slow := func(reference string) func(*fixture, *looppb.ImportEntriesRequest) {
		return func(f *fixture, request *looppb.ImportEntriesRequest) {
			request.Entries[0].Reference = reference + request.GetRequestId()
			f.leave(request, false)
		}
	}
	strike := func(fault loopsim.Fault) func(*fixture, *looppb.ImportEntriesRequest) {
		return func(f *fixture, request *looppb.ImportEntriesRequest) {
			fault.Method, fault.Route, fault.Dossier, fault.Times = submit, "/importJson", request.GetDossier(), 1
			f.loop.Inject(fault)
			if fault.Kind == loopsim.FaultHang {
				f.leave(request, false)
				return
			}
			f.submit(request)
		}
	}
	paced := func(waiting, running time.Duration) func(*fixture, *looppb.ImportEntriesRequest) {
		return func(f *fixture, request *looppb.ImportEntriesRequest) {
			f.loop.SetImportDelays(waiting, running)
			f.submit(request)
		}
	}
	refused := func(f *fixture, request *looppb.ImportEntriesRequest) {
		request.Entries[0].Reference = "SIM-REFUSE-" + request.GetRequestId()
		f.submit(request)
	}
	failing := func(f *fixture, request *looppb.ImportEntriesRequest) {
		request.Entries[0].Reference = "SIM-FAIL-LATE-" + request.GetRequestId()
		f.loop.SetImportDelays(0, 0)
		f.submit(request)
	}
	leave := func(f *fixture, request *looppb.ImportEntriesRequest) { f.leave(request, false) }

	type row struct {
		id       string
		practice string
		bring    func(*fixture, *looppb.ImportEntriesRequest)
		held     bool // the line to Loop is held before
		// The states when the server is killed, after it has started again, and in the end.
		killed, found, end string
		// What a repetition is told after the restart: a state, or the reason of an error.
		again string
		// Submissions that Loop has seen, and entries booked, in the end.
		sent, booked int
	}
	table := []row{
		{id: "hangs-unprocessed", bring: strike(loopsim.Fault{Kind: loopsim.FaultHang}), killed: "SUBMITTING", found: "UNCERTAIN", end: "UNCERTAIN", again: "OUTCOME_UNKNOWN", sent: 1},
		{id: "hangs-processed", bring: strike(loopsim.Fault{Kind: loopsim.FaultHang, After: true}), killed: "SUBMITTING", found: "UNCERTAIN", end: "UNCERTAIN", again: "OUTCOME_UNKNOWN", sent: 1, booked: 1},
		{id: "answered-late", bring: slow("SIM-SLOW-1h-"), killed: "SUBMITTING", found: "UNCERTAIN", end: "UNCERTAIN", again: "OUTCOME_UNKNOWN", sent: 1, booked: 1},
		{id: "occupies-the-turn", practice: partner, bring: strike(loopsim.Fault{Kind: loopsim.FaultHang}), killed: "SUBMITTING", found: "UNCERTAIN", end: "UNCERTAIN", again: "OUTCOME_UNKNOWN", sent: 1},
		{id: "awaits-its-turn", practice: partner, bring: leave, killed: "RECEIVED", found: "NOT_SENT", again: "WAITING", end: "SUCCEEDED", sent: 1, booked: 1},
		{id: "waiting", bring: paced(time.Hour, 0), killed: "WAITING", found: "WAITING", again: "WAITING", end: "SUCCEEDED", sent: 1, booked: 1},
		{id: "running", bring: paced(0, time.Hour), killed: "RUNNING", found: "RUNNING", again: "RUNNING", end: "SUCCEEDED", sent: 1, booked: 1},
		{id: "succeeded", bring: paced(0, 0), killed: "SUCCEEDED", found: "SUCCEEDED", again: "SUCCEEDED", end: "SUCCEEDED", sent: 1, booked: 1},
		{id: "failed", bring: failing, killed: "FAILED", found: "FAILED", again: "FAILED", end: "FAILED", sent: 1},
		{id: "refused", bring: refused, killed: "REFUSED", found: "REFUSED", again: "LOOP_REFUSED", end: "REFUSED", sent: 2},
		{id: "turned-away", bring: strike(loopsim.Fault{Kind: loopsim.FaultStatus, Status: http.StatusTooManyRequests}), killed: "NOT_SENT", found: "NOT_SENT", again: "WAITING", end: "SUCCEEDED", sent: 2, booked: 1},
		{id: "lost-answer", bring: strike(loopsim.Fault{Kind: loopsim.FaultCutAfter}), killed: "UNCERTAIN", found: "UNCERTAIN", again: "OUTCOME_UNKNOWN", end: "UNCERTAIN", sent: 1, booked: 1},
		{id: "never-arrives", bring: leave, held: true, killed: "SUBMITTING", found: "UNCERTAIN", end: "UNCERTAIN", again: "OUTCOME_UNKNOWN"},
		{id: "arrives-after-the-death", bring: leave, held: true, killed: "SUBMITTING", found: "UNCERTAIN", end: "UNCERTAIN", again: "OUTCOME_UNKNOWN", sent: 1, booked: 1},
	}
	requests := map[string]*looppb.ImportEntriesRequest{}
	for i := range table {
		each := &table[i]
		dossier := sandboxDossier
		if each.practice == "" { // one of its own, for a fault of its own
			each.practice, dossier = demo, f.loop.dossier(t, "KILL-"+each.id)
		}
		requests[each.id] = one(each.practice, dossier, "R-"+each.id, each.id)
	}
	for _, each := range table {
		if each.held {
			f.loop.line.hold()
		}
		each.bring(f, requests[each.id])
		if !each.held {
			f.await(each.practice, each.id, each.killed)
		}
	}
	// Together, at the moment of death: reaching one state must not have let another pass.
	for _, each := range table {
		f.await(each.practice, each.id, each.killed)
	}
	f.kill()
	if err := f.loop.line.release(func(written string) bool { return strings.Contains(written, `"arrives-after-the-death"`) }); err != nil {
		t.Fatal(err)
	}
	f.loop.ClearFaults()
	f.loop.SetImportDelays(time.Hour, 0) // what is sent anew waits
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	compare := func(when string, want func(row) string) {
		t.Helper()
		for _, each := range table {
			if got := f.state(each.practice, each.id); got != want(each) {
				t.Errorf("%s: %s, it is %s and not %s", each.id, when, got, want(each))
			}
		}
	}
	compare("after the restart", func(r row) string { return r.found })
	for _, each := range table {
		w := f.submit(requests[each.id])
		if got := w.State; w.Code == "" && got != each.again || w.Code != "" && w.Reason != each.again {
			t.Errorf("%s: a repetition is told %s %s %s and not %s", each.id, got, w.Code, w.Reason, each.again)
		}
	}
	f.loop.admin(t, http.MethodPost, "/_sim/imports/finish", "")
	for _, each := range table {
		f.await(each.practice, each.id, each.end)
	}
	// What is over stays so through another death, and repeating it sends nothing.
	f.restart()
	compare("after another restart", func(r row) string { return r.end })
	for _, each := range table {
		if each.end != "REFUSED" {
			f.submit(requests[each.id])
		}
		if sent, booked := f.submissions(each.id); sent != each.sent || booked != each.booked {
			t.Errorf("%s: sent %d times and booked %d times, not %d and %d", each.id, sent, booked, each.sent, each.booked)
		}
	}
}
