// Package eight looks at a text eight bytes at a time: most of a JSON text needs no closer look.
package eight

import "math/bits"

const low = 0x0101010101010101

// High are the bits that say which of eight bytes are beyond ASCII.
const High = 0x8080808080808080

// Of are the eight bytes of a text from i on, the first one lowest.
func Of(text string, i int) uint64 {
	t := text[i : i+8]
	return uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
		uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
}

// Stops has the high bit of the first of eight bytes where a JSON string ends or is no plain text: a quotation mark, an escape or a
// control character. Bits above the first one mean nothing: a subtraction may have borrowed from there.
func Stops(word uint64) uint64 {
	quote, escape := word^(low*'"'), word^(low*'\\')
	return ((quote-low)&^quote | (escape-low)&^escape | (word-low*' ')&^word) & High
}

// First is how many bytes are before the first one that has its high bit set.
func First(stops uint64) int { return bits.TrailingZeros64(stops) / 8 }
