package chaos

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// resubmitAfter is more than a busy machine takes from a sending, over a kill and a start, to what is asked at once; age is
// more than that.
const (
	resubmitAfter = 20 * time.Second
	age           = resubmitAfter + 100*time.Millisecond
)

func again(request *looppb.ImportEntriesRequest) *looppb.ResolveImportRequest {
	return &looppb.ResolveImportRequest{
		Practice: request.GetPractice(), Dossier: request.GetDossier(), RequestId: request.GetRequestId(), Action: &looppb.ResolveImportRequest_Resubmit{
			Resubmit: &looppb.ResubmitImport{Payload: &looppb.ResubmitImport_Entries{
				Entries: &looppb.ResubmittedEntries{Options: request.GetOptions(), Entries: request.GetEntries()},
			}},
		},
	}
}

func (f *fixture) resubmit(request *looppb.ImportEntriesRequest, patience time.Duration) word {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), patience)
	defer cancel()
	return f.caller.resolve(ctx, again(request), false)
}

func (f *fixture) attempt(which named) int {
	f.Helper()
	return int(f.caller.get(f.Context(), which.GetPractice(), which.GetDossier(), which.GetRequestId(), false, false).found.GetAttempt())
}

// TestAServerThatIsKilledWhileItSendsAgainSendsNothingTwice is the table of states for RESUBMIT: imports that Loop never saw
// are sent again, the server is killed on the way, and started again.
func TestAServerThatIsKilledWhileItSendsAgainSendsNothingTwice(t *testing.T) {
	t.Parallel()
	f := newFixture(t, settings{resubmitAfter: resubmitAfter})
	const demo = loopsim.SandboxDemo
	submission := func(fault loopsim.Fault) *loopsim.Fault {
		fault.Method, fault.Route = http.MethodPost, "/importJson"
		return &fault
	}
	type row struct {
		id string
		// What strikes RESUBMIT on its way, if anything.
		fault  *loopsim.Fault
		leaves bool // its caller does not get an answer
		// State and attempt when the server is killed, and the state after it has started again; Loop has gone on meanwhile.
		killed        string
		killedAttempt int
		found         string
		// What repeating RESUBMIT at once is told: a state, or the reason of an error; and a while later.
		again, later string
		// Submissions that Loop has seen, and entries booked, in the end, when its caller has repeated the import too.
		end          string
		sent, booked int
	}
	table := []row{
		{
			id: "looks", fault: &loopsim.Fault{Kind: loopsim.FaultHang, Method: http.MethodGet, Route: "/EcritureComptable"}, leaves: true,
			killed: "UNCERTAIN", killedAttempt: 1, found: "UNCERTAIN", again: "WAITING", later: "WAITING", end: "SUCCEEDED", sent: 2, booked: 1,
		},
		{
			id: "hangs-unprocessed", fault: submission(loopsim.Fault{Kind: loopsim.FaultHang}), leaves: true,
			killed: "SUBMITTING", killedAttempt: 2, found: "UNCERTAIN", again: "MAY_BE_BOOKED", later: "WAITING", end: "SUCCEEDED", sent: 3, booked: 1,
		},
		{
			id: "hangs-processed", fault: submission(loopsim.Fault{Kind: loopsim.FaultHang, After: true}), leaves: true,
			killed: "SUBMITTING", killedAttempt: 2, found: "UNCERTAIN", again: "MAY_BE_BOOKED", later: "MAY_BE_BOOKED", end: "UNCERTAIN", sent: 2, booked: 1,
		},
		{
			id: "lost-answer", fault: submission(loopsim.Fault{Kind: loopsim.FaultCutAfter}),
			killed: "UNCERTAIN", killedAttempt: 2, found: "UNCERTAIN", again: "MAY_BE_BOOKED", later: "MAY_BE_BOOKED", end: "UNCERTAIN", sent: 2, booked: 1,
		},
		{
			id: "turned-away", fault: submission(loopsim.Fault{Kind: loopsim.FaultStatus, Status: http.StatusForbidden}),
			killed: "NOT_SENT", killedAttempt: 2, found: "NOT_SENT", again: "NOTHING_TO_RESOLVE", later: "NOTHING_TO_RESOLVE", end: "SUCCEEDED", sent: 3, booked: 1,
		},
		{
			id:     "waiting",
			killed: "WAITING", killedAttempt: 2, found: "SUCCEEDED", again: "SUCCEEDED", later: "SUCCEEDED", end: "SUCCEEDED", sent: 2, booked: 1,
		},
	}
	requests := map[string]*looppb.ImportEntriesRequest{}
	for _, each := range table {
		dossier := f.loop.dossier(t, "AGAIN-"+each.id)
		control := one(demo, dossier, "C-"+each.id, "control-"+each.id) // what a look is proven by
		f.submit(control)
		f.loop.FinishImports()
		f.await(control, "SUCCEEDED")
		requests[each.id] = one(demo, dossier, "R-"+each.id, each.id)
		f.loop.Inject(*submission(loopsim.Fault{Kind: loopsim.FaultCutBefore, Dossier: dossier, Times: 1}))
		if w := f.submit(requests[each.id]); w.State != "UNCERTAIN" {
			t.Fatalf("%s: %s %s", each.id, w.State, w.Text)
		}
	}
	told := func(when, id string, w word, want string) {
		t.Helper()
		if w.Code == "" && w.State != want || w.Code != "" && w.Reason != want {
			t.Errorf("%s: RESUBMIT %s is told %s %s %s (%s) and not %s", id, when, w.State, w.Code, w.Reason, w.Text, want)
		}
	}
	for _, each := range table {
		told("too early", each.id, f.resubmit(requests[each.id], 20*time.Second), "MAY_BE_BOOKED")
	}
	f.loop.SetImportDelays(time.Hour, 0) // what is accepted now waits
	time.Sleep(age)
	var left sync.WaitGroup // callers who get no answer: the server dies first
	for _, each := range table {
		struck := func() bool { return true }
		if each.fault != nil {
			fault := *each.fault
			fault.Dossier, fault.Times = requests[each.id].GetDossier(), 1
			id := f.loop.Inject(fault)
			struck = func() bool { return f.loop.FaultHits(id) == 1 }
		}
		if each.leaves {
			left.Go(func() { f.resubmit(requests[each.id], time.Minute) })
		} else {
			f.resubmit(requests[each.id], 20*time.Second)
		}
		for by := time.Now().Add(20 * time.Second); !struck() && time.Now().Before(by); {
			time.Sleep(5 * time.Millisecond)
		}
		if !struck() {
			t.Errorf("what strikes %s did not", each.id)
		}
		f.await(requests[each.id], each.killed)
	}
	for _, each := range table {
		f.await(requests[each.id], each.killed)
		if n := f.attempt(requests[each.id]); n != each.killedAttempt {
			t.Errorf("%s: killed at attempt %d, not %d", each.id, n, each.killedAttempt)
		}
	}
	f.kill()
	left.Wait()
	f.loop.ClearFaults()
	f.loop.FinishImports()
	f.loop.SetImportDelays(time.Hour, 0)
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	for _, each := range table {
		f.await(requests[each.id], each.found)
	}
	for _, when := range []string{"at once", "a while later"} {
		for _, each := range table {
			want := map[string]string{"at once": each.again, "a while later": each.later}[when]
			told(when, each.id, f.resubmit(requests[each.id], 20*time.Second), want)
		}
		time.Sleep(age)
	}
	for _, each := range table {
		f.submit(requests[each.id]) // its caller repeats it
	}
	f.loop.FinishImports()
	for _, each := range table {
		f.await(requests[each.id], each.end)
		if sent, booked := f.submissions(each.id); sent != each.sent || booked != each.booked {
			t.Errorf("%s: sent %d times and booked %d times, not %d and %d", each.id, sent, booked, each.sent, each.booked)
		}
	}
}
