package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// handbook is what operators read.
func handbook(t *testing.T) string {
	t.Helper()
	return pagesOfOperators(t, "*.md")
}

// pagesOfOperators are those of a pattern, one after the other.
func pagesOfOperators(t *testing.T, pattern string) string {
	t.Helper()
	names, err := filepath.Glob("../docs/operate/" + pattern)
	if err != nil || len(names) == 0 {
		t.Fatal(pattern, err)
	}
	var all strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// TestOperatorsCanLookUpEveryMetricAndLogLine: what the source can say is in docs/operate.
func TestOperatorsCanLookUpEveryMetricAndLogLine(t *testing.T) {
	t.Parallel()
	messageAt := map[string]int{ // the argument of slog's methods that is the message
		"Debug": 0, "Info": 0, "Warn": 0, "Error": 0, "DebugContext": 1, "InfoContext": 1, "WarnContext": 1, "ErrorContext": 1, "LogAttrs": 2,
	}
	metrics, messages := map[string]token.Position{}, map[string]token.Position{}
	files := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit: // prometheus.CounterOpts{Name: "…"}
				of, ok := n.Type.(*ast.SelectorExpr)
				if !ok || !strings.HasSuffix(of.Sel.Name, "Opts") {
					break
				}
				for _, element := range n.Elts {
					if pair, ok := element.(*ast.KeyValueExpr); ok {
						if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "Name" {
							note(metrics, files, pair.Value)
						}
					}
				}
			case *ast.CallExpr:
				callee, ok := n.Fun.(*ast.SelectorExpr)
				if !ok {
					break
				}
				if callee.Sel.Name == "NewDesc" {
					note(metrics, files, n.Args[0])
				} else if at, logs := messageAt[callee.Sel.Name]; logs && len(n.Args) > at {
					note(messages, files, n.Args[at])
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(metrics) < 10 || len(messages) < 15 {
		t.Fatalf("only %d metrics and %d log lines were found: the test looks in the wrong way", len(metrics), len(messages))
	}
	text := handbook(t)
	for _, found := range []map[string]token.Position{metrics, messages} {
		for name, at := range found {
			if !strings.Contains(text, "`"+name+"`") {
				t.Errorf("%s: docs/operate does not explain `%s`", at, name)
			}
		}
	}
}

// note notes a text that is in the source.
func note(found map[string]token.Position, files *token.FileSet, value ast.Expr) {
	if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
		if text, err := strconv.Unquote(literal.Value); err == nil {
			found[text] = files.Position(literal.Pos())
		}
	}
}

// TestOperatorsCanLookUpWhatARunningServiceSays: its metrics, also those of libraries, and the fields of its lines.
func TestOperatorsCanLookUpWhatARunningServiceSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.serve(t, "")
	web := &http.Client{Transport: &http.Transport{}}
	defer web.CloseIdleConnections()
	ask(t, web, "GET", "http://"+p.http+accounts, w.token, "")
	ask(t, web, "GET", "http://"+p.http+accounts, "another token", "")
	ask(t, web, "POST", "http://"+p.http+"/v1/practices/demo/dossiers/CEGID001/imports", w.token, purchase, "Idempotency-Key", "FA-1")
	_, metrics := ask(t, web, "GET", "http://"+p.operations+"/metrics", "", "")
	web.CloseIdleConnections()
	p.stop(t)

	text := handbook(t)
	names := regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllStringSubmatch(metrics, -1)
	if len(names) < 40 {
		t.Errorf("there are %d metrics: %s", len(names), metrics)
	}
	for _, name := range names {
		libraries := regexp.MustCompile(`^(go|process|promhttp)_`).FindString(name[1])
		if !strings.Contains(text, "`"+name[1]+"`") && (libraries == "" || !strings.Contains(text, "`"+libraries+"*`")) {
			t.Errorf("docs/operate does not explain `%s`", name[1])
		}
	}
	for _, name := range []string{"grpc_server_handled_total", "loop_attempts_total", "ledger_up", "spool_bytes"} {
		if !strings.Contains(metrics, "# TYPE "+name) {
			t.Errorf("there is no %s: the labels of others are not looked at either", name)
		}
	}
	explained := explainedMetrics(text)
	for _, family := range familiesOf(metrics) {
		row, known := explained[family.name]
		if !known {
			continue // of a library
		}
		if family.labels != nil && !slices.Equal(family.labels, row.labels) {
			t.Errorf("%s has the labels %q; docs/operate says %q", family.name, family.labels, row.labels)
		}
		over := regexp.MustCompile(`Over servers: (sum|max|min)\.`).FindStringSubmatch(family.help)
		if family.kind == "gauge" && (over == nil || over[1] != row.over) {
			t.Errorf("%s says %q; docs/operate says to take the %s over servers", family.name, family.help, row.over)
		}
	}
	audits := 0
	for _, line := range p.lines(t) {
		if line["msg"] != "call" && line["msg"] != "audit" {
			continue
		}
		if line["msg"] == "audit" {
			audits++
		}
		for field := range line {
			if !strings.Contains(text, "`"+field+"`") {
				t.Errorf("docs/operate does not explain `%s` of %v", field, line)
			}
		}
	}
	if audits != 4 { // a refusal, and three of the import: submitting, submitted, and how it ended
		t.Errorf("there are %d lines of the audit", audits)
	}
}

// explainedMetric is what docs/operate says of a metric: its labels, sorted, and what to take over servers.
type explainedMetric struct {
	labels []string
	over   string
}

func explainedMetrics(text string) map[string]explainedMetric {
	out := map[string]explainedMetric{}
	_, table, _ := strings.Cut(text, "\n## Metrics\n")
	table, _, _ = strings.Cut(table, "\n## ")
	quoted := regexp.MustCompile("`([a-z_]+)`")
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 {
			continue
		}
		row := explainedMetric{}
		for _, label := range quoted.FindAllStringSubmatch(cells[2], -1) {
			row.labels = append(row.labels, label[1])
		}
		slices.Sort(row.labels)
		if over := regexp.MustCompile(`\*(sum|max|min)\*`).FindStringSubmatch(line); over != nil {
			row.over = over[1]
		}
		for _, name := range quoted.FindAllStringSubmatch(cells[1], -1) {
			out[name[1]] = row
		}
	}
	return out
}

// metricFamily is a metric as it is scraped; labels, sorted, are nil where it has no series now.
type metricFamily struct {
	name, help, kind string
	labels           []string
}

func familiesOf(scraped string) (out []*metricFamily) {
	var last *metricFamily
	for line := range strings.Lines(scraped) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 4)
		switch {
		case words[0] == "#" && words[1] == "HELP":
			last = &metricFamily{name: words[2], help: words[3]}
			out = append(out, last)
		case words[0] == "#" && words[1] == "TYPE":
			last.kind = words[3]
		case last.labels == nil:
			last.labels = []string{}
			for _, label := range regexp.MustCompile(`[{,]([a-z_]+)="`).FindAllStringSubmatch(line, -1) {
				if label[1] != "le" {
					last.labels = append(last.labels, label[1])
				}
			}
			slices.Sort(last.labels)
		}
	}
	return out
}
