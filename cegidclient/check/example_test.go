package check_test

import (
	"fmt"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
)

func Example() {
	number := "60700000"
	ref := check.Reference{Accounts: check.IndexAccounts([]cegidclient.Account{{Number: &number}})}
	in := cegidclient.EntryImport{Entries: []cegidclient.Entry{{
		Journal: "ACH", Date: "2026-03-15", Reference: "FA-1", DocumentReference: "FA-1",
		Lines: []cegidclient.EntryLine{
			{Account: "607", Label: "Achat", Debit: "100"},
			{Account: "60700000", Label: "Avoir", Credit: "99.50"},
		},
	}}}
	found, totals := check.Entries(in)
	found = append(found, check.Against(in, ref)...)
	for _, f := range found {
		fmt.Println(f.Severity, f.Code, f.Field, f.Suggestions)
		fmt.Println(f.French)
	}
	fmt.Println(totals.Lines, totals.Debit, totals.Credit, check.HasErrors(found))
	// Output:
	// error ENTRY_UNBALANCED entries[0] []
	// L'écriture n'est pas équilibrée : débit 100,00, crédit 99,50, écart 0,50. Corrigez un montant, ou ajoutez la ligne manquante.
	// error ACCOUNT_UNKNOWN entries[0].lines[0].account [60700000]
	// Le dossier n'a pas de compte 607. Utilisez un de ses comptes avec tous ses chiffres, créez-le dans Loop, ou activez create_accounts.
	// 2 100.00 99.50 true
}
