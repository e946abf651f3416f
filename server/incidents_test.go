//go:build incidents

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/policy"
)

// incident is a server whose metrics are written down, as Prometheus would: one scrape is a minute, however long it took. So what
// promtool makes of them depends on what happened, and not on how fast.
type incident struct {
	*world
	t    *testing.T
	p    *process
	at   int // minutes
	seen map[string][]string
}

// recorded finds names of metrics, in rules and in what is scraped.
var recorded = regexp.MustCompile(`\b(loop|ledger|gateway|grpc|config|audit|spool)_[a-z_]+[a-z]\b`)

func newIncident(t *testing.T, w *world) *incident {
	t.Helper()
	return &incident{world: w, t: t, p: w.serve(t, ""), seen: map[string][]string{}}
}

// minutes lets some pass, each with what happens in it.
func (i *incident) minutes(count int, happens func()) {
	i.t.Helper()
	for range count {
		if happens != nil {
			happens()
		}
		i.scrape()
	}
}

func (i *incident) scrape() {
	i.t.Helper()
	up, now, asked := "0", map[string]string{}, ruled(i.t)
	if response, err := http.Get("http://" + i.p.operations + "/metrics"); err == nil {
		_ = response.Body.Close()
		up = "1"
		for line := range strings.Lines(i.p.metrics(i.t)) {
			at := strings.LastIndexByte(line, ' ')
			if line[0] == '#' || at < 0 || !slices.Contains(asked, recorded.FindString(line)) {
				continue
			}
			value, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
			if err != nil {
				i.t.Fatalf("%s: %v", line, err)
			}
			now[labelled(line[:at])] = strconv.FormatFloat(value, 'f', -1, 64)
		}
	}
	now[labelled("up")] = up
	for series, value := range now {
		for len(i.seen[series]) < i.at {
			i.seen[series] = append(i.seen[series], "_")
		}
		i.seen[series] = append(i.seen[series], value)
	}
	i.at++
	for series, values := range i.seen { // as Prometheus notes the end of a series
		if len(values) < i.at {
			end := "stale"
			if last := values[len(values)-1]; last == "stale" || last == "_" {
				end = "_"
			}
			i.seen[series] = append(values, end)
		}
	}
}

// labelled adds what Prometheus does.
func labelled(series string) string {
	name, labels, some := strings.Cut(strings.TrimSuffix(series, "}"), "{")
	if some {
		labels += ","
	}
	return name + "{" + labels + `instance="a",job="loop-gateway"}`
}

func monitoringFile(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs("../deploy/monitoring/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ruled are the metrics that rules ask for.
func ruled(t *testing.T) []string {
	return recorded.FindAllString(readText(t, monitoringFile(t, "alerts.yaml")), -1)
}

// fires replays all that was written down to promtool: these alerts fire now, and none else but those of a name in may, which
// depend on how calls fell.
func (i *incident) fires(may string, alerts ...string) {
	i.t.Helper()
	type sample struct {
		Labels string `json:"labels"`
		Value  int    `json:"value"`
	}
	type inputs struct {
		Series string `json:"series"`
		Values string `json:"values"`
	}
	var series []inputs
	for name, values := range i.seen {
		series = append(series, inputs{name, strings.Join(values, " ")})
	}
	firing := []sample{}
	for _, alert := range alerts {
		name, labels, _ := strings.Cut(strings.TrimSuffix(alert, "}"), "{")
		firing = append(firing, sample{`ALERTS{alertname="` + name + `",alertstate="firing",` + labels + "}", 1})
	}
	text, err := json.Marshal(map[string]any{ // which is YAML, too
		"rule_files": []string{monitoringFile(i.t, "alerts.yaml")}, "evaluation_interval": "1m",
		"tests": []any{map[string]any{
			"interval": "1m", "input_series": series,
			"promql_expr_test": []any{map[string]any{
				"expr": `ALERTS{alertstate="firing",alertname!~"` + may + `"}`, "eval_time": fmt.Sprintf("%dm", i.at-1), "exp_samples": firing,
			}},
		}},
	})
	if err != nil {
		i.t.Fatal(err)
	}
	i.write(i.t, "replay.yaml", string(text))
	if said, err := exec.Command("promtool", "test", "rules", i.path("replay.yaml")).CombinedOutput(); err != nil {
		i.t.Errorf("after %d minutes not just %q: %v: %.3000s", i.at, alerts, err, said)
	}
}

// page is where the rule of an alert leads to; it must name these things.
func (i *incident) page(alert string, names ...string) {
	i.t.Helper()
	_, rule, _ := strings.Cut(readText(i.t, monitoringFile(i.t, "alerts.yaml")), "- alert: "+alert+"\n")
	place := regexp.MustCompile(`runbook: (\S+)#(\w+)\}`).FindStringSubmatch(rule)
	if place == nil || place[2] != strings.ToLower(alert) {
		i.t.Fatalf("%s leads to no page", alert)
	}
	_, text, _ := strings.Cut(readText(i.t, "../"+place[1]), "\n## "+alert+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	for _, name := range names {
		if !strings.Contains(text, name) {
			i.t.Errorf("%s#%s does not name %q: %s", place[1], place[2], name, text)
		}
	}
}

// logs wants a line of the log that the page of an alert names.
func (i *incident) logs(alert, message string) {
	i.t.Helper()
	i.page(alert, "`"+message)
	eventually(i.t, "in the log: "+message, func() bool { return strings.Contains(i.p.log.String(), message) })
}

// read asks for accounts.
func (i *incident) read() (code int, text string) {
	i.t.Helper()
	return ask(i.t, http.DefaultClient, http.MethodGet, "http://"+i.p.http+accounts, i.token, "")
}

// well is a call that must succeed.
func (i *incident) well() {
	i.t.Helper()
	if code, text := i.read(); code != http.StatusOK {
		i.t.Fatalf("HTTP %d %s", code, text)
	}
}

// again waits for calls to succeed, as those who wait for a cure do.
func (i *incident) again() {
	i.t.Helper()
	eventually(i.t, "calls succeed again", func() bool { code, _ := i.read(); return code == http.StatusOK })
}

// value is what the server says of a series now, as it is written in its metrics; 0 for none.
func (i *incident) value(series string) float64 {
	i.t.Helper()
	_, after, _ := strings.Cut("\n"+i.p.metrics(i.t), "\n"+series+" ")
	line, _, _ := strings.Cut(after, "\n")
	value, _ := strconv.ParseFloat(line, 64)
	return value
}

// check runs `server check`, which the page of an alert asks for.
func (i *incident) check(alert string, code int, says string) {
	i.t.Helper()
	i.page(alert, "`server check --config gateway.yaml`")
	if out, said, got := run(i.t, "check", "--config", i.path("gateway.yaml")); got != code || !strings.Contains(out+said, says) {
		i.t.Errorf("check ends with %d: %s%s; want %d, %s", got, out, said, code, says)
	}
}

// TestIncidentOf503s: Loop answers 503, whatever it is asked.
func TestIncidentOf503s(t *testing.T) {
	i := newIncident(t, newWorld(t))
	i.minutes(3, i.well)
	i.fires("")
	i.Inject(loopsim.Fault{Kind: loopsim.FaultStatus, Status: http.StatusServiceUnavailable})
	eventually(t, "calls are refused at once", func() bool {
		i.read()
		return i.value(`loop_breaker_state{practice="demo"}`) > 0
	})
	i.minutes(15, func() { i.read() })
	i.fires("LoopFails", `LoopDown{practice="demo",severity="page"}`)
	i.logs("LoopDown", "Loop seems to be down for a practice")
	i.check("LoopDown", 2, "demo")

	// Nothing is to be done here: Loop is well again.
	i.page("LoopDown", "Nothing needs a restart", "**Cured**: the line `Loop answers again`")
	i.ClearFaults()
	i.again()
	i.logs("LoopDown", "Loop answers again")
	i.minutes(12, i.well)
	i.fires("")
	i.p.stop(t)
}

// TestIncidentOfAKey: Loop rejects the practice's key, and at another time the primary subscription key.
func TestIncidentOfAKey(t *testing.T) {
	w := newWorld(t)
	w.write(t, "secrets/secondary", loopsim.SandboxSubscriptionSecondary+"\n")
	w.settings["loop"] = strings.Replace(w.settings["loop"], `primary}"}`, `primary}", secondary: "${file:secrets/secondary}"}`, 1)
	i := newIncident(t, w)
	i.minutes(3, i.well)
	const renewed = "sandbox-demo-advanced:sandbox-demo-renewed"
	if err := i.RotateAPIKey("demo", loopsim.Advanced, renewed); err != nil {
		t.Fatal(err)
	}
	i.minutes(3, func() {
		if code, text := i.read(); code == http.StatusOK {
			t.Errorf("a revoked key reads %s", text)
		}
	})
	i.fires("", `KeyRejected{practice="demo",severity="page"}`)
	i.check("KeyRejected", 2, "sandbox-demo-advanced")
	i.page("KeyRejected", "put a new key into the file", "without a restart", "**Cured**: the line `a secret was rotated`")
	i.write(t, "secrets/demo", renewed+"\n")
	i.again()
	i.minutes(18, i.well)
	i.fires("")

	i.SetSubscriptionKeys("sandbox-subscription-renewed", loopsim.SandboxSubscriptionSecondary)
	i.minutes(18, i.well)
	i.fires("", `PrimaryKeyDead{practice="demo",severity="warn"}`)
	i.page("PrimaryKeyDead", "`loop_subscription_key_attempts_total`", "renew the primary", "write it to its file")
	if i.value(`loop_subscription_key_attempts_total{accepted="no",key="primary",practice="demo"}`) == 0 {
		t.Error("the metrics do not show which key is rejected")
	}
	i.write(t, "secrets/primary", "sandbox-subscription-renewed\n")
	eventually(t, "the primary key again", func() bool {
		i.well()
		return i.value(`loop_subscription_key_in_use{key="primary",practice="demo"}`) == 1
	})
	i.minutes(3, i.well)
	i.fires("")
	i.p.stop(t)
}

// TestIncidentOfAQuota: Loop takes three calls a minute, and the caller makes six.
func TestIncidentOfAQuota(t *testing.T) {
	w := newWorld(t)
	var left atomic.Int64
	upstream := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		if left.Add(-1) < 0 {
			answer.WriteHeader(http.StatusTooManyRequests)
			return
		}
		w.ServeHTTP(answer, r)
	}))
	t.Cleanup(upstream.Close)
	w.settings["loop"] = fmt.Sprintf(`{base_url: "%s%s", allow_plain_http: true, subscription_keys: {primary: "${file:secrets/primary}"}, calls: {attempts: 1}}`,
		upstream.URL, w.BasePath())
	i := newIncident(t, w)
	six := func() {
		left.Store(3)
		for range 6 {
			i.read()
		}
	}
	i.minutes(3, func() { left.Store(3); i.well() })
	i.minutes(12, six)
	i.fires("", `LoopQuota{practice="demo",severity="warn"}`)
	i.page("LoopQuota", "`gateway_calls_total` by `caller`", "`caller_limits`", "which a running server takes up", "**Cured**")
	if !strings.Contains(i.p.metrics(t), `gateway_calls_total{caller="billing",method="cegid.loop.v1.ReferenceDataService/ListAccounts",reason="LOOP_QUOTA"}`) {
		t.Error("the metrics do not show whose calls Loop refuses")
	}
	i.limit(i.token, "requests_per_second: 0.001, burst: 3")
	eventually(t, "the caller is bounded", func() bool {
		left.Store(3)
		_, text := i.read()
		return strings.Contains(text, "CALLER_LIMIT")
	})
	i.minutes(17, six)
	i.fires("")
	i.p.stop(t)
}

// limit gives billing limits in the policy; payroll has none.
func (i *incident) limit(token, limits string) {
	i.t.Helper()
	i.write(i.t, "policy.yaml", fmt.Sprintf(`
callers: [{name: billing, token_hashes: ["%s"], limits: {%s}}, {name: payroll, token_hashes: ["%s"]}]
grants: [{caller: billing, practices: [demo], dossiers: [CEGID001], rights: [read, write]}, {caller: payroll, practices: [demo], dossiers: [CEGID001], rights: [read]}]
`, policy.HashToken(token), limits, policy.HashToken("a-token-of-payroll")))
}

// TestIncidentOfAFlood: one caller calls and calls.
func TestIncidentOfAFlood(t *testing.T) {
	w := newWorld(t)
	(&incident{world: w, t: t}).limit(w.token, "requests_per_second: 0.001, burst: 3")
	i := newIncident(t, w)
	payroll := func() {
		if code, text := ask(t, http.DefaultClient, http.MethodGet, "http://"+i.p.http+accounts, "a-token-of-payroll", ""); code != http.StatusOK {
			t.Errorf("payroll: HTTP %d %s", code, text)
		}
	}
	flood := func() {
		for range 30 {
			i.read()
		}
		payroll()
	}
	i.minutes(3, payroll)
	i.minutes(14, flood)
	i.fires("", `CallerFloods{caller="billing",severity="warn"}`)
	i.page("CallerFloods", "`call`", "`user_agent`", "`peer`", "its `limits` in the policy", "**Cured**")
	found := slices.ContainsFunc(i.p.lines(t), func(line map[string]any) bool {
		return line["msg"] == "call" && line["caller"] == "billing" && line["reason"] == "CALLER_LIMIT" && line["user_agent"] != "" && line["peer"] != ""
	})
	if !found {
		t.Error("the log does not say whose program floods")
	}
	i.limit(i.token, "requests_per_second: 100000, burst: 100000")
	i.again()
	i.minutes(13, flood)
	i.fires("")
	i.p.stop(t)
}

// TestIncidentOfACrash: the server dies while twenty imports are on their way to Loop; half of them have arrived.
func TestIncidentOfACrash(t *testing.T) {
	w := newWorld(t)
	w.settings["imports"] = "{resubmit_after: 1s}"
	w.settings["practices"] = strings.Replace(w.settings["practices"], "name: demo,", "name: demo, limits: {concurrency: 80},", 1)
	w.write(t, "policy.yaml", fmt.Sprintf(`
callers: [{name: billing, token_hashes: ["%s"]}, {name: chief, token_hashes: ["%s"]}]
grants:
  - {caller: billing, practices: [demo], dossiers: [CEGID001], rights: [read, write]}
  - {caller: chief, practices: ["*"], dossiers: ["*"], rights: [operate, write, administer]}
`, policy.HashToken(w.token), policy.HashToken("the-token-of-chief")))
	w.write(t, "chief.token", "the-token-of-chief\n")
	i := newIncident(t, w)
	i.minutes(3, i.well)
	// As in a dossier that has been worked with: what is known to be booked shows that a look can see.
	imports := "http://" + i.p.http + "/v1/practices/demo/dossiers/CEGID001/imports"
	if code, text := ask(t, http.DefaultClient, http.MethodPost, imports, w.token, purchase, "Idempotency-Key", "FA-1"); code != http.StatusOK {
		t.Fatalf("HTTP %d %s", code, text)
	}
	w.FinishImports()
	eventually(t, "an import is booked", func() bool {
		_, text := ask(t, http.DefaultClient, http.MethodGet, imports+"/FA-1", w.token, "")
		return strings.Contains(text, "IMPORT_STATE_SUCCEEDED")
	})
	before := w.Count("/importJson")
	const many = 20
	w.Inject(loopsim.Fault{Route: "/importJson", Kind: loopsim.FaultHang, After: true, Times: many / 2})
	w.Inject(loopsim.Fault{Route: "/importJson", Kind: loopsim.FaultHang})
	var callers sync.WaitGroup
	for n := range many {
		id := fmt.Sprintf("FA-9%02d", n)
		body := strings.ReplaceAll(purchase, "FA-1", id)
		w.write(t, id+".json", body)
		callers.Go(func() { // each gets no answer: its connection breaks
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, imports, strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			request.Header.Set("Authorization", "Bearer "+w.token)
			request.Header.Set("Idempotency-Key", id)
			if response, err := http.DefaultClient.Do(request); err == nil {
				_ = response.Body.Close()
				t.Errorf("%s: HTTP %d", id, response.StatusCode)
			}
		})
	}
	eventually(t, "all are on their way", func() bool { return w.Count("/importJson") == before+many })
	if err := i.p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-i.p.ended
	callers.Wait()
	i.minutes(4, nil)
	i.fires("", `GatewayDown{instance="a",job="loop-gateway",severity="page"}`)

	i.page("GatewayDown", "start it", "`UNCERTAIN`", "ImportsUncertain")
	w.ClearFaults()
	i.p = w.serve(t, "")
	uncertain := `ledger_submissions_open{practice="demo",state="UNCERTAIN"}`
	eventually(t, "all are counted as UNCERTAIN", func() bool { return i.value(uncertain) == many })
	i.minutes(8, i.well)
	i.fires("", `ImportsUncertain{practice="demo",severity="page"}`)

	i.page("ImportsUncertain", "`server imports list`", "`server imports check PRACTICE/DOSSIER/ID`", "`FOUND`: `server imports confirm … --booked`", "`NOT_FOUND`", "`server imports resubmit … --from FILE`")
	w.FinishImports()
	settle := func(arguments ...string) string {
		t.Helper()
		out, said, code := run(t, append(append([]string{"imports"}, arguments...), "--server", i.p.grpc, "--plaintext", "--token-file", w.path("chief.token"))...)
		if code != 0 {
			t.Errorf("%v: ends with %d: %s", arguments, code, said)
		}
		return out
	}
	found := 0
	listed := regexp.MustCompile(`demo/CEGID001/(\S+)`).FindAllStringSubmatch(settle("list"), -1)
	if len(listed) != many {
		t.Errorf("%d imports are listed", len(listed))
	}
	for _, each := range listed {
		verdict := ""
		eventually(t, "a look that proves something: "+each[1], func() bool {
			verdict = settle("check", each[0])
			return strings.Contains(verdict, "FOUND")
		})
		if strings.Contains(verdict, "NOT_FOUND") {
			settle("resubmit", each[0], "--from", w.path(each[1]+".json"))
			continue
		}
		found++
		settle("confirm", each[0], "--booked", "--note", "seen in Loop")
	}
	w.FinishImports()
	if left := settle("list"); found != many/2 || strings.Count(left, "\n") != 1 {
		t.Errorf("%d were found in Loop, and there is still %s", found, left)
	}
	eventually(t, "none is counted as UNCERTAIN", func() bool { return i.value(uncertain) == 0 })
	i.minutes(3, i.well)
	i.fires("")
	books, err := w.Entries("demo", dossier)
	if err != nil {
		t.Fatal(err)
	}
	booked := map[string]int{}
	for _, entry := range books {
		booked[entry.Reference]++
	}
	for _, each := range listed {
		if booked[each[1]] != 1 {
			t.Errorf("%s is booked %d times", each[1], booked[each[1]])
		}
	}
	i.p.stop(t)
}

// TestIncidentOfAFullDisk: there is no room for the ledger.
func TestIncidentOfAFullDisk(t *testing.T) {
	w := newWorld(t)
	disk := w.path("disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=2m"); err != nil {
		t.Fatal("no disk of its own may be mounted here: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	if err := ledger.Init(t.Context(), disk+"/ledger.db"); err != nil {
		t.Fatal(err)
	}
	w.settings["ledger"] = "disk/ledger.db"
	i := newIncident(t, w)
	write := func(id string) (int, string) {
		return ask(t, http.DefaultClient, http.MethodPost, "http://"+i.p.http+"/v1/practices/demo/dossiers/CEGID001/imports", i.token,
			strings.ReplaceAll(purchase, "FA-1", id), "Idempotency-Key", id)
	}
	i.minutes(3, i.well)
	ballast, err := os.Create(disk + "/ballast")
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = ballast.Write(make([]byte, 4096))
	}
	_ = ballast.Close()
	i.minutes(9, func() {
		before := i.value(`ledger_failures_total{kind="commit"}`)
		eventually(t, "the ledger has failed again", func() bool {
			if code, text := write("FA-9"); code != http.StatusServiceUnavailable || !strings.Contains(text, "LEDGER_UNAVAILABLE") {
				t.Errorf("HTTP %d %s", code, text)
			}
			return i.value(`ledger_failures_total{kind="commit"}`) >= before+2
		})
		i.well() // reads go on
	})
	i.fires("LedgerDown", `LedgerFails{instance="a",job="loop-gateway",severity="page"}`)
	i.logs("LedgerFails", "writes are refused")
	i.logs("LedgerFails", "the disk of the ledger is full")
	i.page("LedgerFails", "make room", "writes are taken again")
	if err := os.Remove(disk + "/ballast"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "writes are taken again", func() bool { code, _ := write("FA-9"); return code == http.StatusOK })
	i.minutes(9, i.well)
	i.fires("")
	i.p.stop(t)
}
