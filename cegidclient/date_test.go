package cegidclient

import "testing"

func TestADayIsReadWhereItBeginsInFrance(t *testing.T) {
	type dated struct {
		Day      *Date `loop:"d"`
		Unmapped Unmapped
	}
	for _, tc := range []struct{ name, raw, want string }{
		{"midnight UTC, as Loop writes it", `"2026-03-15T00:00:00.000Z"`, "2026-03-15"},
		{"a leap day", `"2028-02-29T00:00:00.000Z"`, "2028-02-29"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := decodeOne[dated](t, `{"d":`+tc.raw+`}`)
			if err != nil || show(got.Day) != tc.want || got.Unmapped != nil {
				t.Errorf("%s, %v, %v", show(got.Day), got.Unmapped, err)
			}
		})
	}
	for _, tc := range []struct{ name, raw, want string }{
		{"a day alone", `"2026-03-15"`, "2026-03-15"},
		{"midnight UTC without milliseconds", `"2026-03-15T00:00:00Z"`, "2026-03-15"},
		{"midnight in Paris in winter", `"2026-01-31T23:00:00.000Z"`, "2026-02-01"},
		{"midnight in Paris in summer", `"2026-06-30T22:00:00.000Z"`, "2026-07-01"},
		{"midnight in Paris with its offset", `"2026-07-01T00:00:00+02:00"`, "2026-07-01"},
		{"an evening", `"2026-03-15T18:30:00.000Z"`, "2026-03-15"},
		{"null", `null`, "nil"},
		{"a number", `20260315`, "nil"},
		{"no day of the calendar", `"2026-02-30T00:00:00.000Z"`, "nil"},
		{"the French way", `"15/03/2026"`, "nil"},
		{"nothing", `""`, "nil"},
		{"the year 0", `"0000-01-01T00:00:00.000Z"`, "nil"},
		{"beyond the year 9999", `"9999-12-31T23:30:00.000Z"`, "nil"},
		{"an object", `{}`, "nil"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := decodeOne[dated](t, `{"d":`+tc.raw+`}`)
			if err != nil || show(got.Day) != tc.want || got.Unmapped["d"] != tc.raw {
				t.Errorf("%s, %v, %v", show(got.Day), got.Unmapped, err)
			}
		})
	}
}
