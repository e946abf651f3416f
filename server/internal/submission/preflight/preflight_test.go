package preflight

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/server/internal/freshness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const dossier = "CEGID001"

// simulated returns a client of a simulated Loop.
func simulated(t *testing.T) (*cegidclient.Client, *loopsim.Simulator) {
	t.Helper()
	sim := loopsim.NewSandbox()
	server := httptest.NewServer(sim)
	client, err := cegidclient.New(cegidclient.Config{
		BaseURL: server.URL + sim.BasePath(), AllowPlainHTTP: true, Practice: loopsim.SandboxDemo,
		Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret(""), cegidclient.NewSecret(loopsim.SandboxDemoAPIKey),
			cegidclient.NewSecret(loopsim.SandboxSubscriptionPrimary), cegidclient.NewSecret("")),
		Breaker: cegidclient.BreakerPolicy{Disabled: true},
		Retry:   cegidclient.RetryPolicy{BaseDelay: time.Millisecond, MaxDelay: time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); sim.Close(); server.Close() })
	return client, sim
}

// plain are entries that mention accounts and a journal alone.
func plain() cegidclient.EntryImport {
	return cegidclient.EntryImport{Entries: []cegidclient.Entry{{Journal: "OD", Lines: []cegidclient.EntryLine{{Account: "60700000"}, {Account: "51200000"}}}}}
}

// asked are the routes that Loop was asked for.
func asked(sim *loopsim.Simulator) map[string]bool {
	out := map[string]bool{}
	for _, each := range loopsim.Routes() {
		if sim.Count(each.Path) > 0 {
			out[each.Path] = true
		}
	}
	return out
}

// TestOnlyWhatTheEntriesMentionIsRead: a list costs quota.
func TestOnlyWhatTheEntriesMentionIsRead(t *testing.T) {
	withThirdParty, withAnalytics := plain(), plain()
	withThirdParty.Entries[0].Lines[1].ThirdParty = "FEXEMPLE"
	withAnalytics.Entries[0].Lines[0].Analytics = []cegidclient.AnalyticSplit{{Axis: "AXE", Section: "SECA", Amount: "1"}}
	for _, c := range []struct {
		name                    string
		entries                 cegidclient.EntryImport
		thirdParties, analytics bool
		routes                  int
	}{
		{"accounts alone", plain(), false, false, 2},
		{"a third party", withThirdParty, true, false, 6},
		{"analytics", withAnalytics, false, true, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, sim := simulated(t)
			got, err := New(freshness.New(freshness.Config{}), nil).Reference(t.Context(), "demo", client, dossier, c.entries)
			if err != nil {
				t.Fatal(err)
			}
			if routes := asked(sim); len(routes) != c.routes || !routes["/compte"] || !routes["/journal"] {
				t.Errorf("Loop was asked for %v; want %d lists", routes, c.routes)
			}
			if got.Accounts == nil || got.Journals == nil || (got.ThirdParties != nil) != c.thirdParties || (got.Sections != nil) != c.analytics {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestManyWhoAskAtOnceAreOneReading.
func TestManyWhoAskAtOnceAreOneReading(t *testing.T) {
	client, sim := simulated(t)
	sim.Inject(loopsim.Fault{Kind: loopsim.FaultLatency, Latency: 50 * time.Millisecond})
	c := New(freshness.New(freshness.Config{}), nil)
	if _, err := New(freshness.New(freshness.Config{}), nil).Reference(t.Context(), "demo", client, dossier, plain()); err != nil { // teaches the client Loop's page size
		t.Fatal(err)
	}
	once := sim.Count("")
	if _, err := New(freshness.New(freshness.Config{}), nil).Reference(t.Context(), "demo", client, dossier, plain()); err != nil {
		t.Fatal(err)
	}
	once = sim.Count("") - once
	sim.ResetCounters()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := c.Reference(t.Context(), "demo", client, dossier, plain()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if calls := sim.Count(""); calls != once {
		t.Errorf("fifty who asked cost %d calls; one costs %d", calls, once)
	}
	if _, err := c.Reference(t.Context(), "demo", client, dossier, plain()); err != nil || sim.Count("") != once {
		t.Errorf("one who asks later costs calls: %v", err)
	}
	if _, err := c.Reference(t.Context(), "demo", client, "CEGID003", plain()); err != nil || sim.Count("") == once {
		t.Errorf("another dossier was answered from the first one's lists: %v", err)
	}
}

// TestTheFirstWhoAsksMayLeave: the others are answered all the same, from the same reading.
func TestTheFirstWhoAsksMayLeave(t *testing.T) {
	client, sim := simulated(t)
	sim.Inject(loopsim.Fault{Route: "/journal", Kind: loopsim.FaultLatency, Latency: 500 * time.Millisecond, Times: 1})
	c := New(freshness.New(freshness.Config{}), nil)
	ctx, leave := context.WithCancel(t.Context())
	left, stayed := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := c.Reference(ctx, "demo", client, dossier, plain())
		left <- err
	}()
	waitFor(t, func() bool { return sim.Count("/journal") == 1 })
	go func() {
		_, err := c.Reference(t.Context(), "demo", client, dossier, plain())
		stayed <- err
	}()
	time.Sleep(50 * time.Millisecond) // it joins, as a rule; else it proves a little less
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the one who left got %v", err)
	}
	if err := <-stayed; err != nil {
		t.Errorf("the one who stayed got %v", err)
	}
	if calls := sim.Count("/journal"); calls > 2 { // a page, and perhaps the look whether another follows
		t.Errorf("the journals were asked for %d times", calls)
	}
}

func TestWhatIsOlderThanAMinuteIsReadAgain(t *testing.T) {
	client, sim := simulated(t)
	var passed atomic.Int64
	start := time.Now()
	c := New(freshness.New(freshness.Config{Now: func() time.Time { return start.Add(time.Duration(passed.Load())) }}), nil)
	read := func() bool {
		t.Helper()
		before := sim.Count("/compte")
		if _, err := c.Reference(t.Context(), "demo", client, dossier, plain()); err != nil {
			t.Fatal(err)
		}
		return sim.Count("/compte") > before
	}
	for _, step := range []struct {
		at   time.Duration
		want bool
	}{{0, true}, {time.Second, false}, {60 * time.Second, false}, {61 * time.Second, true}, {121 * time.Second, false}, {122 * time.Second, true}} {
		passed.Store(int64(step.at))
		if got := read(); got != step.want {
			t.Errorf("after %s: read %t; want %t", step.at, got, step.want)
		}
	}
}

// TestAFailureIsNotKept: and is everybody's who waited for it.
func TestAFailureIsNotKept(t *testing.T) {
	client, sim := simulated(t)
	c := New(freshness.New(freshness.Config{}), nil)
	fault := sim.Inject(loopsim.Fault{Route: "/compte", Kind: loopsim.FaultStatus, Status: 403})
	var upstream *cegidclient.Error
	if _, err := c.Reference(t.Context(), "demo", client, dossier, plain()); !errors.As(err, &upstream) {
		t.Errorf("got %v", err)
	}
	sim.RemoveFault(fault)
	got, err := c.Reference(t.Context(), "demo", client, dossier, plain())
	if err != nil || got.Accounts == nil {
		t.Errorf("afterwards: %+v, %v", got, err)
	}
}

// TestWhatThisServiceChangesIsReadAgain: also when it was being read at the time.
func TestWhatThisServiceChangesIsReadAgain(t *testing.T) {
	client, sim := simulated(t)
	kept := freshness.New(freshness.Config{})
	c := New(kept, nil)
	ask := func() {
		t.Helper()
		if _, err := c.Reference(t.Context(), "demo", client, dossier, plain()); err != nil {
			t.Fatal(err)
		}
	}
	journals := func() int { return sim.Count("/journal") }
	ask()
	once := journals()
	if ask(); journals() != once {
		t.Fatal("read again although nothing changed")
	}
	kept.Changed("demo", "CEGID003") // another dossier
	if ask(); journals() != once {
		t.Error("read again although another dossier changed")
	}
	kept.Changed("demo", dossier)
	if ask(); journals() == once {
		t.Error("not read again")
	}

	kept = freshness.New(freshness.Config{})
	c = New(kept, nil)
	sim.ResetCounters()
	sim.Inject(loopsim.Fault{Route: "/journal", Kind: loopsim.FaultLatency, Latency: 200 * time.Millisecond, Times: 1})
	done := make(chan error, 1)
	go func() {
		_, err := c.Reference(context.WithoutCancel(t.Context()), "demo", client, dossier, plain())
		done <- err
	}()
	for journals() == 0 {
		time.Sleep(time.Millisecond)
	}
	kept.Changed("demo", dossier)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	before := journals()
	if ask(); journals() == before {
		t.Error("what was being read when it changed is kept")
	}
}

// TestADossierIsLookedAtOnceAMinute: what Loop does not let the key touch is looked at each time.
func TestADossierIsLookedAtOnceAMinute(t *testing.T) {
	client, sim := simulated(t)
	now := time.Now()
	c := New(freshness.New(freshness.Config{Now: func() time.Time { return now }}), nil)
	for at, want := range []struct {
		pass  time.Duration
		calls int
	}{{0, 1}, {60 * time.Second, 1}, {time.Second, 2}} {
		now = now.Add(want.pass)
		if err := c.Dossier(t.Context(), "demo", client, dossier); err != nil || sim.Count("/compte") != want.calls {
			t.Errorf("%d: %v after %d calls; want %d", at, err, sim.Count("/compte"), want.calls)
		}
	}
	for _, other := range []string{"UNKNOWN", "UNKNOWN"} {
		before := sim.Count("/compte")
		if err := c.Dossier(t.Context(), "demo", client, other); !errors.Is(err, cegidclient.ErrDossierNotShared) || sim.Count("/compte") != before+1 {
			t.Errorf("%s: %v after %d calls", other, err, sim.Count("/compte")-before)
		}
	}
	sim.Inject(loopsim.Fault{Route: "/compte", Kind: loopsim.FaultStatus, Status: 503, Times: 2})
	if err := c.Dossier(t.Context(), "demo", client, "CEGID003"); err != nil {
		t.Errorf("a read is retried: %v", err)
	}
}

// TestAReadingCountsForWhoeverCausedIt: until it is over, even when they have left.
func TestAReadingCountsForWhoeverCausedIt(t *testing.T) {
	client, sim := simulated(t)
	type who struct{}
	var under, readings atomic.Int64
	c := New(freshness.New(freshness.Config{}), func(ctx context.Context) func() {
		if ctx.Value(who{}) != "first" {
			t.Error("it counts for somebody else")
		}
		readings.Add(1)
		under.Add(1)
		return func() { under.Add(-1) }
	})
	sim.Inject(loopsim.Fault{Route: "/compte", Kind: loopsim.FaultLatency, Latency: 300 * time.Millisecond, Times: 1})
	ctx, leave := context.WithCancel(context.WithValue(t.Context(), who{}, "first"))
	go func() {
		waitFor(t, func() bool { return sim.Count("/compte") == 1 })
		leave()
	}()
	if err := c.Dossier(ctx, "demo", client, dossier); !errors.Is(err, context.Canceled) {
		t.Fatalf("who leaves is told %v", err)
	}
	if under.Load() != 1 {
		t.Error("it does not count once its caller has left")
	}
	if err := c.Dossier(context.WithValue(t.Context(), who{}, "second"), "demo", client, dossier); err != nil {
		t.Error(err)
	}
	waitFor(t, func() bool { return under.Load() == 0 })
	if readings.Load() != 1 || sim.Count("/compte") != 1 {
		t.Errorf("%d readings, %d calls", readings.Load(), sim.Count("/compte"))
	}
}

func TestAListWeighsWhatItHolds(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for name, c := range map[string]struct{ got, least int }{
		"texts":    {weigh([]string{long, long}), 2000},
		"accounts": {weigh([]cegidclient.Account{{Label: &long}, {Label: &long}}), 2000},
		"maps":     {weigh([]map[string][]byte{{long: []byte(long)}}), 2000},
	} {
		if c.got < c.least || c.got > c.least+3000 {
			t.Errorf("%s weigh %d; want about %d", name, c.got, c.least)
		}
	}
}

// TestEachListIsWalkedOncePerDossier: twenty rounds of imports over sixty dossiers within a minute.
func TestEachListIsWalkedOncePerDossier(t *testing.T) {
	all := plain() // seven lists: third parties have four
	all.Entries[0].Lines[1].ThirdParty = "FEXEMPLE"
	all.Entries[0].Lines[0].Analytics = []cegidclient.AnalyticSplit{{Axis: "AXE", Section: "SECA", Amount: "1"}}
	for name, tc := range map[string]struct {
		entries cegidclient.EntryImport
		shown   bool // that Loop's pages may be longer
		most    int  // calls a dossier
	}{
		"before a full page was seen": {all, false, 10},
		"once one was seen":           {all, true, 7},
		"of accounts and journals":    {plain(), true, 2},
	} {
		t.Run(name, func(t *testing.T) { walkedOncePerDossier(t, tc.entries, tc.shown, tc.most) })
	}
}

// showFullPages reads of a list that is longer than Loop's pages.
func showFullPages(t *testing.T, client *cegidclient.Client, sim *loopsim.Simulator) {
	long := loopsim.Template()
	rows := loopsim.Rows[loopsim.Account](long)
	for i := range 1001 {
		rows = append(rows, loopsim.Account{Numero: fmt.Sprint(70800000 + i), Libelle: "Ventes", Type: 6})
	}
	if err := sim.AddDossier(loopsim.SandboxDemo, "LONG", loopsim.With(long, rows...)); err != nil {
		t.Fatal(err)
	}
	// One call: All reads ahead, and what is under way yet when it ends would be counted later.
	if _, err := client.Accounts.List(t.Context(), "LONG", cegidclient.ListOptions{Take: 999}); err != nil {
		t.Fatal(err)
	}
}

func walkedOncePerDossier(t *testing.T, entries cegidclient.EntryImport, shown bool, most int) {
	client, sim := simulated(t)
	const dossiers, rounds = 60, 20
	for i := range dossiers {
		if err := sim.AddDossier(loopsim.SandboxDemo, code(i), loopsim.Template()); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	c := New(freshness.New(freshness.Config{Now: func() time.Time { return now }}), nil)
	if shown {
		showFullPages(t, client, sim)
	}
	sim.ResetCounters()
	for round := range rounds {
		began := sim.Count("")
		for i := range dossiers {
			if _, err := c.Reference(t.Context(), "demo", client, code(i), entries); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(maxAge / rounds)
		if calls := sim.Count("") - began; round > 0 && calls > 0 {
			t.Fatalf("round %d costs %d calls", round, calls)
		}
	}
	per := float64(sim.Count("")) / (dossiers * rounds)
	t.Logf("%d calls, %.2f an import, %.1f a dossier", sim.Count(""), per, float64(sim.Count(""))/dossiers)
	if sim.Count("") > most*dossiers {
		t.Errorf("%d calls for the lists of %d dossiers", sim.Count(""), dossiers)
	}
}

func code(i int) string { return fmt.Sprintf("ROUND%03d", i) }

func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}
