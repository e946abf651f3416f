// Package strictyaml reads the operator's YAML files without guessing: unknown and repeated keys, anchors, tags and
// second documents are refused, all problems are collected, and no problem quotes the file.
package strictyaml

import (
	"bytes"
	"errors"
	"io/fs"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"cegid.internal/gateway/server/internal/smallfile"
)

// MaxBytes is the size of the largest file that is read: the parser's time grows with the square of some inputs.
const MaxBytes = 1 << 20

const (
	tooLarge = "the file is larger than 1 MiB; split it or look for what does not belong in it"
	// Deeper than any file of ours by far; bounds the recursion.
	maxDepth = 32
)

// ReadFile reads a file of up to 1 MiB, which is a mapping of the declared shape. It returns false, with a problem
// reported, when the file holds nothing that can be looked into.
func ReadFile(path string, shape Key, report *Report) (Node, bool) {
	source, err := smallfile.Read(path, MaxBytes)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		report.Addf(path, "there is no such file; correct the path or create it")
		return Node{}, false
	case errors.Is(err, fs.ErrPermission):
		report.Addf(path, "this process may not read the file; change the file's owner or mode")
		return Node{}, false
	case errors.Is(err, smallfile.ErrTooLarge):
		report.Addf(path, tooLarge)
		return Node{}, false
	case err != nil:
		report.Addf(path, "the file cannot be read; it must be a regular file")
		return Node{}, false
	}
	return Parse(path, shape, source, report)
}

// Parse reads the one document in source; an empty one reads as a mapping without keys. It returns false, with a
// problem reported, when source is no YAML that this package accepts.
func Parse(file string, shape Key, source []byte, report *Report) (root Node, ok bool) {
	if len(source) > MaxBytes {
		report.Addf(file, tooLarge)
		return Node{}, false
	}
	// The parser is known to panic on some malformed inputs; for an operator that is one more way of being malformed.
	defer func() {
		if recover() != nil {
			report.Addf(file, "the file cannot be read as YAML; compare it with the documented example")
			root, ok = Node{}, false
		}
	}()

	source = bytes.TrimPrefix(source, []byte("\ufeff"))
	// Repeated keys are let through here and refused in Node.Fields, which reports all of them and quotes none.
	parsed, err := parser.ParseBytes(source, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		// The parser's own message can quote the line.
		report.Add(Problem{File: file, Line: errorLine(err), Sentence: "this is not valid YAML; look for a missing quote, bracket " +
			"or colon and at the indentation here and just before; within { } or [ ] a reference needs quotes, as in \"${file:/path}\""})
		return Node{}, false
	}
	var bodies []ast.Node
	for _, doc := range parsed.Docs {
		if doc != nil && doc.Body != nil {
			bodies = append(bodies, doc.Body)
		}
	}
	switch len(bodies) {
	case 0:
		return Node{file: file, report: report, key: &shape, v: &value{kind: mapping, line: 1}}, true
	case 1:
		c := converter{file: file, report: report, ok: true}
		v := c.convert(bodies[0], 0)
		return Node{file: file, report: report, key: &shape, v: v}, c.ok
	default:
		report.Add(Problem{File: file, Line: line(bodies[1].GetToken()), Sentence: "a directive or a second document starts here; " +
			"keep one document without directives"})
		return Node{}, false
	}
}

func errorLine(err error) int {
	var at interface{ GetToken() *token.Token }
	if errors.As(err, &at) {
		return line(at.GetToken())
	}
	return 0
}

func line(t *token.Token) int {
	if t == nil || t.Position == nil {
		return 0
	}
	return t.Position.Line
}

func column(t *token.Token) int {
	if t == nil || t.Position == nil {
		return 0
	}
	return t.Position.Column
}

type kind int

const (
	null kind = iota
	scalar
	mapping
	sequence
)

// value is a YAML value with nothing left to interpret.
type value struct {
	kind    kind
	line    int
	text    string // of a scalar, as written: 007 stays 007
	boolean bool   // a scalar that YAML reads as true or false
	fields  []field
	items   []*value
}

type field struct {
	key          string
	named        bool // false for keys that are no strings
	line, column int
	value        *value
}

type converter struct {
	file   string
	report *Report
	ok     bool
}

func (c *converter) refuse(n ast.Node, sentence string) *value {
	c.ok = false
	c.report.Add(Problem{File: c.file, Line: line(n.GetToken()), Sentence: sentence})
	return &value{}
}

func (c *converter) convert(n ast.Node, depth int) *value {
	if n == nil {
		return &value{}
	}
	if depth > maxDepth {
		return c.refuse(n, "this is nested too deeply; compare it with the documented example")
	}
	at := line(n.GetToken())
	switch n := n.(type) {
	case *ast.MappingNode:
		return c.fields(at, n.Values, depth)
	case *ast.MappingValueNode:
		return c.fields(at, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		v := &value{kind: sequence, line: at}
		for _, item := range n.Values {
			v.items = append(v.items, c.convert(item, depth+1))
		}
		return v
	case *ast.StringNode:
		return &value{kind: scalar, line: at, text: n.Value}
	case *ast.LiteralNode:
		return &value{kind: scalar, line: at, text: n.Value.Value}
	case *ast.BoolNode:
		return &value{kind: scalar, line: at, text: n.GetToken().Value, boolean: true}
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return &value{kind: scalar, line: at, text: n.GetToken().Value}
	case *ast.NullNode:
		return &value{kind: null, line: at}
	default:
		return c.refuse(n, "anchors, aliases, tags, merge keys, explicit keys and directives are not accepted; write the value out, "+
			"with quotes if it begins with * or &")
	}
}

func (c *converter) fields(at int, pairs []*ast.MappingValueNode, depth int) *value {
	v := &value{kind: mapping, line: at}
	if len(pairs) > 0 {
		// The mapping's own token is its first colon or bracket.
		v.line = line(pairs[0].Key.GetToken())
	}
	for _, pair := range pairs {
		t := pair.Key.GetToken()
		f := field{line: line(t), column: column(t), value: c.convert(pair.Value, depth+1)}
		if key, ok := pair.Key.(*ast.StringNode); ok {
			f.key, f.named = key.Value, true
		}
		v.fields = append(v.fields, f)
	}
	return v
}
