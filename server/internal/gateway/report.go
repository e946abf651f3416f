package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/filereport"
	"cegid.internal/gateway/server/internal/restname"
)

const (
	ndjson   = "application/x-ndjson"
	csvTable = "text/csv"
)

// wholeForm is the form of a whole report that a caller asks for before JSON and HTML; empty for none.
func wholeForm(r *http.Request) string {
	accept := r.Header.Values("Accept")
	form, most := "", 0.0
	for _, media := range []string{ndjson, csvTable} {
		if weight, _ := preferred(accept, media); weight > most {
			form, most = media, weight
		}
	}
	for _, other := range []string{"application/json", "text/html"} {
		if weight, _ := preferred(accept, other); weight > most {
			return ""
		}
	}
	return form
}

// serveReport passes a file on as it comes, and then the report on it, in lines of JSON unless CSV is asked for.
func (a *api) serveReport(w http.ResponseWriter, r *http.Request, found *route) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stream, first, err := a.upload(ctx, cancel, r, found)
	if err != nil {
		refuseBody(w, r, func() { writeError(r.Context(), a.mux, a.json, w, r, restname.OfUpload(err)) })
		return
	}
	h := w.Header()
	h.Set("X-Accel-Buffering", "no")
	var out reportWriter = &reportLines{a.json, w}
	if h.Set("Content-Type", ndjson); wholeForm(r) == csvTable {
		h.Set("Content-Type", csvTable+"; charset=utf-8; header=present")
		out = &reportTable{filereport.NewCSV(w)}
	}
	if err := forward(stream, first, found.upload.response, out); err != nil {
		out.fail(restname.OfUpload(contractual(r.Context(), err, h.Get(requestIDHeader))))
	}
}

// forward writes each message of a stream, until it ends or the reader has gone.
func forward(stream grpc.ClientStream, message, empty proto.Message, out reportWriter) error {
	for {
		if err := out.write(message.(*looppb.StreamFileReportResponse)); err != nil {
			return err
		}
		message = empty.ProtoReflect().New().Interface()
		switch err := stream.RecvMsg(message); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// reportWriter writes a whole report. What fails under way is its last line: the status has gone out before.
type reportWriter interface {
	write(*looppb.StreamFileReportResponse) error
	fail(error)
}

type reportLines struct {
	json *marshaler
	w    io.Writer
}

func (l *reportLines) write(m *looppb.StreamFileReportResponse) error { return l.line("result", m) }

func (l *reportLines) fail(err error) { _ = l.line("error", status.Convert(err).Proto()) } // the caller may have gone

func (l *reportLines) line(name string, of proto.Message) error {
	line, err := lineOf(l.json, map[string]proto.Message{name: of})
	if err == nil {
		_, err = l.w.Write(append(line, '\n'))
	}
	return err
}

type reportTable struct{ *filereport.CSV }

func (t *reportTable) fail(err error) {
	_ = t.Rows(filereport.Row{
		Record: filereport.ErrorRow, Code: apierror.ReasonName(apierror.ReasonOf(err)),
		Message: status.Convert(err).Message(),
	})
}

func (t *reportTable) write(m *looppb.StreamFileReportResponse) error {
	rows := reportRows(m)
	for _, j := range m.GetJournals() {
		rows = append(rows, filereport.Row{
			Record: filereport.JournalRow, Journal: j.GetJournal(), Label: j.GetLabel(), Count: int(j.GetLines()), Debit: j.GetDebit(),
			Credit: j.GetCredit(),
		})
	}
	for _, of := range m.GetMonths() {
		rows = append(rows, filereport.Row{
			Record: filereport.MonthRow, Journal: of.GetJournal(), Date: of.GetMonth(), Count: int(of.GetLines()), Debit: of.GetDebit(),
			Credit: of.GetCredit(),
		})
	}
	for _, account := range m.GetAccounts() {
		rows = append(rows, filereport.Row{
			Record: filereport.AccountRow, Account: account.GetAccount(), Label: account.GetLabel(), Count: int(account.GetLines()),
			Debit: account.GetDebit(), Credit: account.GetCredit(),
		})
	}
	for _, e := range m.GetUnbalancedEntries() {
		rows = append(rows, filereport.Row{
			Record: filereport.EntryRow, Journal: e.GetJournal(), Number: e.GetNumber(), Date: e.GetDate(), Line: int(e.GetLine()),
			Debit: e.GetDebit(), Credit: e.GetCredit(), Currency: e.GetCurrency(),
		})
	}
	for _, p := range m.GetPlaces() {
		rows = append(rows, filereport.Row{
			Record: filereport.PlaceRow, Code: p.GetCode(), Field: p.GetField(), Line: int(p.GetLine()),
			Column: int(p.GetColumn()),
		})
	}
	return t.Rows(rows...)
}

// reportRows are those of the first message.
func reportRows(m *looppb.StreamFileReportResponse) (rows []filereport.Row) {
	if m.GetReport() == nil {
		return nil
	}
	report, totals := m.GetReport(), m.GetReport().GetTotals()
	rows = append(rows, filereport.FileRow(m.GetValid(), int(totals.GetLines()), totals.GetDebit(), totals.GetCredit()))
	for _, v := range report.GetVerdicts() {
		rows = append(rows, filereport.Row{
			Record: filereport.VerdictRow, Field: strings.TrimPrefix(v.GetAuthority().String(), "FILE_AUTHORITY_"), Code: v.GetWorst(),
			Count: int(v.GetFindings()), Message: strings.TrimPrefix(v.GetOutcome().String(), "FILE_OUTCOME_"),
		})
	}
	for _, f := range report.GetFindings() {
		rows = append(rows, filereport.Row{
			Record: filereport.FindingRow, Code: f.GetCode(), Severity: strings.TrimPrefix(f.GetSeverity().String(), "FINDING_SEVERITY_"),
			Field: f.GetField(), Line: int(f.GetLine()), Column: int(f.GetColumn()),
			Count: int(f.GetOccurrences()), Message: f.GetMessage(), French: f.GetMessageFr(),
		})
	}
	return rows
}
