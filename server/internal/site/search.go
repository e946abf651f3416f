package site

import (
	"cmp"
	"html/template"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// An index is a list of the sections of all documents, which a search reads from one end to the other: there are about a
// thousand, and that takes a millisecond or two.
type index []indexed

type indexed struct {
	section
	page, url              string // the title of the document, and the address of the section
	foldedPage, foldedHead string
	foldedText             string
}

// result is what a search shows of a section.
type result struct {
	Page, URL, Heading string
	Excerpt            template.HTML
}

const (
	mostResults = 30
	mostWords   = 8
	mostQuery   = 100 // characters of a query
	excerpt     = 160 // characters around the first word that is found
)

func newIndex(l *library) (index, error) {
	var out index
	for _, name := range slices.Sorted(maps.Keys(l.pages)) {
		d, err := l.read(name)
		if err != nil {
			return nil, err
		}
		for i, s := range d.sections {
			url := d.url
			if i > 0 {
				url += "#" + s.ID
			}
			out = append(out, indexed{s, d.title, url, folded(d.title), folded(s.Heading), folded(s.Text)})
		}
	}
	return out, nil
}

// folded is a text in small letters without accents, rune by rune, so that "écriture" is found by "ecriture".
func folded(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			r, _ = utf8.DecodeRuneInString(norm.NFD.String(string(r)))
		}
		return unicode.ToLower(r)
	}, text)
}

// search finds the sections that have every word of a query, the best first: those that have them in their headings.
func (x index) search(query string) []result {
	words := strings.Fields(folded(query))
	words = words[:min(len(words), mostWords)]
	if len(words) == 0 {
		return nil
	}
	type hit struct {
		at    *indexed
		score int
	}
	var hits []hit
	for i := range x {
		section, score := &x[i], 0
		for _, word := range words {
			found := 40*strings.Count(section.foldedHead, word) + 15*strings.Count(section.foldedPage, word) +
				min(10, strings.Count(section.foldedText, word))
			if found == 0 {
				score = 0
				break
			}
			score += found
		}
		if score > 0 {
			hits = append(hits, hit{section, score})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Compare(b.score, a.score) })
	var out []result
	for _, h := range hits[:min(len(hits), mostResults)] {
		out = append(out, result{h.at.page, h.at.url, h.at.Heading, around(h.at.Text, words)})
	}
	return out
}

// around is the text around the first word that is found, which is marked.
func around(text string, words []string) template.HTML {
	plain, lower := []rune(text), folded(text)
	at, length := -1, 0
	for _, word := range words {
		if found := strings.Index(lower, word); found >= 0 {
			if place := utf8.RuneCountInString(lower[:found]); at < 0 || place < at {
				at, length = place, utf8.RuneCountInString(word)
			}
		}
	}
	if at < 0 {
		return template.HTML(template.HTMLEscapeString(string(plain[:min(len(plain), excerpt)])))
	}
	from, to := max(0, at-excerpt/2), min(len(plain), at+length+excerpt)
	for from > 0 && from < at && plain[from-1] != ' ' { // whole words
		from++
	}
	for to < len(plain) && to > at+length && plain[to] != ' ' {
		to--
	}
	escaped := func(part []rune) string { return template.HTMLEscapeString(string(part)) }
	out := escaped(plain[from:at]) + "<mark>" + escaped(plain[at:at+length]) + "</mark>" + escaped(plain[at+length:to])
	if from > 0 {
		out = "… " + out
	}
	if to < len(plain) {
		out = strings.TrimRight(out, " ·") + " …"
	}
	return template.HTML(out)
}
