package main

import (
	"fmt"
	"regexp"
	"strings"
)

// document is a Markdown file as pieces of text between the outputs of commands.
type document struct {
	commands []*command
	pieces   []piece
}

// piece is a line as it is in the file, or the place of a command's output.
type piece struct {
	line   string
	output *command
}

type command struct {
	text       string
	line       int // of its "$ "
	outputLine int // of the first line of its output
	indent     string
	expected   []string
}

var fence = regexp.MustCompile("^( *)(`{3,}|~{3,})(.*)$")

func parse(text string) (*document, error) {
	doc := &document{}
	var (
		open    []string // indentation, fence and tag of the block that we are in
		opened  int
		current *command
		more    bool // the command goes on
	)
	keep := func(line string) { doc.pieces = append(doc.pieces, piece{line: line}) }
	all := strings.Split(text, "\n")
	for i, line := range all {
		number := i + 1
		found := fence.FindStringSubmatch(line)
		if open == nil {
			if found != nil {
				open, opened, current, more = found[1:], number, nil, false
			}
			keep(line)
			continue
		}
		if found != nil && found[2] == open[1] && strings.TrimSpace(found[3]) == "" {
			if more {
				return nil, fmt.Errorf("%d: the command is continued by nothing", number)
			}
			open = nil
			keep(line)
			continue
		}
		if strings.TrimSpace(open[2]) != "console" {
			keep(line)
			continue
		}
		content := strings.TrimPrefix(line, open[0])
		switch {
		case more:
			current.text += "\n" + content
		case strings.HasPrefix(content, "$ "):
			current = &command{text: strings.TrimPrefix(content, "$ "), line: number, indent: open[0]}
			doc.commands = append(doc.commands, current)
		case current == nil:
			return nil, fmt.Errorf("%d: a console block starts with a command: \"$ …\"", number)
		default:
			current.expected = append(current.expected, content)
			continue
		}
		keep(line)
		if more = unfinished(current.text); !more {
			current.outputLine = number + 1
			doc.pieces = append(doc.pieces, piece{output: current})
		}
	}
	if open != nil {
		return nil, fmt.Errorf("%d: the block is never closed", opened)
	}
	return doc, nil
}

// unfinished says whether a command goes on in the next line: after a backslash, or inside quotation marks.
func unfinished(command string) bool {
	open := byte(0) // the quotation mark that we are inside of
	for i := 0; i < len(command); i++ {
		switch c := command[i]; {
		case c == '\\' && open != '\'':
			if i++; i == len(command) {
				return true
			}
		case open != 0:
			if c == open {
				open = 0
			}
		case c == '\'' || c == '"':
			open = c
		}
	}
	return open != 0
}

// String is the file with the outputs that the commands hold now.
func (d *document) String() string {
	var out []string
	for _, p := range d.pieces {
		if p.output == nil {
			out = append(out, p.line)
			continue
		}
		for _, line := range p.output.expected {
			if line != "" {
				line = p.output.indent + line
			}
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}
