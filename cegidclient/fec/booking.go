package fec

import "unicode/utf8"

// Booking is what a line books. Its texts are in UTF-8, without blanks around them; they are good until the call returns.
type Booking struct {
	// Line counts from 1, the line of field names.
	Line int
	// Journal is JournalCode, Number EcritureNum, Document PieceRef, Account CompteNum, ThirdParty CompAuxNum.
	Journal, Number, Document, Account, ThirdParty []byte
	// Date is EcritureDate as the number YYYYMMDD; 0 for none.
	Date int
	// Debit and Credit are also filled from Montant and Sens.
	Debit, Credit Cents
}

// tell hands a line to those who want to know what it books.
func (v *Validator) tell(c *cells, m *movement) {
	if v.options.Bookings == nil {
		return
	}
	b := &v.booking // or each line would have one of the heap
	*b = Booking{
		Line: v.line, Journal: c[JournalCode], Number: c[EcritureNum], Document: c[PieceRef], Account: c[CompteNum], ThirdParty: c[CompAuxNum],
		Date: int(m.date), Debit: m.debit, Credit: m.credit,
	}
	if v.high != 0 {
		for _, text := range [...]*[]byte{&b.Journal, &b.Number, &b.Document, &b.Account, &b.ThirdParty} {
			if !utf8.Valid(*text) {
				*text = []byte(decode(*text))
			}
		}
	}
	v.options.Bookings(b)
}
