package strictyaml

import (
	"fmt"
	"strconv"
	"strings"
)

// Problem is one thing that is wrong in a file. It never carries text from the file: a line may hold a secret that
// somebody put in the wrong place.
type Problem struct {
	// File as the operator named it.
	File string
	// Line from 1; 0 when the problem has no line.
	Line int
	// Path of the key, as `practices[0].keys.standard`; empty for the file as a whole.
	Path string
	// Sentence says what is wrong and what to do.
	Sentence string
}

// String returns the problem on one line, as `gateway.yaml:12: practices[0].keys: sentence`.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		b.WriteString(":" + strconv.Itoa(p.Line))
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Sentence)
	return b.String()
}

// Error holds every problem that was found.
type Error struct {
	// Problems in the order in which they were found; at least one.
	Problems []Problem
}

// Error returns all problems, one a line.
func (e *Error) Error() string {
	lines := make([]string, 0, len(e.Problems))
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// Report collects problems, so that an operator repairs a file in one go.
type Report struct {
	problems []Problem
}

// Add adds a problem.
func (r *Report) Add(p Problem) { r.problems = append(r.problems, p) }

// Addf adds a problem of a file as a whole.
func (r *Report) Addf(file, format string, args ...any) {
	r.Add(Problem{File: file, Sentence: fmt.Sprintf(format, args...)})
}

// Err returns an *Error, or nil when nothing is wrong.
func (r *Report) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return &Error{Problems: r.problems}
}
