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
	"strconv"
	"strings"
	"testing"
)

// handbook is what operators read.
func handbook(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOperatorsCanLookUpEveryMetricAndLogLine: what the source can say stands in docs/operating.md.
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
				t.Errorf("%s: docs/operating.md does not explain `%s`", at, name)
			}
		}
	}
}

// note notes a text that stands in the source.
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
			t.Errorf("docs/operating.md does not explain `%s`", name[1])
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
				t.Errorf("docs/operating.md does not explain `%s` of %v", field, line)
			}
		}
	}
	if audits != 4 { // a refusal, and three of the import: submitting, submitted, and how it ended
		t.Errorf("there are %d lines of the audit", audits)
	}
}
