package check

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

const (
	maxSuggestions = 3
	maxTypos       = 2
	minPrefix      = 3
)

// Nearest gives up to three of the names that were probably meant by one that is none of them, the nearest first.
func Nearest(wanted string, names []string) []string {
	codes := make([]indexed, 0, len(names))
	for _, name := range names {
		codes = append(codes, indexed{code: name, normal: normal(name)})
	}
	return nearest(wanted, codes)
}

// nearest gives up to three codes that were probably meant: the same but for letter case and blanks, the same but for
// zeros at an end (607 and 60700000), a typo or two, or one the beginning of the other. Nearest first; among equals the
// longer common beginning, then the order of the codes.
func nearest(wanted string, codes []indexed) []string {
	type candidate struct {
		code           string
		distance, same int
	}
	var best []candidate
	w := normal(wanted)
	if len(w) == 0 {
		return nil
	}
	var rows [3][]int
	for _, code := range codes {
		d, ok := distance(w, code.normal, &rows)
		if !ok {
			continue
		}
		best = append(best, candidate{code.code, d, commonPrefix(w, code.normal)})
		if len(best) > 64 { // keep it short: what is cut here is no candidate for the first three
			slices.SortStableFunc(best, func(a, b candidate) int { return cmp.Or(a.distance-b.distance, b.same-a.same) })
			best = best[:maxSuggestions]
		}
	}
	slices.SortStableFunc(best, func(a, b candidate) int {
		return cmp.Or(a.distance-b.distance, b.same-a.same, strings.Compare(a.code, b.code))
	})
	var out []string
	for _, c := range best[:min(len(best), maxSuggestions)] {
		out = append(out, c.code)
	}
	return out
}

// distance weighs the ways in which two codes are alike; the smallest counts.
func distance(a, b []rune, rows *[3][]int) (int, bool) {
	const padding, typo, prefix = 5, 10, 12
	if slices.Equal(a, b) {
		return 0, true
	}
	best, ok := 0, false
	take := func(d int) {
		if !ok || d < best {
			best, ok = d, true
		}
	}
	if t := trimZeros(a); len(t) > 0 && slices.Equal(t, trimZeros(b)) {
		take(padding)
	}
	short, long := a, b
	if len(short) > len(long) {
		short, long = long, short
	}
	if len(short) >= minPrefix && slices.Equal(short, long[:len(short)]) {
		take(prefix + len(long) - len(short))
	}
	if len(long)-len(short) <= maxTypos {
		// A typo in three characters, two in six: beyond, anything resembles anything.
		if t := typos(a, b, rows); t <= maxTypos && 3*t <= len(long) {
			take(typo * t)
		}
	}
	return best, ok
}

// typos counts the characters to add, drop, change or swap with their neighbour (Damerau and Levenshtein). Only the
// cells near the diagonal are computed, the others cost more than maxTypos anyway; a count above it means "more".
func typos(a, b []rune, rows *[3][]int) int {
	for i := range rows {
		rows[i] = slices.Grow(rows[i][:0], len(b)+1)[:len(b)+1]
	}
	before, last, now := rows[0], rows[1], rows[2]
	for j := range last {
		last[j] = j
	}
	least := 0 // of the row before
	for i := 1; i <= len(a); i++ {
		from, to := max(1, i-maxTypos), min(len(b), i+maxTypos)
		now[from-1] = maxTypos + 1
		if from == 1 {
			now[0] = i
		}
		leastNow := now[from-1]
		for j := from; j <= to; j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
			leastNow = min(leastNow, now[j])
		}
		if to < len(b) {
			now[to+1] = maxTypos + 1
		}
		if least > maxTypos && leastNow > maxTypos { // a swap looks two rows back
			return maxTypos + 1
		}
		least = leastNow
		before, last, now = last, now, before
	}
	return last[len(b)]
}

func commonPrefix(a, b []rune) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// normal leaves out letter case and blanks.
func normal(s string) []rune {
	out := make([]rune, 0, len(s))
	for _, r := range s {
		if !unicode.IsSpace(r) {
			out = append(out, unicode.ToUpper(r))
		}
	}
	return out
}

func trimZeros(s []rune) []rune {
	for len(s) > 0 && s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	for len(s) > 0 && s[0] == '0' {
		s = s[1:]
	}
	return s
}
