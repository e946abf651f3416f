package cegidclient

import (
	"errors"
	"strings"
	"testing"
)

func TestFilters(t *testing.T) {
	for want, f := range map[string]Filter{
		``:                     {},
		`numero=="60100000"`:   Equal(AccountNumber, "60100000"),
		`libelle!="d'achat é"`: NotEqual(AccountLabel, "d'achat é"),
		`code=="ACH"&&datePiece>="2026-03-01"&&codeLettrage==null&&refPiece!=null`: And(And(Equal("code", "ACH"), AtLeast("datePiece", "2026-03-01")), Filter{}, And(IsNull("codeLettrage"), NotNull("refPiece"))),
	} {
		if got, err := f.Expression(); err != nil || got != want {
			t.Errorf("%s, %v", got, err)
		}
		if f.IsZero() != (want == "") {
			t.Error("IsZero")
		}
	}
	for _, bad := range []string{`"`, `a"||true||"`, `\`, "a\nb", "\x00", "\u0085", "\u2028", "\xff"} {
		for _, f := range []Filter{Equal("code", bad), NotEqual("code", bad), AtLeast("code", bad), And(Equal("code", "x"), Equal("code", bad)), Equal(Field("code"+bad), "x")} {
			if s, err := f.Expression(); !errors.Is(err, ErrInvalidArgument) || s != "" {
				t.Errorf("%q gave %q, %v", bad, s, err)
			}
		}
	}
	for _, bad := range []string{"", "2026-3-1", "2026-02-30", "2026-03-01T00:00:00Z"} {
		if _, err := AtLeast("date", bad).Expression(); !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%q accepted", bad)
		}
	}
	for _, bad := range []Field{"", "1a", "a.b", "a b", "a==b", "é"} {
		if _, err := IsNull(bad).Expression(); !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("field %q accepted", bad)
		}
	}
}

func TestSortAppendsTheUniqueKey(t *testing.T) {
	for want, order := range map[string][]Order{
		"numero":               nil,
		"libelle:desc&&numero": {{Field: AccountLabel, Desc: true}},
		"numero:desc&&libelle": {{Field: AccountNumber, Desc: true}, {Field: AccountLabel}},
	} {
		if got := sortExpression(order, AccountNumber); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{"60100000", `a"`, `\`, "é&&==\"", "", "null", "a\u2028b"} {
		f.Add("numero", s)
	}
	f.Fuzz(func(t *testing.T, field, value string) {
		got, err := And(Equal(Field(field), value), NotEqual("code", value)).Expression()
		if err != nil {
			return
		}
		// The value is between its quotation marks and nothing of it can end them.
		if got != field+`=="`+value+`"&&code!="`+value+`"` || strings.Count(got, `"`) != 4 || strings.ContainsAny(got, "\\\n\r") {
			t.Fatalf("%q", got)
		}
	})
}
