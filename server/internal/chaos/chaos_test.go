package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/pgtest"
)

const practice = loopsim.SandboxDemo

// storm says how bad it gets, and for how long.
type storm struct {
	seed    uint64
	imports int
	workers int
	// Between two kills.
	shortest, longest time.Duration
	// limit ends it: then no fault and no kill any more, so that every caller comes to its last word. A machine that starts
	// servers slowly has more, until there were enough kills.
	limit time.Duration
	// minimum is how many kills there must be, of servers and of the database.
	minimum int
	// servers share a ledger on PostgreSQL, which crashes too, when they are several.
	servers int
}

// latest is when it ends in any case.
func (s storm) latest() time.Duration { return 5 * s.limit }

func number(t *testing.T, name string, fallback int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s must be a positive number", name)
	}
	return n
}

func TestWhateverHappensEachEntryIsBookedOnceAtMostAndItsCallerKnows(t *testing.T) { storms(t, 1) }

func TestWhateverHappensToSeveralServersAndTheirDatabaseEachEntryIsBookedOnceAtMostAndItsCallerKnows(t *testing.T) {
	storms(t, 3)
}

func storms(t *testing.T, servers int) {
	first, seeds := number(t, "LOOP_CHAOS_SEED", 1), number(t, "LOOP_CHAOS_SEEDS", 1)
	imports := number(t, "LOOP_CHAOS_IMPORTS", 60)
	var total Report
	var mu sync.Mutex
	began := time.Now()
	t.Cleanup(func() { // when all have ended
		met := map[string]int{}
		for what, times := range total.Met {
			kind := what
			if what != listEmpty && what != filterIgnored {
				kind, _, _ = strings.Cut(what, " ")
			}
			met[kind] += times
		}
		for kind, times := range met {
			if times == 0 && imports > 100 { // fewer are sent before all have struck, on a slow machine
				t.Errorf("a fault of the kind %q was never met", kind)
			}
		}
		if seeds == 1 {
			return
		}
		var table strings.Builder
		testkit.OK(t, total.Write(&table, fmt.Sprintf("%d seeds from %d, in %s", seeds, first, time.Since(began).Round(time.Second))))
		t.Log("\n" + table.String())
	})
	for seed := first; seed < first+seeds; seed++ {
		s := storm{
			seed: uint64(seed), imports: imports, workers: 24, shortest: 150 * time.Millisecond, longest: 700 * time.Millisecond,
			limit: 6 * time.Second, minimum: 3, servers: servers,
		}
		if imports > 100 {
			s.longest, s.limit, s.workers, s.minimum = 1500*time.Millisecond, 35*time.Second, 32, 10
			if servers == 1 {
				s.minimum = 18 // as many as when it has the machine for itself
			}
		}
		t.Run("seed "+strconv.Itoa(seed), func(t *testing.T) {
			t.Parallel() // half of a storm is waiting
			report := s.run(t)
			mu.Lock()
			defer mu.Unlock()
			total.Add(report)
		})
	}
}

// run lets a storm pass over a server, and compares.
func (s storm) run(t *testing.T) Report {
	began := time.Now()
	folder := t.TempDir()
	if keep := os.Getenv("LOOP_CHAOS_JOURNAL"); keep != "" {
		folder = keep
	}
	path := filepath.Join(folder, fmt.Sprintf("journal-%d.jsonl", s.seed))
	journal, err := NewJournal(path)
	testkit.OK(t, err)
	l := newLoop(t)
	dossiers := []string{"CEGID001", "CEGID003", l.dossier(t, "CHAOS01"), l.dossier(t, "CHAOS02"), l.dossier(t, "CHAOS03")}
	r := &run{storm: s, t: t, loop: l, journal: journal, dossiers: dossiers, calm: make(chan struct{}), person: newPerson(t, l)}
	chance := rand.New(rand.NewPCG(s.seed, 4))
	for range s.imports {
		r.homes = append(r.homes, dossiers[chance.IntN(len(dossiers))])
	}
	r.hide()
	r.serve()
	r.billing, r.expenses = newCaller(t, journal, billing, r.gateways...), newCaller(t, journal, expenses, r.gateways...)
	r.typeIn(beforehand)
	r.blind()
	r.faults()
	r.tell()
	r.correct()
	r.reckon()
	for _, g := range r.gateways {
		if err := g.terminate(); err != nil {
			t.Error("the server ended with", err)
		}
		g.healthy()
	}
	testkit.OK(t, journal.Close())

	events, err := ReadJournal(path)
	testkit.OK(t, err)
	books, err := Inspect(t.Context(), l.root, dossiers...)
	testkit.OK(t, err)
	if os.Getenv("LOOP_CHAOS_JOURNAL") != "" {
		text, _ := json.Marshal(books)
		testkit.OK(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("books-%d.json", s.seed)), text, 0o600))
	}
	report := Judge(events, books)
	var table strings.Builder
	testkit.OK(t, report.Write(&table, fmt.Sprintf("seed %d, %d workers, in %s", s.seed, s.workers, time.Since(began).Round(100*time.Millisecond))))
	t.Logf("\n%s  on the wire  %6d  calls that the channels made of %d\n", table.String(), r.billing.sends.attempts.Load()+r.expenses.sends.attempts.Load(), journal.NextCall()-1)
	for i, complaint := range report.Complaints {
		t.Errorf("%s: %s: %s", complaint.Rule, complaint.ID, complaint.Text)
		if i < 5 {
			t.Log(history(complaint.ID, events, books))
		}
	}
	if report.Kills+report.Halts < s.minimum {
		t.Errorf("%d kills are too few to prove anything", report.Kills+report.Halts)
	}
	return report
}

// history is all that is known of an id.
func history(id string, events []Event, books Books) string {
	var text strings.Builder
	for _, e := range events {
		if id != "" && e.ID == id || slices.Contains([]string{Killed, Died, Started, Halted, Resumed}, e.Kind) {
			line, _ := json.Marshal(e)
			text.Write(append(line, '\n'))
		}
	}
	for _, sent := range books.Imports {
		if slices.ContainsFunc(sent.References, func(reference string) bool { return id != "" && strings.HasSuffix(reference, id) }) {
			line, _ := json.Marshal(sent)
			text.Write(append(line, '\n'))
		}
	}
	return text.String()
}

// run is a storm under way.
type run struct {
	storm
	t                 *testing.T
	loop              *loop
	gateways          []*gateway
	database          *pgtest.Server // of several
	journal           *Journal
	dossiers          []string
	homes             []string // the dossier of each import
	person            *cegidclient.Client
	billing, expenses *caller
	calm              chan struct{} // closed when the storm is over
	strikes, blinds   []string      // faults of the storm, and of lists that show nothing or anything
	mu                sync.Mutex
	others            []other // ids besides those of the plan
	kills             atomic.Int64
}

// serve starts the servers.
func (r *run) serve() {
	r.t.Helper()
	if r.servers == 1 {
		r.gateways = []*gateway{newGateway(r.t, r.loop.url, settings{resubmitAfter: looksAfter})}
		return
	}
	r.database = pgtest.New(r.t)
	s := settings{ledger: r.database.Database(r.t), replicas: r.servers, resubmitAfter: looksAfter}
	init := exec.Command(program(r.t), "ledger", "init", "--postgres", "${env:LEDGER}")
	init.Env = append(os.Environ(), "LEDGER="+s.ledger)
	if out, err := init.CombinedOutput(); err != nil {
		r.t.Fatalf("ledger init: %v\n%s", err, out)
	}
	for range r.servers {
		r.gateways = append(r.gateways, newGateway(r.t, r.loop.url, s))
	}
}

// looksAfter is longer than anything is on its way to Loop, on a busy machine and past the death of its server.
const looksAfter = 5 * time.Second

// other is an id that came up in a story.
type other struct {
	dossier, id string
}

const (
	listEmpty     = "list empty"
	filterIgnored = "filter ignored"
)

// blind lets the lists of entries of two dossiers be blind, in each storm others: one shows nothing, one ignores the filter. What
// blinds some questions of a look and not others would be nobody's to notice.
func (r *run) blind() {
	for i, fault := range []struct{ what, body string }{
		{listEmpty, `[]`}, {filterIgnored, `[{"objectId":"1","revisionId":"1","journalCode":"BQ","refPiece":"VIR","datePiece":"2026-03-15T00:00:00Z"}]`},
	} {
		dossier := r.hidden()[i]
		id := r.loop.Inject(loopsim.Fault{Kind: loopsim.FaultStatus, Status: http.StatusOK, Body: fault.body, Method: http.MethodGet, Route: "/EcritureComptable", Dossier: dossier})
		r.blinds = append(r.blinds, id)
		r.journal.Add(Event{Kind: Struck, Fault: id, What: fault.what, Dossier: dossier})
	}
}

// hidden are the dossiers whose lists are blind.
func (r *run) hidden() []string {
	var out []string
	for _, at := range rand.New(rand.NewPCG(r.seed, 5)).Perm(len(r.dossiers))[:2] {
		out = append(out, r.dossiers[at])
	}
	return out
}

// hide lets the first imports that fail do so where nobody can see, so that even a short storm is asked about them.
func (r *run) hide() {
	hidden := r.hidden()
	for i := range r.imports {
		if storyOf(i) != StoryFails || len(hidden) == 0 {
			continue
		}
		at := i
		if shares(i) {
			at--
		}
		r.homes[at], hidden = hidden[0], hidden[1:]
	}
}

// end takes faults back, and notes how often each has struck.
func (r *run) end(faults []string) {
	for _, id := range faults {
		r.journal.Add(Event{Kind: Met, Fault: id, Times: r.loop.FaultHits(id)})
		r.loop.RemoveFault(id)
	}
}

// faults lets Loop fail by chance. Nothing is injected that the contract takes for a word of Loop's: a 401 to a submission
// that was processed, for example.
func (r *run) faults() {
	inject := func(f loopsim.Fault) {
		f.Seed = r.seed
		what := string(f.Kind)
		if f.Status != 0 {
			what += " " + strconv.Itoa(f.Status)
		}
		if f.Latency > 0 {
			what += " " + f.Latency.String()
		}
		if f.After {
			what += " after"
		}
		if f.Method == http.MethodGet {
			what += " of a list"
		}
		id := r.loop.Inject(f)
		r.strikes = append(r.strikes, id)
		r.journal.Add(Event{Kind: Struck, Fault: id, What: what, Status: f.Status})
	}
	for _, f := range append(r.atLeastOnce(),
		loopsim.Fault{Probability: .04, Kind: loopsim.FaultCutBefore},
		loopsim.Fault{Probability: .04, Kind: loopsim.FaultCutAfter},
		loopsim.Fault{Probability: .02, Kind: loopsim.FaultStatus, Status: http.StatusServiceUnavailable},
		loopsim.Fault{Probability: .02, Kind: loopsim.FaultStatus, Status: http.StatusServiceUnavailable, After: true},
		loopsim.Fault{Probability: .02, Kind: loopsim.FaultStatus, Status: http.StatusInternalServerError, After: true},
		loopsim.Fault{Probability: .01, Kind: loopsim.FaultHTML, Status: http.StatusBadGateway},
		loopsim.Fault{Probability: .05, Kind: loopsim.FaultStatus, Status: http.StatusTooManyRequests},
		loopsim.Fault{Probability: .005, Kind: loopsim.FaultStatus, Status: http.StatusTooManyRequests, RetryAfter: time.Second},
		loopsim.Fault{Probability: .10, Kind: loopsim.FaultLatency, Latency: 300 * time.Millisecond},
		loopsim.Fault{Probability: .08, Kind: loopsim.FaultLatency, Latency: 500 * time.Millisecond, After: true},
		loopsim.Fault{Probability: .007, Kind: loopsim.FaultHang},
		loopsim.Fault{Probability: .007, Kind: loopsim.FaultHang, After: true},
		loopsim.Fault{Probability: .02, Kind: loopsim.FaultTruncated},
		loopsim.Fault{Probability: .02, Kind: loopsim.FaultTruncatedChunked},
		// Nobody answers at once: before and after it is processed, there is time to die.
		loopsim.Fault{Probability: .5, Kind: loopsim.FaultLatency, Latency: 40 * time.Millisecond},
		loopsim.Fault{Kind: loopsim.FaultLatency, Latency: 40 * time.Millisecond, After: true},
	) {
		f.Method, f.Route = http.MethodPost, "/importJson"
		inject(f)
	}
	for _, f := range []loopsim.Fault{ // the lists of preflight, and getImportStatus
		{Probability: .06, Kind: loopsim.FaultStatus, Status: http.StatusServiceUnavailable},
		{Probability: .03, Kind: loopsim.FaultCutBefore},
		{Probability: .01, Kind: loopsim.FaultStatus, Status: http.StatusTooManyRequests},
		{Probability: .03, Kind: loopsim.FaultTruncated},
		{Probability: .10, Kind: loopsim.FaultLatency, Latency: 100 * time.Millisecond},
	} {
		f.Method = http.MethodGet
		inject(f)
	}
}

// atLeastOnce strikes one early submission with each kind that a storm might otherwise miss.
func (r *run) atLeastOnce() (all []loopsim.Fault) {
	chance := rand.New(rand.NewPCG(r.seed, 6))
	kinds := []loopsim.Fault{
		{Kind: loopsim.FaultCutBefore},
		{Kind: loopsim.FaultCutAfter},
		{Kind: loopsim.FaultHTML, Status: http.StatusBadGateway},
		{Kind: loopsim.FaultHang, After: chance.IntN(2) == 0},
		{Kind: loopsim.FaultTruncated},
		{Kind: loopsim.FaultTruncatedChunked},
	}
	// In the first third of a storm: on a slow machine its time is up before all imports are sent.
	for i, place := range chance.Perm(len(kinds)) {
		f := kinds[i]
		f.Skip, f.Times = place*r.imports/(3*len(kinds)), 1
		all = append(all, f)
	}
	return all
}

// tell runs all stories while the server is killed again and again.
func (r *run) tell() {
	plans := make(chan *story)
	var callers, killer sync.WaitGroup
	for range r.workers {
		callers.Go(func() {
			for each := range plans {
				each.tell()
			}
		})
	}
	done := make(chan struct{})
	killer.Go(func() { r.kill(done) })
	chance := rand.New(rand.NewPCG(r.seed, 1))
	for i := range r.imports {
		// A quick machine would be through before the server has died often enough.
		for int(r.kills.Load()) < i*(r.minimum+1)/r.imports && !r.over() {
			time.Sleep(5 * time.Millisecond)
		}
		plans <- r.plan(i, chance)
	}
	close(plans)
	callers.Wait()
	close(done)
	killer.Wait()
}

// over says whether the storm is.
func (r *run) over() bool {
	select {
	case <-r.calm:
		return true
	default:
		return false
	}
}

// kill ends the server at random moments, half of them just after a submission has reached Loop, until the stories are
// told or the storm is over.
func (r *run) kill(done <-chan struct{}) {
	chance := rand.New(rand.NewPCG(r.seed, 2))
	between := func(low, high time.Duration) time.Duration {
		return low + time.Duration(chance.Int64N(int64(high-low)))
	}
	over, latest := time.NewTimer(r.limit), time.Now().Add(r.latest())
	restart := func(meanwhile func()) {
		n := chance.IntN(len(r.gateways))
		g, name := r.gateways[n], "server "+strconv.Itoa(n)
		underWay := r.loop.count(0)
		r.journal.Add(Event{Kind: Killed, What: name, UnderWay: underWay})
		g.kill()
		r.journal.Add(Event{Kind: Died, What: name})
		meanwhile()
		if err := g.start(); err != nil {
			r.t.Error(err)
			return
		}
		r.journal.Add(Event{Kind: Started, What: name})
		r.kills.Add(1)
	}
	nothing := func() {}
	// A crash of the database, with and without one of a server while it is away.
	halt := func() {
		r.journal.Add(Event{Kind: Halted})
		if err := r.database.Stop(syscall.SIGQUIT); err != nil {
			r.t.Error(err)
		}
		resume := func() {
			time.Sleep(between(0, 500*time.Millisecond))
			if err := r.database.Start(); err != nil {
				r.t.Error(err)
			}
			r.journal.Add(Event{Kind: Resumed})
			r.kills.Add(1)
		}
		if chance.IntN(2) == 0 {
			restart(resume)
			return
		}
		resume()
	}
	for {
		r.awaitArrival(3*time.Second, done) // else a server would die on a slow machine before it has sent anything
		select {
		case <-done:
			r.end(r.strikes)
			close(r.calm)
			return
		case <-over.C:
			if int(r.kills.Load()) < r.minimum && time.Now().Before(latest) {
				over.Reset(r.limit / 10)
				break
			}
			r.end(r.strikes)
			restart(nothing) // what hangs would for a minute; several servers give up earlier
			close(r.calm)
			return
		case <-time.After(between(r.shortest, r.longest)):
		}
		if chance.IntN(2) == 0 && r.awaitArrival(200*time.Millisecond, done) {
			time.Sleep(between(0, 20*time.Millisecond))
		}
		if r.database != nil && chance.IntN(2) == 0 {
			halt()
			continue
		}
		restart(nothing)
	}
}

// awaitArrival waits for the next submission to reach Loop, for a time.
func (r *run) awaitArrival(most time.Duration, done <-chan struct{}) bool {
	select {
	case <-r.loop.arrived: // an old one, perhaps
	default:
	}
	select {
	case <-r.loop.arrived:
		return true
	case <-done:
	case <-time.After(most):
	}
	return false
}

// reckon brings everything to its end and reads what became of it.
func (r *run) reckon() {
	r.loop.admin(r.t, http.MethodPost, "/_sim/imports/finish", "")
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	unfinished := []looppb.ImportState{
		looppb.ImportState_IMPORT_STATE_RECEIVED, looppb.ImportState_IMPORT_STATE_SUBMITTING,
		looppb.ImportState_IMPORT_STATE_WAITING, looppb.ImportState_IMPORT_STATE_RUNNING,
	}
	for len(r.list(ctx, unfinished)) > 0 {
		select {
		case <-ctx.Done():
			r.t.Error("imports are under way for a minute after the storm")
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
	for _, each := range r.list(ctx, nil) {
		r.journal.Add(Event{Kind: Listed, ID: each.GetRequestId()})
	}
	r.typeIn(afterwards)
	for i, each := range r.list(ctx, []looppb.ImportState{looppb.ImportState_IMPORT_STATE_UNCERTAIN, looppb.ImportState_IMPORT_STATE_FAILED}) {
		for range 20 { // the breaker may still be open
			if w := r.billing.look(ctx, practice, each.GetDossier(), each.GetRequestId(), i%4 == 0); !w.passing() {
				break
			}
			time.Sleep(200 * time.Millisecond)
		}
	}
	for i := range r.imports {
		r.billing.get(ctx, practice, r.homeOf(i), idOf(i), i%5 == 0, true)
	}
	for _, each := range r.others {
		r.billing.get(ctx, practice, each.dossier, each.id, false, true)
	}
}

func (r *run) list(ctx context.Context, states []looppb.ImportState) []*looppb.Import {
	var found []*looppb.Import
	for token := ""; ; {
		response, err := r.billing.imports.ListImports(r.billing.authorized(ctx), &looppb.ListImportsRequest{Practice: practice, Dossier: "-", PageSize: 100, PageToken: token, States: states})
		if err != nil {
			r.t.Error("ListImports:", err)
			return found
		}
		found = append(found, response.GetImports()...)
		if token = response.GetNextPageToken(); token == "" {
			return found
		}
	}
}

func idOf(i int) string { return fmt.Sprintf("FA-%04d", i) }

// idAs is the id of what another import is to that of an id.
func idAs(prefix, id string) string { return strings.Replace(id, "FA-", prefix, 1) }

// shares says whether an import has the document reference of the one before it, in the same dossier, as a second invoice of
// the same number.
func shares(i int) bool { return i%10 == 7 }

func documentOf(i int) string {
	if shares(i) {
		i--
	}
	return idOf(i)
}

func (r *run) homeOf(i int) string {
	if shares(i) {
		i--
	}
	return r.homes[i]
}

// When a person types an entry of an import's document in Loop, past the service.
const (
	never = iota
	beforehand
	afterwards
)

func typed(i int) int {
	switch i % 10 {
	case 2:
		return beforehand
	case 4:
		return afterwards
	}
	return never
}

// newPerson works in Loop without the service.
func newPerson(t *testing.T, l *loop) *cegidclient.Client {
	t.Helper()
	client, err := cegidclient.New(cegidclient.Config{
		BaseURL: l.url, AllowPlainHTTP: true, Practice: practice, Credentials: cegidclient.StaticCredentials(
			cegidclient.NewSecret(""), cegidclient.NewSecret(loopsim.SandboxDemoAPIKey), cegidclient.NewSecret(loopsim.SandboxSubscriptionPrimary)),
	})
	testkit.OK(t, err)
	t.Cleanup(client.Close)
	return client
}

// typeIn lets the person type: in another journal, or on another day, than the import; both look the same otherwise.
func (r *run) typeIn(when int) {
	for i := range r.imports {
		if typed(i) != when {
			continue
		}
		entry := cegidclient.Entry{Journal: "OD", Date: "2026-03-15", Reference: fmt.Sprintf("TYPED-%04d", i), DocumentReference: documentOf(i)}
		if i%20 < 10 {
			entry.Journal, entry.Date = "ACH", "2026-03-16"
		}
		entry.Lines = []cegidclient.EntryLine{
			{Account: "60700000", Label: "Saisie", Debit: amountOf(100 + i)}, {Account: "40100000", ThirdParty: "FEXEMPLE", Label: "Saisie", Credit: amountOf(100 + i)},
		}
		r.journal.Add(Event{Kind: Typed, Document: documentOf(i), References: []string{entry.Reference}})
		ctx := cegidclient.WithBeforeSend(r.t.Context(), func(context.Context, *cegidclient.Call) error { return nil })
		if _, err := r.person.Imports.Submit(ctx, r.homeOf(i), cegidclient.EntryImport{Entries: []cegidclient.Entry{entry}}); err != nil {
			r.t.Fatal(err)
		}
	}
	r.loop.admin(r.t, http.MethodPost, "/_sim/imports/finish", "")
}

// The stories that callers play, by what is odd about them.
const (
	plain     = "plain"
	impatient = "impatient"    // first calls end after milliseconds
	pair      = "pair"         // two call at the same time
	eager     = "eager"        // repeats after the outcome
	twin      = "has a twin"   // sends the same entry under another id, with another label
	changed   = "changed"      // sends something else under the same id
	foreign   = "foreign"      // another caller uses the id
	mended    = "mended"       // is refused by Loop first
	forgetful = "asks no more" // does not follow it; the end shows
)

// stories in a hundred: what comes round, whatever the seed.
func storyOf(i int) string {
	switch n := (i * 37) % 100; {
	case n < 20:
		return impatient
	case n < 30:
		return pair
	case n < 40:
		return eager
	case n < 46:
		return twin
	case n < 51:
		return changed
	case n < 54:
		return foreign
	case n < 58:
		return mended
	case n < 61:
		return StoryFails
	case n < 66:
		return forgetful
	}
	return plain
}

// story is one import, and all who have to do with it.
type story struct {
	*run
	kind     string
	request  *looppb.ImportEntriesRequest
	euros    int
	overREST bool
	watches  bool
	chance   *rand.Rand // of this story alone: others come and go as they please
}

func (r *run) plan(i int, chance *rand.Rand) *story {
	id := idOf(i)
	s := &story{
		run: r, kind: storyOf(i), euros: 100 + i, overREST: chance.IntN(5) == 0, watches: chance.IntN(2) == 0,
		chance: rand.New(rand.NewPCG(r.seed, 1000+uint64(i))),
	}
	s.request = r.requestOf(i)
	if s.kind == StoryFails {
		s.request.Entries[0].Reference = "SIM-FAIL-LATE-" + id
	}
	r.journal.Add(Event{
		Kind: Planned, ID: id, Story: s.kind, Amount: amountOf(s.euros), Document: documentOf(i), Dossier: r.homeOf(i),
		References: []string{"R" + id, "SIM-FAIL-LATE-" + id, "SIM-REFUSE-" + id},
	})
	return s
}

func (r *run) requestOf(i int) *looppb.ImportEntriesRequest {
	return &looppb.ImportEntriesRequest{Practice: practice, Dossier: r.homeOf(i), RequestId: idOf(i), Entries: entries("R"+idOf(i), documentOf(i), 100+i)}
}

// storyAgain goes on with an import when the storm is over.
func (r *run) storyAgain(i int) *story {
	return &story{run: r, kind: plain, request: r.requestOf(i), euros: 100 + i, chance: rand.New(rand.NewPCG(r.seed, 2000+uint64(i)))}
}

// tell plays the story to its last word.
func (s *story) tell() {
	if s.kind == mended {
		request := s.copy()
		request.Entries[0].Reference = "SIM-REFUSE-" + request.GetRequestId()
		if w := s.insist(s.billing, request, ""); w.Reason != "LOOP_REFUSED" {
			return // its outcome is open: nothing else may be sent under its id
		}
	}
	if s.kind == impatient {
		for range 1 + s.chance.IntN(3) {
			ctx, cancel := context.WithTimeout(s.t.Context(), time.Duration(5+s.chance.IntN(150))*time.Millisecond)
			s.billing.submit(ctx, s.request, s.overREST, "")
			cancel()
		}
	}
	if s.kind == pair {
		var other sync.WaitGroup
		request := s.copy()
		// Draws of its own: the two are told at the same time.
		second := &story{run: s.run, kind: plain, request: request, chance: rand.New(rand.NewPCG(s.chance.Uint64(), 3))}
		other.Go(func() { second.insist(second.billing, second.request, "") })
		defer other.Wait()
	}
	state := s.settle()
	// The same once more under another id, as of a job that was started again: perhaps when a look may tell.
	if (state == "UNCERTAIN" || state == "FAILED") && s.chance.IntN(2) == 0 {
		s.insist(s.billing, s.corrected(), "")
		return
	}
	switch s.kind {
	case eager:
		for range 1 + s.chance.IntN(2) {
			s.insist(s.billing, s.request, "")
		}
	case twin:
		if state != "SUCCEEDED" && state != "WAITING" && state != "RUNNING" {
			return
		}
		request := s.under("TWIN-", Event{Story: StoryTwin})
		request.Entries[0].Lines[0].Label += "." // which makes it no other
		s.insist(s.billing, request, "ENTRY_ALREADY_IMPORTED")
		if s.euros%2 == 0 {
			meant := s.under("MEANT-", Event{Story: plain, Repeats: s.request.GetRequestId(), References: []string{"M" + s.request.GetRequestId()}})
			meant.Entries[0].Reference, meant.Entries[0].RepeatOf = "M"+s.request.GetRequestId(), s.request.GetRequestId()
			s.insist(s.billing, meant, "")
		}
	case changed:
		request := s.copy()
		request.Entries = entries("R"+request.GetRequestId(), request.GetRequestId(), s.euros+5000)
		s.insist(s.billing, request, "REQUEST_ID_REUSED")
	case foreign:
		s.insist(s.expenses, s.request, "REQUEST_ID_REUSED")
	}
}

// under is the same import under another id, which is planned as said.
func (s *story) under(prefix string, plan Event) *looppb.ImportEntriesRequest {
	request := s.copy()
	request.RequestId = idAs(prefix, request.GetRequestId())
	plan.Kind, plan.ID, plan.Dossier, plan.Amount = Planned, request.GetRequestId(), request.GetDossier(), amountOf(s.euros)
	plan.Document = request.GetEntries()[0].GetDocumentReference()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.others = append(s.others, other{request.GetDossier(), request.GetRequestId()})
	s.journal.Add(plan)
	return request
}

// corrected is what is sent under another id of an import that failed, or whose outcome is unknown.
func (s *story) corrected() *looppb.ImportEntriesRequest {
	reference := "C" + s.request.GetRequestId()
	request := s.under("FIX-", Event{Story: StoryCorrects, Corrects: s.request.GetRequestId(), References: []string{reference}})
	request.Entries[0].Reference = reference // counted anew, and the document's says enough
	return request
}

// correct sends half of what is UNCERTAIN or FAILED under another id, in the calm: first while two dossiers are blind, then when all
// can be seen. What had its correction in the storm has it again.
func (r *run) correct() {
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*time.Minute)
	defer cancel()
	r.loop.admin(r.t, http.MethodPost, "/_sim/imports/finish", "")
	time.Sleep(looksAfter) // nothing is too early any more
	requests := map[string]*looppb.ImportEntriesRequest{}
	for _, blind := range []bool{true, false} {
		if !blind {
			r.end(r.blinds)
			r.journal.Add(Event{Kind: Sighted})
		}
		var callers sync.WaitGroup
		places := make(chan struct{}, 8)
		for _, each := range r.list(ctx, []looppb.ImportState{looppb.ImportState_IMPORT_STATE_UNCERTAIN, looppb.ImportState_IMPORT_STATE_FAILED}) {
			var i int
			if _, err := fmt.Sscanf(each.GetRequestId(), "FA-%d", &i); err != nil {
				continue
			}
			s := r.storyAgain(i)
			id := idAs("FIX-", each.GetRequestId())
			if requests[id] == nil {
				known := slices.Contains(r.others, other{each.GetDossier(), id})
				if !known && i%2 == 1 && storyOf(i) != StoryFails {
					continue // for looks that nothing else disturbs
				}
				if known {
					requests[id] = s.copy()
					requests[id].RequestId, requests[id].Entries[0].Reference = id, "C"+each.GetRequestId()
				} else {
					requests[id] = s.corrected()
				}
			}
			request := requests[id]
			callers.Go(func() {
				places <- struct{}{}
				defer func() { <-places }()
				s.insist(r.billing, request, "")
			})
		}
		callers.Wait()
	}
	r.loop.admin(r.t, http.MethodPost, "/_sim/imports/finish", "")
}

func (s *story) copy() *looppb.ImportEntriesRequest {
	out := &looppb.ImportEntriesRequest{
		Practice: s.request.GetPractice(), Dossier: s.request.GetDossier(), RequestId: s.request.GetRequestId(),
		Entries: entries(s.request.GetEntries()[0].GetReference(), s.request.GetEntries()[0].GetDocumentReference(), s.euros),
	}
	return out
}

// settle sends the import and follows it, and does so again while nothing was booked. It returns the state that it has come to,
// as far as that was told.
func (s *story) settle() string {
	for {
		w := s.insist(s.billing, s.request, "")
		if w.Code != "" || s.kind == forgetful {
			return w.State
		}
		if state := s.follow(w.State); state != "NOT_SENT" {
			return state
		}
	}
}

// insist calls until there is a word that is not passing, with the same request_id, as an application should. It gives up
// a while after the storm.
func (s *story) insist(c *caller, request *looppb.ImportEntriesRequest, expect string) word {
	patience := 20
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Duration(2000+s.chance.IntN(4000))*time.Millisecond)
		w := c.submit(ctx, request, s.overREST, expect)
		cancel()
		if !w.passing() {
			return w
		}
		if s.over() {
			if patience--; patience == 0 {
				return w
			}
		}
		time.Sleep(max(w.retry, pause/2+time.Duration(s.chance.Int64N(int64(pause)))))
	}
}

// follow watches or polls until the import is over, and returns its state.
func (s *story) follow(state string) string {
	over := func(state string) bool {
		switch state {
		case "SUCCEEDED", "FAILED", "NOT_SENT", "REFUSED", "UNCERTAIN":
			return true
		}
		return false
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), s.latest()+time.Minute)
	defer cancel()
	for !over(state) && ctx.Err() == nil {
		var w word
		if s.watches {
			w = s.billing.watch(ctx, practice, s.request.GetDossier(), s.request.GetRequestId())
		} else {
			w = s.billing.get(ctx, practice, s.request.GetDossier(), s.request.GetRequestId(), s.overREST, false)
		}
		if state = w.State; w.Code != "" {
			state = ""
			if !w.passing() {
				return state
			}
		}
		if !over(state) {
			time.Sleep(time.Duration(100+s.chance.IntN(200)) * time.Millisecond)
		}
	}
	return state
}
