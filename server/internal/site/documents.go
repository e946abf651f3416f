package site

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	tables "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

// home is the document at /docs/: its headings and lists are what each page has at its side.
const home = "docs/README.md"

// markdown is GitHub's, where the documents are read as well; HTML in them is left out.
var markdown = goldmark.New(goldmark.WithExtensions(
	extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)), extension.Linkify, extension.Strikethrough,
))

// library is all documents by their path in the repository, and where each is served.
type library struct {
	files fs.FS
	pages map[string]string // a document → its URL
	plain map[string]string // another file → its URL
}

// newLibrary lists documents without reading them: that is done when one is asked for.
func newLibrary(files fs.FS) (*library, error) {
	l := &library{files: files, pages: map[string]string{}, plain: map[string]string{}}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || entry.IsDir():
		case path.Ext(name) == ".md":
			l.pages[name] = urlOf(name)
		case path.Ext(name) != ".go":
			l.plain[name] = "/docs/files/" + name
		}
		return err
	})
	if err == nil && l.pages[home] == "" {
		err = fmt.Errorf("the documents lack %s", home)
	}
	return l, err
}

// urlOf is /docs/tour for docs/tour.md, /docs/deploy/ for deploy/README.md, /docs/security for SECURITY.md.
func urlOf(name string) string {
	if name == "README.md" {
		return "/docs/readme"
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "docs/"), ".md")
	if folder, file := path.Split(name); file == "README" {
		return "/docs/" + folder
	}
	if !strings.Contains(name, "/") {
		name = strings.ToLower(name)
	}
	return "/docs/" + name
}

// document is one as it is shown.
type document struct {
	name, url, title string
	body             template.HTML
	contents         []section // its second headings
	sections         []section // what a search looks through
}

// section is what is below a heading, up to the next one.
type section struct {
	ID, Heading string
	Text        string
}

func (l *library) read(name string) (*document, error) {
	source, err := fs.ReadFile(l.files, name)
	if err != nil {
		return nil, err
	}
	tree := markdown.Parser().Parse(text.NewReader(source))
	d := &document{name: name, url: l.pages[name]}
	d.divide(tree, source)
	l.relink(tree, name)
	var out bytes.Buffer
	if err := markdown.Renderer().Render(&out, source, tree); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	// What is wider than a phone scrolls by itself, also by the keys of who has no mouse. Text has no bare <, so this finds tags.
	broken := longCode.ReplaceAllStringFunc(out.String(), func(code string) string {
		code = strings.TrimSuffix(code, "</code>")
		if strings.Contains(code, "/") {
			return strings.ReplaceAll(code, "/", "/<wbr>") + "</code>"
		}
		return breakAfter.Replace(code) + "</code>"
	})
	d.body = template.HTML(strings.NewReplacer(
		"<pre>", `<pre tabindex="0">`, "<table>", `<div class="wide" tabindex="0"><table>`, "</table>", "</table></div>",
		"<th></th>", "<td></td>", // a corner is no heading
	).Replace(broken))
	return d, nil
}

// A browser breaks a path or a long name nowhere, so that its column takes the room of the others. Blocks of code end with a new
// line, and stay as they are.
var (
	longCode   = regexp.MustCompile("<code>[^<\n]{20,}</code>")
	breakAfter = strings.NewReplacer("_", "_<wbr>", ".", ".<wbr>", ",", ",<wbr>", "=", "=<wbr>")
)

// divide gives each heading the id that GitHub gives it, and cuts the text at headings.
func (d *document) divide(tree ast.Node, source []byte) {
	used := map[string]int{}
	current := section{}
	var words strings.Builder
	end := func() {
		fields := slices.CompactFunc(strings.Fields(words.String()), func(a, b string) bool { return a == cell && b == cell })
		if current.Text = strings.Join(fields, " "); current.Heading != "" {
			d.sections = append(d.sections, current)
		}
		words.Reset()
	}
	for block := tree.FirstChild(); block != nil; block = block.NextSibling() {
		h, ok := block.(*ast.Heading)
		if !ok {
			plainText(&words, block, source)
			continue
		}
		end()
		var title strings.Builder
		plainText(&title, h, source)
		current = section{Heading: strings.TrimSpace(title.String())}
		current.ID = anchor(current.Heading)
		if n := used[current.ID]; n > 0 {
			used[current.ID]++
			current.ID += fmt.Sprintf("-%d", n)
		} else {
			used[current.ID] = 1
		}
		h.SetAttributeString("id", []byte(current.ID))
		if h.Level == 1 && d.title == "" {
			d.title = current.Heading
		}
		if h.Level == 2 {
			d.contents = append(d.contents, section{ID: current.ID, Heading: current.Heading})
		}
	}
	end()
}

// anchor is what GitHub makes of a heading.
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

// cell ends a cell of a table in plain text; empty ones leave none.
const cell = "·"

// plainText writes what a reader sees of a node.
func plainText(out *strings.Builder, node ast.Node, source []byte) {
	_ = ast.Walk(node, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			if n.Kind() == tables.KindTableCell {
				out.WriteString(" " + cell)
			}
			if n.Type() == ast.TypeBlock {
				out.WriteByte('\n')
			}
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			out.Write(n.Segment.Value(source))
			if n.SoftLineBreak() || n.HardLineBreak() {
				out.WriteByte(' ')
			}
		case *ast.String:
			out.Write(n.Value)
		case *ast.AutoLink:
			out.Write(n.Label(source))
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			out.Write(n.Lines().Value(source))
		}
		return ast.WalkContinue, nil
	})
}

// relink points links to where this server has what they lead to. What it has not stays as text: the reader has the
// repository, or has not.
func (l *library) relink(tree ast.Node, name string) {
	var dead []*ast.Link
	_ = ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		found, ok := n.(*ast.Link)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		if target, ok := l.leadsTo(name, string(found.Destination)); ok {
			found.Destination = []byte(target)
		} else {
			dead = append(dead, found)
		}
		return ast.WalkContinue, nil
	})
	for _, link := range dead {
		for child := link.FirstChild(); child != nil; {
			next := child.NextSibling()
			link.Parent().InsertBefore(link.Parent(), link, child)
			child = next
		}
		link.Parent().RemoveChild(link.Parent(), link)
	}
}

// leadsTo is the URL for a link of a document; false when this server has nothing there.
func (l *library) leadsTo(from, link string) (string, bool) {
	if strings.Contains(link, ":") || strings.HasPrefix(link, "#") || strings.HasPrefix(link, "/") {
		return link, true
	}
	file, fragment, _ := strings.Cut(link, "#")
	if fragment != "" {
		fragment = "#" + fragment
	}
	target := path.Join(path.Dir(from), file)
	for _, name := range []string{target, target + "/README.md"} {
		if url, ok := l.pages[name]; ok {
			return url + fragment, true
		}
	}
	if url, ok := l.plain[target]; ok {
		return url, true
	}
	switch rest, below := strings.CutPrefix(target, "gen/bundle/"); {
	case below && path.Ext(rest) != "":
		return protosURL + rest, true
	case below, target == "gen/bundle", target == "proto":
		return protosURL, true
	case target == "gen/openapi/openapi.json":
		return "/openapi.json", true
	}
	return "", false
}

// group is a heading of the home document with the links below it.
type group struct {
	Heading string
	Links   []link
}

type link struct{ URL, Text string }

// groups reads what each page has at its side from the home document: the second headings, and the links in their lists and tables
// that lead to documents.
func (l *library) groups() ([]group, error) {
	source, err := fs.ReadFile(l.files, home)
	if err != nil {
		return nil, err
	}
	tree := markdown.Parser().Parse(text.NewReader(source))
	var out []group
	err = ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		var words strings.Builder
		switch n := n.(type) {
		case *ast.Heading:
			if n.Level == 2 {
				plainText(&words, n, source)
				out = append(out, group{Heading: strings.TrimSpace(words.String())})
			}
		case *ast.Link:
			url, known := l.leadsTo(home, string(n.Destination))
			if len(out) == 0 || !known || !strings.HasPrefix(url, "/") {
				break
			}
			plainText(&words, n, source)
			last := &out[len(out)-1]
			last.Links = append(last.Links, link{url, words.String()})
		}
		return ast.WalkContinue, nil
	})
	return out, err
}
