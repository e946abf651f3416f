package cegidclient

import "testing"

func TestWhatIsLeftOutMeansWhatIsSent(t *testing.T) {
	two := []Entry{{Date: "2026-02-28"}, {Date: "2026-02-01"}}
	for _, c := range []struct {
		name    string
		options ImportOptions
		want    [2]string
	}{
		{"computed", ImportOptions{}, [2]string{"2026-02-01", "2026-02-28"}},
		{"given", ImportOptions{ContextStart: "2026-01-01", ContextEnd: "2026-12-31"}, [2]string{"2026-01-01", "2026-12-31"}},
		{"given in part", ImportOptions{ContextEnd: "2026-12-31"}, [2]string{"2026-02-01", "2026-12-31"}},
		{"of several periods", ImportOptions{MultiPeriod: true}, [2]string{}},
		{"of several periods, given", ImportOptions{MultiPeriod: true, ContextStart: "2026-01-01"}, [2]string{"2026-01-01", "2026-02-28"}},
	} {
		in := EntryImport{Options: c.options, Entries: two}
		if start, end := in.Context(); [2]string{start, end} != c.want {
			t.Errorf("a context that is %s: %s to %s", c.name, start, end)
		}
	}
	for _, c := range []struct {
		line EntryLine
		want [3]string
	}{
		{EntryLine{Debit: "1.50"}, [3]string{"EUR", "1.50", "1.0"}},
		{EntryLine{Credit: "1.50", Currency: "EUR"}, [3]string{"EUR", "1.50", "1.0"}},
		{EntryLine{Debit: "1.50", Currency: "EUR", CurrencyAmount: "1.5", CurrencyRate: "1"}, [3]string{"EUR", "1.5", "1"}},
		{EntryLine{Debit: "1.50", Currency: "USD", CurrencyAmount: "2"}, [3]string{"USD", "2", ""}},
		{EntryLine{Debit: "1.50", Currency: "USD"}, [3]string{"USD", "", ""}},
	} {
		if currency, amount, rate := c.line.InCurrency(); [3]string{currency, amount, rate} != c.want {
			t.Errorf("%+v: %s %s at %s", c.line, amount, currency, rate)
		}
	}
	if e, l := (Entry{}), (EntryLine{}); e.Movement() != MovementGeneral || l.Type() != LineGeneral {
		t.Errorf("%s, %s", e.Movement(), l.Type())
	}
	if e, l := (Entry{MovementType: MovementDraft}), (EntryLine{LineType: LineForecast}); e.Movement() != MovementDraft || l.Type() != LineForecast {
		t.Errorf("%s, %s", e.Movement(), l.Type())
	}
	if o, not := (ImportOptions{}), (ImportOptions{OpeningBalances: new(false)}); !o.TreatsOpeningBalances() || not.TreatsOpeningBalances() {
		t.Error("opening balances are treated unless told otherwise")
	}
}

func TestEqualNumbersAreWrittenAlike(t *testing.T) {
	for number, want := range map[string]string{
		"120": "120", "0120.50": "120.5", "120.": "120", "0.00": "0", "000": "0", ".5": ".5", "": "", "-1.0": "-1.0", "1e3": "1e3", "1,50": "1,50", "100": "100",
	} {
		if got := CanonicalNumber(number); got != want {
			t.Errorf("%q is %q; want %q", number, got, want)
		}
	}
}

// TestOneClientSaysWhatIsEnabled: an operation that is verified, or that the owner allows.
func TestOneClientSaysWhatIsEnabled(t *testing.T) {
	c := &Client{unverified: []string{"import_tra"}}
	for _, op := range Operations() {
		if got, want := c.Enabled(&op), !op.Unverified || op.ID == "import_tra"; got != want {
			t.Errorf("%s: %t", op.ID, got)
		}
	}
}
