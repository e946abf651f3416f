package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"cegid.internal/gateway/internal/testkit"
)

// bannedWords are those that Vale finds in documents and comments, with what to write instead. A line break is a blank to them.
func bannedWords(t *testing.T, list string) map[string]*regexp.Regexp {
	t.Helper()
	var style struct{ Swap map[string]string }
	testkit.OK(t, yaml.Unmarshal([]byte(list), &style))
	out := map[string]*regexp.Regexp{}
	for word, instead := range style.Swap {
		out[word+" ("+instead+")"] = regexp.MustCompile(`(?i)\b(?:` + strings.ReplaceAll(word, " ", `\s+`) + `)\b`)
	}
	return out
}

// passage is a text, and the line where it begins.
type passage struct {
	line int
	text string
}

// sentences are the texts of a program that have a blank; texts that are joined are one. Imports and tags are none, but for the
// help of a flag.
func sentences(t *testing.T, name, source string) (out []passage) {
	t.Helper()
	set := token.NewFileSet()
	program, err := parser.ParseFile(set, name, source, parser.SkipObjectResolution)
	testkit.OK(t, err)
	add := func(at ast.Node, text string) {
		if strings.Contains(text, " ") {
			out = append(out, passage{set.Position(at.Pos()).Line, text})
		}
	}
	ast.Inspect(program, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			if n.Tag != nil {
				tag, _ := strconv.Unquote(n.Tag.Value)
				add(n, reflect.StructTag(tag).Get("help"))
				n.Tag = nil
			}
		case *ast.BinaryExpr:
			if text, isText := joined(n); isText {
				add(n, text)
			}
		case *ast.BasicLit:
			text, _ := joined(n)
			add(n, text)
		}
		return true
	})
	return out
}

// joined is the text of literals with + between them, which are empty from then on; what is computed between them counts as a
// letter.
func joined(e ast.Expr) (text string, isText bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, _ := strconv.Unquote(e.Value)
			e.Value = `""`
			return text, true
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			before, first := joined(e.X)
			after, second := joined(e.Y)
			return before + after, first || second
		}
	}
	return "x", false
}

// words are what of a file is read: of a page what is no code, of a program its sentences, else all.
func words(t *testing.T, name, text string) []passage {
	switch filepath.Ext(name) {
	case ".go":
		return sentences(t, name, text)
	case ".md":
		lines := func(code string) string { return strings.Repeat("\n", strings.Count(code, "\n")) }
		text = code.ReplaceAllString(fenced.ReplaceAllStringFunc(text, lines), "x")
	}
	return []passage{{1, text}}
}

// found are the banned words of a file, with their lines.
func found(t *testing.T, banned map[string]*regexp.Regexp, name, text string) (out []string) {
	for _, each := range words(t, name, text) {
		for word, pattern := range banned {
			for _, at := range pattern.FindAllStringIndex(each.text, -1) {
				out = append(out, name+":"+strconv.Itoa(each.line+strings.Count(each.text[:at[0]], "\n"))+": "+word)
			}
		}
	}
	slices.Sort(out)
	return out
}

const banList = "tools/vale/styles/House/Banned.yml"

// TestTextsHaveNoBannedWords: those of programs, and of whatever else people read beside the documents that Vale reads.
func TestTextsHaveNoBannedWords(t *testing.T) {
	all := texts(t)
	banned := bannedWords(t, all[banList])
	if len(banned) < 8 {
		t.Fatalf("%s has only %d words", banList, len(banned))
	}
	programs, pages := 0, 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		switch {
		case strings.HasSuffix(name, "_test.go"), strings.HasPrefix(name, "tools/vale/"), name == "CHANGELOG.md": // what was written then stays
			continue
		case strings.HasSuffix(name, ".go"):
			programs++
		default:
			pages++
		}
		for _, each := range found(t, banned, name, all[name]) {
			t.Error(each)
		}
	}
	if programs < 300 || pages < 200 {
		t.Errorf("only %d programs and %d other texts were read", programs, pages)
	}
}

// TestABannedWordIsFound: the test above can fail, and leaves alone what is no text for people.
func TestABannedWordIsFound(t *testing.T) {
	banned := bannedWords(t, "swap: {'hears?|heard': learns, '(stands?|stood) (in|there)': is}")
	const head = "package p\n\n"
	for _, c := range []struct {
		name, text string
		want       string
	}{
		{"a.go", head + `const a = "Loop hears it"`, "a.go:3"},
		{"a.go", head + "var a = `One line\nand it stands in\nanother`", "a.go:4"},
		{"a.go", head + "var a = f(\"it stood \" +\n\"there\")", "a.go:3"},
		{"a.go", head + "var a = \"it stands \" + f(\"who heard it\") + \" in\"", "a.go:3"},
		{"a.go", head + "type a struct {\n\tb string `help:\"What it heard.\"`\n}", "a.go:4"},
		{"a.go", head + "type a struct {\n\tb string `json:\"who heard it\"`\n}", ""},
		{"a.go", head + "import \"who heard it\"", ""},
		{"a.go", head + "// Nobody heard it.\nconst a, stoodIn = \"heard\", \"on the hearsay of it\"", ""},
		{"a.md", "# A page\n\nWho\nheard it, and `who heard` it?\n\n```\nheard\n```\n\nIt stands\nthere.\n", "a.md:10 a.md:4"},
		{"a.yaml", "a: b # what it Heard\n", "a.yaml:1"},
	} {
		var got []string
		for _, each := range found(t, banned, c.name, c.text) {
			got = append(got, strings.Join(strings.Split(each, ":")[:2], ":"))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("in %s, %q was found; want %q", c.text, got, c.want)
		}
	}
}
