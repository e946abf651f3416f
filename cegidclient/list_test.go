package cegidclient

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/internal/testkit"
)

func numbers(t *testing.T, c *Client, opts ListOptions) []string {
	t.Helper()
	var out []string
	for a, err := range c.Accounts.All(t.Context(), "BIG00001", opts) {
		testkit.OK(t, err)
		out = append(out, *a.Number)
	}
	return out
}

func wantEachOnce(t *testing.T, got []string, count int) {
	t.Helper()
	if len(got) != count {
		t.Fatalf("got %d items, want %d", len(got), count)
	}
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != count {
		t.Fatal("items out of order or doubled")
	}
}

func TestStreamingGivesEachItemExactlyOnce(t *testing.T) {
	for _, tc := range []struct {
		name       string
		d          *dossier
		take       int
		maxRequest int
	}{
		{"page size 1 on a small list", &dossier{count: 250, cap: 100}, 1, 256},
		{"page size 7 under the cap", &dossier{count: 10_000, cap: 100}, 7, 1434},
		{"page size 100 is the cap", &dossier{count: 10_000, cap: 100}, 100, 105},
		{"page size 1000 over the cap", &dossier{count: 10_000, cap: 100}, 1000, 106},
		{"no cap", &dossier{count: 10_000}, 1000, 14},
		{"a list shorter than the page", &dossier{count: 37, cap: 100}, 100, 2},
		{"a list that ends on a full page", &dossier{count: 200, cap: 100}, 100, 6},
		{"an empty list", &dossier{cap: 100}, 100, 1},
		{"a server that ignores take", &dossier{count: 500, ignoreTake: true}, 100, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := testClient(t, tc.d.handler)
			wantEachOnce(t, numbers(t, c, ListOptions{Take: tc.take}), tc.d.count)
			if n := tc.d.requests(); n > tc.maxRequest {
				t.Errorf("%d requests, at most %d wanted", n, tc.maxRequest)
			}
		})
	}
}

func TestListFillsAPageFromManyOfLoops(t *testing.T) {
	for _, take := range []int{1, 7, 100, 1000, 2500} {
		d := dossier{count: 2345, cap: 100}
		c, _ := testClient(t, d.handler)
		var got []string
		skip := 0
		for {
			page, err := c.Accounts.List(t.Context(), "BIG00001", ListOptions{Skip: skip, Take: take})
			testkit.OK(t, err)
			if page.Skip != skip || page.NextSkip != skip+len(page.Items) {
				t.Fatalf("take %d: page %d–%d with %d items", take, page.Skip, page.NextSkip, len(page.Items))
			}
			for _, a := range page.Items {
				got = append(got, *a.Number)
			}
			if page.End {
				break
			}
			if len(page.Items) != take {
				t.Fatalf("take %d: %d items and not the end", take, len(page.Items))
			}
			skip = page.NextSkip
		}
		wantEachOnce(t, got, d.count)
	}
}

// TestTheEndIsKnownByOneItemMore: pages whose size divides the list have no empty one after them, and take no more requests.
func TestTheEndIsKnownByOneItemMore(t *testing.T) {
	walk := func(t *testing.T, c *Client, take int) (sizes []int) {
		t.Helper()
		for skip := 0; ; {
			page, err := c.Accounts.List(t.Context(), "D1", ListOptions{Skip: skip, Take: take})
			testkit.OK(t, err)
			sizes = append(sizes, len(page.Items))
			if skip = page.NextSkip; page.End {
				return sizes
			}
		}
	}
	for _, tc := range []struct {
		name            string
		take, cap       int
		pages, requests int
	}{
		{"one each", 1, 0, 12, 12},
		{"pages of four", 4, 0, 3, 3},
		{"two pages", 6, 0, 2, 2},
		{"pages that do not divide it", 5, 0, 3, 3},
		{"all at once, while none has been longer", 12, 0, 1, 2},
		{"less than the cap", 3, 4, 4, 4},
		{"as much as the cap, where one more would take a request", 4, 4, 4, 5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := dossier{count: 12, cap: tc.cap}
			c, _ := testClient(t, d.handler)
			if sizes := walk(t, c, tc.take); len(sizes) != tc.pages || d.requests() != tc.requests {
				t.Errorf("pages of %v in %d requests; want %d in %d", sizes, d.requests(), tc.pages, tc.requests)
			}
		})
	}
	d := dossier{count: 13}
	c, _ := testClient(t, d.handler)
	walk(t, c, 20)
	d.count = 12
	if sizes := walk(t, c, 12); len(sizes) != 1 {
		t.Errorf("all at once, after a longer one: pages of %v", sizes)
	}
}

func TestTheHiddenCapIsLearntAndUsedLater(t *testing.T) {
	d := dossier{count: 1000, cap: 100}
	c, _ := testClient(t, d.handler)
	numbers(t, c, ListOptions{Take: 1000})
	d.takes = nil
	numbers(t, c, ListOptions{Take: 1000})
	if slices.Max(d.takes) != 100 {
		t.Errorf("asked for %v after the cap of 100 was known", d.takes)
	}
}

func TestAShortListIsNotTakenForTheCap(t *testing.T) {
	d := dossier{count: 3, cap: 100}
	c, _ := testClient(t, d.handler)
	wantEachOnce(t, numbers(t, c, ListOptions{}), 3)
	d.count = 300
	wantEachOnce(t, numbers(t, c, ListOptions{}), 300)
	if n := d.requests(); n > 10 {
		t.Errorf("%d requests", n)
	}
}

func TestAPageLargerThanAskedIsCutForListAndNothingIsLost(t *testing.T) {
	d := dossier{count: 50, ignoreTake: true}
	c, _ := testClient(t, d.handler)
	var got []string
	for skip := 0; ; {
		page, err := c.Accounts.List(t.Context(), "D1", ListOptions{Skip: skip, Take: 20})
		testkit.OK(t, err)
		for _, a := range page.Items {
			got = append(got, *a.Number)
		}
		if skip = page.NextSkip; page.End {
			break
		}
	}
	wantEachOnce(t, got, 50)
}

func TestAServerThatIgnoresSkipIsABadResponse(t *testing.T) {
	for _, take := range []int{1, 10, 100} {
		d := dossier{count: 50, ignoreSkip: true}
		c, _ := testClient(t, d.handler)
		var last error
		n := 0
		for _, err := range c.Accounts.All(t.Context(), "D1", ListOptions{Take: take}) {
			n++
			last = err
		}
		if !errors.Is(last, ErrBadResponse) {
			t.Errorf("take %d: %d items, then %v", take, n, last)
		}
		if d.requests() > 10 {
			t.Errorf("take %d: %d requests", take, d.requests())
		}
	}
}

func TestAnItemPushedOntoTheNextPageIsGivenOnce(t *testing.T) {
	// Items are inserted before the list between two pages: everything moves on by one.
	for _, take := range []int{1, 10} {
		var first atomic.Int32
		first.Store(1)
		d := dossier{count: 31}
		d.first = func() int { return int(first.Load()) }
		d.before = func(skip int) {
			if skip == 10 {
				first.Store(0)
			}
		}
		c, _ := testClient(t, d.handler)
		wantEachOnce(t, numbers(t, c, ListOptions{Take: take, Ahead: 1}), 30)

		first.Store(1)
		page, err := c.Accounts.List(t.Context(), "D1", ListOptions{Take: 20})
		if err != nil || len(page.Items) != 20 {
			t.Fatal(page, err)
		}
		if last := *page.Items[19].Number; page.NextSkip != 20 && last != "00000020" {
			t.Errorf("%d after %s", page.NextSkip, last)
		}
	}
}

func TestReadingAheadIsBoundedAndEndsWithTheReader(t *testing.T) {
	var inFlight, most atomic.Int32
	d := dossier{count: 10_000, cap: 100}
	slow := func(w http.ResponseWriter, r *http.Request) {
		n := inFlight.Add(1)
		defer inFlight.Add(-1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-r.Context().Done():
		}
		d.handler(w, r)
	}
	c, _ := testClient(t, slow)
	pages := 0
	for _, err := range c.Accounts.Pages(t.Context(), "BIG00001", ListOptions{Ahead: 3}) {
		testkit.OK(t, err)
		if pages++; pages == 20 {
			break
		}
	}
	if n := inFlight.Load(); n != 0 {
		t.Errorf("%d requests still under way after the reader stopped", n)
	}
	if m := most.Load(); m < 2 || m > 3 {
		t.Errorf("%d requests at once, want 2 or 3", m)
	}
}

func TestListArgumentsAreRefusedBeforeAnyCall(t *testing.T) {
	c, w := testClient(t, reply(200, `[]`))
	for name, tc := range map[string]struct {
		dossier string
		opts    ListOptions
		field   string
	}{
		"no dossier":                     {"", ListOptions{}, "dossier"},
		"negative skip":                  {"D", ListOptions{Skip: -1}, "skip"},
		"negative take":                  {"D", ListOptions{Take: -1}, "take"},
		"a value with a quotation mark":  {"D", ListOptions{Filter: Equal(AccountNumber, `6"`)}, "filter"},
		"a field of another resource":    {"D", ListOptions{Filter: Equal(JournalCode, "VTE")}, "filter"},
		"a condition on a boolean":       {"D", ListOptions{Filter: Equal(AccountClosed, "true")}, "filter"},
		"an order on an unknown field":   {"D", ListOptions{Order: []Order{{Field: "x&&y"}}}, "order"},
		"a date that is not a date":      {"D", ListOptions{Filter: AtLeast(AccountLabel, "01/02/2026")}, "filter"},
		"a null test on another's field": {"D", ListOptions{Filter: IsNull(JournalCode)}, "filter"},
	} {
		_, err := c.Accounts.List(t.Context(), tc.dossier, tc.opts)
		e, ok := asError(err)
		if !ok || e.Kind != KindInvalidArgument || e.Field != tc.field || e.Operation != "list_accounts" {
			t.Errorf("%s: %#v", name, err)
		}
	}
	if n := w.requests.Load(); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestTheQueryIsSentAsLoopPrintsIt(t *testing.T) {
	var raw string
	c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
		raw = r.URL.RawQuery
		reply(200, `[]`)(w, r)
	})
	_, err := c.Journals.List(t.Context(), "CEGID 003", ListOptions{
		Filter: And(Equal(JournalCode, "A+B"), NotEqual(JournalLabel, "à nouveau")),
		Order:  []Order{{Field: JournalLabel, Desc: true}},
	})
	testkit.OK(t, err)
	want := "codeDossier=CEGID%20003&filter=code%3D%3D%22A%2BB%22%26%26libelle%21%3D%22%C3%A0%20nouveau%22&skip=0&sort=libelle%3Adesc%26%26code&take=101"
	if raw != want {
		t.Errorf("query\n got %s\nwant %s", raw, want)
	}
}

func TestAStreamEndsAtTheFirstError(t *testing.T) {
	d := dossier{count: 1000, cap: 100}
	c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.RawQuery, "skip=500&") {
			reply(400, `{"statusCode":400,"code":"Boom","message":"non"}`)(w, r)
			return
		}
		d.handler(w, r)
	})
	n := 0
	var last error
	for _, err := range c.Accounts.All(t.Context(), "D", ListOptions{}) {
		if last = err; err == nil {
			n++
		}
	}
	e, ok := asError(last)
	if n != 500 || !ok || e.Kind != KindRefused || e.Code != "Boom" {
		t.Errorf("%d items, then %v", n, last)
	}
}

func TestACancelledStreamSaysSo(t *testing.T) {
	d := dossier{count: 1000, cap: 100}
	c, _ := testClient(t, d.handler)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range c.Accounts.Pages(ctx, "D", ListOptions{}) {
		cancel()
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Error(last)
	}
}

func TestACapThatFallsLosesRowsForAWhileOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &dossier{count: 300, cap: 100}
		c, _ := testClient(t, d.handler)
		read := func() (n int) {
			for _, err := range c.Accounts.All(t.Context(), "D1", ListOptions{Take: 1000}) {
				testkit.OK(t, err)
				n++
			}
			return n
		}
		if n := read(); n != 300 {
			t.Fatalf("%d rows", n)
		}
		d.cap = 40
		for range 8 { // asked often all the while
			time.Sleep(15 * time.Minute)
			_ = read()
		}
		if n := read(); n != 300 {
			t.Errorf("%d of 300 rows two hours after Loop's cap has fallen", n)
		}
	})
}

func TestACapIsNotShorterThanAPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := new(pageKnowledge)
		k.note(5)
		k.note(1000) // another list, meanwhile
		k.learn(5)
		if take := k.cap(1000); take != 1000 {
			t.Errorf("pages of %d after one of 1000", take)
		}
		k = new(pageKnowledge)
		k.note(5)
		k.learn(5)
		if take := k.cap(1000); take != 5 {
			t.Errorf("pages of %d", take)
		}
		time.Sleep(3 * time.Hour)
		if take := k.cap(1000); take != 1000 {
			t.Errorf("pages of %d for ever", take)
		}
	})
}

// TestAStreamGrows: its first page is small, so that it comes soon, and then it asks for as many as Loop gives.
func TestAStreamGrows(t *testing.T) {
	for _, c := range []struct {
		name               string
		count, cap, calls  int
		longest, afterward int // calls of the same list, once more
	}{
		{"a short list", 50, 0, 2, 100, 2},
		{"a long one, of pages as long as wanted", 100_000, 0, 110, 1000, 110},
		{"a long one, of pages that are capped in silence", 10_000, 100, 110, 1000, 110},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := dossier{count: c.count, cap: c.cap}
			var mu sync.Mutex
			var takes []int
			client, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
				take, _ := strconv.Atoi(r.URL.Query().Get("take"))
				mu.Lock()
				takes = append(takes, take)
				mu.Unlock()
				d.handler(w, r)
			})
			read := func(most int) {
				t.Helper()
				takes = nil
				n := 0
				for items, err := range client.Accounts.Pages(t.Context(), "D1", ListOptions{Take: 100, Grow: true, Ahead: 4}) {
					testkit.OK(t, err)
					if n += len(items); len(items) > c.longest {
						t.Errorf("a page of %d", len(items))
					}
				}
				mu.Lock()
				defer mu.Unlock()
				if n != c.count || len(takes) > most || takes[0] != 100 {
					t.Errorf("%d items by %d calls, the first for %d; want %d by at most %d, the first for 100", n, len(takes), takes[0], c.count, most)
				}
			}
			read(c.calls)
			read(c.afterward)
		})
	}
}
