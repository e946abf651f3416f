package submission

import (
	"testing"

	"cegid.internal/gateway/server/internal/ledger"
)

// TestAnImportThatMovesOnIsOneFinding: the months of a file are compared one after another.
func TestAnImportThatMovesOnIsOneFinding(t *testing.T) {
	of := func(id string, state ledger.State) *ledger.OtherImport {
		return &ledger.OtherImport{Key: ledger.Key{RequestID: id}, State: state}
	}
	all := []ledger.Overlap{
		{Line: 2, Refuses: true, Of: of("A", ledger.Waiting)},
		{Line: 4, Refuses: true, Of: of("B", ledger.Succeeded)},
		{Line: 6, Refuses: true, Of: of("A", ledger.Running)},
		{Line: 8, Refuses: true, Of: of("A", ledger.Running)},
	}
	inOneState(all)
	got := findings((&Writer{}).overlapsFor("", all))
	if len(got) != 2 || got[0].Count != 3 || len(got[0].Lines) != 3 || got[1].Count != 1 {
		t.Errorf("%+v; want three entries of A, and one of B", got)
	}
}
