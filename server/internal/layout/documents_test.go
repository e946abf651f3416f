package layout

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

const root = "../../.."

// texts returns what people write in this repository, by path: not what is generated, fetched or built.
func texts(t *testing.T) map[string]string {
	read := []string{".go", ".html", ".java", ".md", ".mjs", ".proto", ".py", ".rs", ".sh", ".ts", ".yaml", ".yml"}
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		name = filepath.ToSlash(name)
		if entry.IsDir() {
			base := entry.Name()
			if name != "." && base != ".ci" && strings.HasPrefix(base, ".") || slices.Contains([]string{"node_modules", "third_party", "dist"}, base) || name == "gen" {
				return fs.SkipDir
			}
			return nil
		}
		if name != ".ci/run" && !slices.Contains(read, filepath.Ext(name)) {
			return nil
		}
		text, err := os.ReadFile(path)
		out[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var (
	fenced  = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	code    = regexp.MustCompile("`[^`\n]*`")
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	link    = regexp.MustCompile(`\[([^\]]*)\]\(([^)\s]+)\)`)
)

// headings returns those of a page as they read, without their markup.
func headings(page string) []string {
	var out []string
	for _, found := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		out = append(out, strings.ReplaceAll(link.ReplaceAllString(found[1], "$1"), "`", ""))
	}
	return out
}

// anchor is what GitHub makes of a heading for links.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

// TestLinksLeadSomewhere: those of each page to files, and to headings of pages.
func TestLinksLeadSomewhere(t *testing.T) {
	all := texts(t)
	links, toHeadings := 0, 0
	for name, page := range all {
		if filepath.Ext(name) != ".md" {
			continue
		}
		for _, found := range link.FindAllStringSubmatch(code.ReplaceAllString(fenced.ReplaceAllString(page, ""), "code"), -1) {
			if strings.Contains(found[2], ":") { // a scheme: another site
				continue
			}
			links++
			file, fragment, _ := strings.Cut(found[2], "#")
			target := name
			if file != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(name), file))
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s, which is not there", name, found[2])
				continue
			}
			if fragment == "" || filepath.Ext(target) != ".md" {
				continue
			}
			toHeadings++
			if !slices.ContainsFunc(headings(all[target]), func(h string) bool { return anchor(h) == fragment }) {
				t.Errorf("%s links to %s, a heading that is not there", name, found[2])
			}
		}
	}
	if links < 200 || toHeadings < 100 {
		t.Errorf("only %d links were looked at, %d of them to headings", links, toHeadings)
	}
}

// TestTheReadmeIsShortAndLeadsToEachPage: read in five minutes, it leads to each page of docs/ by links of pages.
func TestTheReadmeIsShortAndLeadsToEachPage(t *testing.T) {
	all := texts(t)
	if n := strings.Count(all["README.md"], "\n"); n == 0 || n > 200 {
		t.Errorf("README.md has %d lines: what is beyond 200 has a page of its own", n)
	}
	reached := map[string]int{"README.md": 0} // with how many links
	for queue := []string{"README.md"}; len(queue) > 0; queue = queue[1:] {
		from := queue[0]
		for _, found := range link.FindAllStringSubmatch(code.ReplaceAllString(fenced.ReplaceAllString(all[from], ""), "code"), -1) {
			file, _, _ := strings.Cut(found[2], "#")
			to := filepath.ToSlash(filepath.Join(filepath.Dir(from), file))
			if _, again := reached[to]; again || filepath.Ext(to) != ".md" || all[to] == "" {
				continue
			}
			reached[to] = reached[from] + 1
			queue = append(queue, to)
		}
	}
	pages := 0
	for name := range all {
		if !strings.HasPrefix(name, "docs/") || filepath.Ext(name) != ".md" {
			continue
		}
		pages++
		if links, ok := reached[name]; !ok || links > 2 {
			t.Errorf("README.md leads to %s with %d links; two are the most", name, links)
		}
	}
	if pages < 25 {
		t.Errorf("only %d pages were looked for", pages)
	}
}

var (
	sentence = regexp.MustCompile("(?m)^(?:\\*\\*|[\\pL`\"])")
	filler   = regexp.MustCompile(`(?i)\bth(?:is|e following) (?:page|document|section) (?:describes|explains|shows|tells|contains|is about)`)
)

// Between its title and its first section a page has its answer: in lines, and in characters as they are read.
const (
	mostScreenLines = 15
	leastScreen     = 150
	mostScreen      = 1000
)

// screenFault is what is wrong with the first screen of a page; empty when nothing is.
func screenFault(page string) string {
	_, rest, titled := strings.Cut("\n"+page, "\n# ")
	if !titled {
		return "has no title"
	}
	_, rest, _ = strings.Cut(rest, "\n")
	rest, _, _ = strings.Cut("\n"+rest, "\n## ")
	rest = link.ReplaceAllString(strings.TrimSpace(rest), "$1")
	read := []rune(strings.Join(strings.Fields(rest), " "))
	switch {
	case !sentence.MatchString(fenced.ReplaceAllString(rest, "")):
		return "has no paragraph"
	case filler.MatchString(rest):
		return "speaks of itself: " + filler.FindString(rest)
	case len(read) < leastScreen:
		return fmt.Sprintf("answers nothing in %d characters", len(read))
	case len(read) > mostScreen || strings.Count(rest, "\n")+1 > mostScreenLines:
		return fmt.Sprintf("takes %d characters in %d lines", len(read), strings.Count(rest, "\n")+1)
	}
	return ""
}

// TestEachPageAnswersInItsFirstScreen what it is mostly asked, before its first section.
func TestEachPageAnswersInItsFirstScreen(t *testing.T) {
	answer := strings.Repeat("The server refuses a stranger. ", 6)
	for page, want := range map[string]string{
		"# A\n\n" + answer + "\n\n## B\n\n" + strings.Repeat(answer, 9): "",
		"<!-- made -->\n\n# A\n\n" + answer + "\n\n- [b](b.md)\n":       "",
		"Text.\n":                  "has no title",
		"# A\n\n## B\n\n" + answer: "has no paragraph",
		"# A\n\n- " + answer + "\n\n```sh\nrun\n```\n\n| a |\n| --- |\n| b |\n\n## B\n": "has no paragraph",
		"# A\n\nWhat there is to know.\n\n## B\n\n" + answer:                            "answers nothing",
		"# A\n\n[Text](" + strings.Repeat("long/", 60) + "b.md).\n\n## B\n":             "answers nothing",
		"# A\n\nThis page describes it. " + answer:                                      "speaks of itself",
		"# A\n\n" + strings.Repeat(answer, 6) + "\n\n## B\n":                            "takes 1115 characters",
		"# A\n\n" + answer + "\n\n| a |\n| --- |\n" + strings.Repeat("| b |\n", 12):     "in 16 lines",
	} {
		if got := screenFault(page); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%.200q %s; want: %q", page, got, want)
		}
	}
	pages := 0
	for name, page := range texts(t) {
		if !strings.HasPrefix(name, "docs/") || filepath.Ext(name) != ".md" {
			continue
		}
		pages++
		if fault := screenFault(page); fault != "" {
			t.Errorf("%s: what is above its first section %s", name, fault)
		}
	}
	if pages < 50 {
		t.Errorf("only %d pages were looked at", pages)
	}
}

// TestTheArchitectureHasTheChain of a call to Loop as it is, step by step, and the request itself.
func TestTheArchitectureHasTheChain(t *testing.T) {
	all := texts(t)
	_, list, _ := strings.Cut(all["cegidclient/client.go"], "c.links = []link{")
	list, _, _ = strings.Cut(list, "\n\t}\n")
	want := []string{}
	for _, found := range regexp.MustCompile(`(?m)^\t\t\{"([^"]+)",`).FindAllStringSubmatch(list, -1) {
		want = append(want, found[1])
	}
	_, part, _ := strings.Cut(all["docs/architecture.md"], "\n## Calls to Loop\n")
	part, _, _ = strings.Cut(part, "\n## ")
	var got []string
	for _, found := range regexp.MustCompile(`(?m)^\d+\. \*\*(.+?)\.\*\*`).FindAllStringSubmatch(part, -1) {
		got = append(got, strings.ToLower(found[1]))
	}
	if len(want) < 5 || !slices.Equal(got, append(want, "http")) {
		t.Errorf("docs/architecture.md has the steps %q; they are %q, and HTTP", got, want)
	}
}

// notes are the pages on Loop's API, by the letter that they are cited by.
var notes = map[string]string{"A": "docs/loop-api/accounting.md", "R": "docs/loop-api/reference-data.md", "C": "docs/loop-api/cabinet.md"}

var (
	section   = regexp.MustCompile(`(?m)^(?:#{2,3} |- \*\*)([ARC]) (\d{1,2}(?:\.\d{1,2})?)\b`)
	citation  = regexp.MustCompile(`\b([ARC]) (\d{1,2}(?:\.\d{1,2})?)\b`)
	further   = regexp.MustCompile(`^(?:, (?:and )?| to | and |–)(\d{1,2}(?:\.\d{1,2})?)[,;:.)\]"\x60 –]`)
	another   = regexp.MustCompile(`\d(?:, (?:and )?| to | and )$`)
	comment   = regexp.MustCompile(`\n\s*// ?`)
	cited     = regexp.MustCompile(`loop-api:(?: ?[ARC] \d)?`)
	page      = regexp.MustCompile(`\bdocs/[a-z0-9/-]+\.md((?:(?:,| and) "[^"\n]+")*)`)
	elsewhere = regexp.MustCompile(`design ?§|[Pp]itfalls? \d|(^|[^/])\bloop-api/`)
)

// citations finds what a text cites of the notes: A 2.3, A 2.3 to 2.5, A 2.3, 10.6. Of a number without a point, it takes
// what can be nothing else: after "loop-api:", a bracket, a quotation mark, or another one.
func citations(text string) [][2]string {
	var out [][2]string
	for _, at := range citation.FindAllStringSubmatchIndex(text, -1) {
		letter, number, before := text[at[2]:at[3]], text[at[4]:at[5]], text[:at[0]]
		if !strings.Contains(number, ".") && !slices.ContainsFunc([]string{"loop-api: ", "(", `"`, "; "}, func(s string) bool { return strings.HasSuffix(before, s) }) &&
			!another.MatchString(before[max(0, len(before)-16):]) {
			continue
		}
		out = append(out, [2]string{letter, number})
		for rest := text[at[1]:]; ; {
			more := further.FindStringSubmatchIndex(rest)
			if more == nil {
				break
			}
			out, rest = append(out, [2]string{letter, rest[more[2]:more[3]]}), rest[more[3]:]
		}
	}
	return out
}

func TestCitationsAreFound(t *testing.T) {
	for text, want := range map[string]string{
		"// It does (loop-api: R 2.1).":                            "R2.1",
		"// Twice (loop-api:\n// R 1.8; loop-api: A 6).":           "R1.8 A6",
		"\t// a list (loop-api: A 2.1, 2.3 and A 10.5, 10.6).":     "A2.1 A2.3 A10.5 A10.6",
		"// a range (loop-api: R 1.3 to 1.8, C 2; A 3.2–3.4)":      "R1.3 R1.8 C2 A3.2 A3.4",
		"x := list(\"A 4\", 3) // C 3 alone is none, C 3.1 is one": "A4 C3.1",
		"// A 64-bit number, in 12 columns":                        "",
	} {
		var got []string
		for _, each := range citations(comment.ReplaceAllString(text, " ")) {
			got = append(got, each[0]+each[1])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q cites %v; want %s", text, got, want)
		}
	}
}

// TestEveryCitationHasItsSection: what comments and notes cite of the notes on Loop's API, and of other pages, is there.
func TestEveryCitationHasItsSection(t *testing.T) {
	all := texts(t)
	sections := map[[2]string]bool{}
	for letter, name := range notes {
		for _, found := range section.FindAllStringSubmatch(all[name], -1) {
			if found[1] != letter || sections[[2]string{found[1], found[2]}] {
				t.Errorf("%s: the section %s %s belongs elsewhere, or is there twice", name, found[1], found[2])
			}
			sections[[2]string{found[1], found[2]}] = true
		}
	}
	ofNotes, ofPages := 0, 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		text := all[name]
		if strings.HasSuffix(name, ".go") {
			text = comment.ReplaceAllString(text, " ")
		}
		if name == "server/internal/layout/documents_test.go" { // it speaks of citations, and is none
			continue
		}
		if strings.HasSuffix(name, ".go") || strings.HasPrefix(name, "docs/loop-api/") {
			for _, each := range citations(text) {
				if ofNotes++; !sections[each] {
					t.Errorf("%s cites %s %s, which is no section of %s", name, each[0], each[1], notes[each[0]])
				}
			}
		}
		if filepath.Ext(name) != ".md" {
			for _, found := range cited.FindAllString(text, -1) {
				if strings.HasSuffix(found, ":") {
					t.Errorf("%s cites the notes on Loop's API without a section", name)
				}
			}
			for _, found := range elsewhere.FindAllString(text, -1) {
				t.Errorf("%s cites %q, which is not in this repository", name, strings.TrimSpace(found))
			}
			for _, found := range page.FindAllStringSubmatch(text, -1) {
				target, _, _ := strings.Cut(found[0], ".md")
				there, known := all[target+".md"]
				if ofPages++; !known {
					t.Errorf("%s speaks of %s.md, which is not there", name, target)
					continue
				}
				for i, part := range strings.Split(found[1], `"`) {
					if i%2 == 1 && !slices.Contains(headings(there), part) {
						t.Errorf("%s cites %q, which is no heading of %s.md", name, part, target)
					}
				}
			}
		}
	}
	if ofNotes < 500 || ofPages < 20 {
		t.Errorf("only %d citations of the notes and %d of pages were looked at", ofNotes, ofPages)
	}
}
