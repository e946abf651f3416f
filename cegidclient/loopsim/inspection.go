package loopsim

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// The page works without a script and without network, under its own strict policy.
var (
	//go:embed inspection.html
	inspectionHTML string
	//go:embed inspection.css
	styleCSS []byte
)

const (
	styleRoute = "/_sim/style.css"
	shownRows  = 25
)

var inspection = template.Must(template.New("inspection").Parse(inspectionHTML))

// rows are a page of a list, the newest first.
type rows[T any] struct {
	Rows         []T
	Total        int
	First, Last  int
	Newer, Older string // addresses; "" where there is none
}

// pageOf takes the page that the query asks for under the list's name.
func pageOf[T any](name string, query url.Values, oldestFirst []T) rows[T] {
	total := len(oldestFirst)
	last := max(0, (total-1)/shownRows) // page, from 0
	page, _ := strconv.Atoi(query.Get(name))
	page = min(max(page, 1), last+1)
	to := total - (page-1)*shownRows
	from := max(0, to-shownRows)
	out := rows[T]{Rows: slices.Clone(oldestFirst[from:to]), Total: total, First: total - to + 1, Last: total - from}
	slices.Reverse(out.Rows)
	at := func(page int) string {
		next := url.Values{}
		for key, values := range query {
			next[key] = values
		}
		next.Set(name, strconv.Itoa(page))
		return "?" + next.Encode() + "#" + name
	}
	if page > 1 {
		out.Newer = at(page - 1)
	}
	if page <= last {
		out.Older = at(page + 1)
	}
	return out
}

// pageView is what the page shows.
type pageView struct {
	state
	Problem   string // of a form
	Origin    string
	Kinds     []FaultKind
	Forms     []FaultForm
	Examples  []faultExample
	Magic     []MagicReference
	Year      int
	Imports   rows[ImportRecord]
	Files     rows[ImportRecord]
	Entries   rows[BookedEntry]
	Documents rows[DocumentRecord]
	Requests  rows[Request]
	Summary   importsState
	Stored    documentsState
}

// faultExample is a kind of fault with the values that a form, or curl, sends for one.
type faultExample struct {
	Kind   FaultKind
	Does   string
	Values []string
}

// faultExamples has one for each kind.
func faultExamples() []faultExample {
	return []faultExample{
		{FaultLatency, "the answer comes late", []string{"latency=3"}},
		{FaultHang, "no answer until the caller leaves", []string{"times=1"}},
		{FaultStatus, "this status, and nothing is processed", []string{"status=429", "retryAfter=2", "times=3", "route=POST /importJson"}},
		{FaultHTML, "a page of HTML", []string{"status=502", "times=1"}},
		{FaultTruncated, "half of the answer, then the connection is cut", []string{"times=1"}},
		{FaultTruncatedChunked, "the same, without a length that tells", []string{"times=1"}},
		{FaultNonsense, "JSON is announced, and something else comes", []string{"times=1"}},
		{FaultOversize, "more than 32 MiB of JSON", []string{"times=1", "route=GET /compte"}},
		{FaultErrorIn200, "200 with an error, as imports refuse", []string{"times=1", "message=Exercice clos"}},
		{FaultCutBefore, "the connection is cut, and nothing is processed", []string{"times=1", "route=POST /importJson"}},
		{FaultCutAfter, "it is processed, and the answer is lost", []string{"times=1", "route=POST /importJson"}},
		{FaultDribble, "the answer in pieces, with pauses", []string{"pieces=10", "latency=0.5", "times=1"}},
	}
}

// showPage writes the page; problem says why the form that was sent is refused.
func (s *Simulator) showPage(w http.ResponseWriter, r *http.Request, status int, problem string) {
	imports := s.Imports()
	files := slices.DeleteFunc(slices.Clone(imports), func(i ImportRecord) bool { return i.File == nil })
	var entries []BookedEntry
	for _, d := range s.dossiers() {
		entries = append(entries, d.entries()...)
	}
	slices.SortStableFunc(entries, func(a, b BookedEntry) int { return int(a.Seq) - int(b.Seq) })
	query := url.Values{}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		query = r.URL.Query()
	}
	st := s.state()
	view := pageView{
		state: st, Problem: problem, Origin: originOf(r), Kinds: faultKinds(), Forms: []FaultForm{FormGateway, FormService, FormEmpty},
		Examples: faultExamples(), Magic: Magic(), Year: openYear,
		Imports: pageOf("imports", query, imports), Files: pageOf("files", query, files), Entries: pageOf("entries", query, entries),
		Documents: pageOf("documents", query, s.Documents()), Requests: pageOf("requests", query, s.Requests()),
		Summary: st.Imports, Stored: st.Documents,
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_ = inspection.Execute(w, view) // the client may have gone
}
