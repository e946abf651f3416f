package tra

import "unicode/utf8"

// Booking is what a line of the ledger books: of kinds blank, X and H. Its texts are in UTF-8, without blanks around them;
// they are good until the call returns.
type Booking struct {
	// Line counts from 1, the header.
	Line int
	// Reference is REFINTERNE, Number NUMEROPIECE, Account GENERAL, and ThirdParty AUXILIAIRE of a line of kind X.
	Journal, DocumentType, Number, Reference, Account, ThirdParty []byte
	// Date is DATECOMPTABLE as the number YYYYMMDD; 0 for none.
	Date int
	// Currency of Debit and Credit; empty for euro, which most lines have.
	Currency      []byte
	Debit, Credit Cents
}

// tell hands a line to those who want to know what it books.
func (v *Validator) tell(m *movement) {
	if v.options.Bookings == nil {
		return
	}
	b := &v.booking // or each line would have one of the heap
	*b = Booking{
		Line: v.line, Journal: m.journal, DocumentType: v.text.cell(fDocumentType), Number: m.number, Reference: m.reference, Account: m.general,
		Date: int(m.date), Debit: m.debit, Credit: m.credit,
	}
	if m.kind == 'X' {
		b.ThirdParty = m.auxiliary
	}
	if m.unit != euro {
		b.Currency = v.text.cell(fCurrency)
	}
	if v.high {
		for _, text := range [...]*[]byte{&b.Journal, &b.DocumentType, &b.Number, &b.Reference, &b.Account, &b.ThirdParty, &b.Currency} {
			if !utf8.Valid(*text) {
				*text = []byte(windows1252(*text))
			}
		}
	}
	v.options.Bookings(b)
}
