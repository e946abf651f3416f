package submission

import (
	"bytes"
	"slices"

	"golang.org/x/text/unicode/norm"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/identity"
	"cegid.internal/gateway/server/internal/ledger"
)

// contentScheme is that of what follows. Another field is another scheme; see fingerprint for the one before.
const contentScheme = 2

// content digests what would be booked: dossier, options and every field of the entries, as they are sent. Texts count in NFC
// and what is left out as what it means; the order of entries, of their lines, and of the parts of these does not count. Of a
// link only what signs is left out. It decides whether a request id is repeated: that an entry is elsewhere is told by its
// identity.
func content(dossier string, in *cegidclient.EntryImport) ledger.Fingerprint {
	h := texts{ledger.NewHasher(contentScheme)}
	h.Text(string(FormatEntries)).Text(dossier)
	h.text(in.SIRET)
	o := &in.Options
	h.Bool(o.MultiPeriod).Bool(o.CreateJournals).Bool(o.CreateAccounts).Bool(o.CreateThirdParties)
	h.text(o.DefaultJournalID, o.DefaultAccountID)
	h.Bool(o.SortLines).Bool(o.NewFolio).Bool(o.CreateDocumentReference).Bool(o.TreatsOpeningBalances())
	start, end := in.Context()
	h.text(start, end)
	h.anyOrder(len(in.Entries), func(i int, h texts) {
		e := &in.Entries[i]
		h.text(e.Journal, e.JournalLabel, e.Date, e.Reference, e.DocumentReference, e.DocumentDate)
		h.text(string(e.Movement()), e.Batch, string(e.BatchType), e.ParentEntry, e.OriginEntry)
		h.anyOrder(len(e.Lines), func(i int, h texts) { h.line(&e.Lines[i]) })
	})
	return h.Sum()
}

// texts is a hasher of texts that may be written in several ways.
type texts struct{ *ledger.Hasher }

func (h texts) text(all ...string) {
	for _, text := range all {
		h.Text(norm.NFC.String(text))
	}
}

func (h texts) line(l *cegidclient.EntryLine) {
	h.text(l.Account, l.AccountLabel, l.ThirdParty, l.Label, l.Comment)
	h.numbers(l.Debit, l.Credit)
	currency, amount, rate := l.InCurrency()
	h.text(currency)
	h.numbers(amount, rate)
	h.text(l.OperationDate, l.DueDate, l.CutoffStart, l.CutoffEnd)
	h.text(l.ReconciliationDate, l.ReconciliationCode, l.LetteringCode, l.LetteringDate)
	h.Int(int(l.PaymentMode))
	h.text(string(l.Type()), l.SIRET, identity.Link(l.AttachmentURL))
	h.anyOrder(len(l.Analytics), func(i int, h texts) {
		h.text(l.Analytics[i].Axis, l.Analytics[i].Section)
		h.numbers(l.Analytics[i].Amount)
	})
}

func (h texts) numbers(all ...string) {
	for _, number := range all {
		h.Text(cegidclient.CanonicalNumber(number))
	}
}

// anyOrder adds what may come in any order: the digests of each, sorted.
func (h texts) anyOrder(n int, add func(i int, h texts)) {
	sums := make([]ledger.Fingerprint, n)
	for i := range sums {
		one := texts{ledger.NewHasher(contentScheme)}
		add(i, one)
		sums[i] = one.Sum()
	}
	slices.SortFunc(sums, func(a, b ledger.Fingerprint) int { return bytes.Compare(a.Sum[:], b.Sum[:]) })
	h.Int(n)
	for i := range sums {
		h.Bytes(sums[i].Sum[:])
	}
}
