package cegidclient_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/internal/testkit"
)

// inProcess is the simulator as a transport, without sockets. The client does not need the trace of what was sent for reads.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody // as servers have it
	}
	p.ServeHTTP(w, r)
	return w.Result(), r.Context().Err()
}

// lists are three routes of a dossier with as many rows as the test says.
var lists = []struct {
	route   string
	content func(n int, c *loopsim.Content)
	all     func(*cegidclient.Client, context.Context, string, cegidclient.ListOptions) iter.Seq2[string, error]
	page    func(*cegidclient.Client, context.Context, string, cegidclient.ListOptions) ([]string, bool, int, error)
}{
	{
		"/compte", func(n int, c *loopsim.Content) {
			var rows []loopsim.Account
			for i := range n {
				rows = append(rows, loopsim.Account{Numero: fmt.Sprintf("%08d", i), Libelle: "C", Type: 6})
			}
			*c = loopsim.With(*c, rows...)
		},
		func(c *cegidclient.Client, ctx context.Context, d string, o cegidclient.ListOptions) iter.Seq2[string, error] {
			return named(c.Accounts.All(ctx, d, o), func(a *cegidclient.Account) string { return *a.Number })
		},
		func(c *cegidclient.Client, ctx context.Context, d string, o cegidclient.ListOptions) ([]string, bool, int, error) {
			return paged(func(a *cegidclient.Account) string { return *a.Number })(c.Accounts.List(ctx, d, o))
		},
	},
	{
		"/journal", func(n int, c *loopsim.Content) {
			var rows []loopsim.Journal
			for i := range n {
				rows = append(rows, loopsim.Journal{Code: fmt.Sprintf("J%07d", i), Libelle: "J", Type: loopsim.JournalAchat, TypeContrepartie: 1})
			}
			*c = loopsim.With(*c, rows...)
		},
		func(c *cegidclient.Client, ctx context.Context, d string, o cegidclient.ListOptions) iter.Seq2[string, error] {
			return named(c.Journals.All(ctx, d, o), func(j *cegidclient.Journal) string { return *j.Code })
		},
		func(c *cegidclient.Client, ctx context.Context, d string, o cegidclient.ListOptions) ([]string, bool, int, error) {
			return paged(func(j *cegidclient.Journal) string { return *j.Code })(c.Journals.List(ctx, d, o))
		},
	},
	{
		"/section", func(n int, c *loopsim.Content) {
			var rows []loopsim.Section
			for i := range n {
				rows = append(rows, loopsim.Section{Code: fmt.Sprintf("S%07d", i), Description: "S", Axe: "AXE"})
			}
			*c = loopsim.With(*c, rows...)
		},
		func(c *cegidclient.Client, ctx context.Context, d string, o cegidclient.ListOptions) iter.Seq2[string, error] {
			return named(c.Sections.All(ctx, d, o), func(s *cegidclient.Section) string { return *s.Code })
		},
		func(c *cegidclient.Client, ctx context.Context, d string, o cegidclient.ListOptions) ([]string, bool, int, error) {
			return paged(func(s *cegidclient.Section) string { return *s.Code })(c.Sections.List(ctx, d, o))
		},
	},
}

func named[T any](all iter.Seq2[*T, error], name func(*T) string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for item, err := range all {
			if err != nil {
				yield("", err)
				return
			}
			if !yield(name(item), nil) {
				return
			}
		}
	}
}

func paged[T any](name func(*T) string) func(*cegidclient.Page[T], error) ([]string, bool, int, error) {
	return func(page *cegidclient.Page[T], err error) (names []string, end bool, next int, _ error) {
		if err != nil {
			return nil, false, 0, err
		}
		for i := range page.Items {
			names = append(names, name(&page.Items[i]))
		}
		return names, page.End, page.NextSkip, nil
	}
}

// pagingWorld is two practices behind one gate, with dossiers of random lengths around the caps.
type pagingWorld struct {
	sim     *loopsim.Simulator
	clients map[string]*cegidclient.Client
	rows    map[string][]int // by dossier, then list
}

func newPagingWorld(t *testing.T, perRoute bool, lengths func() int) *pagingWorld {
	t.Helper()
	w := &pagingWorld{sim: loopsim.NewSandbox(), clients: map[string]*cegidclient.Client{}, rows: map[string][]int{}}
	t.Cleanup(w.sim.Close)
	gate := cegidclient.NewGate()
	for practice, key := range map[string]string{loopsim.SandboxDemo: loopsim.SandboxDemoAPIKey, loopsim.SandboxPartner: loopsim.SandboxPartnerAPIKey} {
		client, err := cegidclient.New(cegidclient.Config{
			Practice: practice, Gate: gate, Transport: inProcess{w.sim}, Limits: cegidclient.Limits{CapPerRoute: perRoute},
			Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret(key), cegidclient.NewSecret(key), cegidclient.NewSecret(loopsim.SandboxSubscriptionPrimary)),
		})
		testkit.OK(t, err)
		w.clients[practice] = client
		for n := range 4 {
			var content loopsim.Content
			rows := make([]int, len(lists))
			for i, list := range lists {
				rows[i] = lengths()
				list.content(rows[i], &content)
			}
			dossier := fmt.Sprintf("%s-%d", practice, n)
			testkit.OK(t, w.sim.AddDossier(practice, dossier, content))
			w.rows[dossier] = rows
		}
	}
	return w
}

// readAtRandom reads one list of one dossier to its end, in one of the ways there are, and reports how many rows it gave: each
// once and in order, or the test fails.
func (w *pagingWorld) readAtRandom(t *testing.T, rng *rand.Rand) (list int, dossier string, got int) {
	t.Helper()
	practice := []string{loopsim.SandboxDemo, loopsim.SandboxPartner}[rng.IntN(2)]
	client := w.clients[practice]
	list, dossier = rng.IntN(len(lists)), fmt.Sprintf("%s-%d", practice, rng.IntN(4))
	opts := cegidclient.ListOptions{Take: []int{0, 1, 3, 5, 7, 49, 50, 51, 100, 1000}[rng.IntN(10)], Ahead: rng.IntN(4)}
	last := ""
	see := func(name string) {
		if name <= last {
			t.Fatalf("%s of %s: %s after %s", lists[list].route, dossier, name, last)
		}
		last = name
		got++
	}
	if rng.IntN(2) == 0 {
		for name, err := range lists[list].all(client, t.Context(), dossier, opts) {
			testkit.OK(t, err)
			see(name)
		}
		return list, dossier, got
	}
	for end := false; !end; {
		names, last, next, err := lists[list].page(client, t.Context(), dossier, opts)
		testkit.OK(t, err)
		for _, name := range names {
			see(name)
		}
		opts.Skip, end = next, last
	}
	return list, dossier, got
}

// TestNoRowIsLostWhateverTheCap: lists of random lengths, read in random order and ways, through one cap for all routes; and
// through a cap for each, once the inference that there is one is turned off.
func TestNoRowIsLostWhateverTheCap(t *testing.T) {
	caps := []int{0, 1, 5, 50, 100}
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 16))
		perRoute := seed%2 == 1
		shared := caps[rng.IntN(len(caps))]
		edge := max(shared, 5)
		w := newPagingWorld(t, perRoute, func() int {
			return max(0, []int{0, edge, 2 * edge, 3 * edge, rng.IntN(4 * edge)}[rng.IntN(5)]+rng.IntN(3)-1)
		})
		w.sim.SetPageCap(shared)
		if perRoute {
			for _, list := range lists {
				w.sim.SetRoutePageCap(list.route, caps[rng.IntN(len(caps))])
			}
		}
		for range 25 {
			if list, dossier, got := w.readAtRandom(t, rng); got != w.rows[dossier][list] {
				t.Fatalf("seed %d, cap %d, per route %t: %d of %d rows of %s of %s", seed, shared, perRoute, got, w.rows[dossier][list], lists[list].route, dossier)
			}
		}
	}
}

// TestAShortListIsOneCall: once Loop has given a longer page, to whatever practice and of whatever list.
func TestAShortListIsOneCall(t *testing.T) {
	for _, tc := range []struct {
		cap      int
		perRoute bool
	}{{5, false}, {50, false}, {100, false}, {0, false}, {100, true}} {
		longest := tc.cap
		if longest == 0 {
			longest = 300
		}
		w := newPagingWorld(t, tc.perRoute, func() int { return 4 })
		w.sim.SetPageCap(tc.cap)
		var long loopsim.Content
		lists[0].content(longest, &long)
		testkit.OK(t, w.sim.AddDossier(loopsim.SandboxPartner, "LONG", long))
		read := func(practice, dossier string, list, want int) int {
			w.sim.ResetCounters()
			n := 0
			for _, err := range lists[list].all(w.clients[practice], t.Context(), dossier, cegidclient.ListOptions{Take: 1000}) {
				testkit.OK(t, err)
				n++
			}
			if n != want {
				t.Fatalf("%d rows, want %d", n, want)
			}
			return w.sim.Count(lists[list].route)
		}
		if n := read(loopsim.SandboxDemo, "demo-0", 1, 4); n != 2 {
			t.Errorf("cap %d: %d calls for a list of four rows while no length is known", tc.cap, n)
		}
		if n := read(loopsim.SandboxPartner, "LONG", 0, longest); n > 3 {
			t.Errorf("cap %d: %d calls for the long list", tc.cap, n)
		}
		for list := range lists {
			want := 1
			if tc.perRoute && list > 0 {
				want = 2
			}
			if n := read(loopsim.SandboxDemo, "demo-1", list, 4); n != want {
				t.Errorf("cap %d, per route %t: %d calls for a list of four rows of %s, want %d", tc.cap, tc.perRoute, n, lists[list].route, want)
			}
		}
		if n := read(loopsim.SandboxDemo, "demo-2", 0, 4); n != 1 {
			t.Errorf("cap %d: %d calls for another dossier", tc.cap, n)
		}
	}
}
