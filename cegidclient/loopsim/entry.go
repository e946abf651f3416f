package loopsim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A BookedEntry is an entry that an import booked. The lines of one import that share journal, date,
// reference and refPiece are one entry: Loop's own grouping is not documented (loop-api: A 2.10) [I].
type BookedEntry struct {
	ID        string       `json:"id"`
	Seq       uint64       `json:"seq"` // in order of booking, over the whole simulator
	Practice  string       `json:"practice"`
	Dossier   string       `json:"dossier"`
	Import    string       `json:"import"` // its accountingImportRequestId
	Journal   string       `json:"journal"`
	Date      string       `json:"date"` // AAAA-MM-JJ
	Reference string       `json:"reference"`
	RefPiece  string       `json:"refPiece"`
	Lines     []BookedLine `json:"lines"`
}

// A BookedLine is a line as it was booked: labels and third-party codes cut, unknown third parties replaced.
type BookedLine struct {
	ID         string        `json:"id"`
	Account    string        `json:"account"`
	ThirdParty string        `json:"thirdParty,omitempty"`
	Label      string        `json:"label"`
	Debit      string        `json:"debit"`               // euro, two decimals: "120.00"
	Credit     string        `json:"credit"`              // likewise
	Lettering  string        `json:"lettering,omitempty"` // uuid of the packet
	SIRET      string        `json:"siret,omitempty"`
	Attached   bool          `json:"attached,omitempty"`
	Analytics  []BookedSplit `json:"analytics,omitempty"`

	source        importLine
	debit, credit int64 // cents
}

// A BookedSplit is a part of a line's amount on a section.
type BookedSplit struct {
	Axis    string `json:"axis"`
	Section string `json:"section"`
	Amount  string `json:"amount"`
}

// An Entry is an entry that a dossier holds from the start: no import booked it, so neither [Simulator.Entries] nor the
// pages below /_sim/ show it.
type Entry struct {
	Journal, Date, Reference, RefPiece string // Date: AAAA-MM-JJ
	Origine                            string // uuid of the entry that it was made from, if any
	Lines                              []EntryLine
}

// An EntryLine is a line of an Entry, its amounts in cents.
type EntryLine struct {
	Compte, Tiers, Libelle string
	Debit, Credit          int64
	Lettrage               string // the lines of a dossier that share it are one packet
}

// booked is the entry as a dossier holds it.
func (e Entry) booked(d *dossier, n int) *BookedEntry {
	id := func(kind string, parts ...string) string {
		return derivedUUID(append([]string{d.practice, d.code, kind, strconv.Itoa(n)}, parts...)...)
	}
	booked := &BookedEntry{
		ID: id("ecriture"), Practice: d.practice, Dossier: d.code,
		Journal: e.Journal, Date: e.Date, Reference: e.Reference, RefPiece: e.RefPiece, Lines: make([]BookedLine, len(e.Lines)),
	}
	for i, l := range e.Lines {
		line := BookedLine{
			ID: id("ligne", strconv.Itoa(i)), Account: l.Compte, ThirdParty: l.Tiers, Label: l.Libelle,
			Debit: formatEuro(l.Debit), Credit: formatEuro(l.Credit), debit: l.Debit, credit: l.Credit,
			source: importLine{origin: e.Origine, paymentMode: 1, movementType: 1, lineType: 1},
		}
		if l.Lettrage != "" {
			line.Lettering = derivedUUID(d.practice, d.code, "lettrage", l.Lettrage)
		}
		booked.Lines[i] = line
	}
	return booked
}

// books are the entries of a dossier; they only grow, so that a reader needs no copy.
type books struct {
	entries []*BookedEntry
	lines   []bookedAt
	// Lines by what a filter names: else each question would look at all of them.
	pieces, days, accounts map[string][]bookedAt
}

type bookedAt struct {
	entry *BookedEntry
	line  *BookedLine
}

func (b *books) add(e *BookedEntry) {
	b.entries = append(b.entries, e)
	if b.pieces == nil {
		b.pieces, b.days, b.accounts = make(map[string][]bookedAt), make(map[string][]bookedAt), make(map[string][]bookedAt)
	}
	for i := range e.Lines {
		at := bookedAt{e, &e.Lines[i]}
		b.lines = append(b.lines, at)
		b.pieces[e.RefPiece] = append(b.pieces[e.RefPiece], at)
		b.days[e.Date] = append(b.days[e.Date], at)
		b.accounts[at.line.Account] = append(b.accounts[at.line.Account], at)
	}
}

// entryCap is the limit that the page states, whatever skip and take say (loop-api: A 4).
const entryCap = 100

// entryResource is what GET /EcritureComptable answers: a bare array of lines with objectId and revisionId. The other members
// are named after the filter criteria where these exist, after importJson otherwise; none of them was seen (loop-api: A 4) [I].
func entryResource() *resource {
	return holding[Entry](resource{
		path:  "/EcritureComptable",
		check: checkEntries,
		columns: []column{
			{"objectId", kindText},
			{"revisionId", kindText},
			{"ecriture", kindText}, // the same on all lines of an entry
			{"journalCode", kindText},
			{"datePiece", kindDate},
			{"reference", kindText},
			{"refPiece", kindText},
			{"compteNumero", kindText},
			{"tiers", kindText},
			{"libelle", kindText},
			{"commentaire", kindText},
			{"debit", kindAmount},
			{"credit", kindAmount},
			{"currency", kindText},
			{"currencyAmount", kindAmount},
			{"dateEcheance", kindDate},
			{"modePaiement", kindEnum},
			{"typeMouvement", kindEnum},
			{"type", kindEnum},
			{"codeLettrage", kindText},
			{"ecritureOrigine", kindText},
			{"ecritureMere", kindText},
			{"lot", kindText},
			{"SIRET", kindText},
		},
	}, nil)
}

func checkEntries(c Content) error {
	accounts, journals := codes(c, Account.code), codes(c, Journal.code)
	for _, e := range Rows[Entry](c) {
		var balance int64
		for _, l := range e.Lines {
			if !accounts[l.Compte] {
				return fmt.Errorf("account %q of entry %s: %w", l.Compte, e.Reference, ErrUnknown)
			}
			balance += l.Debit - l.Credit
		}
		if !journals[e.Journal] {
			return fmt.Errorf("journal %q of entry %s: %w", e.Journal, e.Reference, ErrUnknown)
		}
		if len(e.Lines) < 2 || balance != 0 || !validDay(e.Date) {
			return fmt.Errorf("entry %s has less than two lines, no date, or does not balance: %w", e.Reference, ErrInvalid)
		}
	}
	return nil
}

func (at bookedAt) cells(dst []cell) []cell {
	e, l := at.entry, at.line
	side := l.source.debit
	if l.debit == 0 {
		side = l.source.credit
	}
	currency := side.currency
	if currency == "" {
		currency = "EUR" // A 2.3
	}
	return append(dst,
		text(l.ID),
		text(derivedRevision("ligne", l.ID)),
		text(e.ID),
		text(e.Journal),
		text(instant(e.Date)),
		text(e.Reference),
		text(e.RefPiece),
		text(l.Account),
		optional(l.ThirdParty),
		text(l.Label),
		optional(l.source.comment),
		euro(l.debit),
		euro(l.credit),
		text(currency),
		cell{text: side.currencyAmount, null: side.currencyAmount == ""},
		optional(instant(l.source.dueDate)),
		enum(l.source.paymentMode),
		enum(l.source.movementType),
		enum(l.source.lineType),
		optional(l.Lettering),
		optional(l.source.origin),
		optional(l.source.parent),
		optional(l.source.lot),
		optional(l.SIRET),
	)
}

// criterion is the cell that a filter looks at.
func (at bookedAt) criterion(name string) cell {
	switch name {
	case "codeLettrage":
		return optional(at.line.Lettering)
	case "ecritureOrigine":
		return optional(at.line.source.origin)
	case "journalCode":
		return text(at.entry.Journal)
	case "refPiece":
		return text(at.entry.RefPiece)
	case "compteNumero":
		return text(at.line.Account)
	default: // entryCriteria has let nothing else pass
		return text(at.entry.Date)
	}
}

func euro(cents int64) cell { return cell{text: formatUnits(cents, 2), n: int(cents)} }

func instant(day string) string {
	if day == "" {
		return ""
	}
	return day + "T00:00:00.000Z"
}

func entriesOperation() operation {
	res := entryResource()
	return operation{
		Route: Route{Method: http.MethodGet, Path: res.path},
		list:  res,
		serve: func(x *exchange) answer { return x.serveEntries(res) },
	}
}

// serveEntries answers GET /EcritureComptable (loop-api: A 4). Status and object of its refusals are [I], as on the lists.
func (x *exchange) serveEntries(res *resource) answer {
	if !x.query.Has("filter") {
		return x.queryRefused("Un filtre est obligatoire, avec un critère principal : « codeLettrage » ou « ecritureOrigine ».")
	}
	p, err := parsePage(x.query, res.columns, x.sim.config.selectSeparator)
	if err == nil {
		err = entryCriteria(p.conditions, res.columns)
	}
	if err != nil {
		return x.queryRefused(err.Error())
	}
	x.sim.carryOutDue()
	found := x.dossier.find(p, res.columns)

	// Whether skip goes past the first hundred is not said: it does not here [I], so that nobody counts on it.
	limit := entryCap
	if c := x.sim.pageCap(); c > 0 {
		limit = min(limit, c)
	}
	found = found[:min(limit, len(found))]
	found = found[min(p.skip, len(found)):]
	if p.take >= 0 {
		found = found[:min(p.take, len(found))]
	}
	body := x.openList(res)
	var cells []cell
	for i, at := range found {
		if i > 0 {
			body = append(body, ',')
		}
		cells = at.cells(cells[:0])
		body = appendRow(body, res.columns, cells, x.shape, p.only)
	}
	return jsonAnswer(http.StatusOK, x.closeList(res, body))
}

// entryCriteria holds the table of A 4: the criteria, their forms, and at least one primary one. === was not seen here.
func entryCriteria(conditions []condition, columns []column) error {
	primary := false
	for _, c := range conditions {
		name := columns[c.column].name
		ok := false
		switch name {
		case "codeLettrage": // a uuid, unlike the letters of importJson
			ok = c.null && (c.op == "==" || c.op == "!=") || !c.null && c.op == "==" && isUUID(c.literal)
			primary = true
		case "ecritureOrigine":
			ok = !c.null && c.op == "==" && isUUID(c.literal)
			primary = true
		case "journalCode", "refPiece", "compteNumero":
			ok = !c.null && c.op == "=="
		case "datePiece":
			ok = !c.null && (c.op == "==" || c.op == ">=")
		}
		if !ok {
			return refuse("Filtre refusé : le critère « %s » ne s'emploie pas ainsi.", name)
		}
	}
	if !primary {
		return refusal("Filtre refusé : un critère principal manque (« codeLettrage » ou « ecritureOrigine »).")
	}
	return nil
}

// find returns the lines that meet the conditions, in the order wanted; without sort, in that of the identifiers, as in a
// table.
func (d *dossier) find(p page, columns []column) []bookedAt {
	d.mu.Lock()
	d.contentLocked()
	lines := d.books.lines
	for _, c := range p.conditions {
		if c.op != "==" {
			continue
		}
		if by := map[string]map[string][]bookedAt{
			"refPiece": d.books.pieces, "datePiece": d.books.days,
			"compteNumero": d.books.accounts,
		}[columns[c.column].name]; by != nil && len(by[c.literal]) < len(lines) {
			lines = by[c.literal]
		}
	}
	d.mu.Unlock()
	var found []bookedAt
	var rows [][]cell // when they are to be sorted
	cells := make([]cell, len(columns))
	for _, at := range lines {
		for _, c := range p.conditions {
			cells[c.column] = at.criterion(columns[c.column].name)
		}
		if !matches(p.conditions, cells) {
			continue
		}
		found = append(found, at)
		if len(p.keys) > 0 {
			rows = append(rows, at.cells(nil))
		}
	}
	order := make([]int, len(found))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if rows != nil {
			if c := compareRows(columns, p.keys, rows[a], rows[b]); c != 0 {
				return c
			}
		}
		return strings.Compare(found[a].line.ID, found[b].line.ID)
	})
	sorted := make([]bookedAt, len(found))
	for i, at := range order {
		sorted[i] = found[at]
	}
	return sorted
}

// Entries returns what imports have booked in a dossier, in order of booking; imports whose delay is over are booked first. The caller
// leaves the lines as they are. Errors: ErrUnknown.
func (s *Simulator) Entries(practice, dossier string) ([]BookedEntry, error) {
	s.carryOutDue()
	s.mu.RLock()
	_, d, err := s.world.dossier(practice, dossier)
	s.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	return d.entries(), nil
}

func (d *dossier) entries() []BookedEntry {
	d.mu.RLock()
	defer d.mu.RUnlock()
	entries := make([]BookedEntry, 0, len(d.books.entries))
	for _, e := range d.books.entries {
		if e.Import != "" {
			entries = append(entries, *e)
		}
	}
	return entries
}

// entries are a year's: each month two purchases and two sales, the first of each paid and lettered. More lines are left
// unlettered than Loop gives at once.
func entries() []Entry {
	var list []Entry
	for month := 1; month <= 12; month++ {
		for n := 1; n <= 2; n++ {
			day := fmt.Sprintf("2026-%02d-%02d", month, 5*n)
			amount, tax := int64(10000*month+50*n), int64(2000*month+10*n)
			packet := func(kind string) string {
				if n == 1 {
					return fmt.Sprintf("%s%02d", kind, month)
				}
				return ""
			}
			purchase, sale := fmt.Sprintf("FF-2026-%02d-%d", month, n), fmt.Sprintf("FC-2026-%02d-%d", month, n)
			list = append(list,
				Entry{Journal: "ACH", Date: day, Reference: purchase, RefPiece: purchase, Lines: []EntryLine{
					{Compte: "60700000", Libelle: "Bois et quincaillerie", Debit: amount},
					{Compte: "44566000", Libelle: "TVA 20 %", Debit: tax},
					{Compte: "40100000", Tiers: "FEXEMPLE", Libelle: "Fournitures Exemple", Credit: amount + tax, Lettrage: packet("F")},
				}},
				Entry{Journal: "VTE", Date: day, Reference: sale, RefPiece: sale, Lines: []EntryLine{
					{Compte: "41100000", Tiers: "CNORD", Libelle: "Nord et fils", Debit: 2 * (amount + tax), Lettrage: packet("C")},
					{Compte: "70600000", Libelle: "Pose de menuiseries", Credit: 2 * amount},
					{Compte: "44571000", Libelle: "TVA 20 %", Credit: 2 * tax},
				}})
			if n == 2 {
				continue
			}
			paid, received := fmt.Sprintf("VIR-2026-%02d", month), fmt.Sprintf("ENC-2026-%02d", month)
			day = fmt.Sprintf("2026-%02d-28", month)
			list = append(list,
				Entry{Journal: "BQ1", Date: day, Reference: paid, RefPiece: paid, Lines: []EntryLine{
					{Compte: "40100000", Tiers: "FEXEMPLE", Libelle: "Virement " + purchase, Debit: amount + tax, Lettrage: packet("F")},
					{Compte: "51200000", Libelle: "Virement " + purchase, Credit: amount + tax},
				}},
				Entry{Journal: "BQ1", Date: day, Reference: received, RefPiece: received, Lines: []EntryLine{
					{Compte: "51200000", Libelle: "Encaissement " + sale, Debit: 2 * (amount + tax)},
					{Compte: "41100000", Tiers: "CNORD", Libelle: "Encaissement " + sale, Credit: 2 * (amount + tax), Lettrage: packet("C")},
				}})
		}
	}
	list[0].Origine = SandboxOrigin
	return list
}
