package site_test

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/net/html"

	repository "cegid.internal/gateway"
	"cegid.internal/gateway/gen"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/site"
)

// open registers the pages as the server has them.
func open(t *testing.T, tune func(*site.Config)) *http.ServeMux {
	t.Helper()
	protos, err := fs.Sub(gen.Bundle, "bundle")
	testkit.OK(t, err)
	cfg := site.Config{Documents: repository.Documents, OpenAPI: gen.OpenAPI, Protos: protos, Descriptors: gen.Descriptors}
	if tune != nil {
		tune(&cfg)
	}
	mux := http.NewServeMux()
	testkit.OK(t, site.Register(mux, cfg))
	return mux
}

func get(t *testing.T, pages http.Handler, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	pages.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
	return w
}

// elements are those of a page, with their attributes.
func elements(t *testing.T, page []byte) []html.Token {
	t.Helper()
	var out []html.Token
	for z := html.NewTokenizer(bytes.NewReader(page)); ; {
		switch z.Next() {
		case html.ErrorToken:
			if z.Err() != io.EOF {
				t.Fatal(z.Err())
			}
			return out
		case html.StartTagToken, html.SelfClosingTagToken:
			out = append(out, z.Token())
		}
	}
}

func attribute(token html.Token, name string) string {
	for _, each := range token.Attr {
		if each.Key == name {
			return each.Val
		}
	}
	return ""
}

// TestEveryLinkLeadsSomewhere follows the links of all pages from / on: to pages of this server, and to headings of them. Every
// document is reached, and no page loads anything from elsewhere.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	sandbox := func(cfg *site.Config) { cfg.Sandbox = func() site.Sandbox { return site.Sandbox{} } }
	for name, pages := range map[string]*http.ServeMux{"production": open(t, nil), "a sandbox": open(t, sandbox)} {
		t.Run(name, func(t *testing.T) {
			seen := map[string][]byte{}
			type link struct{ from, page, fragment string }
			links := []link{{"nowhere", "/", ""}}
			for i := 0; i < len(links); i++ {
				at := links[i].page
				if _, again := seen[at]; again {
					continue
				}
				answer := get(t, pages, at)
				seen[at] = answer.Body.Bytes()
				if answer.Code != http.StatusOK {
					t.Errorf("%s leads to %s: HTTP %d", links[i].from, at, answer.Code)
					continue
				}
				if !strings.HasPrefix(answer.Header().Get("Content-Type"), "text/html") || strings.HasPrefix(at, "/docs/api/") {
					continue
				}
				if !strings.HasPrefix(answer.Header().Get("Content-Security-Policy"), "default-src 'none'; style-src 'self';") {
					t.Errorf("%s: %v", at, answer.Header())
				}
				if bytes.Contains(bytes.ReplaceAll(seen[at], []byte("<!-- raw HTML omitted -->\n"), nil), []byte("raw HTML omitted")) {
					t.Errorf("%s has HTML of its own within a line, which is left out", at)
				}
				for _, token := range elements(t, seen[at]) {
					for _, name := range []string{"href", "src", "action", "srcset", "style", "onclick"} {
						target := attribute(token, name)
						u, err := url.Parse(target)
						switch {
						case target == "":
						case err != nil:
							t.Errorf("%s: %v", at, err)
						case name == "style" || name == "onclick":
							t.Errorf("%s: <%s %s=%q>, which the policy forbids", at, token.Data, name, target)
						case u.Host == "" && u.Scheme == "":
							next := at
							if u.Path != "" {
								next = u.Path
							}
							links = append(links, link{at, next, u.Fragment})
						case token.Data != "a":
							t.Errorf("%s loads %s", at, target)
						}
					}
					if token.Data == "script" || token.Data == "iframe" || token.Data == "object" {
						t.Errorf("%s has a <%s>", at, token.Data)
					}
				}
			}
			fragments, ids := 0, map[string]map[string]bool{}
			for _, each := range links {
				if each.fragment == "" || seen[each.page] == nil {
					continue
				}
				if fragments++; ids[each.page] == nil {
					ids[each.page] = map[string]bool{}
					for _, token := range elements(t, seen[each.page]) {
						ids[each.page][attribute(token, "id")] = true
					}
				}
				if !ids[each.page][each.fragment] {
					t.Errorf("%s leads to %s#%s, which is no heading there", each.from, each.page, each.fragment)
				}
			}
			if len(seen) < 80 || fragments < 500 {
				t.Errorf("only %d pages and %d links to headings were found", len(seen), fragments)
			}
			documents := 0
			err := fs.WalkDir(repository.Documents, ".", func(name string, _ fs.DirEntry, err error) error {
				if path.Ext(name) != ".md" {
					return err
				}
				documents++
				title := regexp.MustCompile(`(?m)^# (.*)$`).FindStringSubmatch(read(t, name))
				if title == nil {
					t.Errorf("%s has no title", name)
				} else if !slices.ContainsFunc(slices.Collect(mapsValues(seen)), func(page []byte) bool {
					return bytes.Contains(page, []byte("<title>"+html.EscapeString(title[1])+" · "))
				}) {
					t.Errorf("no link leads to %s", name)
				}
				return err
			})
			if err != nil || documents < 25 {
				t.Errorf("%d documents: %v", documents, err)
			}
		})
	}
}

func mapsValues(m map[string][]byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for _, value := range m {
			if !yield(value) {
				return
			}
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := fs.ReadFile(repository.Documents, name)
	testkit.OK(t, err)
	return string(text)
}

// TestAStrangerLearnsNothing: in production, / says whom to ask for a token, and of practices nothing.
func TestAStrangerLearnsNothing(t *testing.T) {
	unknown := get(t, open(t, nil), "/").Body.String()
	if !strings.Contains(unknown, "Ask the operator of this server for it.") || strings.Contains(unknown, "CEGID001") || strings.Contains(unknown, "SIM-") {
		t.Error(unknown)
	}
	known := get(t, open(t, func(cfg *site.Config) { cfg.Contact = "Finance IT <b>" }), "/").Body.String()
	if !strings.Contains(known, "Ask for it here: Finance IT &lt;b&gt;.") {
		t.Error(known)
	}
}

func TestTheSandboxSaysWhatIsInIt(t *testing.T) {
	told := site.Sandbox{
		GRPC: "127.0.0.1:9090", Simulator: "0.0.0.0:8089",
		Practices: []site.Practice{{Name: "demo", Key: "Advanced", Dossiers: []site.Dossier{{Code: "CEGID001", Name: "Boulangerie", Note: "reading"}}}},
	}
	pages := open(t, func(cfg *site.Config) { cfg.Sandbox = func() site.Sandbox { return told } })
	text := get(t, pages, "http://127.0.0.1:8080/").Body.String()
	for _, want := range []string{"demo", "Advanced", "CEGID001", "Boulangerie", "any text passes", "http://127.0.0.1:8080/v1/practices/demo", "127.0.0.1:9090 cegid.loop", `href="http://127.0.0.1:8089/_sim/"`} {
		if !strings.Contains(text, want) {
			t.Errorf("/ does not say %q: %s", want, text)
		}
	}
	told.Token = true
	if text := get(t, pages, "/").Body.String(); strings.Contains(text, "any text passes") || !strings.Contains(text, "Bearer $TOKEN") {
		t.Error(text)
	}
}

func TestSearch(t *testing.T) {
	documents := fstest.MapFS{
		"docs/README.md": {Data: []byte("# All\n\n## Guides\n\n- [One](one.md)\n")},
		"docs/" + "one.md": {Data: []byte("# Écritures\n\nThe first words.\n\n## Lettrage\n\nA `packet` of `<lines>` & more.\n\n" +
			"```sh\ncurl --lines\n```\n\n## Elsewhere\n\nLettrage is named here.\n")},
	}
	pages := open(t, func(cfg *site.Config) { cfg.Documents = documents })
	for query, want := range map[string][]string{
		"lettrage":              {"/docs/one#lettrage", "/docs/one#elsewhere"}, // a heading before a text
		"ECRITURES packet":      {"/docs/one#lettrage"},                        // the words of the page's title count for its sections
		"curl":                  {"/docs/one#lettrage"},
		"lettrage absent":       nil,
		"":                      nil,
		"  ":                    nil,
		"écritures first words": {"/docs/one"},
	} {
		text := get(t, pages, "/docs/search?q="+url.QueryEscape(query)).Body.String()
		_, list, _ := strings.Cut(text, `<ol class="results">`)
		list, _, _ = strings.Cut(list, "</ol>")
		var got []string
		for _, found := range regexp.MustCompile(`<a href="([^"]+)"`).FindAllStringSubmatch(list, -1) {
			got = append(got, found[1])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q finds %q; want %q", query, got, want)
		}
	}
	text := get(t, pages, "/docs/search?q="+url.QueryEscape(`lines"><script>`)).Body.String()
	if strings.Contains(text, "<script>") || strings.Contains(text, "<lines>") {
		t.Error(text)
	}
	if text := get(t, pages, "/docs/search?q=lines").Body.String(); !strings.Contains(text, "A packet of &lt;<mark>lines</mark>&gt; &amp; more.") {
		t.Error(text)
	}
}

// TestANarrowPageHasPlacesToBreakALine: long names in the text have them, what is to be copied has not.
func TestANarrowPageHasPlacesToBreakALine(t *testing.T) {
	documents := fstest.MapFS{
		"docs/README.md": {Data: []byte("# All\n\nSee `/v1/practices/{practice}`, `LOOP_CREDENTIAL_REJECTED` and `a.b`.\n\n```sh\ncurl http://127.0.0.1:8080/v1\n```\n\n    curl /v1/practices/{practice}\n")},
	}
	page := get(t, open(t, func(cfg *site.Config) { cfg.Documents = documents }), "/docs/").Body.String()
	for _, want := range []string{
		"<code>/<wbr>v1/<wbr>practices/<wbr>{practice}</code>", "<code>LOOP_<wbr>CREDENTIAL_<wbr>REJECTED</code>", "<code>a.b</code>", "curl http://127.0.0.1:8080/v1\n", "curl /v1/practices/{practice}\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q: %s", want, page)
		}
	}
}

// TestTheSearchShowsWholeWords around what it has found, and tells the cells of a table apart.
func TestTheSearchShowsWholeWords(t *testing.T) {
	documents := fstest.MapFS{
		"docs/README.md": {Data: []byte("# All\n\n| code | do |\n| --- | --- |\n| `A` | wait |\n| | wait |\n\n" + strings.Repeat("longer ", 60) + "needle" + strings.Repeat(" longer", 60) + "\n")},
	}
	pages := open(t, func(cfg *site.Config) { cfg.Documents = documents })
	if text := get(t, pages, "/docs/search?q=needle").Body.String(); !strings.Contains(text, "<p>… longer ") || !strings.Contains(text, " longer …</p>") {
		t.Error(text)
	}
	if text := get(t, pages, "/docs/search?q=wait").Body.String(); !strings.Contains(text, "code · do · A · <mark>wait</mark> · wait · longer") {
		t.Error(text)
	}
}

// TestTheSearchFindsWhatPeopleLookFor in the documents as they are.
func TestTheSearchFindsWhatPeopleLookFor(t *testing.T) {
	pages := open(t, nil)
	for query, want := range map[string]string{
		"OUTCOME_UNKNOWN": "/docs/writing-safely", "page token": "/docs/", "LoopHub": "/docs/getting-keys", "checkConnection": "/docs/reference/diagnostics", "PieceRef": "/docs/",
	} {
		if text := get(t, pages, "/docs/search?q="+url.QueryEscape(query)).Body.String(); !strings.Contains(text, `<li><a href="`+want) {
			t.Errorf("%q does not find %s: %s", query, want, text)
		}
	}
}

func TestTheBundleIsTheFiles(t *testing.T) {
	pages := open(t, nil)
	packed := get(t, pages, "/protos/bundle.zip").Body.Bytes()
	archive, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	testkit.OK(t, err)
	for _, file := range archive.File {
		r, err := file.Open()
		testkit.OK(t, err)
		content, err := io.ReadAll(r)
		testkit.OK(t, err)
		if alone := get(t, pages, "/protos/"+file.Name); alone.Code != http.StatusOK || !bytes.Equal(alone.Body.Bytes(), content) {
			t.Errorf("%s: HTTP %d", file.Name, alone.Code)
		}
	}
	if len(archive.File) < 15 || !slices.ContainsFunc(archive.File, func(f *zip.File) bool { return f.Name == "service_config.json" }) {
		t.Errorf("the bundle has %d files", len(archive.File))
	}
	if got := get(t, pages, "/protos/descriptors.binpb").Body.Bytes(); !bytes.Equal(got, gen.Descriptors) {
		t.Error("the descriptors are others")
	}
}

// TestWithoutDocumentsThereIsTheAPI still.
func TestWithoutDocumentsThereIsTheAPI(t *testing.T) {
	pages := open(t, func(cfg *site.Config) { cfg.Documents = nil })
	if got := get(t, pages, "/docs/"); got.Code != http.StatusFound || got.Header().Get("Location") != "/docs/api/" {
		t.Errorf("HTTP %d %v", got.Code, got.Header())
	}
	api := get(t, pages, "/docs/api/")
	if api.Code != http.StatusOK || !strings.Contains(api.Body.String(), "persistAuthorization: true") || strings.Contains(api.Header().Get("Content-Security-Policy"), "script-src 'self' 'unsafe-inline'") {
		t.Errorf("HTTP %d %v", api.Code, api.Header())
	}
}
