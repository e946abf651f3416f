package loopsim

import (
	"fmt"
	"testing"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
)

// TestTheSandboxsBooksAreSound: the rules on what entries mean find nothing in a year of them, nor do the others.
func TestTheSandboxsBooksAreSound(t *testing.T) {
	in := cegidclient.EntryImport{}
	for _, e := range entries() {
		entry := cegidclient.Entry{Journal: e.Journal, Date: e.Date, Reference: e.Reference, DocumentReference: e.RefPiece}
		for _, l := range e.Lines {
			line := cegidclient.EntryLine{Account: l.Compte, ThirdParty: l.Tiers, Label: l.Libelle}
			if amount := fmt.Sprintf("%d.%02d", (l.Debit+l.Credit)/100, (l.Debit+l.Credit)%100); l.Debit > 0 {
				line.Debit = amount
			} else {
				line.Credit = amount
			}
			entry.Lines = append(entry.Lines, line)
		}
		in.Entries = append(in.Entries, entry)
	}
	found, totals := check.Entries(in)
	if len(found) > 0 || totals.Entries < 72 {
		t.Errorf("%d entries: %+v", totals.Entries, found)
	}
}
