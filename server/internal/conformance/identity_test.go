package conformance

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

var transports = []string{"gRPC", "REST"}

// call makes a call over a transport.
func (h *harness) call(transport, name, caller string, request proto.Message) outcome {
	h.t.Helper()
	m := method(h.t, name)
	if transport == "REST" {
		return h.overREST(h.restRequest(h.t.Context(), m, request), caller)
	}
	return h.overGRPC(h.t.Context(), m, caller, request)
}

// codes are those of the findings of an answer, or of an import in it.
func codesOf(out outcome) (codes []string) {
	if len(out.Messages) == 0 {
		return nil
	}
	message := out.Messages[0].(map[string]any)
	if record, is := message["importRecord"].(map[string]any); is {
		message = record
	}
	found, _ := message["findings"].([]any)
	for _, each := range found {
		codes = append(codes, each.(map[string]any)["code"].(string))
	}
	return codes
}

// sending is an import of entries, and what becomes of it: Loop has it, unless it is refused for the fields.
type sending struct {
	id      string
	entries []*looppb.Entry
	refused []string
	// of is the import that the refusal names.
	of string
	// warned are the warnings and notices about other imports that it has.
	warned []string
}

func aboutOthers(codes []string) (out []string) {
	for _, each := range codes {
		if slices.Contains([]string{"ENTRY_MAYBE_IMPORTED", "DOCUMENT_IMPORTED_OTHERWISE", "ENTRY_NOT_IN_LOOP"}, each) {
			out = append(out, each)
		}
	}
	return out
}

// takes sends it, after it was validated: both say the same.
func (h *harness) takes(transport string, s sending) outcome {
	h.t.Helper()
	request := importOf(s.id, s.entries...)
	checked := h.call(transport, "ImportService.ValidateEntries", "clerk", &looppb.ValidateEntriesRequest{Practice: request.GetPractice(), Dossier: request.GetDossier(), Entries: s.entries})
	if checked.Err != nil || checked.Messages[0].(map[string]any)["valid"] != (s.refused == nil) {
		h.t.Errorf("%s: validated as %+v", s.id, checked)
	}
	already := 0
	for _, each := range codesOf(checked) {
		if each == "ENTRY_ALREADY_IMPORTED" {
			already++
		}
	}
	if already != len(s.refused) || s.refused == nil && !slices.Equal(aboutOthers(codesOf(checked)), s.warned) {
		h.t.Errorf("%s: validated with %q", s.id, codesOf(checked))
	}
	calls := h.Simulator.Count("/importJson")
	sent := h.call(transport, "ImportService.ImportEntries", "clerk", request)
	if s.refused == nil {
		if sent.Err != nil {
			h.t.Errorf("%s is refused: %+v", s.id, sent.Err)
		} else if got := aboutOthers(codesOf(sent)); !slices.Equal(got, s.warned) {
			h.t.Errorf("%s is kept with %q, want %q", s.id, got, s.warned)
		}
		return sent
	}
	if h.Simulator.Count("/importJson") != calls {
		h.t.Errorf("%s was sent", s.id)
	}
	if sent.Err == nil || sent.Err.Code != "ALREADY_EXISTS" || sent.Err.Reason != "ENTRY_ALREADY_IMPORTED" || sent.Err.Metadata["requestId"] != s.of {
		h.t.Errorf("%s: %+v, want a refusal that names %s", s.id, sent.Err, s.of)
		return sent
	}
	var fields []string
	for _, each := range sent.Err.Violations {
		fields = append(fields, each.Field)
		if each.Reason != "ENTRY_ALREADY_IMPORTED" || each.French == "" || !strings.Contains(sent.Err.Message, "epeat") && !strings.Contains(each.Description, "epeat") {
			h.t.Errorf("%s: %+v", s.id, each)
		}
	}
	if !slices.Equal(fields, s.refused) {
		h.t.Errorf("%s is refused for %q, want %q", s.id, fields, s.refused)
	}
	if transport == "REST" && sent.Err.HTTP != http.StatusConflict {
		h.t.Errorf("HTTP %d", sent.Err.HTTP)
	}
	return sent
}

// altered is an entry that differs from another.
func altered(e *looppb.Entry, change func(*looppb.Entry)) *looppb.Entry {
	out := proto.CloneOf(e)
	change(out)
	return out
}

func repeating(e *looppb.Entry, id string) *looppb.Entry {
	return altered(e, func(e *looppb.Entry) { e.RepeatOf = id })
}

func swapped(e *looppb.Entry) *looppb.Entry {
	return altered(e, func(e *looppb.Entry) {
		for _, each := range e.GetLines() {
			if debit := each.GetDebit(); debit != "" {
				each.Side = &looppb.EntryLine_Credit{Credit: debit}
			} else {
				each.Side = &looppb.EntryLine_Debit{Debit: each.GetCredit()}
			}
		}
	})
}

func labelled(e *looppb.Entry, label string) *looppb.Entry {
	return altered(e, func(e *looppb.Entry) { e.Lines[0].Label = label })
}

func named(e *looppb.Entry, reference, document string) *looppb.Entry {
	return altered(e, func(e *looppb.Entry) { e.Reference, e.DocumentReference = reference, document })
}

// TestAnEntryIsNotBookedTwice: the accidents of every day, and what looks like one and is none.
func TestAnEntryIsNotBookedTwice(t *testing.T) {
	a, b, rent := invoice("FA-A", "120"), invoice("FA-B", "60"), named(invoice("", "700"), "LOYER", "")
	first := []string{"entries[0]"}
	several := func(n int, document string) (out []*looppb.Entry) { // one for each amount
		for i := range n {
			out = append(out, named(invoice("", fmt.Sprint(i+1)), fmt.Sprint(document, "-", i), document))
		}
		return out
	}
	for name, c := range map[string]struct {
		sendings []sending
		booked   map[string]int
	}{
		"another batch boundary": {[]sending{
			{id: "1", entries: []*looppb.Entry{a, b}},
			{id: "2", entries: []*looppb.Entry{a}, refused: first, of: "1"},
			{id: "3", entries: []*looppb.Entry{b, a}, refused: []string{"entries[0]", "entries[1]"}, of: "1"},
			{id: "4", entries: []*looppb.Entry{invoice("FA-C", "1"), b}, refused: []string{"entries[1]"}, of: "1"},
			{id: "5", entries: []*looppb.Entry{invoice("FA-C", "1")}},
		}, map[string]int{"FA-A": 1, "FA-B": 1, "FA-C": 1}},
		"another label": {[]sending{
			{id: "1", entries: []*looppb.Entry{labelled(a, "Vente")}},
			{id: "2", entries: []*looppb.Entry{labelled(a, "Vente.")}, refused: first, of: "1"},
		}, map[string]int{"FA-A": 1}},
		"accents in two forms": {[]sending{
			{id: "1", entries: []*looppb.Entry{named(labelled(a, norm.NFC.String("Café")), norm.NFC.String("Café-1"), "FA-A")}},
			{id: "2", entries: []*looppb.Entry{named(labelled(a, norm.NFD.String("Café")), norm.NFD.String("Café-1"), "FA-A")}, refused: first, of: "1"},
		}, map[string]int{"FA-A": 1}},
		"lines in another order": {[]sending{
			{id: "1", entries: []*looppb.Entry{a}},
			{id: "2", entries: []*looppb.Entry{altered(a, func(e *looppb.Entry) { slices.Reverse(e.Lines) })}, refused: first, of: "1"},
		}, map[string]int{"FA-A": 1}},
		"a movement type that says the same as none": {[]sending{
			{id: "1", entries: []*looppb.Entry{a}},
			{id: "2", entries: []*looppb.Entry{altered(a, func(e *looppb.Entry) { e.MovementType = looppb.MovementType_MOVEMENT_TYPE_GENERAL })}, refused: first, of: "1"},
		}, map[string]int{"FA-A": 1}},
		"references counted anew for each batch": {[]sending{
			{id: "1", entries: []*looppb.Entry{named(a, "1", "FA-A")}},
			{id: "2", entries: []*looppb.Entry{named(a, "2", "FA-A")}, refused: first, of: "1"},
			{id: "3", entries: []*looppb.Entry{named(rent, "1", "")}},
			{id: "4", entries: []*looppb.Entry{named(rent, "2", "")}, warned: []string{"ENTRY_MAYBE_IMPORTED"}},
		}, map[string]int{"FA-A": 1}},
		"a monthly rent": {[]sending{
			{id: "1", entries: []*looppb.Entry{rent}},
			{id: "2", entries: []*looppb.Entry{altered(rent, func(e *looppb.Entry) { e.Date = "2026-04-15" })}},
			{id: "3", entries: []*looppb.Entry{rent}, refused: first, of: "1"},
		}, nil},
		"a reversal, and the booking after it": {[]sending{
			{id: "1", entries: []*looppb.Entry{a}},
			{id: "2", entries: []*looppb.Entry{swapped(a)}, warned: []string{"DOCUMENT_IMPORTED_OTHERWISE"}},
			{id: "3", entries: []*looppb.Entry{a}, refused: first, of: "1"},
			{id: "3", entries: []*looppb.Entry{repeating(a, "another")}, refused: first, of: "1"},
			{id: "3", entries: []*looppb.Entry{repeating(a, "1")}},
		}, map[string]int{"FA-A": 3}},
		"an entry that was deleted in Loop": {[]sending{
			{id: "1", entries: []*looppb.Entry{a, b}},
			{id: "2", entries: []*looppb.Entry{repeating(a, "1"), b}, refused: []string{"entries[1]"}, of: "1"},
			{id: "2", entries: []*looppb.Entry{repeating(a, "1")}},
		}, map[string]int{"FA-A": 2, "FA-B": 1}},
		"two equal payments by card, each with its ticket": {[]sending{
			{id: "1", entries: []*looppb.Entry{named(a, "CB", "CB-1")}},
			{id: "2", entries: []*looppb.Entry{named(a, "CB", "CB-2")}},
		}, map[string]int{"CB-1": 1, "CB-2": 1}},
		"two equal payments by card, in one import": {[]sending{
			{id: "1", entries: []*looppb.Entry{named(a, "CB-1", "TICKETS"), named(a, "CB-2", "TICKETS")}},
			{id: "2", entries: []*looppb.Entry{named(a, "CB-2", "TICKETS")}, refused: first, of: "1"},
		}, map[string]int{"TICKETS": 2}},
		"no document to tell them by": {[]sending{
			{id: "1", entries: []*looppb.Entry{named(rent, "1", ""), named(rent, "2", "")}},
			{id: "2", entries: []*looppb.Entry{named(rent, "3", ""), named(rent, "4", "")}, warned: []string{"ENTRY_MAYBE_IMPORTED"}},
		}, nil},
		"a Z report": {[]sending{
			{id: "1", entries: several(3, "Z-15")},
			{id: "2", entries: []*looppb.Entry{named(invoice("", "99"), "Z-15-9", "Z-15")}},
		}, map[string]int{"Z-15": 4}},
		"payroll with one reference": {[]sending{
			{id: "1", entries: several(4, "PAIE-03")[:2]},
			{id: "2", entries: several(4, "PAIE-03")[2:]},
			{id: "3", entries: several(4, "PAIE-03")[1:], refused: []string{"entries[0]", "entries[1]", "entries[2]"}, of: "1"},
		}, map[string]int{"PAIE-03": 4}},
		"another amount of the same document": {[]sending{
			{id: "1", entries: []*looppb.Entry{a}},
			{id: "2", entries: []*looppb.Entry{invoice("FA-A", "121")}, warned: []string{"DOCUMENT_IMPORTED_OTHERWISE"}},
		}, map[string]int{"FA-A": 2}},
		"what Loop refused stands in nobody's way": {[]sending{
			{id: "2", entries: []*looppb.Entry{a}},
			{id: "3", entries: []*looppb.Entry{a}, refused: first, of: "2"},
		}, map[string]int{"FA-A": 1}},
	} {
		for _, transport := range transports {
			t.Run(name+" over "+transport, func(t *testing.T) {
				r := newBlindResolver(t)
				if strings.HasPrefix(name, "what Loop refused") {
					if _, err := r.client.ImportEntries(as(t.Context(), "clerk"), importOf("1", a, invoice("SIM-REFUSE-1", "1"))); reasonOf(err) != "LOOP_REFUSED" {
						t.Fatal(err)
					}
				}
				for _, each := range c.sendings {
					r.takes(transport, each)
				}
				for reference, n := range c.booked {
					if got := r.booked(reference); got != n {
						t.Errorf("%s is booked %d times, want %d", reference, got, n)
					}
				}
			})
		}
	}
}

// TestWhatFailedDoesNotNeedAnAdministrator: an import fails for one of its entries, and the others go with the corrected one.
func TestWhatFailedDoesNotNeedAnAdministrator(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			r := newResolver(t)
			good, other := invoice("FA-2", "60"), invoice("FA-3", "61")
			for _, id := range []string{"1", "2"} { // the second attempt is in vain, too
				r.takes(transport, sending{id: id, entries: []*looppb.Entry{invoice("SIM-FAIL-LATE-"+id, "120"), good}, warned: map[string][]string{"2": {"ENTRY_NOT_IN_LOOP"}}[id]})
				r.Simulator.FinishImports()
				if last := r.lastState(id); last.GetState() != looppb.ImportState_IMPORT_STATE_FAILED {
					t.Fatal(last)
				}
			}
			questions := r.Simulator.Count("/EcritureComptable")
			r.takes(transport, sending{id: "3", entries: []*looppb.Entry{invoice("FA-1", "120"), good, other}, warned: []string{"ENTRY_NOT_IN_LOOP", "ENTRY_NOT_IN_LOOP"}})
			// Once for both imports: the reference, the control and what cannot exist. It was validated before.
			if n := r.Simulator.Count("/EcritureComptable") - questions; n != 2*(3+2+2) {
				t.Errorf("%d questions", n)
			}
			r.takes(transport, sending{id: "4", entries: []*looppb.Entry{good, other}, refused: []string{"entries[0]", "entries[1]"}, of: "3"})
			for _, reference := range []string{"FA-1", "FA-2", "FA-3"} {
				if n := r.booked(reference); n != 1 {
					t.Errorf("%s is booked %d times", reference, n)
				}
			}
		})
	}
}

// TestALookThatDoesNotProveLetsNothingPass, and says why, and what to do.
func TestALookThatDoesNotProveLetsNothingPass(t *testing.T) {
	const lost, cut, failed = "SIM-LOST-ANSWER-1", "SIM-CUT-BEFORE-1", "SIM-FAIL-LATE-1"
	for name, c := range map[string]struct {
		reference string
		change    func(*looppb.Entry)
		early     bool // the import is not old enough
		without   bool // anything booked in the dossier
		blind     string
		passes    bool
		says      string
		metadata  map[string]string
	}{
		"it is booked":                  {reference: lost, says: "Loop shows entries", metadata: map[string]string{"state": "UNCERTAIN", "verdict": "FOUND"}},
		"it is not":                     {reference: cut, passes: true},
		"it failed":                     {reference: failed, passes: true},
		"it failed a moment ago":        {reference: failed, early: true, passes: true},
		"nobody can know yet":           {reference: cut, early: true, says: "too early", metadata: map[string]string{"doubt": "TOO_EARLY"}},
		"a list that is empty":          {reference: lost, blind: `[]`, says: "blind", metadata: map[string]string{"doubt": "SEARCH_BLIND", "control": "MISSED"}},
		"a list that is empty, failed":  {reference: failed, blind: `[]`, says: "blind", metadata: map[string]string{"state": "FAILED", "doubt": "SEARCH_BLIND"}},
		"a filter that is ignored":      {reference: failed, blind: `[{"objectId":"1","revisionId":"1","refPiece":"VIR"}]`, says: "blind", metadata: map[string]string{"doubt": "SEARCH_BLIND"}},
		"nothing to prove it by":        {reference: failed, without: true, says: "nothing that is known", metadata: map[string]string{"verdict": "NOT_FOUND", "control": "NONE"}},
		"no document reference":         {reference: failed, change: func(e *looppb.Entry) { e.DocumentReference = "" }, says: "no document reference", metadata: map[string]string{"doubt": "REFERENCE_ABSENT"}},
		"a reference that Loop may cut": {reference: failed + strings.Repeat("-", 40), says: "cannot be looked for", metadata: map[string]string{"doubt": "REFERENCE_UNSEARCHABLE"}},
	} {
		for _, transport := range transports {
			t.Run(name+" over "+transport, func(t *testing.T) {
				var r *resolver
				switch h := (*harness)(nil); {
				case c.early:
					h = start(t, nil)
					r = &resolver{h, looppb.NewImportServiceClient(h.conn)}
					r.bookControl()
				case c.without:
					r = newBlindResolver(t)
				default:
					r = newResolver(t)
				}
				entry := invoice(c.reference, "120")
				if c.change != nil {
					c.change(entry)
				}
				if strings.HasPrefix(c.reference, failed) {
					if _, err := r.client.ImportEntries(as(t.Context(), "clerk"), importOf("1", entry)); err != nil {
						t.Fatal(err)
					}
					r.Simulator.FinishImports()
					if last := r.lastState("1"); last.GetState() != looppb.ImportState_IMPORT_STATE_FAILED {
						t.Fatal(last)
					}
				} else {
					r.lose(importOf("1", entry))
				}
				time.Sleep(2 * time.Millisecond)
				if c.blind != "" {
					r.Simulator.Inject(loopsim.Fault{Kind: loopsim.FaultStatus, Status: http.StatusOK, Body: c.blind, Route: "/EcritureComptable"})
				}
				request := importOf("2", entry)
				calls := r.importJSONs()
				sent := r.call(transport, "ImportService.ImportEntries", "clerk", request)
				if c.passes {
					if r.importJSONs() != calls+1 {
						t.Errorf("it was not sent: %+v", sent.Err)
					}
					return
				}
				if sent.Err == nil || sent.Err.Reason != "ENTRY_ALREADY_IMPORTED" || sent.Err.Metadata["requestId"] != "1" ||
					!strings.Contains(sent.Err.Message, c.says) || !strings.Contains(sent.Err.Message, "repeat") || r.importJSONs() != calls {
					t.Errorf("%+v", sent.Err)
				}
				for key, value := range c.metadata {
					if sent.Err.Metadata[key] != value {
						t.Errorf("%s: %q, want %q", key, sent.Err.Metadata[key], value)
					}
				}
				// Who has looked in Loop says so.
				request.Entries[0] = repeating(entry, "1")
				if r.call(transport, "ImportService.ImportEntries", "clerk", request); r.importJSONs() != calls+1 {
					t.Error("what is said to repeat was not sent")
				}
			})
		}
	}
}

// TestAnEntryOfAnothersImportIsRefusedWithoutNamingIt: who may not see it is told that it is there, and no more.
func TestAnEntryOfAnothersImportIsRefusedWithoutNamingIt(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			r := newBlindResolver(t)
			r.takes(transport, sending{id: "SECRET-1", entries: []*looppb.Entry{invoice("FA-1", "120")}})
			sent := r.call(transport, "ImportService.ImportEntries", "stranger", importOf("2", invoice("FA-1", "120")))
			if sent.Err == nil || sent.Err.Reason != "ENTRY_ALREADY_IMPORTED" || strings.Contains(fmt.Sprintf("%+v", sent.Err), "SECRET-1") || len(sent.Err.Metadata["state"]) > 0 {
				t.Errorf("%+v", sent.Err)
			}
			checked := r.call(transport, "ImportService.ValidateEntries", "stranger", &looppb.ValidateEntriesRequest{Practice: "partner", Dossier: "DOSSIER_TEST", Entries: []*looppb.Entry{invoice("FA-1", "120")}})
			if checked.Err == nil && (strings.Contains(fmt.Sprint(checked.Messages), "SECRET-1") || !slices.Contains(codesOf(checked), "ENTRY_ALREADY_IMPORTED")) {
				t.Errorf("%+v", checked)
			}
		})
	}
}
