package cegidclient

import (
	"context"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// The criteria of entries, by Loop's names (loop-api: A 4).
const (
	EntryLetteringID       Field = "codeLettrage"
	EntryOriginID          Field = "ecritureOrigine"
	EntryJournal           Field = "journalCode"
	EntryDocumentReference Field = "refPiece"
	EntryDocumentDate      Field = "datePiece"
	EntryAccount           Field = "compteNumero"
)

// BookedEntry is an item of Loop's answer on accounting entries (Loop: EcritureComptable; loop-api: A 4), a line of an
// entry by our reading [I]. The fields of the answer are not documented: those that bear the names of the criteria are
// typed, and all others, the identity and the amounts among them, are in Unmapped.
type BookedEntry struct {
	Journal           *string `loop:"journalCode"`
	Account           *string `loop:"compteNumero"`
	DocumentReference *string `loop:"refPiece"`
	DocumentDate      *Date   `loop:"datePiece"`
	// LetteringID is a UUID here, unlike the letters of an import.
	LetteringID *string `loop:"codeLettrage"`
	OriginID    *string `loop:"ecritureOrigine"`

	// Debit, Credit and Date are read where [Config.EntryNames] says which fields hold them; else they are in Unmapped.
	Debit  *Decimal `loop:"?debit"`
	Credit *Decimal `loop:"?credit"`
	Date   *Date    `loop:"?date"`

	Unmapped Unmapped
}

// EntryNames are the fields of Loop's answer that hold a line's debit, credit and date, once somebody has seen them: no
// documentation names them (loop-api: A 4). Empty ones are not known.
type EntryNames struct{ Debit, Credit, Date string }

// Wrong names the first of them that cannot be the name of such a field, and says why; "" if none is.
func (n EntryNames) Wrong() (which, why string) {
	var names []string
	for _, field := range []struct{ which, name string }{{"debit", n.Debit}, {"credit", n.Credit}, {"date", n.Date}} {
		switch {
		case field.name == "":
			continue
		case slices.ContainsFunc(entryCriteria, func(f Field) bool { return strings.EqualFold(string(f), field.name) }):
			return field.which, "is a field that is read already"
		case slices.Contains(names, fold(field.name)):
			return field.which, "is the name of another of these fields"
		}
		names = append(names, fold(field.name))
	}
	return "", ""
}

var entryCriteria = []Field{EntryLetteringID, EntryOriginID, EntryJournal, EntryDocumentReference, EntryDocumentDate, EntryAccount}

// LetteringState is whether entries are lettered.
type LetteringState string

// The states.
const (
	Unlettered LetteringState = "unlettered"
	Lettered   LetteringState = "lettered"
)

// EntryQuery says which entries are wanted. At least one of Lettering, LetteringID and OriginID must be set, as Loop
// lists nothing without; what is set beyond it narrows the list.
type EntryQuery struct {
	Lettering LetteringState
	// LetteringID and OriginID are UUIDs.
	LetteringID, OriginID string

	Journal, DocumentReference, Account string
	// DocumentDate is the day, DocumentDateFrom the first day: YYYY-MM-DD.
	DocumentDate, DocumentDateFrom string
}

// filter compiles the query. Its errors name the field as the contract does.
func (q EntryQuery) filter() (string, error) {
	if q.Lettering == "" && q.LetteringID == "" && q.OriginID == "" {
		return "", invalid("criterion", "Loop lists entries by their lettering state, a lettering or an origin only")
	}
	var filters []Filter
	switch q.Lettering {
	case "":
	case Unlettered:
		filters = append(filters, IsNull(EntryLetteringID))
	case Lettered:
		filters = append(filters, NotNull(EntryLetteringID))
	default:
		return "", invalid("lettering", "neither lettered nor unlettered")
	}
	for _, field := range []struct {
		name, value string
		filter      Filter
	}{
		{"lettering_id", q.LetteringID, Equal(EntryLetteringID, q.LetteringID)},
		{"origin_id", q.OriginID, Equal(EntryOriginID, q.OriginID)},
		{"journal", q.Journal, Equal(EntryJournal, q.Journal)},
		{"document_reference", q.DocumentReference, Equal(EntryDocumentReference, q.DocumentReference)},
		{"document_date", q.DocumentDate, OnDay(EntryDocumentDate, q.DocumentDate)},
		{"document_date_from", q.DocumentDateFrom, AtLeast(EntryDocumentDate, q.DocumentDateFrom)},
		{"account", q.Account, Equal(EntryAccount, q.Account)},
	} {
		if field.value == "" {
			continue
		}
		if _, err := field.filter.Expression(); err != nil {
			e, _ := asError(err)
			return "", invalid(field.name, e.Detail())
		}
		filters = append(filters, field.filter)
	}
	return And(filters...).Expression()
}

// MaxEntries is how many entries Loop gives at most, whatever is asked for (loop-api: A 4).
const MaxEntries = 100

// EntryList is Loop's answer to a query.
type EntryList struct {
	// Items are in Loop's order, which it does not document.
	Items []BookedEntry
	// Truncated: as many came as Loop gives at most, so there may be more.
	Truncated bool
}

// EntryService reads the entries that a dossier holds.
type EntryService struct {
	c    *Client
	op   *Operation
	plan *plan
}

func newEntryService(c *Client, names EntryNames) *EntryService {
	op, ok := OperationByID("list_entry_lines")
	if !ok {
		panic("cegidclient: no operation list_entry_lines")
	}
	plan, err := newPlanNamed[BookedEntry](map[string]string{"debit": names.Debit, "credit": names.Credit, "date": names.Date})
	if err != nil {
		panic(err) // New has looked at the names
	}
	return &EntryService{c, &op, plan}
}

// List gives the entries that meet the query, [MaxEntries] at most (Loop: GET /EcritureComptable; loop-api: A 4). It is one
// call and no page: whether Loop gives what lies beyond its limit is not documented.
func (s *EntryService) List(ctx context.Context, dossier string, q EntryQuery) (*EntryList, error) {
	call := &Call{Operation: s.op, Dossier: dossier}
	if isNoDossier(dossier) {
		return nil, s.c.annotate(call, invalid("dossier", "no dossier"), nil)
	}
	filter, err := q.filter()
	if err != nil {
		return nil, s.c.annotate(call, err, nil)
	}
	// Loop's default for take is not documented (C 2). No sort: which fields take one is not either.
	call.Query = url.Values{"codeDossier": {dossier}, "filter": {filter}, "take": {strconv.Itoa(MaxEntries)}}
	var got rows
	call.read = func(body []byte) (err error) {
		got, err = s.plan.readList(body)
		return err
	}
	if _, err := s.c.Do(ctx, call); err != nil {
		return nil, err
	}
	items := got.items.Interface().([]BookedEntry)
	return &EntryList{Items: items, Truncated: len(items) >= MaxEntries}, nil
}

// Under gives the entries of a document reference: those that are not lettered, and those that are. Not lettered first: what
// is lettered in between then comes twice, where the other way round it would not come at all.
func (s *EntryService) Under(ctx context.Context, dossier, reference string) (booked [2]*EntryList, err error) {
	for i, state := range []LetteringState{Unlettered, Lettered} {
		booked[i], err = s.List(ctx, dossier, EntryQuery{Lettering: state, DocumentReference: reference})
		if err != nil {
			return booked, err
		}
	}
	return booked, nil
}

// AppendJSON writes an entry as Loop would: what was read comes out with the same names and values.
func (s *EntryService) AppendJSON(dst []byte, entry *BookedEntry) []byte {
	return s.plan.append(dst, reflect.ValueOf(entry).Elem())
}
