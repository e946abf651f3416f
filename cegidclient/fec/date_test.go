package fec

import "testing"

func TestDatesAreReadInTheOneWayThatTheyCanBe(t *testing.T) {
	for _, c := range []struct {
		text string
		want string
		how  dateShape
	}{
		{"20260315", "2026-03-15", dateGood},
		{"20280229", "2028-02-29", dateGood},
		{"20000229", "2000-02-29", dateGood},
		{"00010101", "0001-01-01", dateGood},
		{"19000229", "", dateNoDay},
		{"20260229", "", dateNoDay},
		{"20260431", "", dateNoDay},
		{"20260001", "", dateNoDay},
		{"20260100", "", dateNoDay},
		{"20261301", "", dateNone},
		{"20260132", "", dateNone},
		{"31122026", "2026-12-31", dateOtherForm},
		{"31022026", "", dateNoDay},
		{"20260315 12:00:00", "2026-03-15", dateOtherForm},
		{"2026-03-15", "2026-03-15", dateOtherForm},
		{"2026/3/5", "2026-03-05", dateUnread},
		{"15/03/2026", "2026-03-15", dateOtherForm},
		{"15.03.2026", "2026-03-15", dateOtherForm},
		{"2026-03-15T00:00:00Z", "2026-03-15", dateUnread},
		{"20260315 12:00", "2026-03-15", dateUnread},
		{"03/15/2026", "", dateNone}, // as in the United States: not guessed
		{"15/03/26", "", dateNone},
		{"15-03", "", dateNone},
		{"15-03-2026-1", "", dateNone},
		{"-15032026", "", dateNone},
		{"2026-03-", "", dateNone},
		{"2026-03-15Tx", "", dateNone},
		{"46096", "", dateNone}, // a day's number in a spreadsheet
		{"202603151", "", dateNone},
		{"2026031", "", dateNone},
		{"mars", "", dateNone},
		{"", "", dateNone},
		{"00000000", "", dateOfZeros},
		{"0000-00-00", "", dateOfZeros},
		{"0", "", dateOfZeros},
	} {
		got, how := parseDate([]byte(c.text))
		if got.String() != c.want || how != c.how {
			t.Errorf("%q is %q with %d, want %q with %d", c.text, got, how, c.want, c.how)
		}
	}
}
