package fec_test

import (
	"fmt"
	"io"
	"strings"

	"cegid.internal/gateway/cegidclient/fec"
)

const file = `JournalCode|JournalLib|EcritureNum|EcritureDate|CompteNum|CompteLib|CompAuxNum|CompAuxLib|PieceRef|PieceDate|EcritureLib|Debit|Credit|EcritureLet|DateLet|ValidDate|Montantdevise|Idevise
ACH|Achats|1|20260315|60700000|Achats|||FA-1|20260315|Achat|100.00|0|||20260331||
ACH|Achats|1|20260315|40100000|Fournisseurs|FEXEMPLE|Exemple|FA-1|20260315|Exemple|0|99,50|||20260331||
`

// A file is checked on its way to somewhere else.
func ExampleValidator() {
	v := fec.NewValidator(fec.Options{Name: "900000001FEC20261231.txt"})
	upload := io.TeeReader(strings.NewReader(file), v)
	if _, err := io.Copy(io.Discard, upload); err != nil {
		fmt.Println(err)
	}
	report := v.Close()
	for _, f := range report.Findings {
		fmt.Printf("%v %s, line %d, column %d (%v)\n%s\n", f.Severity, f.Code, f.Line, f.Column, f.Grounds, f.French)
	}
	fmt.Println(report.Lines, report.Debit, report.Credit, report.HasErrors())
	// Output:
	// error ENTRY_UNBALANCED, line 2, column 0 (books)
	// L'écriture 1 du journal ACH, qui commence ici, n'est pas équilibrée : débit 100,00, crédit 99,50, écart 0,50. Corrigez un montant, ou ajoutez la ligne manquante.
	// warning AMOUNT_POINT, line 2, column 12 (law, tax tool)
	// « 100.00 » dans Debit (débit) a un point décimal. Écrivez une virgule.
	// 2 100.00 99.50 true
}

// The lines are handed out one by one.
func ExampleReader() {
	r := fec.NewReader(strings.NewReader(file), fec.Options{})
	for {
		line, err := r.Read()
		if err != nil {
			fmt.Println(err, r.Report().HasErrors())
			return
		}
		fmt.Println(line.Number, line.EcritureDate, line.CompteNum, line.Debit, line.Credit, line.Valid)
	}
	// Output:
	// 2 2026-03-15 60700000 100.00 0.00 true
	// 3 2026-03-15 40100000 0.00 99.50 true
	// EOF true
}
