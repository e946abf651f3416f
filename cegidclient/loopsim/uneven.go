package loopsim

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// The books that [UnevenBooks] makes.
const (
	UnevenLines     = 100_000
	UnevenAccounts  = 200 // of the chart, most of them without a line
	UnevenDay       = "2026-03-31"
	UnevenDayLines  = 5_000
	UnevenFrom      = "2025-01-01"
	UnevenTo        = "2026-12-31"
	UnevenJournal   = "VTE" // of half of the lines
	unevenQuarterly = 1_400
)

// UnevenBooks returns a dossier of two years with [UnevenLines] lines, for what reads whole books: one day has 5,000 of them, the
// last days of the other quarters 1,400, weekends none; one journal has half. No question by day, journal and account has more
// than Loop gives. It is the same each time, and no dossier of the sandbox.
func UnevenBooks() Content {
	chart, entries := LargeChart(UnevenAccounts), []Entry(nil)
	r := rand.New(rand.NewPCG(17, 5))
	used := chart[len(chart)-60:]

	first, _ := time.Parse(time.DateOnly, UnevenFrom)
	lines := map[string]int{}
	var workdays []string
	left := UnevenLines
	for day := first; day.Format(time.DateOnly) <= UnevenTo; day = day.AddDate(0, 0, 1) {
		name, tomorrow := day.Format(time.DateOnly), day.AddDate(0, 0, 1)
		switch {
		case name == UnevenDay:
			lines[name] = UnevenDayLines
		case tomorrow.Day() == 1 && day.Month()%3 == 0:
			lines[name] = unevenQuarterly
		case day.Weekday() != time.Saturday && day.Weekday() != time.Sunday:
			workdays = append(workdays, name)
		}
		left -= lines[name]
	}
	for ; left > 0; left -= 2 { // the others as chance has it, a month's last more than its first
		day := workdays[r.IntN(len(workdays))]
		if of, err := time.Parse(time.DateOnly, day); err == nil && r.IntN(31) > of.Day() {
			day = workdays[r.IntN(len(workdays))]
		}
		lines[day] += 2
	}
	others := []string{"ACH", "BQ1", "OD", "ACH"}
	serial := 0
	for day := first; day.Format(time.DateOnly) <= UnevenTo; day = day.AddDate(0, 0, 1) {
		name := day.Format(time.DateOnly)
		for i := 0; i < lines[name]; i += 2 {
			serial++
			journal, piece, amount := UnevenJournal, fmt.Sprintf("P-%06d", serial), int64(1+r.IntN(1_000_000))
			if i%4 == 2 {
				journal = others[r.IntN(len(others))]
			}
			entry := Entry{Journal: journal, Date: name, Reference: piece, RefPiece: piece, Lines: []EntryLine{
				{Compte: used[r.IntN(len(used))].Numero, Libelle: "Vente", Debit: amount},
				{Compte: used[r.IntN(len(used))].Numero, Libelle: "Vente", Credit: amount},
			}}
			for l := range entry.Lines {
				if r.IntN(5) < 2 {
					entry.Lines[l].Lettrage = fmt.Sprintf("L%d", serial)
				}
			}
			entries = append(entries, entry)
		}
	}
	return With(With(Template(), chart...), entries...)
}
