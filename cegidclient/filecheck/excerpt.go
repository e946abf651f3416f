package filecheck

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// An Excerpt is a line as it is in the file, in UTF-8, with the place of a finding in it.
type Excerpt struct {
	Line int
	// Before, Marked and After are the line. Marked is empty when the finding is about the whole line.
	Before, Marked, After string
}

// The bounds of what is shown: lines of a finding, and characters of a line.
const (
	maxExcerpts = 3
	maxExcerpt  = 400
	maxShown    = 64 << 10 // bytes of a line that are looked at
)

// Excerpts reads the file once more, and gives for each finding its first lines as they are. The columns of a finding are
// counted by the separator; without one, they are positions of characters.
func Excerpts(from io.Reader, findings []check.Finding, separator byte) ([][]Excerpt, error) {
	out := make([][]Excerpt, len(findings))
	wanted := map[int][]int{} // by line, the findings
	last := 0
	for i, f := range findings {
		for _, line := range f.Lines[:min(len(f.Lines), maxExcerpts)] {
			wanted[line] = append(wanted[line], i)
			last = max(last, line)
		}
	}
	n := 0
	var lines textfile.Lines
	lines = textfile.Lines{
		Most:  maxShown,
		Split: func(p []byte) int { return bytes.IndexAny(p, "\r\n") },
		Take: func(line []byte, _ textfile.Ending) {
			n++
			for _, i := range wanted[n] {
				column := findings[i].Column
				if n != findings[i].Line && strings.Contains(findings[i].Field, ",") {
					column = 0 // of another field, perhaps
				}
				out[i] = append(out[i], excerpt(n, line, column, separator))
			}
			lines.Stop = n >= last
		},
	}
	if last == 0 {
		return out, nil
	}
	buffer := make([]byte, 64<<10)
	for !lines.Stop {
		read, err := from.Read(buffer)
		lines.Write(buffer[:read])
		if err == io.EOF {
			lines.Close()
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func excerpt(n int, line []byte, column int, separator byte) Excerpt {
	start, end := place(line, column, separator)
	e := Excerpt{
		Line: n, Before: shown(line[:start], separator), Marked: shown(line[start:end], separator),
		After: shown(line[end:], separator),
	}
	if before := []rune(e.Before); len(before) > maxExcerpt/2 {
		e.Before = "…" + string(before[len(before)-maxExcerpt/2:])
	}
	for _, part := range []*string{&e.Marked, &e.After} {
		if runes := []rune(*part); len(runes) > maxExcerpt/2 {
			*part = string(runes[:maxExcerpt/2]) + "…"
		}
	}
	return e
}

// place finds a column, from 1, in the bytes of a line.
func place(line []byte, column int, separator byte) (start, end int) {
	switch {
	case column < 1:
		return 0, 0
	case separator != 0:
		for ; column > 1; column-- {
			i := bytes.IndexByte(line[start:], separator)
			if i < 0 {
				return len(line), len(line)
			}
			start += i + 1
		}
		if end = bytes.IndexByte(line[start:], separator); end < 0 {
			return start, len(line)
		}
		return start, start + end
	}
	at := func(position int) int {
		if !utf8.Valid(line) {
			return min(position, len(line))
		}
		i := 0
		for ; position > 0 && i < len(line); position-- {
			_, size := utf8.DecodeRune(line[i:])
			i += size
		}
		return i
	}
	start = at(column - 1)
	end = start
	for end < len(line) && (line[end] == ' ') { // numbers are at the right of their field
		end++
	}
	for end < len(line) && line[end] != ' ' {
		end++
	}
	return start, end
}

// shown writes a text so that each character of it is seen, a tab between columns as an arrow.
func shown(text []byte, separator byte) string {
	if !utf8.Valid(text) {
		runes := make([]rune, 0, len(text))
		for _, c := range text {
			runes = append(runes, textfile.Latin9(c))
		}
		text = []byte(string(runes))
	}
	if separator == '\t' {
		return textfile.Visible(strings.ReplaceAll(string(text), "\t", " → "))
	}
	return textfile.Visible(string(text))
}
