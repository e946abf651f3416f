package preflight

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
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

// of are entries that mention third parties, each as "account code".
func of(lines ...string) cegidclient.EntryImport {
	in := plain()
	for _, line := range lines {
		account, code, _ := strings.Cut(line, " ")
		in.Entries[0].Lines = append(in.Entries[0].Lines, cegidclient.EntryLine{Account: account, ThirdParty: code})
	}
	return in
}

// analysed adds a section.
func analysed(in cegidclient.EntryImport) cegidclient.EntryImport {
	in.Entries[0].Lines[0].Analytics = []cegidclient.AnalyticSplit{{Axis: "AXE", Section: "SECA", Amount: "1"}}
	return in
}

// asked are the routes that Loop was asked for.
func asked(sim *loopsim.Simulator) []string {
	var out []string
	for _, each := range loopsim.Routes() {
		if sim.Count(each.Path) > 0 {
			out = append(out, each.Path)
		}
	}
	slices.Sort(out)
	return slices.Compact(out) // a route may have several methods
}

// TestOnlyWhatTheEntriesMentionIsRead: a list costs quota. Of third parties all lists are read for a code that stays in doubt.
func TestOnlyWhatTheEntriesMentionIsRead(t *testing.T) {
	const suppliers, customers, employees, others = "/tiersFournisseur", "/tiersClient", "/tiersSalarie", "/tiersDivers"
	lettered := of("40100000 FEXEMPLE")
	lettered.Entries[0].Lines[2].LetteringCode = "AA"
	for name, tc := range map[string]struct {
		entries cegidclient.EntryImport
		want    []string // beside accounts and journals
	}{
		"accounts alone":                        {plain(), nil},
		"analytics":                             {analysed(plain()), []string{"/section"}},
		"a supplier":                            {of("40100000 FEXEMPLE"), []string{suppliers}},
		"a supplier whose lines can be matched": {lettered, []string{suppliers}},
		"a customer, then a supplier":           {of("41100000 CEXEMPLE", "40100000 FEXEMPLE"), []string{suppliers, customers}},
		"an employee":                           {of("42100000 SPETIT"), []string{employees}},
		"somebody else":                         {of("46700000 DURSSAF", "43100000 DURSSAF"), []string{others}},
		"on no account of any kind":             {of("51200000 CEXEMPLE"), []string{suppliers, customers}},
		"on the account of another kind":        {of("46700000 CEXEMPLE"), []string{others, suppliers, customers}},
		"what accounts suggest, before the rest": {
			of("40100000 DURSSAF", "46700000 DURSSAF"), []string{suppliers, others},
		},
		"a customer on a supplier's account": {of("40100000 CEXEMPLE"), []string{suppliers, customers, employees, others}},
		"one who is inactive":                {of("40100000 FANCIEN"), []string{suppliers, customers, employees, others}},
		"one who is unknown":                 {of("40100000 FEXEMPLE1"), []string{suppliers, customers, employees, others}},
	} {
		t.Run(name, func(t *testing.T) {
			client, sim := simulated(t)
			got, err := New(freshness.New(freshness.Config{}), nil).Reference(t.Context(), "demo", client, dossier, tc.entries)
			if err != nil {
				t.Fatal(err)
			}
			want := append([]string{"/compte", "/journal"}, tc.want...)
			slices.Sort(want)
			if routes := asked(sim); !slices.Equal(routes, want) {
				t.Errorf("Loop was asked for %v; want %v", routes, want)
			}
			analytics := slices.Contains(tc.want, "/section")
			if got.Accounts == nil || got.Journals == nil || (got.Sections != nil) != analytics {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// books are a dossier's lists by their routes, for one who answers as Loop does.
type books map[string][]map[string]any

func (b books) RoundTrip(r *http.Request) (*http.Response, error) {
	rows := b[path.Base(r.URL.Path)]
	if r.URL.Query().Get("skip") != "0" || rows == nil {
		rows = []map[string]any{}
	}
	body, err := json.Marshal(rows)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, Body: io.NopCloser(bytes.NewReader(body))}, err
}

var kinds = map[cegidclient.ThirdPartyKind]string{
	cegidclient.ThirdPartyCustomer: "tiersClient", cegidclient.ThirdPartySupplier: "tiersFournisseur",
	cegidclient.ThirdPartyEmployee: "tiersSalarie", cegidclient.ThirdPartyOther: "tiersDivers",
}

var numbers = []string{"40100000", "41100000", "42100000", "46700000", "51200000"}

// drawBooks have codes that are in several lists, or alike, and more that look like an unknown one than are kept in mind.
func drawBooks(t *rapid.T) books {
	active, letterable := rapid.SampledFrom([]any{true, nil, false}), rapid.SampledFrom([]any{true, nil, false, false, false})
	out := books{}
	for _, number := range numbers {
		account := map[string]any{"objectId": number, "numero": number, "lettrable": letterable.Draw(t, "account letterable")}
		out["compte"] = append(out["compte"], account)
	}
	code := rapid.SampledFrom([]string{"DUPONT", "DUPOND", "A", "B"})
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		codes := rapid.SliceOfN(code, 0, 6).Draw(t, string(kind))
		for i := range rapid.SampledFrom([]int{0, 0, 30}).Draw(t, "alike") {
			codes = append(codes, fmt.Sprintf("FRNS%d%d", i%10, (3*i+len(kind))%10))
		}
		for i, code := range codes {
			out[kinds[kind]] = append(out[kinds[kind]], map[string]any{
				"objectId": fmt.Sprint(kind, i), "code": code, "actif": active.Draw(t, "active"), "lettrable": letterable.Draw(t, "letterable"),
			})
		}
	}
	return out
}

func drawEntries(t *rapid.T) cegidclient.EntryImport {
	in := cegidclient.EntryImport{Entries: []cegidclient.Entry{{Journal: "OD"}}}
	in.Options.CreateThirdParties = rapid.Bool().Draw(t, "create")
	for range rapid.IntRange(1, 3).Draw(t, "lines") {
		in.Entries[0].Lines = append(in.Entries[0].Lines, cegidclient.EntryLine{
			Account:       rapid.SampledFrom(append(numbers, "9")).Draw(t, "account"),
			ThirdParty:    rapid.SampledFrom([]string{"", "DUPONT", "DUPONT", "DUPOND", "A", "A", "B", "B", "DUPONS", "FRNSXY"}).Draw(t, "code"),
			LetteringCode: rapid.SampledFrom([]string{"AA", "AA", ""}).Draw(t, "lettering"),
		})
	}
	return in
}

// TestListsThatAreNotReadChangeNoFinding: as if all third parties were in one list, and that is read.
func TestListsThatAreNotReadChangeNoFinding(t *testing.T) {
	imports, spared, withFindings := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		client, err := cegidclient.New(cegidclient.Config{
			Transport:   drawBooks(t),
			Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret("a:b"), cegidclient.Secret{}, cegidclient.NewSecret("c")),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		var everybody []cegidclient.ThirdParty
		lists := []*cegidclient.Lister[cegidclient.ThirdParty]{client.Customers, client.Suppliers, client.Employees, client.OtherThirdParties}
		for _, lister := range lists {
			page, err := lister.List(context.Background(), dossier, cegidclient.ListOptions{Take: pageSize - 1})
			if err != nil {
				t.Fatal(err)
			}
			everybody = append(everybody, page.Items...)
		}
		all := map[cegidclient.ThirdPartyKind]*check.Index[cegidclient.ThirdParty]{"": check.IndexThirdParties(everybody)}
		c := New(freshness.New(freshness.Config{}), nil)
		for range rapid.IntRange(1, 8).Draw(t, "imports") {
			in := drawEntries(t)
			read, err := c.Reference(context.Background(), "demo", client, dossier, in)
			if err != nil {
				t.Fatal(err)
			}
			whole := read
			whole.ThirdParties = all
			got, want := check.Against(in, read), check.Against(in, whole)
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("with %v read, it finds\n%+v\nand with all\n%+v", slices.Sorted(maps.Keys(read.ThirdParties)), got, want)
			}
			imports++
			if n := len(read.ThirdParties); n > 0 && n < len(kinds) {
				spared++
			}
			if slices.ContainsFunc(want, func(f check.Finding) bool { return strings.HasSuffix(f.Field, ".third_party") }) {
				withFindings++
			}
		}
	})
	t.Logf("%d imports: %d needed some of the lists, %d have findings on third parties", imports, spared, withFindings)
	if spared == 0 || withFindings == 0 {
		t.Error("the generator is lopsided")
	}
}

// TestAListIsReadOnceForAllImports: each is kept for itself.
func TestAListIsReadOnceForAllImports(t *testing.T) {
	client, sim := simulated(t)
	c := New(freshness.New(freshness.Config{}), nil)
	for _, tc := range []struct {
		line string
		want []string
	}{
		{"40100000 FEXEMPLE", []string{"/compte", "/journal", "/tiersFournisseur"}},
		{"41100000 CEXEMPLE", []string{"/tiersClient"}},
		{"51200000 CEXEMPLE", nil},
		{"40100000 FEXEMPLE1", []string{"/tiersDivers", "/tiersSalarie"}},
		{"46700000 DURSSAF", nil},
	} {
		sim.ResetCounters()
		if _, err := c.Reference(t.Context(), "demo", client, dossier, of(tc.line)); err != nil {
			t.Fatal(err)
		}
		if got := asked(sim); !slices.Equal(got, tc.want) {
			t.Errorf("%s: Loop was asked for %v; want %v", tc.line, got, tc.want)
		}
	}
}

// TestManyWhoAskAtOnceAreOneReading.
func TestManyWhoAskAtOnceAreOneReading(t *testing.T) {
	client, sim := simulated(t)
	sim.Inject(loopsim.Fault{Kind: loopsim.FaultLatency, Latency: 50 * time.Millisecond})
	in := of("41100000 CEXEMPLE", "40100000 FEXEMPLE")
	c := New(freshness.New(freshness.Config{}), nil)
	if _, err := New(freshness.New(freshness.Config{}), nil).Reference(t.Context(), "demo", client, dossier, in); err != nil { // teaches the client Loop's page size
		t.Fatal(err)
	}
	once := sim.Count("")
	if _, err := New(freshness.New(freshness.Config{}), nil).Reference(t.Context(), "demo", client, dossier, in); err != nil {
		t.Fatal(err)
	}
	once = sim.Count("") - once
	sim.ResetCounters()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := c.Reference(t.Context(), "demo", client, dossier, in); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if calls := sim.Count(""); calls != once {
		t.Errorf("fifty who asked cost %d calls; one costs %d", calls, once)
	}
	if _, err := c.Reference(t.Context(), "demo", client, dossier, in); err != nil || sim.Count("") != once {
		t.Errorf("one who asks later costs calls: %v", err)
	}
	if _, err := c.Reference(t.Context(), "demo", client, "CEGID003", in); err != nil || sim.Count("") == once {
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
	purchaseAndSale := analysed(of("40100000 FEXEMPLE", "41100000 CEXEMPLE"))
	for name, tc := range map[string]struct {
		entries cegidclient.EntryImport
		shown   bool // that Loop's pages may be longer
		most    int  // calls a dossier
	}{
		"before a full page was seen": {purchaseAndSale, false, 10},
		"once one was seen":           {purchaseAndSale, true, 5},
		"of suppliers":                {analysed(of("40100000 FEXEMPLE")), true, 4},
		"of a code that is unknown":   {analysed(of("40100000 FEXEMPLE1")), true, 7},
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
	if calls := sim.Count(""); calls > most*dossiers || shown && calls < most*dossiers {
		t.Errorf("%d calls for the lists of %d dossiers; want %d each", calls, dossiers, most)
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
