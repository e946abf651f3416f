package check

import (
	"slices"
	"testing"
)

func TestALegalIdentityIsCheckedBeforeItIsSent(t *testing.T) {
	for _, tc := range []struct {
		name         string
		siren, form  *string
		field, codes []string
	}{
		{"nothing to change", nil, nil, nil, nil},
		{"a SIREN", new("123456782"), nil, nil, nil},
		{"the SIREN of La Poste", new("356000000"), nil, nil, nil},
		{"no SIREN any more", new(""), nil, nil, nil},
		{"a digit mistyped", new("123456783"), nil, []string{"siren"}, []string{sirenChecksum}},
		{"two digits swapped", new("132456782"), nil, []string{"siren"}, []string{sirenChecksum}},
		{"eight digits", new("12345678"), nil, []string{"siren"}, []string{sirenInvalid}},
		{"a SIRET", new("12345678200010"), nil, []string{"siren"}, []string{sirenInvalid}},
		{"blanks inside", new("123 456 7"), nil, []string{"siren"}, []string{sirenInvalid}},
		{"digits of another script", new("١٢٣"), nil, []string{"siren"}, []string{sirenInvalid}},
		{"a form that was seen", nil, new("SARL"), nil, nil},
		{"a form that was not seen", nil, new("GAEC"), nil, nil},
		{"a form in lower case", nil, new("sarl"), []string{"legal_form"}, []string{legalFormInvalid}},
		{"a label for a form", nil, new("Association"), []string{"legal_form"}, []string{legalFormInvalid}},
		{"no form any more", nil, new(""), []string{"legal_form"}, []string{legalFormInvalid}},
		{"eleven letters", nil, new("ASSOCIATION"), []string{"legal_form"}, []string{legalFormInvalid}},
		{"both wrong", new("1"), new("1"), []string{"siren", "legal_form"}, []string{sirenInvalid, legalFormInvalid}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var fields, codes []string
			for _, f := range LegalIdentity(tc.siren, tc.form) {
				fields, codes = append(fields, f.Field), append(codes, f.Code)
			}
			if !slices.Equal(fields, tc.field) || !slices.Equal(codes, tc.codes) {
				t.Errorf("%v %v", fields, codes)
			}
		})
	}
}

func TestLoopsOwnJournalIsNotCreated(t *testing.T) {
	if got := JournalCode("AN"); len(got) != 1 || got[0].Code != journalReserved || got[0].Field != "code" {
		t.Errorf("%+v", got)
	}
	if got := JournalCode("AN2"); got != nil {
		t.Errorf("%+v", got)
	}
}

func TestTheEstablishmentOfAnImportIsChecked(t *testing.T) {
	for siret, code := range map[string]string{"": "", "90000000100017": "", "90000000100018": siretChecksum, "9000000010001": siretInvalid} {
		got := SIRET(siret)
		if code == "" && got != nil || code != "" && (len(got) != 1 || got[0].Code != code || got[0].Field != "siret") {
			t.Errorf("%q: %+v", siret, got)
		}
	}
	if got := SIRET("900 000 001 00017"); len(got) != 1 || !slices.Equal(got[0].Suggestions, []string{"90000000100017"}) {
		t.Errorf("%+v", got)
	}
}
