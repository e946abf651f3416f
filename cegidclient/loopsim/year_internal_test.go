package loopsim

import (
	"fmt"
	"testing"
)

// TestAYearOfBooks is one that an accountant believes: each entry balances, VAT is a fifth, what is lettered adds up to nothing, the
// bank is never overdrawn, wages and VAT are settled, and the year ends with a profit.
func TestAYearOfBooks(t *testing.T) {
	for year := 2024; year <= 2028; year++ {
		t.Run(fmt.Sprint(year), func(t *testing.T) {
			entries := booksOf("demo", "CEGID001", year)
			if fmt.Sprint(booksOf("demo", "CEGID001", year)) != fmt.Sprint(entries) || fmt.Sprint(booksOf("demo", "OTHER", year)) == fmt.Sprint(entries) {
				t.Error("the books do not follow from dossier and year")
			}
			balance, packets, months, references := map[string]int64{}, map[string]int64{}, map[string]int{}, map[string]bool{}
			day, result := "", int64(0)
			for _, e := range entries {
				if e.Date < day || e.Date < fmt.Sprintf("%d-01-01", year) || e.Date > fmt.Sprintf("%d-12-31", year) {
					t.Errorf("%s of %s comes after %s", e.Reference, e.Date, day)
				}
				if references[e.Reference] {
					t.Errorf("%s is there twice", e.Reference)
				}
				day, references[e.Reference] = e.Date, true
				months[e.Date[:7]]++
				sum, net, tax := int64(0), int64(0), int64(0)
				for _, l := range e.Lines {
					amount := l.Debit - l.Credit
					sum += amount
					balance[l.Compte] += amount
					if l.Lettrage != "" {
						packets[l.Lettrage] += amount
					}
					if l.Debit < 0 || l.Credit < 0 || l.Debit > 0 == (l.Credit > 0) {
						t.Errorf("%s: a line with %d and %d", e.Reference, l.Debit, l.Credit)
					}
					switch l.Compte[:2] {
					case "44":
						tax += amount
					case "21", "60", "61", "70":
						net += amount
					}
					if l.Compte[0] == '6' || l.Compte[0] == '7' {
						result -= amount
					}
				}
				if sum != 0 {
					t.Errorf("%s is out of balance by %d cents", e.Reference, sum)
				}
				if off := 5*tax - net; (e.Journal == "ACH" || e.Journal == "VTE") && (off < -3 || off > 3) {
					t.Errorf("%s: %d cents of VAT on %d", e.Reference, tax, net)
				}
				if balance["51200000"] < 0 {
					t.Errorf("%s overdraws the bank", e.Reference)
				}
			}
			for packet, sum := range packets {
				if sum != 0 {
					t.Errorf("the packet %s leaves %d cents open", packet, sum)
				}
			}
			if len(months) != 12 || len(packets) < 200 {
				t.Errorf("%d months, %d packets", len(months), len(packets))
			}
			for _, settled := range []string{"44571000", "44566000", "44562000", "43100000", "42100000"} {
				if balance[settled] != 0 {
					t.Errorf("%s ends with %d cents", settled, balance[settled])
				}
			}
			if result <= 0 {
				t.Errorf("the result is %d cents", result)
			}
		})
	}
}
