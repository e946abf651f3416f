package conformance

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/fecgen"
)

// asksForReport posts a FEC, and gives the answer with its body.
func (h *harness) asksForReport(path, accept, file string) (*http.Response, string) {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost,
		h.rest+"/v1/practices/demo/dossiers/CEGID001/"+path+"?fileName=900000001FEC20261231.txt&format=IMPORT_FORMAT_FEC", strings.NewReader(file))
	testkit.OK(h.t, err)
	request.Header.Set("Authorization", "Bearer everything")
	request.Header.Set("Accept", accept)
	response, err := h.web.Do(request)
	testkit.OK(h.t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	testkit.OK(h.t, err)
	return response, string(body)
}

// manyFaults is a FEC of about a size in which each line has a fault, and each entry another.
func manyFaults(size int64) string {
	return string(fecgen.Bytes(fecgen.Options{Size: size, Separator: '|', Edit: func(line int, text []byte) []byte {
		cells := strings.Split(string(text), "|")
		if line == 1 {
			return text
		}
		cells[11] = strings.Replace(cells[11], ",", ".", 1)
		if cells[11] != "0.00" {
			cells[11] = "1" + cells[11]
		}
		return []byte(strings.Join(cells, "|"))
	}}))
}

// TestAReportComesInTheFormThatIsAskedFor: on either path, a browser or a program that says nothing of lines or tables is
// answered as before.
func TestAReportComesInTheFormThatIsAskedFor(t *testing.T) {
	h := start(t, nil)
	file := manyFaults(20_000)
	for _, c := range []struct{ path, accept, want string }{
		{"files:report", "", "application/x-ndjson"},
		{"files:report", "*/*", "application/x-ndjson"},
		{"files:report", "application/json", "application/x-ndjson"},
		{"files:report", "text/csv", "text/csv; charset=utf-8; header=present"},
		{"files:report", "text/csv;q=0.5, application/x-ndjson", "application/x-ndjson"},
		{"files:validate", "application/x-ndjson", "application/x-ndjson"},
		{"files:validate", "text/csv", "text/csv; charset=utf-8; header=present"},
		{"files:validate", "application/json, text/csv;q=0.1", "application/json"},
		{"files:validate", "text/html,*/*;q=0.8", "text/html; charset=utf-8"},
		{"files:validate", "*/*", "application/json"},
	} {
		response, body := h.asksForReport(c.path, c.accept, file)
		if got := response.Header.Get("Content-Type"); response.StatusCode != 200 || got != c.want || body == "" {
			t.Errorf("%s, %q: HTTP %d, %s, %.300s", c.path, c.accept, response.StatusCode, got, body)
		}
	}
}

// TestTheWholeReportIsStreamed: each place, entry, account and month, whatever their number, alike in either form.
func TestTheWholeReportIsStreamed(t *testing.T) {
	h := start(t, nil)
	file := manyFaults(3 << 20)
	_, text := h.asksForReport("files:report", "", file)
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, 16<<20)
	counts, found := map[string]int{}, map[string]int{}
	var first struct {
		Valid  *bool
		Report struct {
			Totals            struct{ Lines int }
			UnbalancedEntries []any
			Findings          []struct {
				Code        string
				Occurrences int
			}
		}
	}
	for n := 0; lines.Scan(); n++ {
		var line struct {
			Result struct {
				Journals, Months, Accounts, UnbalancedEntries []json.RawMessage
				Places                                        []struct {
					Code string
					Line int
				}
			}
			Error any
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.Error != nil {
			t.Fatalf("%v, %.300s", err, lines.Text())
		}
		if n == 0 {
			var whole struct{ Result any }
			whole.Result = &first
			testkit.OK(t, json.Unmarshal(lines.Bytes(), &whole))
		}
		r := line.Result
		for name, size := range map[string]int{"journal": len(r.Journals), "month": len(r.Months), "account": len(r.Accounts), "unbalanced_entry": len(r.UnbalancedEntries), "place": len(r.Places)} {
			if size > 1000 {
				t.Errorf("%d of %s in one message", size, name)
			}
			counts[name] += size
		}
		for _, p := range r.Places {
			found[p.Code]++
		}
	}
	testkit.OK(t, lines.Err())
	want := map[string]int{}
	for _, f := range first.Report.Findings {
		want[f.Code] += f.Occurrences
	}
	delete(want, "FILE_UNBALANCED") // of the whole file
	if first.Valid == nil || *first.Valid || !maps.Equal(found, want) || found["AMOUNT_POINT"] != first.Report.Totals.Lines || found["ENTRY_UNBALANCED"] < 5000 ||
		counts["unbalanced_entry"] != found["ENTRY_UNBALANCED"] || len(first.Report.UnbalancedEntries) > 0 || counts["account"] < 20 || counts["month"] < 20 || counts["journal"] != 5 {
		t.Errorf("%+v; %v, %v, want %v", first, counts, found, want)
	}
	_, table := h.asksForReport("files:report", "text/csv", file)
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	testkit.OK(t, err)
	records := map[string]int{}
	for _, row := range rows[1:] {
		records[row[0]]++
	}
	if rows[0][0] != "record" || records["file"] != 1 || records["verdict"] != 3 || records["finding"] != len(first.Report.Findings) {
		t.Errorf("%v, %v", rows[0], records)
	}
	for _, name := range slices.Collect(maps.Keys(counts)) {
		if records[name] != counts[name] {
			t.Errorf("%d rows of %s, %d in lines", records[name], name, counts[name])
		}
	}
}

// TestATableHoldsNoFormula: what a file makes look like one is a text to a spreadsheet.
func TestATableHoldsNoFormula(t *testing.T) {
	h := start(t, nil)
	file := strings.ReplaceAll(manyFaults(5000), "|Ventes|", "|=HYPERLINK(\"x\")|")
	_, table := h.asksForReport("files:report", "text/csv", file)
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil || !strings.Contains(table, "'=HYPERLINK") {
		t.Fatalf("%v: %s", err, table)
	}
	for _, row := range rows {
		for _, cell := range row {
			if strings.HasPrefix(cell, "=") {
				t.Errorf("%q", row)
			}
		}
	}
}

// TestAReaderWhoLeavesLeavesNothing: and neither does one who never sends the rest.
func TestAReaderWhoLeavesLeavesNothing(t *testing.T) {
	h := start(t, nil)
	client := looppb.NewImportServiceClient(h.conn)
	u := fecOf(1, 1)
	for range 3 {
		stream, err := client.StreamFileReport(as(t.Context(), "everything"))
		testkit.OK(t, err)
		testkit.OK(t, stream.Send(&looppb.StreamFileReportRequest{Piece: &looppb.StreamFileReportRequest_Metadata{Metadata: u.Message.(*looppb.FileMetadata)}}))
		testkit.OK(t, stream.Send(&looppb.StreamFileReportRequest{Piece: &looppb.StreamFileReportRequest_Data{Data: []byte(manyFaults(3 << 20))}}))
		testkit.OK(t, stream.CloseSend())
		if got, err := stream.Recv(); err != nil || got.GetReport() == nil { // and no more
			t.Fatal(got, err)
		}
	}
}
