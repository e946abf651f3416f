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
	"cegid.internal/gateway/internal/testkit"
)

// fixture is a server, a Loop, and a caller.
type fixture struct {
	*testing.T
	*gateway
	loop   *loop
	caller *caller
}

func newFixture(t *testing.T, s settings, options ...loopsim.Option) *fixture {
	t.Helper()
	journal, err := NewJournal(filepath.Join(t.TempDir(), "journal"))
	testkit.OK(t, err)
	l := newLoop(t, options...)
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

// leave calls ImportEntries and does not wait for its outcome.
func (f *fixture) leave(request *looppb.ImportEntriesRequest, overREST bool) {
	f.Helper()
	f.leaveIt(order{practice: request.GetPractice(), dossier: request.GetDossier(), id: request.GetRequestId(), send: func(ctx context.Context) word {
		return f.caller.submit(ctx, request, overREST, "")
	}})
}

// named is what names an import.
type named interface {
	GetPractice() string
	GetDossier() string
	GetRequestId() string
}

// await asks until the import is in the state, as it must be soon.
func (f *fixture) await(which named, state string) {
	f.Helper()
	var w word
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(10 * time.Millisecond) {
		if w = f.caller.get(f.Context(), which.GetPractice(), which.GetDossier(), which.GetRequestId(), false, false); w.State == state {
			return
		}
	}
	f.Fatalf("%s is %q (%s), not %s", which.GetRequestId(), w.State, w.Code, state)
}

func (f *fixture) state(which named) string {
	f.Helper()
	return f.caller.get(f.Context(), which.GetPractice(), which.GetDossier(), which.GetRequestId(), false, false).State
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

// TestAServerThatIsKilledKnowsWhatBecameOfEachImport is the table of docs/architecture.md, "Writes": an import is brought
// into each state, the server is killed there, and started again. All die in one death. No state is made up: RECEIVED is an
// import that has not got its turn, and SUBMITTING one whose answer does not come.
func TestAServerThatIsKilledKnowsWhatBecameOfEachImport(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			killInEachState(t, way)
		})
	}
}

func killInEachState(t *testing.T, way way) {
	f := newFixture(t, settings{partnerConcurrency: 3})
	const demo, partner = loopsim.SandboxDemo, loopsim.SandboxPartner
	strike := func(fault loopsim.Fault) func(*fixture, order) {
		return func(f *fixture, o order) {
			fault.Method, fault.Route, fault.Dossier, fault.Times = http.MethodPost, way.route, o.dossier, 1
			f.loop.Inject(fault)
			if fault.Kind == loopsim.FaultHang {
				f.leaveIt(o)
				return
			}
			f.sent(o)
		}
	}
	paced := func(waiting, running time.Duration) func(*fixture, order) {
		return func(f *fixture, o order) {
			f.loop.SetImportDelays(waiting, running)
			f.sent(o)
		}
	}
	submit := func(f *fixture, o order) { f.sent(o) }
	leave := func(f *fixture, o order) { f.leaveIt(o) }

	type row struct {
		id       string
		practice string
		magic    string // begins a reference, and asks the simulator for something
		bring    func(*fixture, order)
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
		{id: "answered-late", magic: "SIM-SLOW-1h-", bring: leave, killed: "SUBMITTING", found: "UNCERTAIN", end: "UNCERTAIN", again: "OUTCOME_UNKNOWN", sent: 1, booked: 1},
		{id: "waiting", bring: paced(time.Hour, 0), killed: "WAITING", found: "WAITING", again: "WAITING", end: "SUCCEEDED", sent: 1, booked: 1},
		{id: "running", bring: paced(0, time.Hour), killed: "RUNNING", found: "RUNNING", again: "RUNNING", end: "SUCCEEDED", sent: 1, booked: 1},
		{id: "succeeded", bring: paced(0, 0), killed: "SUCCEEDED", found: "SUCCEEDED", again: "SUCCEEDED", end: "SUCCEEDED", sent: 1, booked: 1},
		{id: "failed", magic: "SIM-FAIL-LATE-", bring: paced(0, 0), killed: "FAILED", found: "FAILED", again: "FAILED", end: "FAILED", sent: 1},
		{id: "refused", magic: "SIM-REFUSE-", bring: submit, killed: "REFUSED", found: "REFUSED", again: "LOOP_REFUSED", end: "REFUSED", sent: 2},
		{id: "turned-away", bring: strike(loopsim.Fault{Kind: loopsim.FaultStatus, Status: http.StatusForbidden}), killed: "NOT_SENT", found: "NOT_SENT", again: "WAITING", end: "SUCCEEDED", sent: 2, booked: 1},
		{id: "lost-answer", bring: strike(loopsim.Fault{Kind: loopsim.FaultCutAfter}), killed: "UNCERTAIN", found: "UNCERTAIN", again: "OUTCOME_UNKNOWN", end: "UNCERTAIN", sent: 1, booked: 1},
		// Late, since nobody waits for a turn for long.
		{id: "occupies-the-turn", practice: partner, bring: strike(loopsim.Fault{Kind: loopsim.FaultHang}), killed: "SUBMITTING", found: "UNCERTAIN", end: "UNCERTAIN", again: "OUTCOME_UNKNOWN", sent: 1},
		{id: "awaits-its-turn", practice: partner, bring: leave, killed: "RECEIVED", found: "NOT_SENT", again: "WAITING", end: "SUCCEEDED", sent: 1, booked: 1},
		{id: "never-arrives", bring: leave, held: true, killed: "SUBMITTING", found: "UNCERTAIN", end: "UNCERTAIN", again: "OUTCOME_UNKNOWN"},
		{id: "arrives-after-the-death", bring: leave, held: true, killed: "SUBMITTING", found: "UNCERTAIN", end: "UNCERTAIN", again: "OUTCOME_UNKNOWN", sent: 1, booked: 1},
	}
	orders := map[string]order{}
	for i := range table {
		each := &table[i]
		if each.practice == "" {
			each.practice = demo
		}
		dossier := f.loop.dossierOf(t, each.practice, "KILL-"+each.id) // one of its own, for a fault of its own
		orders[each.id] = way.order(f, each.practice, dossier, each.id, each.magic)
	}
	for _, each := range table {
		if each.held {
			f.loop.line.hold()
		}
		each.bring(f, orders[each.id])
		if !each.held {
			f.await(orders[each.id], each.killed)
		}
	}
	// Together, at the moment of death: reaching one state must not have let another pass.
	for _, each := range table {
		f.await(orders[each.id], each.killed)
	}
	f.kill()
	testkit.OK(t, f.loop.line.release(func(written string) bool { return strings.Contains(written, `arrives-after-the-death"`) }))
	f.loop.ClearFaults()
	f.loop.SetImportDelays(time.Hour, 0) // what is sent anew waits
	testkit.OK(t, f.start())
	compare := func(when string, want func(row) string) {
		t.Helper()
		for _, each := range table {
			if got := f.state(orders[each.id]); got != want(each) {
				t.Errorf("%s: %s, it is %s and not %s", each.id, when, got, want(each))
			}
		}
	}
	compare("after the restart", func(r row) string { return r.found })
	for _, each := range table {
		w := f.sent(orders[each.id])
		if got := w.State; w.Code == "" && got != each.again || w.Code != "" && w.Reason != each.again {
			t.Errorf("%s: a repetition is told %s %s %s and not %s", each.id, got, w.Code, w.Reason, each.again)
		}
	}
	f.loop.admin(t, http.MethodPost, "/_sim/imports/finish", "")
	for _, each := range table {
		f.await(orders[each.id], each.end)
	}
	// What is over stays so through another death, and repeating it sends nothing.
	f.restart()
	compare("after another restart", func(r row) string { return r.end })
	for _, each := range table {
		if each.end != "REFUSED" {
			f.sent(orders[each.id])
		}
		if sent, booked := f.seen(orders[each.id]); sent != each.sent || booked != each.booked {
			t.Errorf("%s: sent %d times and booked %d times, not %d and %d", each.id, sent, booked, each.sent, each.booked)
		}
	}
}
