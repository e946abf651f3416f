package status

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

var (
	//go:embed status.html
	pageHTML string
	//go:embed status.css
	styleCSS []byte

	page = template.Must(template.New("status").Parse(pageHTML))
)

// Where the page and its style are.
const (
	Path      = "/status"
	StylePath = "/status.css"
)

// policy lets the page load its style, and nothing else from anywhere.
const policy = "default-src 'none'; style-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// ServeStyle answers the style of the page.
func (p *Page) ServeStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(styleCSS)
}

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	var out strings.Builder
	if err := page.Execute(&out, p.view()); err != nil {
		http.Error(w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(out.String()))
}

// view is what the page shows.
type view struct {
	At              string
	Minutes         int // that it looks back
	Ready, Writes   string
	Version         string
	Config, Policy  string // the beginnings of their hashes
	CertificateEnds string
	Practices       []practice
	LedgerUp        bool
	Ledger          []row
	Admission       []admission
	Callers         []caller
	Refusals        []row
}

type practice struct {
	Name, State, Keys string
	Bad               bool
	Answered, Others  string // paths of the plot
	Counts            []row
	Open              []row
}

type row struct {
	Name  string
	Count string
	Age   string
	n     float64
}

type admission struct{ Practice, Places, UnderWay, Waiting string }

type caller struct{ Name, Well, Badly string }

func (p *Page) view() view {
	now, past := p.sample(), p.past()
	if len(past) == 0 {
		past = []sample{{at: now.at, counters: map[key]float64{}}}
	}
	since := past[0]
	v := view{
		At: now.at.UTC().Format("2006-01-02 15:04:05 UTC"), Minutes: int(now.at.Sub(since.at).Minutes()),
		Ready: word(p.cfg.Ready), Writes: word(p.cfg.Writes),
	}
	practices, callers := map[string]bool{}, map[string]bool{}
	for _, r := range now.now {
		switch r.metric {
		case "gateway_build_info":
			v.Version = strings.TrimSuffix(r.labels["version"]+", "+short(r.labels["revision"]), ", ")
		case "gateway_config_info":
			v.Config, v.Policy = short(r.labels["config_hash"]), short(r.labels["policy_hash"])
		case "gateway_certificate_end_timestamp_seconds":
			if end := time.Unix(int64(r.value), 0).UTC().Format(time.DateOnly); v.CertificateEnds == "" || end < v.CertificateEnds {
				v.CertificateEnds = end
			}
		case "ledger_up":
			v.LedgerUp = r.value == 1
		case "ledger_submissions":
			if r.value > 0 {
				v.Ledger = append(v.Ledger, row{Name: r.labels["state"], Count: count(r.value)})
			}
		case "loop_places":
			practices[r.labels["practice"]] = true
		}
	}
	grown := growth(since, now)
	for k := range grown {
		if k.of == calls {
			callers[k.whose] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(practices)) {
		v.Practices = append(v.Practices, practiceOf(name, now, past))
		v.Admission = append(v.Admission, admissionOf(name, now))
	}
	for _, name := range slices.Sorted(maps.Keys(callers)) {
		v.Callers = append(v.Callers, caller{name, count(grown[key{calls, name, "well"}]), count(grown[key{calls, name, "badly"}])})
	}
	v.Refusals = refusalsOf(grown)
	return v
}

func word(why func() error) string {
	if err := why(); err != nil {
		return err.Error()
	}
	return "ready"
}

// short is the beginning of a hash, as the log's reader compares it.
func short(hash string) string { return hash[:min(len(hash), 12)] }

func count(n float64) string { return fmt.Sprintf("%.0f", n) }

// growth is how much the counters grew. One that is new has grown from zero.
func growth(from, to sample) map[key]float64 {
	out := map[key]float64{}
	for k, n := range to.counters {
		if grown := n - from.counters[k]; grown > 0 {
			out[k] = grown
		}
	}
	return out
}

// lately is how far back the state of a connection looks.
const lately = 5

// practiceOf says how a practice is.
func practiceOf(name string, now sample, past []sample) practice {
	p := practice{Name: name}
	of := func(grown map[key]float64, ending string) float64 { return grown[key{attempts, name, ending}] }
	recent := growth(past[max(0, len(past)-lately)], now)
	breaker, secret := 0., false
	ages := map[string]float64{}
	for _, r := range now.now {
		if r.labels["practice"] != name {
			continue
		}
		switch r.metric {
		case "loop_breaker_state":
			breaker = r.value
		case "loop_secret_read_failed":
			secret = secret || r.value == 1
		case "loop_subscription_key_in_use":
			if r.labels["key"] == "secondary" && r.value == 1 {
				p.Keys = "Loop rejects the primary subscription key; the secondary one answers."
			}
		case "ledger_submissions_open_oldest_age_seconds":
			ages[r.labels["state"]] = r.value
		}
	}
	if secret {
		p.Keys += " A secret cannot be read again; the value before is in use."
	}
	for _, r := range now.now {
		if r.metric == "ledger_submissions_open" && r.labels["practice"] == name && r.value > 0 {
			age := time.Duration(ages[r.labels["state"]]) * time.Second
			p.Open = append(p.Open, row{Name: r.labels["state"], Count: count(r.value), Age: age.String()})
		}
	}
	p.Bad = true
	switch good, bad := of(recent, answered), of(recent, failed); {
	case breaker > 0:
		p.State = "Loop seems to be down: calls are refused at once"
	case of(recent, rejected) > 0 && good == 0:
		p.State = "Loop rejects its keys"
	case of(recent, slowed) > 0:
		p.State = "Loop asks to slow down"
	case bad > good/4:
		p.State = "Loop fails often"
	case good > 0:
		p.State, p.Bad = "Loop answers", false
	default:
		p.State, p.Bad = "nothing was asked lately", false
	}
	whole := growth(past[0], now)
	for _, ending := range []string{answered, slowed, rejected, failed} {
		p.Counts = append(p.Counts, row{Name: ending, Count: count(of(whole, ending))})
	}
	p.Answered, p.Others = plot(name, append(slices.Clone(past), now))
	return p
}

// The plot is so high, and a minute so wide.
const high, wide = 40., 4

// plot returns the bars of the minutes: attempts that were answered, and the others above them.
func plot(name string, minutes []sample) (good, others string) {
	type bar struct{ good, others float64 }
	bars, most := make([]bar, 0, len(minutes)), 1.
	for i := 1; i < len(minutes); i++ {
		var b bar
		for _, ending := range []string{answered, slowed, rejected, failed} {
			k := key{attempts, name, ending}
			if grown := max(0, minutes[i].counters[k]-minutes[i-1].counters[k]); ending == answered {
				b.good += grown
			} else {
				b.others += grown
			}
		}
		bars, most = append(bars, b), max(most, b.good+b.others)
	}
	for i, b := range bars {
		x := (hour-len(bars)+i)*wide + wide // the newest at the right; there is one more while a minute has begun
		if b.good > 0 {
			good += fmt.Sprintf("M%d %.0fv-%.1f", x, high, b.good/most*high)
		}
		if b.others > 0 {
			others += fmt.Sprintf("M%d %.1fv-%.1f", x, high-b.good/most*high, b.others/most*high)
		}
	}
	return good, others
}

func admissionOf(name string, now sample) admission {
	a := admission{Practice: name}
	for _, r := range now.now {
		if r.labels["practice"] != name {
			continue
		}
		switch of := r.labels["class"] + " " + count(r.value) + " "; r.metric {
		case "loop_places":
			a.Places = count(r.value)
		case "loop_attempts_under_way":
			a.UnderWay += of
		case "loop_attempts_waiting":
			a.Waiting += of
		}
	}
	return a
}

// shownRefusals are the most that the page has, with the most frequent first.
const shownRefusals = 20

func refusalsOf(grown map[key]float64) (out []row) {
	for k, n := range grown {
		if k.of == refusals {
			out = append(out, row{Name: k.whose, Count: count(n), n: n})
		}
	}
	slices.SortFunc(out, func(a, b row) int { return cmp.Or(cmp.Compare(b.n, a.n), strings.Compare(a.Name, b.Name)) })
	return out[:min(len(out), shownRefusals)]
}
