package loopsim_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient/loopsim"
)

func TestRequestsAreRecorded(t *testing.T) {
	w := start(t)
	w.get("/compte", url.Values{"skip": {"1"}, "take": {"2"}, "filter": {`numero!="1"`}, "sort": {"numero"}, "select": {"numero"}})
	w.get("/rien", nil, header("Ocp-Apim-Subscription-Key", loopsim.SandboxSubscriptionSecondary), header("x-apikey", "x:y"))
	id := w.Inject(loopsim.Fault{Kind: loopsim.FaultCutAfter})
	_, _ = w.try(w.request(http.MethodGet, "/journal", url.Values{"codeDossier": {"DOSSIER_TEST"}}, asPartner))

	got := w.Requests()
	if len(got) != 3 || w.Count("") != 3 || w.Count("/compte") != 1 || w.Count("/journal") != 1 || w.Count(loopsim.UnknownRoute) != 1 {
		t.Fatalf("%d requests: %+v", w.Count(""), got)
	}
	for i := range got {
		if got[i].Seq != uint64(i+1) || got[i].Time.IsZero() || got[i].RemoteAddr == "" {
			t.Errorf("%+v", got[i])
		}
		got[i].Time, got[i].RemoteAddr = time.Time{}, ""
	}
	want := []loopsim.Request{
		{
			Seq: 1, Method: "GET", Route: "/compte", Path: "/loop-api-publiques/compte", Dossier: "CEGID001", Skip: "1", Take: "2",
			Filter: `numero!="1"`, Sort: "numero", Select: "numero", Practice: "demo", Key: loopsim.Advanced, Subscription: loopsim.Primary, Status: 200,
		},
		{
			Seq: 2, Method: "GET", Route: loopsim.UnknownRoute, Path: "/loop-api-publiques/rien", Dossier: "CEGID001",
			Subscription: loopsim.Secondary, Status: 404,
		},
		{
			Seq: 3, Method: "GET", Route: "/journal", Path: "/loop-api-publiques/journal", Dossier: "DOSSIER_TEST", Practice: "partner",
			Key: loopsim.Standard, Subscription: loopsim.Primary, Fault: id,
		},
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got  %+v\nwant %+v", got[i], want[i])
		}
	}
	w.ResetCounters()
	if len(w.Requests()) != 0 || w.Count("") != 0 || w.Count("/compte") != 0 || w.InFlightPeak("/compte") != 0 {
		t.Error("not forgotten")
	}
}

func TestTheLogKeepsTheLatestRequestsAndCountsAll(t *testing.T) {
	w := start(t, loopsim.WithRequestLog(3))
	for i := range 8 {
		w.get("/compte", url.Values{"take": {fmt.Sprint(i)}})
	}
	var takes []string
	for _, r := range w.Requests() {
		takes = append(takes, r.Take)
	}
	if strings.Join(takes, "") != "567" || w.Count("/compte") != 8 {
		t.Errorf("kept %v of %d", takes, w.Count("/compte"))
	}
	none := start(t, loopsim.WithRequestLog(0))
	none.get("/compte", nil)
	if len(none.Requests()) != 0 || none.Count("/compte") != 1 {
		t.Error("a log of 0")
	}
}

func TestSecretsAreNeverRecorded(t *testing.T) {
	w := start(t)
	secret := loopsim.SandboxDemoAPIKey
	w.get("/compte", url.Values{"filter": {secret}, "sort": {secret}, "codeDossier": {loopsim.SandboxSubscriptionPrimary}, "subscription-key": {loopsim.SandboxSubscriptionPrimary}})
	must(t, w.RotateAPIKey("demo", loopsim.Advanced, "sandbox-k:sandbox-demo")) // begins the old secret
	w.get("/"+secret, url.Values{"take": {secret}})
	seen := fmt.Sprintf("%+v", w.Requests()) + string(w.admin(http.MethodGet, "/_sim/state", "").body) + string(w.admin(http.MethodGet, "/_sim/", "").body)
	for _, s := range []string{"sandbox-demo-secret", "sandbox-partner-secret", "demo-secret", "sandbox-subscription"} {
		if strings.Contains(seen, s) {
			t.Errorf("%q is shown", s)
		}
	}
	if !strings.Contains(seen, "[secret]") {
		t.Error("nothing was redacted")
	}
}

func TestTheInFlightPeakIsThatOfTheClient(t *testing.T) {
	w := start(t)
	for range 20 { // in sequence: never more than one, however late the handler returns
		w.get("/compte", url.Values{"take": {"1"}})
	}
	if n := w.InFlightPeak("/compte"); n != 1 {
		t.Errorf("in sequence: %d", n)
	}
	w.ResetCounters()
	w.Inject(loopsim.Fault{Kind: loopsim.FaultLatency, Latency: 100 * time.Millisecond})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			_, _ = w.try(w.request(http.MethodGet, "/compte", url.Values{"codeDossier": {"CEGID001"}}))
		})
	}
	wg.Wait()
	if n := w.InFlightPeak("/compte"); n < 2 || n > 4 {
		t.Errorf("four at once: %d", n)
	}
}

func TestEverythingAtOnce(t *testing.T) {
	w := start(t, loopsim.WithRequestLog(16))
	var wg sync.WaitGroup
	each := func(f func(i int)) {
		wg.Go(func() {
			for i := range 25 {
				f(i)
			}
		})
	}
	read := func(path string, edits ...edit) func(int) {
		return func(i int) {
			sorts := []string{"numero", "libelle", "type&&numero:desc", "objectId"}
			q := url.Values{"codeDossier": {"CEGID001"}, "sort": {sorts[i%len(sorts)]}}
			_, _ = w.try(w.request(http.MethodGet, path, q, edits...))
		}
	}
	each(read("/compte"))
	each(read("/compte"))
	each(read("/journal", asPartner))
	each(read("/tiersFournisseur"))
	each(func(i int) {
		d := purchase(fmt.Sprint("FA-", i))
		d.options["createNewTiers"] = true
		d.lines[2]["tiers"] = fmt.Sprint("F", i)
		_, _ = w.try(w.importRequest(d.body()))
		w.FinishImports()
		_, _ = w.Entries("demo", "CEGID001")
	})
	each(func(i int) {
		code := fmt.Sprint("T", i)
		_ = w.AddDossier("demo", code, loopsim.Template())
		_ = w.SetAttached("demo", loopsim.Advanced, code, i%2 == 0)
		_ = w.ResetDossier("demo", code)
		_ = w.RemoveDossier("demo", code)
	})
	each(func(i int) {
		id := w.Inject(loopsim.Fault{Kind: loopsim.FaultStatus, Status: 503, Header: map[string]string{"X": "y"}, Times: 1})
		_ = w.Faults()
		if i%3 == 0 {
			w.RemoveFault(id)
		}
	})
	each(func(i int) {
		w.SetShape("/compte", loopsim.Shape{ExtraField: i%2 == 0, Omit: []string{"type"}})
		w.SetPageCap(i)
		_ = w.SetActivated("demo", loopsim.Advanced, i%2 == 0)
		w.SetSubscriptionKeys(loopsim.SandboxSubscriptionPrimary, fmt.Sprint("sandbox-", i))
	})
	each(func(i int) {
		w.admin(http.MethodGet, "/_sim/", "")
		_, _ = w.Requests(), w.InFlightPeak("/compte")
		if i%10 == 0 {
			w.Reset()
		}
	})
	wg.Wait()
	w.Reset()
	w.get("/compte", nil).rows(t)
}
