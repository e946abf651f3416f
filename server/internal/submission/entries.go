package submission

import (
	"context"
	"net/url"
	"slices"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/server/internal/ledger"
)

// Format is what an import is of, as the ledger keeps it.
type Format string

// The formats; empty is not said.
const (
	FormatEntries Format = "ENTRIES"
	FormatFEC     Format = "FEC"
	FormatCustom  Format = "CUSTOM"
	FormatTRA     Format = "TRA"
)

// Formats returns all of them: tests of service hold that each has its value in the contract.
func Formats() []Format { return []Format{FormatEntries, FormatFEC, FormatCustom, FormatTRA} }

// Entries are entries to import, and how they are checked.
type Entries struct {
	Request
	Content cegidclient.EntryImport
	// CutLabels shortens labels that Loop would cut, SkipPreflight compares nothing with the dossier.
	CutLabels, SkipPreflight bool
	// IgnoredFindings are codes of findings to leave out. They say how to check, and are no part of what an import is.
	IgnoredFindings []string
	// RepeatOf are the imports that entries, by their index, are said to repeat.
	RepeatOf map[int]string
}

// cut shortens labels where that is asked for.
func (e *Entries) cut() (found []check.Finding) {
	if e.CutLabels {
		e.Content, found = check.CutLabels(e.Content)
	}
	return found
}

// ImportEntries imports entries, once.
func (w *Writer) ImportEntries(ctx context.Context, p Practice, e Entries) (Result, error) {
	return w.once(ctx, w.entries(p, e))
}

// CheckEntries answers what is found in entries, and adds them up.
func (w *Writer) CheckEntries(ctx context.Context, p Practice, e Entries) ([]check.Finding, ledger.Totals, error) {
	cut := e.cut()
	found, totals, err := w.examine(ctx, p, e, cut)
	if err != nil {
		return nil, ledger.Totals{}, err
	}
	elsewhere, err := w.compare(ctx, p, &e, !check.HasErrors(found))
	if err != nil {
		return nil, ledger.Totals{}, err
	}
	return append(found, elsewhere.kept(e.IgnoredFindings)...), totals, nil
}

func (w *Writer) entries(p Practice, e Entries) write {
	cut := e.cut()
	s := e.submission(ledger.KindEntries)
	s.Format, s.Fingerprints = string(FormatEntries), []ledger.Fingerprint{content(e.Dossier, &e.Content), fingerprint(e.Dossier, &e.Content)}
	s.DocumentReferences, s.Clues = documentReferences(e.Content), clues(e.Content)
	return write{
		submission: s,
		check: func(ctx context.Context, s *ledger.Submission) error {
			found, totals, err := w.examine(ctx, p, e, cut)
			if err != nil {
				return err
			}
			if err := refusal(found); err != nil {
				return err
			}
			elsewhere, err := w.compare(ctx, p, &e, true)
			if err != nil {
				return err
			}
			if err := elsewhere.refusal(); err != nil {
				return err
			}
			// What lets an entry be sent that is elsewhere is kept, whatever else there is.
			s.Digests, s.Totals = elsewhere.digests, totals
			s.Findings = append(elsewhere.kept(e.IgnoredFindings), found...)
			return nil
		},
		send: func(ctx context.Context) (string, error) { return p.Client.Imports.Submit(ctx, e.Dossier, e.Content) },
	}
}

// examine checks entries against the rules and, unless the request turns it off, against the dossier; cut is what was found
// before.
func (w *Writer) examine(ctx context.Context, p Practice, e Entries, cut []check.Finding) ([]check.Finding, ledger.Totals, error) {
	if at := e.Content.FirstAnalytics(); at != "" && !p.enabled(analyticsOperation) {
		return nil, ledger.Totals{}, &UnverifiedError{Operation: analyticsOperation, Field: at}
	}
	if err := ignorable(e.IgnoredFindings, "options.ignored_findings", check.Ignorable); err != nil {
		return nil, ledger.Totals{}, err
	}
	more, totals := check.Entries(e.Content)
	found := append(cut, more...)
	if !e.SkipPreflight {
		reference, err := w.Preflight.Reference(ctx, p.Name, p.Client, e.Dossier, e.Content)
		if err != nil {
			return nil, ledger.Totals{}, err
		}
		found = append(found, check.Against(e.Content, reference)...)
	}
	return check.Without(found, e.IgnoredFindings), ledger.Totals(totals), nil
}

const analyticsOperation = "import_json_analytics"

// refusal is the error of findings that stop an import; nil without one.
func refusal(found []check.Finding) error {
	if check.HasErrors(found) {
		return &RefusedError{found}
	}
	return nil
}

// documentReferences are those by which an import can be found again.
func documentReferences(in cegidclient.EntryImport) []string {
	var out []string
	for _, entry := range in.Entries {
		if entry.DocumentReference != "" {
			out = append(out, entry.DocumentReference)
		}
	}
	return out
}

// clues are what the entries of each document reference can be told by in Loop.
func clues(in cegidclient.EntryImport) map[string]ledger.Clue {
	out := map[string]ledger.Clue{}
	add := func(to []string, value string) []string {
		if value == "" || slices.Contains(to, value) {
			return to
		}
		return append(to, value)
	}
	for _, entry := range in.Entries {
		clue := out[entry.DocumentReference]
		clue.Journals, clue.Dates = add(clue.Journals, entry.Journal), add(add(clue.Dates, entry.Date), entry.DocumentDate)
		out[entry.DocumentReference] = clue
	}
	return out
}

// fingerprintScheme is that of the fields below, in their order. Another field or order is another scheme.
const fingerprintScheme = 1

// fingerprint digests what would be booked: dossier, options and entries, as they are sent. What can be written in two
// ways and means the same is told apart by meaning: amounts by value, euro said or left out, a context that is given or
// computed. A movement type that is left out and GENERAL are two in this scheme. Of a link the query is left out, because
// signatures in it change.
func fingerprint(dossier string, in *cegidclient.EntryImport) ledger.Fingerprint {
	h := ledger.NewHasher(fingerprintScheme)
	h.Text(string(FormatEntries)).Text(dossier).Text(in.SIRET)
	o := in.Options
	h.Bool(o.MultiPeriod).Bool(o.CreateJournals).Bool(o.CreateAccounts).Bool(o.CreateThirdParties)
	h.Text(o.DefaultJournalID).Text(o.DefaultAccountID).Bool(o.SortLines).Bool(o.NewFolio).Bool(o.CreateDocumentReference)
	h.Bool(o.TreatsOpeningBalances())
	start, end := in.Context()
	h.Text(start).Text(end)
	h.Int(len(in.Entries))
	for _, e := range in.Entries {
		h.Text(e.Journal).Text(e.JournalLabel).Text(e.Date).Text(e.Reference).Text(e.DocumentReference).Text(e.DocumentDate)
		h.Text(string(e.MovementType)).Text(e.Batch).Text(string(e.BatchType)).Text(e.ParentEntry).Text(e.OriginEntry)
		h.Int(len(e.Lines))
		for _, l := range e.Lines {
			h.Text(l.Account).Text(l.AccountLabel).Text(l.ThirdParty).Text(l.Label).Text(l.Comment)
			h.Text(cegidclient.CanonicalNumber(l.Debit)).Text(cegidclient.CanonicalNumber(l.Credit))
			currency, amount, rate := l.InCurrency()
			h.Text(currency).Text(cegidclient.CanonicalNumber(amount)).Text(cegidclient.CanonicalNumber(rate))
			h.Text(l.OperationDate).Text(l.DueDate).Text(l.CutoffStart).Text(l.CutoffEnd)
			h.Text(l.ReconciliationDate).Text(l.ReconciliationCode).Text(l.LetteringCode).Text(l.LetteringDate)
			h.Int(int(l.PaymentMode)).Text(string(l.LineType)).Text(l.SIRET).Text(withoutQuery(l.AttachmentURL))
			h.Int(len(l.Analytics))
			for _, a := range l.Analytics {
				h.Text(a.Axis).Text(a.Section).Text(cegidclient.CanonicalNumber(a.Amount))
			}
		}
	}
	return h.Sum()
}

func withoutQuery(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return link
	}
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}
