package conformance

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// monthly are invoices of the first months of a year, two a month.
func monthly(months int) (entries []*looppb.Entry) {
	for month := 1; month <= months; month++ {
		for n := 1; n <= 2; n++ {
			e := invoice(fmt.Sprintf("FA-%02d-%d", month, n), fmt.Sprintf("%d.50", 100*month+n))
			e.Date, e.Reference = fmt.Sprintf("2026-%02d-%02d", month, 10+n), fmt.Sprint(len(entries)+1)
			entries = append(entries, e)
		}
	}
	return entries
}

func compact(date string) string { return strings.ReplaceAll(date, "-", "") }

func comma(amount string) string { return strings.Replace(amount, ".", ",", 1) }

// asFEC writes entries as a FEC; own gives each line a number of its own.
func asFEC(entries []*looppb.Entry, own bool) *uploaded {
	lines := []string{"JournalCode\tJournalLib\tEcritureNum\tEcritureDate\tCompteNum\tCompteLib\tCompAuxNum\tCompAuxLib\tPieceRef\tPieceDate\tEcritureLib\tDebit\tCredit\tEcritureLet\tDateLet\tValidDate\tMontantdevise\tIdevise"}
	for _, e := range entries {
		day := compact(e.GetDate())
		for _, l := range e.GetLines() {
			number, debit, credit := e.GetReference(), "0,00", "0,00"
			if own {
				number = fmt.Sprint(len(lines))
			}
			if l.GetDebit() != "" {
				debit = comma(l.GetDebit())
			} else {
				credit = comma(l.GetCredit())
			}
			lines = append(lines, strings.Join([]string{
				e.GetJournal(), "Achats", number, day, l.GetAccount(), "Compte", l.GetThirdParty(), l.GetThirdParty(), e.GetDocumentReference(), day, l.GetLabel(),
				debit, credit, "", "", day, "", "",
			}, "\t"))
		}
	}
	return fileOf(looppb.ImportFormat_IMPORT_FORMAT_FEC, "123456782FEC20261231.txt", []byte(strings.Join(lines, "\r\n")+"\r\n"))
}

// asTRA writes entries as a TRA.
func asTRA(entries []*looppb.Entry) *uploaded {
	lines := []string{"***S5CLIJRLSTD"}
	for _, e := range entries {
		date := e.GetDate()
		for _, l := range e.GetLines() {
			kind, side, amount := " ", "D", l.GetDebit()
			if l.GetThirdParty() != "" {
				kind = "X"
			}
			if amount == "" {
				side, amount = "C", l.GetCredit()
			}
			lines = append(lines, fmt.Sprintf("%-3s%s%s%s%-2s%-17s%s%-17s%-35s%-35s%-3s%8s%s%20s%s%-8s%-3s%10s%s",
				e.GetJournal(), date[8:], date[5:7], date[:4], "OD", l.GetAccount(), kind, l.GetThirdParty(), e.GetDocumentReference(), l.GetLabel(),
				"", "", side, comma(amount), "N", e.GetReference(), "EUR", "", "E--"))
		}
	}
	return fileOf(looppb.ImportFormat_IMPORT_FORMAT_TRA, "exemple.tra", []byte(strings.Join(lines, "\r\n")+"\r\n"))
}

// importFile deposits a file and imports it, over a transport.
func (h *harness) importFile(transport, id string, u *uploaded) *failure {
	h.t.Helper()
	if got := h.over(transport, "ImportService.DepositFile", "everything", u); got.Err != nil {
		h.t.Fatalf("the deposit of %s: %+v", id, got.Err)
	}
	return h.over(transport, "ImportService.ImportFile", "everything", importOfDeposit(id, h.mustDeposit(u).GetDepositId())).Err
}

func (h *harness) importEntries(transport, id string, entries []*looppb.Entry) *failure {
	h.t.Helper()
	return h.over(transport, "ImportService.ImportEntries", "everything", importOf(id, entries...)).Err
}

// alreadyImported says what is wrong with a refusal of what is in another import; nothing where it is told as it must be.
func alreadyImported(err *failure, says ...string) string {
	if err == nil || err.Code != "ALREADY_EXISTS" || err.Reason != "ENTRY_ALREADY_IMPORTED" || len(err.Violations) == 0 {
		return fmt.Sprintf("%+v; want ENTRY_ALREADY_IMPORTED", err)
	}
	for _, each := range says {
		if !slices.ContainsFunc(err.Violations, func(v violation) bool { return strings.Contains(v.Field+": "+v.Description, each) }) {
			return fmt.Sprintf("%+v; want it to say %q", err.Violations, each)
		}
	}
	return ""
}

// streamedPlaces says how the places of a code in a whole report differ from those lines.
func streamedPlaces(report outcome, code string, lines ...int) string {
	if report.Err != nil {
		return fmt.Sprintf("%+v", report.Err)
	}
	var got []int
	for _, message := range report.Messages {
		places, _ := message.(map[string]any)["places"].([]any)
		for _, each := range places {
			if place := each.(map[string]any); place["code"] == code {
				got = append(got, int(place["line"].(float64)))
			}
		}
	}
	if !slices.Equal(got, lines) {
		return fmt.Sprintf("places of %s are on lines %v; want %v", code, got, lines)
	}
	return ""
}

// TestEveryPlaceOfWhatStandsElsewhereIsStreamed: also those of which the finding names ten, and none of what is ignored.
func TestEveryPlaceOfWhatStandsElsewhereIsStreamed(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			h := start(t, nil)
			if err := h.importFile(transport, "FEC-T1", asFEC(monthly(12), false)); err != nil {
				t.Fatalf("%+v", err)
			}
			all := monthly(12)
			changed := all[0].Lines
			changed[0].Side, changed[1].Side = &looppb.EntryLine_Debit{Debit: "1.00"}, &looppb.EntryLine_Credit{Credit: "1.00"}
			u := asFEC(all, false)
			var lines []int
			for line := 4; line <= 48; line += 2 {
				lines = append(lines, line)
			}
			report := h.over(transport, "ImportService.StreamFileReport", "everything", u)
			for _, wrong := range []string{streamedPlaces(report, "ENTRY_ALREADY_IMPORTED", lines...), streamedPlaces(report, "DOCUMENT_IMPORTED_OTHERWISE", 2)} {
				if wrong != "" {
					t.Error(wrong)
				}
			}
			u.Message.(*looppb.FileMetadata).IgnoredFindings = []string{"DOCUMENT_IMPORTED_OTHERWISE"}
			if wrong := streamedPlaces(h.over(transport, "ImportService.StreamFileReport", "everything", u), "DOCUMENT_IMPORTED_OTHERWISE"); wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

// TestACumulativeFileIsRefused: one of January to April after one of January to March would book three months twice. What is new
// in it is booked by itself.
func TestACumulativeFileIsRefused(t *testing.T) {
	for _, transport := range transports {
		for name, write := range map[string]func([]*looppb.Entry) *uploaded{"FEC": func(e []*looppb.Entry) *uploaded { return asFEC(e, false) }, "TRA": asTRA} {
			t.Run(transport+", "+name, func(t *testing.T) {
				h := start(t, nil)
				if err := h.importFile(transport, "FEC-T1", write(monthly(3))); err != nil {
					t.Fatalf("%+v", err)
				}
				all := write(monthly(4))
				if wrong := alreadyImported(h.importFile(transport, "FEC-T2", all), "FEC-T1", "line 2"); wrong != "" {
					t.Error(wrong)
				}
				got := h.over(transport, "ImportService.ValidateFile", "everything", all)
				if text := fmt.Sprint(got.Messages...); got.Err != nil || !strings.Contains(text, "ENTRY_ALREADY_IMPORTED") || !strings.Contains(text, "FEC-T1") || !strings.Contains(text, "lines:[2 4 6 8 10 12]") {
					t.Errorf("ValidateFile: %+v, %s", got.Err, text)
				}
				if wrong := streamedPlaces(h.over(transport, "ImportService.StreamFileReport", "everything", all), "ENTRY_ALREADY_IMPORTED", 2, 4, 6, 8, 10, 12); wrong != "" {
					t.Error(wrong)
				}
				if err := h.importFile(transport, "FEC-T3", write(monthly(4)[6:])); err != nil {
					t.Errorf("what is new: %+v", err)
				}
				request := importOfDeposit("FEC-T4", h.mustDeposit(all).GetDepositId())
				request.AllowDuplicate = true
				if err := h.over(transport, "ImportService.ImportFile", "everything", request).Err; err != nil {
					t.Errorf("meant twice: %+v", err)
				}
				if n := len(h.Simulator.Imports()); n != 3 {
					t.Errorf("Loop was sent %d files; want 3", n)
				}
			})
		}
	}
}

// TestAFileThatFailedIsCorrectedUnderAnotherID: without an administrator, where a look shows nothing of the first one.
func TestAFileThatFailedIsCorrectedUnderAnotherID(t *testing.T) {
	for _, transport := range transports {
		for name, test := range map[string]struct {
			without bool // anything booked in the dossier
			lost    bool // booked, and the answer lost
			blind   bool
			says    string
		}{
			"nothing of it is in Loop":  {},
			"it is there":               {lost: true, says: "Loop shows entries"},
			"the look is blind":         {blind: true, says: "blind"},
			"nothing proves the look":   {without: true, says: "nothing that is known"},
			"blind, of what was booked": {lost: true, blind: true, says: "blind"},
		} {
			t.Run(transport+", "+name, func(t *testing.T) {
				r := newBlindResolver(t)
				if !test.without {
					r.bookControl()
				}
				first := monthly(2)
				first[0].DocumentReference = "SIM-FAIL-LATE-1"
				if test.lost {
					r.Simulator.Inject(loopsim.Fault{Kind: loopsim.FaultCutAfter, Route: "/importFEC", Times: 1})
					first[0].DocumentReference = "FA-00"
				}
				if err := r.importFile(transport, "FIRST", asFEC(first, false)); test.lost != (err != nil) {
					t.Fatalf("%+v", err)
				}
				r.Simulator.FinishImports()
				if last := r.lastState("FIRST").GetState(); test.lost != (last == looppb.ImportState_IMPORT_STATE_UNCERTAIN) || test.lost == (last == looppb.ImportState_IMPORT_STATE_FAILED) {
					t.Fatal(last)
				}
				if test.blind {
					r.Simulator.Inject(loopsim.Fault{Kind: loopsim.FaultStatus, Status: http.StatusOK, Body: "[]", Route: "/EcritureComptable"})
				}
				corrected := monthly(2)
				err := r.importFile(transport, "SECOND", asFEC(corrected, false))
				r.Simulator.ClearFaults()
				want := 1
				if test.says != "" {
					if wrong := alreadyImported(err); wrong != "" || !strings.Contains(err.Message, test.says) || !strings.Contains(err.Message, "set allow") || strings.Contains(err.Message, "repeat") {
						t.Errorf("%s %+v", wrong, err)
					}
					if want = 0; test.lost {
						want = 1
					}
				} else if err != nil {
					t.Errorf("%+v", err)
				}
				if n := r.booked("FA-02-2"); n != want {
					t.Errorf("booked %d times; want %d", n, want)
				}
			})
		}
	}
}

// TestTheSameBooksInAnotherFormatAreRefused: whichever comes first, a repeat under the same id excepted.
func TestTheSameBooksInAnotherFormatAreRefused(t *testing.T) {
	entries := monthly(2)
	for _, transport := range transports {
		formats := map[string]func(*harness, string) *failure{
			"JSON":                            func(h *harness, id string) *failure { return h.importEntries(transport, id, entries) },
			"FEC":                             func(h *harness, id string) *failure { return h.importFile(transport, id, asFEC(entries, false)) },
			"FEC with a number for each line": func(h *harness, id string) *failure { return h.importFile(transport, id, perLine(entries)) },
			"TRA":                             func(h *harness, id string) *failure { return h.importFile(transport, id, asTRA(entries)) },
			"FEC of the lines in another order": func(h *harness, id string) *failure {
				return h.importFile(transport, id, asFEC(reversed(entries), false))
			},
		}
		for first, send := range formats {
			t.Run(transport+", "+first+" first", func(t *testing.T) {
				h := start(t, nil)
				for range 2 { // the second is a repeat
					if err := send(h, "FIRST"); err != nil {
						t.Fatalf("%+v", err)
					}
				}
				for name, again := range formats {
					if wrong := alreadyImported(again(h, "SECOND"), "FIRST"); wrong != "" {
						t.Errorf("then %s: %s", name, wrong)
					}
				}
				if n := len(h.Simulator.Imports()); n != 1 {
					t.Errorf("Loop has %d imports", n)
				}
			})
		}
	}
}

// TestLinesWithNumbersOfTheirOwnAreTheEntriesOfTheirDocument: also where such a file has errors, and is not to be deposited.
func TestLinesWithNumbersOfTheirOwnAreTheEntriesOfTheirDocument(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			h := start(t, nil)
			if err := h.importFile(transport, "FIRST", asFEC(monthly(2), false)); err != nil {
				t.Fatalf("%+v", err)
			}
			u := perLine(monthly(2))
			if wrong := alreadyImported(h.importFile(transport, "SECOND", u), "FIRST", "line 2"); wrong != "" {
				t.Error(wrong)
			}
			if err := h.importFile(transport, "THIRD", perLine(monthly(3)[4:])); err != nil {
				t.Errorf("what is new: %+v", err)
			}
			if wrong := alreadyImported(h.importEntries(transport, "FOURTH", monthly(3)[4:]), "THIRD"); wrong != "" {
				t.Errorf("then JSON: %s", wrong)
			}
			u.Message.(*looppb.FileMetadata).NumbersPerLine = false
			got := h.over(transport, "ImportService.ValidateFile", "everything", u)
			text := fmt.Sprint(got.Messages...)
			for _, want := range []string{"ENTRY_NUMBERS_PER_LINE", "ENTRY_ALREADY_IMPORTED", "import FIRST", "lines:[2 4 6 8]", "valid:false"} {
				if got.Err != nil || !strings.Contains(text, want) {
					t.Errorf("%+v, %s; want %s", got.Err, text, want)
				}
			}
			if err := h.over(transport, "ImportService.DepositFile", "everything", u).Err; err == nil || err.Reason != "FILE_INVALID" {
				t.Errorf("the deposit: %+v", err)
			}
		})
	}
}

// perLine writes entries as a FEC whose lines are numbered, and says so.
func perLine(entries []*looppb.Entry) *uploaded {
	u := asFEC(entries, true)
	u.Message.(*looppb.FileMetadata).NumbersPerLine = true
	return u
}

// reversed are entries from the last to the first, and so are their lines.
func reversed(entries []*looppb.Entry) (out []*looppb.Entry) {
	for _, each := range entries {
		e := proto.CloneOf(each)
		slices.Reverse(e.Lines)
		out = append(out, e)
	}
	slices.Reverse(out)
	return out
}

// TestWhatMayBeTwiceInAFileIsAWarning: entries that only a number tells from others, and a document with other amounts.
func TestWhatMayBeTwiceInAFileIsAWarning(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			h := start(t, nil)
			if err := h.importFile(transport, "FIRST", asFEC(monthly(2), false)); err != nil {
				t.Fatalf("%+v", err)
			}
			changed := monthly(2)
			for _, e := range changed {
				e.Lines[0].Side, e.Lines[1].Side = &looppb.EntryLine_Debit{Debit: "1.00"}, &looppb.EntryLine_Credit{Credit: "1.00"}
			}
			if err := h.importFile(transport, "SECOND", asFEC(changed, false)); err != nil {
				t.Fatalf("%+v", err)
			}
			record, err := looppb.NewImportServiceClient(h.conn).GetImport(as(t.Context(), "everything"), &looppb.GetImportRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: "SECOND"})
			if err != nil {
				t.Fatal(err)
			}
			at := slices.IndexFunc(record.GetImportRecord().GetFindings(), func(f *looppb.Finding) bool { return f.GetCode() == "DOCUMENT_IMPORTED_OTHERWISE" })
			if at < 0 || record.GetImportRecord().GetFindings()[at].GetOccurrences() != 4 {
				t.Errorf("%v", record.GetImportRecord().GetFindings())
			}
		})
	}
}

// TestTwoFilesBehindOnePathAreTwo: only what signs a link is left out of what tells it.
func TestTwoFilesBehindOnePathAreTwo(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			h := start(t, nil)
			send := func(id, link string) *failure {
				return h.over(transport, "ImportService.ImportFile", "everything", importOfLink(id, link)).Err
			}
			const path = "https://files.example.test/get.txt"
			for id, link := range map[string]string{"L-1": path + "?id=1&sig=a", "L-2": path + "?sig=b&id=2"} {
				if err := send(id, link); err != nil {
					t.Fatalf("%s: %+v", link, err)
				}
			}
			if err := send("L-1", path+"?sig=c&se=2099-01-01&id=1"); err != nil {
				t.Errorf("signed anew: %+v", err)
			}
			if err := send("L-1", path+"?id=2"); err == nil || err.Reason != "REQUEST_ID_REUSED" {
				t.Errorf("another file under the id: %+v", err)
			}
			if err := send("L-3", path+"?id=2&X-Amz-Signature=d"); err == nil || err.Reason != "DUPLICATE_CONTENT" || err.Metadata["requestId"] != "L-2" {
				t.Errorf("the same under another id: %+v", err)
			}
			if n := h.Simulator.Count("/importFEC"); n != 2 {
				t.Errorf("Loop was sent %d links; want 2", n)
			}
		})
	}
}
