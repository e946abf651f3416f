package check

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
)

// TestFindingsOfEarlierRowsAreRead: ledgers hold them, and the text is that of the code that first wrote it.
func TestFindingsOfEarlierRowsAreRead(t *testing.T) {
	for text, want := range map[string]Finding{
		`{"code":"LABEL_CUT","severity":"notice","field":"entries[0].lines[1].label","message":"m","message_fr":"f","suggestions":["a","b"]}`: {
			Code: "LABEL_CUT", Severity: Notice, Field: "entries[0].lines[1].label", Message: "m", French: "f", Suggestions: []string{"a", "b"},
		},
		`{"code":"DATE_ZERO","severity":"warning","field":"EcritureDate","grounds":["LAW","TAX_TOOL"],"line":2,"column":4,"count":3,"lines":[2,5,9]}`: {
			Code: "DATE_ZERO", Severity: Warning, Field: "EcritureDate", Grounds: Law | TaxTool, Line: 2, Column: 4, Count: 3, Lines: []int{2, 5, 9},
		},
		`{"code":"ENTRY_UNBALANCED","severity":"error","grounds":["FORMAT","BOOKS","LOOP"]}`: {Code: "ENTRY_UNBALANCED", Severity: Error, Grounds: Format | Books | Loop},
	} {
		var got Finding
		if err := json.Unmarshal([]byte(text), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if again, err := json.Marshal(got); err != nil || string(again) != text {
			t.Errorf("%s becomes %s, %v", text, again, err)
		}
	}
}

// TestAFindingOfALaterServerIsRead: two servers of different versions may have one ledger.
func TestAFindingOfALaterServerIsRead(t *testing.T) {
	var got Finding
	err := json.Unmarshal([]byte(`{"code":"NEW","severity":"fatal","grounds":["BOOKS","STARS"],"more":1}`), &got)
	if want := (Finding{Code: "NEW", Grounds: Books}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTheGroundsOfASet(t *testing.T) {
	for g, want := range map[Ground]string{0: "odd", Law: "law", Books | Law: "law, books", Law | TaxTool | Format | Books | Loop: "law, tax tool, format, books, loop"} {
		all := slices.Collect(g.All())
		var sum Ground
		for _, each := range all {
			sum |= each
		}
		if g.String() != want || sum != g || len(all) != len(g.names()) {
			t.Errorf("%d: %s, %v", g, g, all)
		}
	}
}

// TestFindingsAreOrdered: errors before warnings before notices, whichever list they are of, and else as they come.
func TestFindingsAreOrdered(t *testing.T) {
	ordered := Ordered([]Finding{{Code: "A", Severity: Warning}, {Code: "B", Severity: Error}}, nil, []Finding{{Code: "C", Severity: Notice}, {Code: "D", Severity: Error}, {Code: "E", Severity: Warning}})
	var codes []string
	for _, f := range ordered {
		codes = append(codes, f.Code)
	}
	if want := []string{"B", "D", "A", "E", "C"}; !slices.Equal(codes, want) {
		t.Errorf("%v, want %v", codes, want)
	}
}
