//go:build weather

package chaos

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"

	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/certtest"
	"cegid.internal/gateway/internal/testkit/pgtest"
)

// spell is a time of one weather.
type spell struct {
	name  string
	lasts time.Duration // at least: until what is done meanwhile is done
	// faults strike Loop; meanwhile is what else happens.
	faults    []loopsim.Fault
	meanwhile func(ctx context.Context)
	// strikes is the practice whose calls may fail, "" for none, or everyone; with what reasons.
	strikes string
	reasons []string

	began, ended time.Time
}

const everyone = "everyone"

// back is how soon after Loop reads are back.
const back = 2 * time.Second

// mayFail says whether a call may have met the weather. Who has repeated a write, or watched, for all of the time that a caller has,
// may have met others at the end.
func (s *spell) mayFail(c *made) bool {
	met := (s.strikes == everyone || s.strikes == c.practice) && c.began.Before(s.ended.Add(back)) && c.ended.After(s.began)
	if c.ended.Sub(c.began) > patienceOfACaller-time.Second && c.kind != aRead {
		return met
	}
	return met && slices.Contains(s.reasons, c.Reason)
}

// weather is two servers on one PostgreSQL behind nginx, and who calls them.
type weather struct {
	t        *testing.T
	loop     *loop
	database *pgtest.Server
	servers  []*gateway
	callers  []*traffic
	spells   []*spell
	watched  *watched
}

// paces of each of the four callers.
const (
	readsEvery   = 40 * time.Millisecond
	pagesEvery   = 500 * time.Millisecond // of a long list
	importsEvery = 400 * time.Millisecond
	watchesEvery = time.Second
	hurriesEvery = 250 * time.Millisecond // of a read that has little time
)

// TestWeather: callers of two practices go on while Loop, the database and the servers go through all that happens to them, while
// a Prometheus scrapes them: the dashboards of deploy/monitoring show it. By name: .ci/run weather, and .ci/run full weather for ten
// minutes of it.
func TestWeather(t *testing.T) {
	longer := time.Duration(1)
	if os.Getenv("LOOP_WEATHER") == "full" {
		longer = 10
	}
	w := newWeather(t)
	status := func(practice string, code int, probability float64) loopsim.Fault {
		return loopsim.Fault{Practice: practice, Kind: loopsim.FaultStatus, Status: code, Probability: probability, Seed: 16}
	}
	// Some of what Loop says to have failed, it has booked.
	booked := func(probability float64) loopsim.Fault {
		fault := status("", http.StatusServiceUnavailable, probability)
		fault.Method, fault.Route, fault.After = http.MethodPost, "/importJson", true
		return fault
	}
	down := []string{"LOOP_UNAVAILABLE", "OUTCOME_UNKNOWN"}
	calm := func(name string, lasts time.Duration) *spell { return &spell{name: name, lasts: lasts} }
	rolls := func(name string, faults ...loopsim.Fault) *spell {
		return &spell{name: name, faults: faults, meanwhile: func(context.Context) { w.roll() }}
	}
	first, before, after := calm("the first pages", time.Second), calm("calm", 5*time.Second), calm("calm at the end", 4*time.Second)
	bursts := &spell{name: "429 bursts for one", lasts: 8 * time.Second * longer, meanwhile: w.bursts, strikes: practice, reasons: []string{"LOOP_QUOTA", "LOOP_BUSY"}}
	storm := &spell{
		name: "a fifth 503", lasts: 18 * time.Second * longer, faults: []loopsim.Fault{booked(.1), status("", http.StatusServiceUnavailable, .2)}, strikes: everyone, reasons: down,
	}
	half := &spell{
		name: "half 503", lasts: 6 * time.Second * longer, faults: []loopsim.Fault{booked(.1), status("", http.StatusServiceUnavailable, .5)}, strikes: everyone, reasons: down,
	}
	outage := &spell{
		name: "an outage", lasts: 7 * time.Second * longer, faults: []loopsim.Fault{{Kind: loopsim.FaultCutBefore}}, strikes: everyone, reasons: down,
	}
	hang := &spell{
		name: "a hang of one", lasts: 14 * time.Second * longer, faults: []loopsim.Fault{{Practice: practice, Kind: loopsim.FaultHang}}, strikes: practice,
		reasons: append(slices.Clone(down), "LOOP_BUSY"),
	}
	w.spells = []*spell{
		first,
		rolls("latency, and the servers rolled", loopsim.Fault{Kind: loopsim.FaultLatency, Latency: 80 * time.Millisecond}),
		before,
		bursts, storm, half, outage, calm("after the outage", 4*time.Second), hang, calm("after the hang", 4*time.Second),
		{name: "the database restarted", lasts: 6 * time.Second, meanwhile: w.databaseAway},
		after,
		rolls("the servers rolled"),
	}

	var was, is []sample
	before.meanwhile = func(context.Context) { was = w.sample() }
	after.meanwhile = func(context.Context) { is = w.sample() }
	w.run()

	w.watched.end()
	w.watched.eachPanelShowsData(first.began)
	w.print()
	w.failuresHaveTheirWeather()
	if share, amplification := w.failed(storm), w.amplification(storm); share > .02 || amplification > 1.3 {
		t.Errorf("of a fifth of 503s %.2f %% of the reads fail, with %.2f calls to Loop each; want 2 %% and 1.3 at most", 100*share, amplification)
	}
	if amplification := w.amplification(half); amplification > 1.5 {
		t.Errorf("of a half of 503s %.2f calls to Loop each; want 1.5 at most", amplification)
	}
	for _, each := range []*spell{before, after} {
		if amplification := w.amplification(each); amplification > 1.02 {
			t.Errorf("%s: %.3f calls to Loop for each read of a short list; want 1.02 at most", each.name, amplification)
		}
	}
	w.refusedAtOnce(hang)
	w.othersFeelNothing(bursts)
	w.othersFeelNothing(hang)
	for _, caller := range w.callers {
		caller.bookedAsTold(w.loop)
	}
	w.settled()
	for i := range was {
		t.Logf("server %d: %d goroutines before, %d after; heap %.1f and %.1f MiB; resident %d and %d MiB", i+1, was[i].goroutines, is[i].goroutines,
			was[i].heap/(1<<20), is[i].heap/(1<<20), was[i].resident>>20, is[i].resident>>20)
		// Idle connections to Loop, of which each practice may have a few, have two each.
		if is[i].goroutines > was[i].goroutines+40 || is[i].heap > was[i].heap+8<<20 {
			t.Errorf("server %d has grown", i+1)
		}
	}
	for _, server := range w.servers {
		server.healthy()
	}
}

func newWeather(t *testing.T) *weather {
	t.Helper()
	a := certtest.New(t)
	folder := t.TempDir()
	issue(t, a, folder, "loop", "loop.example.com", "")
	w := &weather{t: t, loop: newLoop(t, loopsim.WithRequestLog(1<<20)), database: pgtest.New(t)}
	s := settings{
		ledger: w.database.Database(t), replicas: 2, drain: 2 * time.Second,
		calls: "attempts: 3", bounds: ", wait_limit: 20s, call_limit: 10s, lease: 40s", // all else is as by default
	}
	initialize(t, s.ledger)
	one, two := newGateway(t, w.loop.url, s), newGateway(t, w.loop.url, s)
	w.servers = []*gateway{one, two}
	grpc, rest := balancers[0].start(t, folder, one, two)
	trust := &tls.Config{RootCAs: a.Pool, ServerName: "loop.example.com", MinVersion: tls.VersionTLS12}
	for _, each := range []struct{ name, practice string }{
		{billing, practice}, {expenses, practice}, {payroll, loopsim.SandboxPartner}, {reporting, loopsim.SandboxPartner},
	} {
		caller := newTraffic(t, each.name, each.practice, trust, grpc, rest)
		caller.reads = w.loop.dossierOf(t, each.practice, "READ"+strconv.Itoa(len(w.callers)))
		caller.writes = w.loop.dossierOf(t, each.practice, "WRITE"+strconv.Itoa(len(w.callers)))
		w.callers = append(w.callers, caller)
	}
	w.watched = watch(t, w.loop.url, folder, trust, one, two)
	return w
}

// run lets the callers call while one spell follows the other.
func (w *weather) run() {
	for _, c := range w.callers {
		ctx := c.open()
		c.at(ctx, readsEvery, aRead, c.list(false), c.list(true))
		c.at(ctx, importsEvery, aWrite, c.importing(false), c.importing(true))
		c.at(ctx, watchesEvery, aWatch, c.watching)
		c.at(ctx, hurriesEvery, aHurried, hurried(c.list(false)), hurried(c.list(true)))
		if c.practice == loopsim.SandboxPartner {
			c.at(ctx, pagesEvery, aPage, c.listOf(loopsim.SandboxLargeDossier, false), c.listOf(loopsim.SandboxLargeDossier, true))
		}
	}
	for _, s := range w.spells {
		s.began = time.Now()
		var faults []string
		for _, fault := range s.faults {
			faults = append(faults, w.loop.Inject(fault))
		}
		ctx, cancel := context.WithTimeout(w.t.Context(), s.lasts)
		if s.meanwhile != nil {
			s.meanwhile(ctx)
		}
		<-ctx.Done()
		cancel()
		for _, id := range faults {
			w.loop.RemoveFault(id)
		}
		s.ended = time.Now()
	}
	for _, c := range w.callers {
		c.end()
	}
}

const (
	aPage    = "page" // of a long list
	aHurried = "hurried read"
)

const hurry = 300 * time.Millisecond

// hurried has a call end soon: over its deadline it is told so, and nobody else is told anything.
func hurried(call func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, hurry)
		defer cancel()
		return call(ctx)
	}
}

// bursts has Loop turn away the calls of one practice, again and again.
func (w *weather) bursts(ctx context.Context) {
	for ctx.Err() == nil {
		id := w.loop.Inject(loopsim.Fault{Practice: practice, Kind: loopsim.FaultStatus, Status: http.StatusTooManyRequests, RetryAfter: time.Second})
		time.Sleep(300 * time.Millisecond)
		w.loop.RemoveFault(id)
		select {
		case <-ctx.Done():
		case <-time.After(1700 * time.Millisecond):
		}
	}
}

// roll replaces one server after the other.
func (w *weather) roll() {
	for _, server := range w.servers {
		if err := server.terminate(); err != nil {
			w.t.Errorf("a server ended with %v", err)
		}
		testkit.OK(w.t, server.start())
		time.Sleep(2500 * time.Millisecond) // until the balancer has seen it
	}
}

// databaseAway is for three seconds.
func (w *weather) databaseAway(context.Context) {
	if err := w.database.Stop(syscall.SIGQUIT); err != nil {
		w.t.Error(err)
	}
	time.Sleep(3 * time.Second)
	testkit.OK(w.t, w.database.Start())
}

// sample is what a server has in hand while no call is under way.
type sample struct {
	goroutines, resident int
	heap                 float64 // bytes
}

func (w *weather) sample() []sample {
	for _, c := range w.callers {
		defer c.still()()
	}
	time.Sleep(500 * time.Millisecond) // imports are followed to their end
	var out []sample
	for _, server := range w.servers {
		server.operation(w.t, "/debug/pprof/heap?gc=1")
		metrics := server.operation(w.t, "/metrics")
		out = append(out, sample{int(metric(w.t, metrics, "go_goroutines")), server.resident(), metric(w.t, metrics, "go_memstats_heap_alloc_bytes")})
	}
	return out
}

// operation asks the listener of operations.
func (g *gateway) operation(t *testing.T, path string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	response, err := client.Get("http://" + g.operations + path)
	testkit.OK(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response.Status, err)
	}
	return string(text)
}

func metric(t *testing.T, metrics, name string) float64 {
	t.Helper()
	_, rest, found := strings.Cut("\n"+metrics, "\n"+name+" ")
	text, _, _ := strings.Cut(rest, "\n")
	value, err := strconv.ParseFloat(text, 64)
	if !found || err != nil {
		t.Fatalf("no %s: %v", name, err)
	}
	return value
}

// of are the calls of a kind that a spell had from their beginning to their end.
func (w *weather) of(s *spell, kind, practice string) (out []made) {
	for _, c := range w.callers {
		if practice != "" && c.practice != practice {
			continue
		}
		for _, each := range c.calls {
			if each.kind == kind && !each.began.Before(s.began) && each.ended.Before(s.ended) {
				out = append(out, each)
			}
		}
	}
	return out
}

// failed is the share of the reads that failed.
func (w *weather) failed(s *spell) float64 {
	reads := w.of(s, aRead, "")
	failed := 0
	for _, each := range reads {
		if each.Code != "" {
			failed++
		}
	}
	return float64(failed) / float64(max(1, len(reads)))
}

// amplification is how many calls to Loop a read of a short list costs, once those of the spell before have ended.
func (w *weather) amplification(s *spell) float64 {
	reads, asked, from := 0, 0, s.began.Add(time.Second)
	if s.ended.Before(from.Add(time.Second)) {
		from = s.began
	}
	for _, c := range w.callers {
		for _, each := range c.calls {
			if (each.kind == aRead || each.kind == aHurried) && !each.ended.Before(from) && each.ended.Before(s.ended) {
				reads++
			}
		}
	}
	for _, each := range w.loop.Requests() {
		if each.Route == "/compte" && strings.HasPrefix(each.Dossier, "READ") && !each.Time.Before(from) && each.Time.Before(s.ended) {
			asked++
		}
	}
	return float64(asked) / float64(max(1, reads))
}

// failuresHaveTheirWeather: what no weather excuses is a fault of the service, or of a restart.
func (w *weather) failuresHaveTheirWeather() {
	w.t.Helper()
	excused := func(c *made) bool {
		if c.kind == aHurried && (c.Code == "RESOURCE_EXHAUSTED" || c.ended.Sub(c.began) >= hurry*9/10) {
			return true // its own matter: it has no time to wait, or its time was over
		}
		return slices.ContainsFunc(w.spells, func(s *spell) bool { return s.mayFail(c) })
	}
	began := w.spells[0].began
	for _, caller := range w.callers {
		for _, each := range caller.calls {
			if each.Code != "" && !excused(&each) {
				w.t.Errorf("%s of %s from %.2f s to %.2f s: %s %s: %.300s", each.kind, caller.name, each.began.Sub(began).Seconds(), each.ended.Sub(began).Seconds(), each.Code, each.Reason, each.Text)
			}
			if (each.Reason == "LOOP_QUOTA" || each.Reason == "LOOP_BUSY") && each.retry == 0 {
				w.t.Errorf("%s of %s was not told when to come back", each.kind, caller.name)
			}
		}
	}
}

// refusedAtOnce: of a practice whose Loop hangs, those that come when that is known are, except one now and then as a trial.
// How many reads of the other practice take long shows how busy the machine is.
func (w *weather) refusedAtOnce(hang *spell) {
	w.t.Helper()
	const known = 6 * time.Second // 5 s of silence, and what the first reads took to come
	late, all := map[string]int{}, map[string]int{}
	for _, c := range w.callers {
		for _, each := range c.calls {
			if each.kind == aRead && each.began.After(hang.began.Add(known)) && each.began.Before(hang.ended) {
				all[c.practice]++
				if each.ended.Sub(each.began) > time.Second {
					late[c.practice]++
				}
			}
		}
	}
	// Each server tries one call a second.
	most := len(w.servers)*(1+int((hang.ended.Sub(hang.began)-known)/time.Second)) + late[loopsim.SandboxPartner]
	w.t.Logf("of %d reads of a Loop that is known to hang %d were not refused at once; of %d of the other practice %d took as long",
		all[practice], late[practice], all[loopsim.SandboxPartner], late[loopsim.SandboxPartner])
	if late[practice] > most || all[practice] < 100 {
		w.t.Errorf("want %d at most, the trial calls", most)
	}
}

// othersFeelNothing: of what strikes one practice alone.
func (w *weather) othersFeelNothing(s *spell) {
	w.t.Helper()
	took := times(w.of(s, aRead, loopsim.SandboxPartner))
	if len(took) < 100 {
		w.t.Fatalf("%s: the other practice made %d reads only", s.name, len(took))
	}
	slow := took[len(took)*95/100]
	w.t.Logf("%s: of the other practice's %d reads half took less than %s, 95 %% less than %s", s.name, len(took), took[len(took)/2].Round(time.Millisecond), slow.Round(time.Millisecond))
	if slow > time.Second {
		w.t.Error("want 1 s at most")
	}
}

func times(calls []made) []time.Duration {
	out := make([]time.Duration, 0, len(calls))
	for _, each := range calls {
		out = append(out, each.ended.Sub(each.began))
	}
	slices.Sort(out)
	return out
}

// settled waits until the servers know the end of all that was accepted: none is lost sight of.
func (w *weather) settled() {
	w.t.Helper()
	for _, c := range w.callers {
		open := map[string]string{}
		for _, id := range c.accepted {
			open[id] = ""
		}
		for began := time.Now(); len(open) > 0; time.Sleep(500 * time.Millisecond) {
			for id := range open {
				ctx, cancel := context.WithTimeout(c.authorized(w.t.Context()), 10*time.Second)
				got, err := c.imports.GetImport(ctx, &looppb.GetImportRequest{Practice: c.practice, Dossier: c.writes, RequestId: id})
				cancel()
				switch said := wordOf(got.GetImportRecord(), err); {
				case said.State == "SUCCEEDED":
					delete(open, id)
				default:
					open[id] = said.Code + " " + said.State
				}
			}
			if time.Since(began) > time.Minute {
				w.t.Errorf("imports of %s that Loop has booked are not known to have succeeded: %v", c.name, open)
				break
			}
		}
	}
}

// print shows each spell.
func (w *weather) print() {
	var out strings.Builder
	fmt.Fprintf(&out, "%d cores; %d callers, each with a read every %s and an import every %s\n", runtime.NumCPU(), len(w.callers), readsEvery, importsEvery)
	fmt.Fprintf(&out, "%-32s %5s | %6s %7s %7s %6s %7s %7s | %6s %8s\n", "", "s", "reads", "good/s", "failed", "calls", "p50", "p99", "writes", "accepted")
	began := w.spells[0].began
	reasons := map[string]int{}
	for _, s := range w.spells {
		reads, writes := w.of(s, aRead, ""), w.of(s, aWrite, "")
		took := times(reads)
		if len(took) == 0 {
			took = make([]time.Duration, 1)
		}
		accepted := 0
		for _, each := range writes {
			if each.Code == "" {
				accepted++
			}
		}
		seconds := s.ended.Sub(s.began).Seconds()
		failed := w.failed(s)
		fmt.Fprintf(&out, "%-32s %5.1f | %6d %7.1f %6.2f%% %6.3f %5dms %5dms | %6d %8d\n", s.name, seconds, len(reads), (1-failed)*float64(len(reads))/seconds, 100*failed,
			w.amplification(s), took[len(took)/2].Milliseconds(), took[len(took)*99/100].Milliseconds(), len(writes), accepted)
	}
	calls, repeated, resumed := 0, 0, 0
	for _, c := range w.callers {
		repeated, resumed, calls = repeated+c.repeated, resumed+c.resumed, calls+len(c.calls)
		for _, each := range c.calls {
			if each.Code != "" {
				reasons[each.kind+" "+each.Code+" "+each.Reason]++
			}
		}
	}
	fmt.Fprintf(&out, "%d calls in %.0f s, %d writes sent again under their id, %d watches resumed; errors: %v", calls, w.spells[len(w.spells)-1].ended.Sub(began).Seconds(), repeated, resumed, reasons)
	w.t.Log(out.String())
}
