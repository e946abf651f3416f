//go:build weather

package chaos

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"

	"cegid.internal/gateway/internal/testkit"
)

// watched is a real Prometheus that scrapes the servers of the weather. One more server is outside the balancer: it has a
// certificate, and callers who do what the others do not.
type watched struct {
	t       *testing.T
	address string // of Prometheus
	said    testkit.Log

	stop    context.CancelFunc
	workers sync.WaitGroup
}

const scrapesEvery = 2 * time.Second

// watch begins to scrape the servers and the one aside.
func watch(t *testing.T, loop, folder string, trust *tls.Config, servers ...*gateway) *watched {
	t.Helper()
	aside := newGateway(t, loop, settings{
		tls:   "{certificate: " + filepath.Join(folder, "loop.crt") + ", key: " + filepath.Join(folder, "loop.key") + "}",
		trust: trust, limits: "requests_per_second: 1, burst: 1",
	})
	var targets []string
	for _, each := range append(servers, aside) {
		targets = append(targets, each.operations)
	}
	list, err := json.Marshal(targets)
	testkit.OK(t, err)
	config := filepath.Join(folder, "prometheus.yml")
	testkit.OK(t, os.WriteFile(config, fmt.Appendf(nil,
		"global: {scrape_interval: %s}\nscrape_configs: [{job_name: loop-gateway, static_configs: [{targets: %s}]}]\n", scrapesEvery, list), 0o600))
	w := &watched{t: t, address: freePorts(t)[0]}
	prometheus := exec.Command("prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(folder, "series"), "--web.listen-address="+w.address)
	prometheus.Stderr, prometheus.SysProcAttr = &w.said, noOrphan()
	testkit.OK(t, prometheus.Start())
	ctx, stop := context.WithCancel(t.Context())
	w.stop = stop
	t.Cleanup(func() {
		w.end()
		_ = prometheus.Process.Kill()
		_ = prometheus.Wait()
	})
	w.workers.Go(func() { w.aside(ctx, trust, aside) })
	return w
}

// aside are callers whose calls mostly end badly. What becomes of them is for the metrics to say.
func (w *watched) aside(ctx context.Context, trust *tls.Config, server *gateway) {
	owner, flood, nobody := newTraffic(w.t, billing, practice, trust, server.grpc, server.http), newTraffic(w.t, reporting, practice, trust, server.grpc, server.http),
		newTraffic(w.t, "nobody", practice, trust, server.grpc, server.http)
	plain := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	dossier := "/v1/practices/" + practice + "/dossiers/CEGID001/"
	for n := 1; ctx.Err() == nil; n++ {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second) // Loop may hang
		for range 2 {
			_ = owner.overREST(ctx, http.MethodGet, dossier+"accounts?pageSize=1", http.Header{"Cache-Control": {"max-age=60"}}, nil, new(looppb.ListAccountsResponse))
		}
		for range 3 {
			_ = flood.list(true)(ctx)
		}
		_ = nobody.list(true)(ctx)
		if response, err := plain.Get("http://" + server.grpc); err == nil { // no TLS
			_ = response.Body.Close()
		}
		id := fmt.Sprintf("ASIDE-%d", n)
		_ = owner.overREST(ctx, http.MethodPost, dossier+"imports", nil, &looppb.ImportEntriesRequest{RequestId: id, Entries: entries(fmt.Sprintf("SIM-LOST-ANSWER-%d", n), id, 120)},
			new(looppb.ImportEntriesResponse))
		_ = owner.overREST(ctx, http.MethodPost, dossier+"imports/"+id+":resolve", nil,
			&looppb.ResolveImportRequest{Action: &looppb.ResolveImportRequest_Check{Check: &looppb.CheckImport{}}}, new(looppb.ResolveImportResponse))
		select {
		case <-ctx.Done():
		case <-time.After(scrapesEvery):
		}
		cancel()
	}
}

// end lets the callers aside go.
func (w *watched) end() {
	w.stop()
	w.workers.Wait()
}

// eachPanelShowsData asks Prometheus each query of the dashboards, for the time since then, as Grafana does.
func (w *watched) eachPanelShowsData(since time.Time) {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "deploy", "monitoring", "*.json"))
	testkit.OK(w.t, err)
	queries := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		testkit.OK(w.t, err)
		var board struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
			Templating struct {
				List []struct{ Type, Query string }
			}
		}
		testkit.OK(w.t, json.Unmarshal(text, &board))
		for _, panel := range board.Panels {
			for _, target := range panel.Targets {
				queries++
				w.showsData(filepath.Base(file)+", "+panel.Title, target.Expr, since)
			}
		}
		for _, variable := range board.Templating.List {
			if arguments, of := strings.CutPrefix(variable.Query, "label_values("); of {
				metric, label, _ := strings.Cut(strings.TrimSuffix(arguments, ")"), ", ")
				w.showsData(filepath.Base(file)+", its choice", fmt.Sprintf("%s{%s!=\"\"}", metric, label), since)
			}
		}
	}
	if queries < 40 {
		w.t.Errorf("only %d queries were asked", queries)
	}
}

// showsData wants one value at least that is a number.
func (w *watched) showsData(where, query string, since time.Time) {
	w.t.Helper()
	query = strings.NewReplacer("$__rate_interval", (4 * scrapesEvery).String(), "$practice", ".*").Replace(query)
	form := url.Values{"query": {query}, "start": {since.Format(time.RFC3339)}, "end": {time.Now().Format(time.RFC3339)}, "step": {scrapesEvery.String()}}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	response, err := client.PostForm("http://"+w.address+"/api/v1/query_range", form)
	if err != nil {
		w.t.Fatalf("%v: %s", err, w.said.String())
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Error string
		Data  struct {
			Result []struct{ Values [][2]any }
		}
	}
	testkit.OK(w.t, json.NewDecoder(response.Body).Decode(&answer))
	for _, series := range answer.Data.Result {
		for _, value := range series.Values {
			if value[1] != "NaN" {
				return
			}
		}
	}
	w.t.Errorf("%s shows nothing: %s: %s %d series", where, query, answer.Error, len(answer.Data.Result))
}
