package layout

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// block is what a page shows to be copied, by its language and its first line.
var block = regexp.MustCompile("(?m)^ *```([a-z]+)\n *(.*?)$")

// indented is a block that is set off by blanks alone, by its first line.
var indented = regexp.MustCompile("(?m)^\n    ([^ \n].*)$")

// file is what a snippet begins with that a step of .ci/run saves in that file, for the commands after it.
var file = regexp.MustCompile(`^(#|//|<!--) [\w./-]+\.\w+( -->)?$`)

// TestEverySnippetIsRunOrListed: the commands of each page are run by the step tour, start, languages or bundle of .ci/run, or
// docs/not-run.md says why not.
func TestEverySnippetIsRunOrListed(t *testing.T) {
	all := texts(t)
	between := func(after, before string) string {
		_, rest, _ := strings.Cut(all[".ci/run"], after)
		rest, _, _ = strings.Cut(rest, before)
		return rest
	}
	var toured []string
	for _, pattern := range strings.FieldsFunc(between("\ntour() {", "\n}"), func(r rune) bool { return strings.ContainsRune(" \n()", r) }) {
		if filepath.Ext(pattern) == ".md" {
			toured = append(toured, pattern)
		}
	}
	isToured := func(name string) bool {
		return slices.ContainsFunc(toured, func(pattern string) bool { ok, _ := filepath.Match(pattern, name); return ok })
	}
	started := regexp.MustCompile(`docs/[a-z/-]+\.md`).FindAllString(between("\nstart() {", "\n}"), -1)
	if len(started) < 6 || len(toured) < 4 || !isToured("docs/tour.md") || !strings.Contains(all["tools/ci/bundle.sh"], "docs/stubs.md") {
		t.Fatalf("the pages that are run were not found: %q", toured)
	}
	var samples []string // whose commands start does; tools/languages/readmes.py runs the programs of the packages
	for _, name := range strings.Fields(between("\n  for sample in ", "; do")) {
		samples = append(samples, "examples/"+name+"/README.md")
	}
	ofPackages := map[string]string{"clients/python/README.md": "python", "clients/typescript/README.md": "ts"}
	installs := func(name, begins string) bool {
		tool, _, _ := strings.Cut(begins, " ")
		return strings.Contains(between("\nstart() {", "\n}"), "grep '^"+tool+" install' "+name)
	}
	if len(samples) < 6 || !strings.Contains(between("\nlanguages() {", "\n}"), "readmes.py") {
		t.Fatalf("the pages of samples and packages that are run were not found: %q", samples)
	}
	type snippet struct{ page, begins string }
	left := map[snippet]bool{} // not run; true when listed
	ran := 0
	for name, page := range all {
		if filepath.Ext(name) != ".md" {
			continue
		}
		for _, found := range block.FindAllStringSubmatch(page, -1) {
			switch language := found[1]; {
			case language == "mermaid", language == "text":
			case language == "console" && isToured(name), language == "sh" && name == "docs/stubs.md",
				slices.Contains(started, name) && (language == "sh" || file.MatchString(found[2])),
				language == "sh" && slices.Contains(samples, name), ofPackages[name] == language, installs(name, found[2]):
				ran++
			default:
				left[snippet{name, found[2]}] = false
			}
		}
		for _, found := range indented.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
			left[snippet{name, found[1]}] = false
		}
	}
	rows := regexp.MustCompile("(?m)^\\| (\\S+\\.md) \\| `(.*)` \\| \\S.* \\|$").FindAllStringSubmatch(all["docs/not-run.md"], -1)
	for _, row := range rows {
		at := snippet{row[1], row[2]}
		if listed, there := left[at]; !there || listed {
			t.Errorf("docs/not-run.md lists %q of %s, which is run, gone, or listed twice", at.begins, at.page)
		}
		left[at] = true
	}
	for each, listed := range left {
		if !listed {
			t.Errorf("%s: nothing runs the block that begins with %q: let .ci/run tour run the page, or say why not in docs/not-run.md", each.page, each.begins)
		}
	}
	if ran < 100 || len(rows) < 5 {
		t.Errorf("only %d blocks that run and %d that do not were found", ran, len(rows))
	}
}
