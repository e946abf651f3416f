package check

import (
	"fmt"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"cegid.internal/gateway/cegidclient"
)

// good is an import without findings: a purchase, and a payment lettered with it.
func good() cegidclient.EntryImport {
	return cegidclient.EntryImport{
		SIRET:   "90000000100017",
		Options: cegidclient.ImportOptions{ContextStart: "2026-03-01", ContextEnd: "2026-03-31"},
		Entries: []cegidclient.Entry{
			{
				Journal: "ACH", Date: "2026-03-15", Reference: "FA-2026-001", DocumentReference: "FA-2026-001", DocumentDate: "2026-03-14",
				MovementType: cegidclient.MovementGeneral, BatchType: cegidclient.BatchQuickBooks, Batch: "3b0a6c1e-5d1f-4c7b-9a55-2f8f0c6f1d90",
				Lines: []cegidclient.EntryLine{
					{
						Account: "60700000", Label: "Achat de marchandises", Debit: "100", CutoffStart: "2026-01-01", CutoffEnd: "2026-12-31",
						Analytics: []cegidclient.AnalyticSplit{{Axis: "CENTRE", Section: "ATN", Amount: "60"}, {Axis: "CENTRE", Section: "ATS", Amount: "40.00"}, {Axis: "PROJET", Section: "P1", Amount: "100.0"}},
					},
					{Account: "44566000", Label: "TVA 20 %", Debit: "20.00", AttachmentURL: "https://files.example.com/f.pdf"},
					{Account: "40100000", ThirdParty: "FEXEMPLE", Label: "Fournisseur Exemple", DueDate: "2026-04-14", PaymentMode: cegidclient.PaymentTransfer, Credit: "120", LetteringCode: "AA", LetteringDate: "2026-03-20"},
				},
			},
			{
				Journal: "BQ1", Date: "2026-03-20", Reference: "VIR-7", DocumentReference: "VIR-7",
				Lines: []cegidclient.EntryLine{
					{Account: "40100000", ThirdParty: "FEXEMPLE", Label: "Virement", Debit: "120.00", LetteringCode: "AA", LineType: cegidclient.LineGeneral},
					{Account: "51200000", Label: "Virement", Credit: "120.0", Currency: "USD", CurrencyAmount: "130.4567", CurrencyRate: "1.0871", SIRET: "90000000100017"},
				},
			},
		},
	}
}

// one is a finding in short: its code and where.
func one(f Finding) string { return f.Code + " " + f.Field }

func codes(findings []Finding) (out []string) {
	for _, f := range findings {
		out = append(out, one(f))
	}
	return out
}

type change = func(*cegidclient.EntryImport)

func line(f func(*cegidclient.EntryLine)) change {
	return func(in *cegidclient.EntryImport) { f(&in.Entries[0].Lines[1]) }
}

func entry(f func(*cegidclient.Entry)) change {
	return func(in *cegidclient.EntryImport) { f(&in.Entries[0]) }
}

// many repeats the second entry, each with a reference of its own.
func many(entries, lines int) change {
	return func(in *cegidclient.EntryImport) {
		for i := range entries {
			e := in.Entries[0]
			e.Reference = fmt.Sprint("R", i)
			e.Lines = make([]cegidclient.EntryLine, lines)
			for j := range e.Lines {
				e.Lines[j] = cegidclient.EntryLine{Account: "6", Label: "x", Debit: "1"}
			}
			in.Entries = append(in.Entries, e)
		}
	}
}

// formal are the rules on how entries are written.
var formal = []struct {
	name   string
	change change
	want   []string // all findings
}{
	{"nothing is wrong", func(*cegidclient.EntryImport) {}, nil},
	{"no entries", func(in *cegidclient.EntryImport) { in.Entries = nil }, []string{"ENTRIES_MISSING entries"}},
	{"1,001 entries", many(999, 2), []string{"ENTRIES_TOO_MANY entries"}},
	{"5,001 lines", many(4, 1249), []string{"LINES_TOO_MANY entries"}},
	{"one line", func(in *cegidclient.EntryImport) { in.Entries[1].Lines = in.Entries[1].Lines[:1] }, []string{"LINES_TOO_FEW entries[1].lines"}},
	{"no line", func(in *cegidclient.EntryImport) {
		in.Entries[1].Lines, in.Entries[0].Lines[2].LetteringCode, in.Entries[0].Lines[2].LetteringDate = nil, "", ""
	}, []string{"LINES_TOO_FEW entries[1].lines"}},
	{"no journal", entry(func(e *cegidclient.Entry) { e.Journal = " " }), []string{"FIELD_REQUIRED entries[0].journal"}},
	{"no date", entry(func(e *cegidclient.Entry) { e.Date = "" }), []string{"FIELD_REQUIRED entries[0].date"}},
	{"no reference", entry(func(e *cegidclient.Entry) { e.Reference = "" }), []string{"FIELD_REQUIRED entries[0].reference"}},
	{"no account", line(func(l *cegidclient.EntryLine) { l.Account = "" }), []string{"FIELD_REQUIRED entries[0].lines[1].account"}},
	{"no label", line(func(l *cegidclient.EntryLine) { l.Label = "" }), []string{"FIELD_REQUIRED entries[0].lines[1].label"}},
	{"an empty split", line(func(l *cegidclient.EntryLine) { l.Analytics = make([]cegidclient.AnalyticSplit, 1) }), []string{
		"FIELD_REQUIRED entries[0].lines[1].analytics[0].axis", "FIELD_REQUIRED entries[0].lines[1].analytics[0].section", "FIELD_REQUIRED entries[0].lines[1].analytics[0].amount",
	}},
	{"a line break", line(func(l *cegidclient.EntryLine) { l.Comment = "a\nb" }), []string{"TEXT_INVALID entries[0].lines[1].comment"}},
	{"no UTF-8", entry(func(e *cegidclient.Entry) { e.DocumentReference = "\xe9" }), []string{"TEXT_INVALID entries[0].document_reference"}},
	{"an unknown movement type", entry(func(e *cegidclient.Entry) { e.MovementType = "8" }), []string{"VALUE_UNKNOWN entries[0].movement_type"}},
	{"the batch type that Loop has not", entry(func(e *cegidclient.Entry) { e.BatchType = "3" }), []string{"VALUE_UNKNOWN entries[0].batch_type"}},
	{"an unknown line type", line(func(l *cegidclient.EntryLine) { l.LineType = "0" }), []string{"VALUE_UNKNOWN entries[0].lines[1].line_type"}},
	{"an unknown payment mode", line(func(l *cegidclient.EntryLine) { l.PaymentMode = 12 }), []string{"VALUE_UNKNOWN entries[0].lines[1].payment_mode"}},
	{"a batch that is a name", entry(func(e *cegidclient.Entry) { e.Batch = "lot-1" }), []string{"UUID_INVALID entries[0].batch"}},
	{"UUIDs that are none", func(in *cegidclient.EntryImport) {
		in.Options.DefaultJournalID, in.Options.DefaultAccountID, in.Entries[0].ParentEntry, in.Entries[0].OriginEntry = "OD", "471", "3b0a6c1e-5d1f-4c7b-9a55-2f8f0c6f1d9", "3b0a6c1e-5d1f-4c7b-9a55_2f8f0c6f1d90"
		in.Entries[0].Lines[0].ReconciliationCode = "3b0a6c1e-5d1f-4c7b-9a55-2f8f0c6f1d9g"
	}, []string{
		"UUID_INVALID options.default_journal_id", "UUID_INVALID options.default_account_id", "UUID_INVALID entries[0].parent_entry", "UUID_INVALID entries[0].origin_entry",
		"UUID_INVALID entries[0].lines[0].reconciliation_code",
	}},
	{"a day that does not exist", entry(func(e *cegidclient.Entry) { e.Date = "2026-02-30" }), []string{"DATE_INVALID entries[0].date"}},
	{"a French date", entry(func(e *cegidclient.Entry) { e.DocumentDate = "14/03/2026" }), []string{"DATE_INVALID entries[0].document_date"}},
	{"an instant", line(func(l *cegidclient.EntryLine) { l.DueDate = "2026-04-14T00:00:00Z" }), []string{"DATE_INVALID entries[0].lines[1].due_date"}},
	{"29 February of a common year", line(func(l *cegidclient.EntryLine) { l.OperationDate, l.ReconciliationDate = "2026-02-29", "2028-02-29" }), []string{"DATE_INVALID entries[0].lines[1].operation_date"}},
	{"a lettering date that is none", func(in *cegidclient.EntryImport) { in.Entries[0].Lines[2].LetteringDate = "x" }, []string{"DATE_INVALID entries[0].lines[2].lettering_date"}},
	{"context bounds that are none", func(in *cegidclient.EntryImport) { in.Options.ContextStart, in.Options.ContextEnd = "x", "y" }, []string{"DATE_INVALID options.context_start", "DATE_INVALID options.context_end"}},
	{"a reversed context", func(in *cegidclient.EntryImport) { in.Options.ContextStart = "2026-04-01" }, []string{"CONTEXT_REVERSED options.context_start"}},
	{"a date before the context", entry(func(e *cegidclient.Entry) { e.Date = "2026-02-28" }), []string{"DATE_OUTSIDE_CONTEXT entries[0].date"}},
	{"a date after an end without a start", func(in *cegidclient.EntryImport) { in.Options.ContextStart, in.Options.ContextEnd = "", "2026-03-15" }, []string{"DATE_OUTSIDE_CONTEXT entries[1].date"}},
	{"a date on the last day", func(in *cegidclient.EntryImport) { in.Entries[1].Date = "2026-03-31" }, nil},
	{"no context", func(in *cegidclient.EntryImport) { in.Options.ContextStart, in.Options.ContextEnd = "", "" }, nil},
	{"entries of two years", func(in *cegidclient.EntryImport) {
		in.Options, in.Entries[1].Date = cegidclient.ImportOptions{}, "2027-03-17"
	}, []string{"DATES_FAR_APART options.multi_period"}},
	{"entries of two years, meant", func(in *cegidclient.EntryImport) {
		in.Options, in.Entries[1].Date = cegidclient.ImportOptions{MultiPeriod: true}, "2027-03-17"
	}, nil},
	{"entries of one year", func(in *cegidclient.EntryImport) {
		in.Options, in.Entries[1].Date = cegidclient.ImportOptions{}, "2027-03-15"
	}, nil},
	{"due before the document", line(func(l *cegidclient.EntryLine) { l.DueDate = "2026-03-13" }), []string{"DUE_DATE_EARLY entries[0].lines[1].due_date"}},
	{"due before the entry, without a document date", func(in *cegidclient.EntryImport) { in.Entries[1].Lines[0].DueDate = "2026-03-19" }, []string{"DUE_DATE_EARLY entries[1].lines[0].due_date"}},
	{"due on the day", line(func(l *cegidclient.EntryLine) { l.DueDate = "2026-03-14" }), nil},
	{"half a cut-off", line(func(l *cegidclient.EntryLine) { l.CutoffEnd = "2026-03-14" }), []string{"CUTOFF_INCOMPLETE entries[0].lines[1].cutoff_start"}},
	{"the other half", line(func(l *cegidclient.EntryLine) { l.CutoffStart = "2026-03-14" }), []string{"CUTOFF_INCOMPLETE entries[0].lines[1].cutoff_end"}},
	{"a reversed cut-off", line(func(l *cegidclient.EntryLine) { l.CutoffStart, l.CutoffEnd = "2026-03-15", "2026-03-14" }), []string{"CUTOFF_REVERSED entries[0].lines[1].cutoff_start"}},
	{"no side", line(func(l *cegidclient.EntryLine) { l.Debit = "" }), []string{"SIDE_MISSING entries[0].lines[1].debit"}},
	{"both sides", line(func(l *cegidclient.EntryLine) { l.Credit = "0" }), []string{"SIDE_BOTH entries[0].lines[1].credit"}},
	{"a comma", line(func(l *cegidclient.EntryLine) { l.Debit = "20,00" }), []string{"AMOUNT_INVALID entries[0].lines[1].debit"}},
	{"zero", func(in *cegidclient.EntryImport) {
		in.Entries[1].Lines = append(in.Entries[1].Lines, cegidclient.EntryLine{Account: "7", Label: "x", Credit: "0.00"})
	}, []string{"AMOUNT_ZERO entries[1].lines[2].credit"}},
	{"a cent too much", line(func(l *cegidclient.EntryLine) { l.Debit = "20.01" }), []string{"ENTRY_UNBALANCED entries[0]"}},
	{"no currency that exists", line(func(l *cegidclient.EntryLine) { l.Currency, l.CurrencyAmount, l.CurrencyRate = "usd", "1", "1" }), []string{"CURRENCY_INVALID entries[0].lines[1].currency"}},
	{"an amount without a currency", line(func(l *cegidclient.EntryLine) { l.CurrencyAmount = "1" }), []string{"CURRENCY_MISSING entries[0].lines[1].currency"}},
	{"a currency without an amount", line(func(l *cegidclient.EntryLine) { l.Currency, l.CurrencyRate = "USD", "1.1" }), []string{"CURRENCY_AMOUNT_MISSING entries[0].lines[1].currency_amount"}},
	{"five decimals", line(func(l *cegidclient.EntryLine) { l.Currency, l.CurrencyRate, l.CurrencyAmount = "USD", "1.1", "1.00001" }), []string{"CURRENCY_AMOUNT_INVALID entries[0].lines[1].currency_amount"}},
	{"euro that differ", line(func(l *cegidclient.EntryLine) { l.Currency, l.CurrencyAmount = "EUR", "20.0001" }), []string{"CURRENCY_AMOUNT_DIFFERS entries[0].lines[1].currency_amount"}},
	{"euro that are the same", line(func(l *cegidclient.EntryLine) { l.Currency, l.CurrencyAmount = "EUR", "20.0000" }), nil},
	{"a rate of zero", line(func(l *cegidclient.EntryLine) { l.Currency, l.CurrencyAmount, l.CurrencyRate = "USD", "1", "0.000" }), []string{"CURRENCY_RATE_INVALID entries[0].lines[1].currency_rate"}},
	{"no rate", line(func(l *cegidclient.EntryLine) { l.Currency, l.CurrencyAmount = "USD", "1" }), []string{"CURRENCY_RATE_MISSING entries[0].lines[1].currency_rate"}},
	{"two entries alike", func(in *cegidclient.EntryImport) {
		in.Entries[1].Journal, in.Entries[1].Date, in.Entries[1].Reference, in.Entries[1].DocumentReference = "ACH ", "2026-03-15", "FA-2026-001", "FA-2026-001"
	}, []string{"ENTRIES_MIGHT_MERGE entries[1]"}},
	{"two entries of one document", func(in *cegidclient.EntryImport) { in.Entries[1].DocumentReference = "FA-2026-001" }, nil},
	{"Loop's own journal", entry(func(e *cegidclient.Entry) { e.Journal = "AN" }), []string{"JOURNAL_RESERVED entries[0].journal"}},
	{"Loop's own journal in lower case", entry(func(e *cegidclient.Entry) { e.Journal = "an " }), []string{"JOURNAL_RESERVED entries[0].journal"}},
	{"no document reference", entry(func(e *cegidclient.Entry) { e.DocumentReference = "" }), []string{"DOCUMENT_REFERENCE_MISSING entries[0].document_reference"}},
	{"36 characters of label", line(func(l *cegidclient.EntryLine) { l.Label = strings.Repeat("é", 36) }), []string{"LABEL_TOO_LONG entries[0].lines[1].label"}},
	{"35 characters of label", line(func(l *cegidclient.EntryLine) { l.Label = strings.Repeat("é", 35) }), nil},
	{"18 characters of third party", line(func(l *cegidclient.EntryLine) { l.ThirdParty = "FEXEMPLE0123456789" }), []string{"THIRD_PARTY_TOO_LONG entries[0].lines[1].third_party"}},
	{"17 characters of third party", line(func(l *cegidclient.EntryLine) { l.ThirdParty = "FEXEMPLE012345678" }), nil},
	{"a SIRET with spaces", line(func(l *cegidclient.EntryLine) { l.SIRET = "900 000 001 00017" }), []string{"SIRET_INVALID entries[0].lines[1].siret"}},
	{"a mistyped SIRET", func(in *cegidclient.EntryImport) { in.SIRET = "90000000100018" }, []string{"SIRET_CHECKSUM options.siret"}},
	{"another company", line(func(l *cegidclient.EntryLine) { l.SIRET = "35600000000048" }), []string{"SIRETS_OF_SEVERAL_COMPANIES entries[0].lines[1].siret"}},
	{"a lettering that does not balance", func(in *cegidclient.EntryImport) { in.Entries[1].Lines[0].LetteringCode = "AB" }, []string{
		"LETTERING_UNBALANCED entries[0].lines[2].lettering_code", "LETTERING_UNBALANCED entries[1].lines[0].lettering_code",
	}},
	{"a lettering on two accounts", func(in *cegidclient.EntryImport) { in.Entries[1].Lines[0].Account = "40110000" }, []string{"LETTERING_ON_TWO_ACCOUNTS entries[1].lines[0].lettering_code"}},
	{"a lettering of two third parties", func(in *cegidclient.EntryImport) { in.Entries[1].Lines[0].ThirdParty = "FAUTRE" }, []string{"LETTERING_OF_SEVERAL_THIRD_PARTIES entries[1].lines[0].lettering_code"}},
	{"a lettering of unknown amounts", func(in *cegidclient.EntryImport) { in.Entries[1].Lines[0].Debit = "x" }, []string{"AMOUNT_INVALID entries[1].lines[0].debit"}},
	{"a lettering date without code", line(func(l *cegidclient.EntryLine) { l.LetteringDate = "2026-03-20" }), []string{"LETTERING_DATE_ALONE entries[0].lines[1].lettering_date"}},
	{"an http link", line(func(l *cegidclient.EntryLine) { l.AttachmentURL = "http://files.example.com/f" }), []string{"ATTACHMENT_INVALID entries[0].lines[1].attachment_url"}},
	{"a link with a password", line(func(l *cegidclient.EntryLine) { l.AttachmentURL = "https://u:p@files.example.com/f" }), []string{"ATTACHMENT_INVALID entries[0].lines[1].attachment_url"}},
	{"a link without host", line(func(l *cegidclient.EntryLine) { l.AttachmentURL = "https:///f" }), []string{"ATTACHMENT_INVALID entries[0].lines[1].attachment_url"}},
	{"a path", line(func(l *cegidclient.EntryLine) { l.AttachmentURL = "142ae28e/f.pdf" }), []string{"ATTACHMENT_INVALID entries[0].lines[1].attachment_url"}},
	{"a link that ends", line(func(l *cegidclient.EntryLine) {
		l.AttachmentURL = "https://a.blob.core.windows.net/c/f?se=2020-01-01T00:00:00Z&sig=x"
	}), []string{"ATTACHMENT_SHORT_LIVED entries[0].lines[1].attachment_url"}},
	{"parts that do not add up", func(in *cegidclient.EntryImport) { in.Entries[0].Lines[0].Analytics[1].Amount = "39.99" }, []string{"ANALYTICS_UNBALANCED entries[0].lines[0].analytics"}},
	{"a part that is no amount", func(in *cegidclient.EntryImport) { in.Entries[0].Lines[0].Analytics[1].Amount = "-40" }, []string{"AMOUNT_INVALID entries[0].lines[0].analytics[1].amount"}},
}

func TestWhatEntriesFinds(t *testing.T) {
	for _, tc := range findings {
		t.Run(tc.name, func(t *testing.T) {
			in := good()
			tc.change(&in)
			got, totals := Entries(in)
			if !slices.Equal(codes(got), tc.want) {
				t.Errorf("found %q, want %q", codes(got), tc.want)
			}
			if totals.Entries != len(in.Entries) {
				t.Errorf("%+v", totals)
			}
		})
	}
}

// everything gives every finding that the tests of this package provoke.
func everything() (out []Finding) {
	for _, tc := range findings {
		in := good()
		tc.change(&in)
		got, _ := Entries(in)
		out = append(out, got...)
	}
	for _, tc := range preflights {
		in := good()
		tc.change(&in)
		out = append(out, Against(in, dossier())...)
	}
	in := good()
	in.Entries[0].Lines[0].Label = strings.Repeat("x", 40)
	_, cut := CutLabels(in)
	out = append(out, cut...)
	for _, siren := range []string{"12345678", "123456789"} {
		out = append(out, LegalIdentity(&siren, new("Sarl"))...)
	}
	out = append(out, Overlaps([]Overlap{
		{Likeness: NotInLoop, Import: "r1", State: "FAILED", Sought: "FA-1"},
		{Likeness: AlreadyImported, Import: "r1", State: "SUCCEEDED"},
		{Entry: 1, Likeness: MaybeImported, State: "WAITING"},
		{Entry: 2, Likeness: DocumentImported, Import: "r1", State: "FAILED"},
	})...)
	return append(out, JournalCode("AN")...)
}

func TestEveryCodeCanBeFoundAndSaysWhatToDo(t *testing.T) {
	reached := map[string]bool{}
	for _, f := range everything() {
		reached[f.Code] = true
		i := slices.IndexFunc(Codes(), func(r Rule) bool { return r.Code == f.Code })
		if i < 0 || Codes()[i].Severity != f.Severity {
			t.Errorf("%+v is not as the table says", f)
		}
		for _, s := range []string{f.Message, f.French} {
			if strings.ContainsAny(s, "{}") || s == f.Code || len(s) > 600 {
				t.Errorf("%s: %q", f.Code, s)
			}
		}
		for state := range statesInFrench {
			if strings.Contains(f.French, state) {
				t.Errorf("%s names a state in English: %s", f.Code, f.French)
			}
		}
		if strings.Contains(f.Message+f.French, "://files") || strings.Contains(f.Message, "sig=") {
			t.Errorf("%s shows an address: %s", f.Code, f.Message)
		}
	}
	placeholder := regexp.MustCompile(`\{[a-z]+\}`)
	seen := map[string]bool{}
	for _, r := range Codes() {
		if !reached[r.Code] {
			t.Errorf("%s is never found", r.Code)
		}
		if seen[r.Code] || r.Severity < Notice || r.Severity > Error || r.Severity.String() == "unknown" || !regexp.MustCompile(`^[A-Z][A-Z_]+[A-Z]$`).MatchString(r.Code) {
			t.Errorf("%+v", r)
		}
		seen[r.Code] = true
		en, fr := placeholder.FindAllString(r.Message, -1), placeholder.FindAllString(r.French, -1)
		slices.Sort(en)
		slices.Sort(fr)
		if !slices.Equal(slices.Compact(en), slices.Compact(fr)) {
			t.Errorf("%s says %v in English and %v in French", r.Code, en, fr)
		}
		// What is wrong, and what to do: two sentences at least, or two halves.
		for _, s := range []string{r.Message, r.French} {
			if strings.Count(strings.ReplaceAll(s, "{advice}", "Write."), ".") < 2 {
				t.Errorf("%s: %q does not say both what is wrong and what to do", r.Code, s)
			}
		}
	}
	changed := Codes()
	changed[0].Code = "X"
	if Codes()[0].Code == "X" {
		t.Error("the table is not a copy")
	}
}

func TestTheSentencesThatAccountantsRead(t *testing.T) {
	for _, tc := range []struct {
		name        string
		change      change
		en, fr      string
		suggestions []string
	}{
		{
			"an unbalanced entry", func(in *cegidclient.EntryImport) { in.Entries[0].Lines[1].Debit = "1120.05" },
			"The entry does not balance: debit 1220.05, credit 120.00, difference 1100.05. Correct an amount, or add the line that is missing.",
			"L'écriture n'est pas équilibrée : débit 1220,05, crédit 120,00, écart 1100,05. Corrigez un montant, ou ajoutez la ligne manquante.", nil,
		},
		{
			"a comma", line(func(l *cegidclient.EntryLine) { l.Debit = "20,00" }),
			`"20,00" is not an amount. Write 20.00.`, "« 20,00 » n'est pas un montant. Écrivez 20.00.",
			[]string{"20.00"},
		},
		{
			"a minus", line(func(l *cegidclient.EntryLine) { l.Debit = "-5" }),
			`"-5" is not an amount. Amounts have no sign: write 5 on the credit side instead.`, "« -5 » n'est pas un montant. Les montants n'ont pas de signe : écrivez 5 au crédit.", nil,
		},
		{
			"an exponent", line(func(l *cegidclient.EntryLine) { l.Debit = "1e3" }),
			`"1e3" is not an amount. Write up to 13 digits, with up to two decimals after a point, without a sign, a separator or an exponent, such as 1234.50.`,
			"« 1e3 » n'est pas un montant. Écrivez 13 chiffres au plus, avec deux décimales au plus après un point, sans signe, séparateur ni exposant, par exemple 1234.50.", nil,
		},
		{
			"a date outside", entry(func(e *cegidclient.Entry) { e.Date = "2026-04-01" }),
			"The entry is dated 2026-04-01, outside the context of the import (2026-03-01 to 2026-03-31). Correct the date, or widen the context or leave it out.",
			"L'écriture est datée du 01/04/2026, hors du contexte de l'import (01/03/2026 au 31/03/2026). Corrigez la date, ou élargissez le contexte ou omettez-le.", nil,
		},
		{
			"a missing account", line(func(l *cegidclient.EntryLine) { l.Account = "" }),
			"The account number is missing. Fill it in.", "Champ obligatoire non renseigné : numéro de compte. Complétez-le.", nil,
		},
		{
			"a SIRET with spaces", line(func(l *cegidclient.EntryLine) { l.SIRET = "900 000 001 00017" }),
			`"900 000 001 00017" is not a SIRET. Write its 14 digits without spaces.`, "« 900 000 001 00017 » n'est pas un SIRET. Écrivez ses 14 chiffres sans espace.",
			[]string{"90000000100017"},
		},
		{
			"a value that looks like a placeholder", line(func(l *cegidclient.EntryLine) { l.Debit = "{advice}\n" + strings.Repeat("x", 90) }),
			`"{advice} ` + strings.Repeat("x", 51) + `…" is not an amount. Write up to 13 digits, with up to two decimals after a point, without a sign, a separator or an exponent, such as 1234.50.`, "", nil,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := good()
			tc.change(&in)
			got, _ := Entries(in)
			if len(got) == 0 || got[0].Message != tc.en || tc.fr != "" && got[0].French != tc.fr || !slices.Equal(got[0].Suggestions, tc.suggestions) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestAdviceOnAmounts(t *testing.T) {
	for in, want := range map[string]string{
		"1,00": "1.00", "1 234,50": "1234.50", "1\u202f234,50": "1234.50", "1.234,50": "1234.50", "1,234.50": "1234.50", "12'000": "12000", "12 €": "12", "+5": "5", "EUR 3.2": "3.2",
		"-5": "", "5-": "", "1e3": "", "": "", "-": "", "1.": "", ".5": "", "1.234": "", "1,234": "", "1,2,3": "", "12345678901234": "", "１": "", "1.2.3": "",
	} {
		if _, got := adviceFor(in, "debit"); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if want != "" && !regexp.MustCompile(`^\d{1,13}(\.\d{1,2})?$`).MatchString(want) {
			t.Error(want)
		}
	}
	if advice, _ := adviceFor("−5,5", "credit"); !strings.Contains(advice.en, "5.5 on the debit side") || !strings.Contains(advice.fr, "au débit") {
		t.Error(advice)
	}
}

// in moves an import into another year.
func in(i cegidclient.EntryImport, year string) cegidclient.EntryImport {
	i.Options.ContextStart, i.Options.ContextEnd = year+i.Options.ContextStart[4:], year+i.Options.ContextEnd[4:]
	for j := range i.Entries {
		i.Entries[j].Date = year + i.Entries[j].Date[4:]
		i.Entries[j].DocumentDate = ""
	}
	return i
}

func TestAttachmentsMustLiveForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // starts on 2000-01-01 UTC
		for query, short := range map[string]bool{
			"?se=2000-01-02T00%3A00%3A00Z&sig=x": false, "?se=2000-01-01T23%3A59%3A59Z&sig=x": true, "?se=2000-01-01T23:59Z": true, "?se=2000-01-01": true, "?se=2000-01-02": false,
			"?se=soon": false, "": false, "?x=%zz": false, "?se=2000-01-02T00:30:00%2B01:00": true,
		} {
			in := in(good(), "2000")
			in.Entries[0].Lines[1].AttachmentURL = "https://a.blob.core.windows.net/c/f.pdf" + query
			got, _ := Entries(in)
			if short != (len(got) == 1 && got[0].Code == attachmentShortLived) {
				t.Errorf("%s: %+v", query, got)
			}
		}
		in := in(good(), "2000")
		in.Entries[0].Lines[1].AttachmentURL = "https://a.example/f?se=2000-01-01T12:30:00Z"
		if got, _ := Entries(in); !strings.Contains(got[0].French, "expire le 01/01/2000 à 12:30 UTC") {
			t.Error(got)
		}
	})
}

func TestSIRETs(t *testing.T) {
	if luhn("35600000049837") {
		t.Error("no example of La Poste's own rule")
	}
	for s, want := range map[string]string{
		"90000000100017": "", "35600000000048": "", "35600000049837": "", "35600000049838": siretChecksum, // La Poste: digits that add up to 45, and no Luhn key
		"90000000100018": siretChecksum, "9000000010001": siretInvalid, "900000001000177": siretInvalid, "9000000010001A": siretInvalid, "９0000000100017": siretInvalid,
	} {
		if got := checkSIRET(s); got != want {
			t.Errorf("%s: %q, want %q", s, got, want)
		}
	}
}

func TestTotals(t *testing.T) {
	_, got := Entries(good())
	if want := (Totals{Entries: 2, Lines: 5, Debit: "240.00", Credit: "240.00", FirstDate: "2026-03-15", LastDate: "2026-03-20"}); got != want {
		t.Errorf("%+v", got)
	}
	// The largest import that there is: no sum overflows.
	in := good()
	in.Entries = in.Entries[1:]
	in.Entries[0].Lines = nil
	for range MaxLines {
		in.Entries[0].Lines = append(in.Entries[0].Lines, cegidclient.EntryLine{Account: "6", Label: "x", Debit: "9999999999999.99"})
	}
	found, got := Entries(in)
	if got.Debit != "49999999999999950.00" || got.Credit != "0.00" || len(found) != 1 || !strings.Contains(found[0].Message, "difference 49999999999999950.00") {
		t.Errorf("%+v, %+v", got, found)
	}
	in.Entries[0].Lines = append(in.Entries[0].Lines, in.Entries[0].Lines[0])
	if _, got := Entries(in); got.Lines != MaxLines+1 || got.Debit != "0.00" {
		t.Errorf("%+v", got)
	}
	// Parts of one line have no limit of number here: their sum saturates.
	in = good()
	in.Entries[0].Lines[1].Analytics = slices.Repeat([]cegidclient.AnalyticSplit{{Axis: "A", Section: "S", Amount: "9999999999999.99"}}, 10_000)
	if found, _ := Entries(in); !slices.Equal(codes(found), []string{"ANALYTICS_UNBALANCED entries[0].lines[1].analytics"}) {
		t.Error(codes(found))
	}
}

func TestLabelsAreCutVisiblyAndNothingElseIs(t *testing.T) {
	long := func() cegidclient.EntryImport {
		in := good()
		in.Entries[0].Lines[1].Label = "Prestation de maintenance été 2026, site de Lyon"
		in.Entries[0].Lines[2].ThirdParty = "FEXEMPLE0123456789"
		in.Entries[1].Lines[0].Label = strings.Repeat("é", 35)
		in.Entries[1].Lines[1].Label = strings.Repeat("\xff", 40)
		return in
	}
	in := long()
	cut, got := CutLabels(in)
	if !reflect.DeepEqual(in, long()) {
		t.Error("what was given has changed")
	}
	if !slices.Equal(codes(got), []string{"LABEL_CUT entries[0].lines[1].label"}) || got[0].Severity != Notice || HasErrors(got) {
		t.Fatalf("%+v", got)
	}
	if l := cut.Entries[0].Lines[1].Label; l != "Prestation de maintenance été 2026," || len([]rune(l)) != MaxLabelLength {
		t.Error(l)
	}
	if want := "Le libellé « Prestation de maintenance été 2026, site de Lyon » a été coupé à 35 caractères, comme demandé : « Prestation de maintenance été 2026, ». Vérifiez qu'il reste compréhensible."; got[0].French != want {
		t.Error(got[0].French)
	}
	in.Entries[0].Lines = slices.Clone(in.Entries[0].Lines)
	in.Entries[0].Lines[1].Label = cut.Entries[0].Lines[1].Label
	if !reflect.DeepEqual(cut, in) {
		t.Error("something else was cut")
	}
}

func TestDecimalsAreReadAndWrittenExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringMatching(`\d{1,13}(\.\d{1,2})?`), rapid.StringMatching(`[-+]?\d{0,15}[.,e]?\d{0,4}`), rapid.String()).Draw(t, "amount")
		cents, ok := parseCents(s)
		if ok != regexp.MustCompile(`^[0-9]{1,13}(\.[0-9]{1,2})?$`).MatchString(s) {
			t.Fatalf("%q: %t", s, ok)
		}
		if !ok {
			return
		}
		want, _ := new(big.Rat).SetString(s)
		if new(big.Rat).SetFrac64(cents, 100).Cmp(want) != 0 || want.FloatString(2) != formatCents(cents) {
			t.Fatalf("%q is %d, written %s", s, cents, formatCents(cents))
		}
	})
	if formatCents(-1234) != "-12.34" || formatCents(5) != "0.05" || formatCents(0) != "0.00" {
		t.Error("written wrong")
	}
}
