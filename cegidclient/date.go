package cegidclient

import (
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // Europe/Paris, wherever this package runs
)

// Date is a day, YYYY-MM-DD. Loop writes it as an instant, midnight UTC in its samples (loop-api: A 2.1, 2.8).
type Date string

const midnight = "T00:00:00.000Z"

// paris is where the days of French bookkeeping begin.
var paris = sync.OnceValue(func() *time.Location {
	loc, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err) // embedded above
	}
	return loc
})

// readDate reads a JSON value as a day. Canonical is midnight UTC as Loop writes it. A day alone is read too, and any
// other instant as the day that it falls on in Paris.
func readDate(raw string) (day Date, ok, canonical bool) {
	if raw[0] != '"' {
		return "", false, false
	}
	text := unquote(raw)
	if t, err := time.Parse(time.DateOnly, strings.TrimSuffix(text, midnight)); err == nil && t.Year() > 0 {
		return Date(t.Format(time.DateOnly)), true, strings.HasSuffix(text, midnight)
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.UTC().Year() <= 0 {
		return "", false, false
	}
	if utc := t.UTC(); !utc.Equal(utc.Truncate(24 * time.Hour)) {
		t = t.In(paris())
	} else {
		t = utc
	}
	if t.Year() > 9999 {
		return "", false, false
	}
	return Date(t.Format(time.DateOnly)), true, false
}
