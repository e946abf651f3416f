package loopsim_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient/loopsim"
)

// A form as curl sends it, or as a browser does.
var (
	asForm  = header("Content-Type", "application/x-www-form-urlencoded")
	browser = header("Accept", "text/html,application/xhtml+xml")
)

func TestDurationsAreTextsOrSeconds(t *testing.T) {
	w := start(t)
	for body, want := range map[string]time.Duration{
		`{"kind":"latency","latency":3}`: 3 * time.Second, `{"kind":"latency","latency":0.25}`: 250 * time.Millisecond,
		`{"kind":"latency","latency":"3"}`: 3 * time.Second, `{"kind":"latency","latency":"1m2s"}`: 62 * time.Second,
	} {
		w.ClearFaults()
		wantStatus(t, w.admin(http.MethodPost, "/_sim/faults", body), http.StatusCreated)
		if got := w.Faults()[0].Fault.Latency; got != want {
			t.Errorf("%s is %v", body, got)
		}
	}
}

// TestAFaultCanBeLimitedToARoute as the page shows it, and is counted there alone: two methods of one path are two routes.
func TestAFaultCanBeLimitedToARoute(t *testing.T) {
	w := start(t)
	wantStatus(t, w.admin(http.MethodPost, "/_sim/faults", `{"kind":"status","status":429,"retryAfter":2,"route":"POST /compte"}`), http.StatusCreated)
	w.get("/compte", nil).rows(t)
	struck := w.write(http.MethodPost, "/compte", `{}`)
	if struck.status != 429 || struck.header.Get("Retry-After") != "2" {
		t.Errorf("%d %v", struck.status, struck.header)
	}
	w.get("/compte", nil).rows(t)
	routes := map[string]map[string]any{}
	for _, each := range w.admin(http.MethodGet, "/_sim/state", "").object(t)["routes"].([]any) {
		route := each.(map[string]any)
		routes[fmt.Sprint(route["method"], " ", route["path"])] = route
	}
	for name, want := range map[string][]any{"GET /compte": {2., 0., 1.}, "POST /compte": {1., 1., 1.}, "GET /journal": {0., 0., 0.}} {
		for i, figure := range []string{"requests", "struck", "inFlightPeak"} {
			if routes[name][figure] != want[i] {
				t.Errorf("%s: %v", name, routes[name])
			}
		}
	}
}

// TestEachKindOfFaultIsShownAsCommand, and the values of each command are taken, from curl and from the form of the page.
func TestEachKindOfFaultIsShownAsCommand(t *testing.T) {
	w := start(t)
	page := string(w.admin(http.MethodGet, "/_sim/", "").body)
	shown := 0
	for line := range strings.Lines(page) {
		_, command, ok := strings.Cut(line, "<code>curl -d kind=")
		if !ok {
			continue
		}
		command, _, _ = strings.Cut(command, " "+w.url)
		command = strings.NewReplacer("&#39;", "'", "&#34;", `"`).Replace(command)
		values := url.Values{}
		kind, rest, _ := strings.Cut(command, " ")
		values.Set("kind", kind)
		for _, part := range strings.Split(rest, "-d '") {
			if name, value, ok := strings.Cut(strings.TrimSuffix(strings.TrimSpace(part), "'"), "="); ok {
				values.Set(name, value)
			}
		}
		shown++
		wantStatus(t, w.admin(http.MethodPost, "/_sim/faults", values.Encode(), asForm), http.StatusCreated)
		got := w.admin(http.MethodPost, "/_sim/faults", values.Encode(), asForm, browser, header("Origin", w.url), header("Sec-Fetch-Site", "same-origin"))
		if got.status != http.StatusSeeOther || got.header.Get("Location") != "/_sim/#faults" {
			t.Errorf("%s: %d %v", command, got.status, got.header)
		}
		faults := w.Faults()
		one, two := fmt.Sprintf("%+v", faults[len(faults)-2].Fault), fmt.Sprintf("%+v", faults[len(faults)-1].Fault)
		if one != two || string(faults[len(faults)-1].Fault.Kind) != kind {
			t.Errorf("%s: %s, and %s", command, one, two)
		}
	}
	if shown != 12 {
		t.Errorf("the page has %d commands", shown)
	}
	for _, each := range loopsim.Magic() {
		if !strings.Contains(page, strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(each.Prefix)) {
			t.Errorf("the page lacks %s", each.Prefix)
		}
	}
}

func TestFormsAreStrictAndOfThisPage(t *testing.T) {
	w := start(t)
	for body, says := range map[string]string{
		"kind=status&status=x": "number", "kind=hang&statut=1": "statut", "kind=hang&kind=html": "twice", "kind=latency&latency=soon": "duration", "kind=<i>": "&lt;i&gt;",
	} {
		got := w.admin(http.MethodPost, "/_sim/faults", body, asForm, browser)
		if got.status != http.StatusBadRequest || !strings.Contains(string(got.body), `role="alert"`) || !strings.Contains(string(got.body), says) || strings.Contains(string(got.body), "<i>") {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
		wantStatus(t, w.admin(http.MethodPost, "/_sim/faults", body, asForm), http.StatusBadRequest)
	}
	for _, path := range []string{"/_sim/faults", "/_sim/faults/clear", "/_sim/reset", "/_sim/clock", "/_sim/dossiers/demo/CEGID001/year", "/_sim/imports/mode"} {
		wantStatus(t, w.admin(http.MethodPost, path, "kind=hang", asForm, header("Origin", "https://example.com")), http.StatusForbidden)
		wantStatus(t, w.admin(http.MethodPost, path, "kind=hang", asForm, header("Sec-Fetch-Site", "cross-site")), http.StatusForbidden)
	}
	if n := len(w.Faults()); n != 0 {
		t.Errorf("%d faults were taken", n)
	}
	wantStatus(t, w.admin(http.MethodPost, "/_sim/faults", "kind=hang&after=&times=&route=", asForm), http.StatusCreated)
	wantStatus(t, w.admin(http.MethodPost, "/_sim/faults/fault-1/remove", "", browser), http.StatusSeeOther)
	wantStatus(t, w.admin(http.MethodPost, "/_sim/faults/fault-1/remove", "", browser), http.StatusNotFound)
	w.Inject(loopsim.Fault{Kind: loopsim.FaultHang})
	wantStatus(t, w.admin(http.MethodPost, "/_sim/faults/clear", "", browser), http.StatusSeeOther)
	if n := len(w.Faults()); n != 0 {
		t.Errorf("%d faults are left", n)
	}
}

func TestListsHavePages(t *testing.T) {
	w := start(t)
	for range 60 {
		w.get("/compte", nil)
	}
	count := func(query string) (rows int, page string) {
		page = string(w.admin(http.MethodGet, "/_sim/"+query, "").body)
		_, part, _ := strings.Cut(page, `<h2 id="requests">`)
		part, _, _ = strings.Cut(part, "<h2")
		return strings.Count(part, "<code>GET "), part
	}
	for query, want := range map[string]struct {
		rows int
		says []string
	}{
		"":                        {25, []string{"1 to 25 of 60", `href="?requests=2#requests">older`}},
		"?requests=2&imports=1":   {25, []string{"26 to 50 of 60", `href="?imports=1&amp;requests=1#requests">newer`, `href="?imports=1&amp;requests=3#requests">older`}},
		"?requests=3":             {10, []string{"51 to 60 of 60"}},
		"?requests=99":            {10, []string{"51 to 60 of 60"}},
		"?requests=-1&requests=2": {25, []string{"1 to 25 of 60"}},
		"?requests=x":             {25, []string{"1 to 25 of 60"}},
	} {
		rows, page := count(query)
		if rows != want.rows {
			t.Errorf("%q: %d rows", query, rows)
		}
		for _, says := range want.says {
			if !strings.Contains(page, says) {
				t.Errorf("%q does not say %q: %s", query, says, page)
			}
		}
	}
}

// TestTimeCanBeMoved: hours of an import pass at once, a program that follows it is told, and Reset returns to the time of the machine.
func TestTimeCanBeMoved(t *testing.T) {
	told := 0
	w := start(t, loopsim.WhenDue(func() { told++ }))
	wantStatus(t, w.admin(http.MethodPost, "/_sim/imports/mode", "waiting=2h&running=3600", asForm), http.StatusOK)
	id := w.post(purchase("FA-1").body()).accepted(t)
	link, _ := w.place("late.txt")
	status := func(want float64) {
		t.Helper()
		if got := w.importStatus(id).object(t)["status"]; got != want {
			t.Errorf("the status is %v; want %v", got, want)
		}
	}
	status(1)
	if ahead := w.admin(http.MethodPost, "/_sim/clock", `{"advance":7201}`).object(t)["ahead"]; ahead != "2h0m1s" {
		t.Errorf("it is %v ahead", ahead)
	}
	status(2)
	wantStatus(t, w.admin(http.MethodPost, "/_sim/clock", "advance=1h", asForm, browser), http.StatusSeeOther)
	status(3)
	if told != 2 {
		t.Errorf("it was told %d times", told)
	}
	if over := w.record(0).Over; time.Until(over) < 2*time.Hour {
		t.Errorf("it was over at %v", over)
	}
	must(t, w.Advance(30*24*time.Hour))
	if got := w.put(link, "x"); got.status != http.StatusForbidden {
		t.Errorf("a link of last month is answered %d", got.status)
	}
	for _, by := range []string{"-1s", "100000h", "soon"} {
		wantStatus(t, w.admin(http.MethodPost, "/_sim/clock", "advance="+by, asForm), http.StatusBadRequest)
	}
	w.Reset()
	if ahead := w.admin(http.MethodGet, "/_sim/clock", "").object(t)["ahead"]; ahead != "0s" {
		t.Errorf("it is %v ahead after a reset", ahead)
	}
	wantStatus(t, w.admin(http.MethodPost, "/_sim/imports/finish", ""), http.StatusNoContent)
	if told != 4 {
		t.Errorf("it was told %d times", told)
	}
}

// TestAYearIsBookedOverHTTP, and read as any other.
func TestAYearIsBookedOverHTTP(t *testing.T) {
	w := start(t)
	got := w.admin(http.MethodPost, "/_sim/dossiers/demo/CEGID001/year", "").object(t)
	if got["year"] != 2026. || got["entries"].(float64) < 500 || got["lines"].(float64) < 1000 {
		t.Error(got)
	}
	if lines := w.lines(`codeLettrage != null && refPiece == "LOY-2026-05"`); len(lines) != 1 {
		t.Errorf("the rent of May has %d lettered lines: %v", len(lines), lines)
	}
	wantStatus(t, w.admin(http.MethodPost, "/_sim/dossiers/demo/CEGID001/year", "{}"), http.StatusConflict)
	wantStatus(t, w.admin(http.MethodPost, "/_sim/dossiers/demo/CEGID001/year", "year=2025", asForm), http.StatusCreated)
	wantStatus(t, w.admin(http.MethodPost, "/_sim/dossiers/demo/CEGID001/year", "year=1999", asForm), http.StatusBadRequest)
	wantStatus(t, w.admin(http.MethodPost, "/_sim/dossiers/demo/NOWHERE/year", ""), http.StatusNotFound)
	must(t, w.AddDossier("demo", "BARE", loopsim.Content{}))
	wantStatus(t, w.admin(http.MethodPost, "/_sim/dossiers/demo/BARE/year", ""), http.StatusBadRequest)
}
