package tra_test

import (
	"fmt"
	"io"
	"strings"

	"cegid.internal/gateway/cegidclient/tra"
)

const file = `***S5CLIJRLSTD   0101190001011900011     150320261030EXEMPLE
***JALACHACHATS                             ACH
ACH15032026OD60700000                           FA-2026-001                        ACHAT EXEMPLE                                 D              100,00N        EUR          E--
ACH15032026OD60700000         APROJ1            FA-2026-001                        ACHAT EXEMPLE                                 D               90,00N        EUR          E--                                           A1
ACH15032026OD40100000         XFEXEMPLE         FA-2026-001                        FOURNISSEUR EXEMPLE                   14042026C               99.50N        EUR          E--                                              1
`

// A file is checked on its way to somewhere else.
func ExampleValidator() {
	v := tra.NewValidator(tra.Options{})
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
	// error ENTRY_UNBALANCED, line 3, column 0 (format, books)
	// L'écriture FA-2026-001 du journal ACH, qui commence ici, n'est pas équilibrée : débit 100,00, crédit 99,50, écart 0,50. Corrigez un montant, ou ajoutez la ligne manquante.
	// error ANALYTIC_UNBALANCED, line 3, column 219 (format, books)
	// Les lignes analytiques de l'axe A1 totalisent 90,00, et la ligne du compte 60700000 qu'elles ventilent 100,00. Corrigez l'une ou l'autre.
	// error AMOUNT_FORM, line 5, column 131 (format)
	// « 99.50 » dans MONTANT1 (montant) n'est pas écrit comme le format l'exige. Écrivez des chiffres, une virgule décimale entre eux et rien d'autre, un signe moins devant : 99,50.
	// warning HEADER_LOOP, line 1, column 0 (loop)
	// Le fichier commence par « ***S5CLIJRLSTD », et Loop demanderait ***S5CLIJRLETE. Exportez un journal au format étendu.
	// 2 100.00 99.50 true
}

// The lines are handed out one by one.
func ExampleReader() {
	r := tra.NewReader(strings.NewReader(file), tra.Options{})
	for {
		line, err := r.Read()
		if err != nil {
			fmt.Println(err, r.Report().HasErrors())
			return
		}
		switch record := line.Record.(type) {
		case *tra.Header:
			fmt.Println(line.Number, record.Content, record.Format, record.Version)
		case *tra.Journal:
			fmt.Println(line.Number, record.Code, record.Label)
		case *tra.Movement:
			fmt.Println(line.Number, record.Date, record.Kind, record.General, record.Auxiliary, record.Axis, record.Debit, record.Credit, line.Valid)
		}
	}
	// Output:
	// 1 JRL STD 011
	// 2 ACH ACHATS
	// 3 2026-03-15  60700000   100.00 0.00 true
	// 4 2026-03-15 A 60700000 PROJ1 A1 90.00 0.00 true
	// 5 2026-03-15 X 40100000 FEXEMPLE  0.00 99.50 false
	// EOF true
}
