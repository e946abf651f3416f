package check

import "strings"

// LegalIdentity checks the new values of a legal identity; nil is none (loop-api: R 7.3).
func LegalIdentity(siren, legalForm *string) []Finding {
	var f found
	if siren != nil && *siren != "" { // empty clears it
		if code := checkSIREN(*siren); code != "" {
			f.add(code, "siren", quoted("value", *siren))
		}
	}
	if legalForm != nil && !isLegalForm(*legalForm) {
		f.add(legalFormInvalid, "legal_form", quoted("value", *legalForm))
	}
	return f.list
}

// JournalCode checks the code of a journal that is to be created.
func JournalCode(code string) []Finding {
	var f found
	if code == reservedJournal {
		f.add(journalReserved, "code", quoted("value", code))
	}
	return f.list
}

// SIRET checks the establishment of a whole import; an empty one is none.
func SIRET(siret string) []Finding {
	var c checker
	c.checkSIRET("siret", siret)
	return c.list
}

// checkSIREN tells why a SIREN is none: the code of a finding, or nothing.
func checkSIREN(s string) (code string) {
	switch {
	case len(s) != 9 || strings.Trim(s, "0123456789") != "":
		return sirenInvalid
	case luhn(s):
		return ""
	default:
		return sirenChecksum
	}
}

// maxLegalForm is generous: the codes seen have two to four letters.
const maxLegalForm = 10

// isLegalForm looks at the shape alone, since Loop's list was seen in part (ASS, COM, COOP, DIV, SA, SARL; loop-api: R 7.3): a
// code that is on it must not be refused here. All codes seen are upper-case letters; what is in another case is a label or
// a slip. That an empty code clears it is not documented, unlike that of the SIREN.
func isLegalForm(s string) bool {
	return s != "" && len(s) <= maxLegalForm && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
