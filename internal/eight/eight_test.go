package eight

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestTheFirstStopIsFound in texts of all bytes, at each place.
func TestTheFirstStopIsFound(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		var text [8]byte
		for i := range text {
			if text[i] = byte(chance.Uint32()); chance.IntN(3) > 0 {
				text[i] = 'a'
			}
		}
		want := strings.IndexFunc(string(text[:]), func(c rune) bool { return c == '"' || c == '\\' || c < ' ' })
		stops := Stops(Of("-"+string(text[:]), 1))
		if want < 0 && stops != 0 || want >= 0 && (stops == 0 || First(stops) != want) {
			t.Fatalf("%q: %x, want %d", text, stops, want)
		}
	}
}
