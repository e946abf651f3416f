package service

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/fec"
	"cegid.internal/gateway/cegidclient/tra"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/fecgen"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission"
)

// inspecting is a writer that can look at files.
func inspecting(t *testing.T) *submission.Writer {
	t.Helper()
	l, err := ledger.Temporary(t.Context(), time.Now)
	testkit.OK(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return &submission.Writer{Ledger: l, MaxFile: 1 << 30}
}

// TestAFECsReportIsToldInTheContractsWords: each encoding, ground and severity of package fec has one.
func TestAFECsReportIsToldInTheContractsWords(t *testing.T) {
	for _, encoding := range []string{
		string(fec.ASCII), string(fec.ISO885915), string(fec.UTF8), string(fec.Windows1252), string(fec.CP850), string(fec.Mixed),
		string(tra.ASCII), string(tra.UTF8), string(tra.Windows1252), string(tra.Mixed),
	} {
		if encodings[submission.EncodingName(encoding)] == 0 {
			t.Errorf("%s has no name", encoding)
		}
	}
	content := strings.Replace(string(fecgen.Bytes(fecgen.Options{Size: 20_000})), "\t2026", "\t2O26", 1)
	in, err := inspecting(t).InspectFile(t.Context(), submission.Practice{Name: "p"}, submission.FileAbout{Deposit: ledger.Deposit{Format: string(submission.FormatFEC), FileName: "123456782FEC20261231.txt"}})
	testkit.OK(t, err)
	testkit.OK(t, in.Take([]byte(content)))
	deposit, _ := in.Report()
	message := reportMessage(deposit)
	if message.GetEncoding() != looppb.TextEncoding_TEXT_ENCODING_ISO_8859_15 || message.GetSeparator() != "\t" || len(message.GetJournals()) != 5 || int(message.GetSize()) != len(content) {
		t.Errorf("%v", message)
	}
	i := slices.IndexFunc(message.GetFindings(), func(f *looppb.Finding) bool { return f.GetCode() == "DATE_INVALID" })
	if i < 0 {
		t.Fatalf("%v", message.GetFindings())
	}
	found := message.GetFindings()[i]
	if found.GetSeverity() != looppb.FindingSeverity_FINDING_SEVERITY_ERROR || len(found.GetGrounds()) == 0 || slices.Contains(found.GetGrounds(), 0) ||
		!slices.IsSorted(found.GetGrounds()) || found.GetLine() != 2 || found.GetColumn() != 4 || found.GetOccurrences() != 1 {
		t.Errorf("%v", found)
	}
}

func TestTheReportOfAWildFileFitsAnAnswer(t *testing.T) {
	d := ledger.Deposit{Report: ledger.FileReport{OmittedFindings: 1, OmittedJournals: 1}}
	for i := range 5000 {
		d.Report.Findings = append(d.Report.Findings, check.Finding{Code: "X", Severity: check.Error, Message: strings.Repeat("x", 1000), Count: 1})
		d.Report.Journals = append(d.Report.Journals, ledger.JournalTotals{Code: fmt.Sprint(i)})
	}
	got := reportMessage(d)
	if n := len(got.GetFindings()); n < 1000 || n+int(got.GetOmittedFindings()) != 5001 || len(got.GetJournals()) != 100 || got.GetOmittedJournals() != 4901 {
		t.Errorf("%d findings and %d more, %d journals and %d more", n, got.GetOmittedFindings(), len(got.GetJournals()), got.GetOmittedJournals())
	}
}

// drip gives a piece of a file with a pause before each, for ever.
type drip struct {
	ctx   context.Context
	pause time.Duration
}

func (d *drip) Context() context.Context { return d.ctx }

func (d *drip) Recv() (*looppb.DepositFileRequest, error) {
	select {
	case <-time.After(d.pause):
		return &looppb.DepositFileRequest{Piece: &looppb.DepositFileRequest_Data{Data: []byte("x")}}, nil
	case <-d.ctx.Done():
		return nil, d.ctx.Err()
	}
}

// TestAFileMayTakeItsTimeAndNoMore: as documents, but longer in all.
func TestAFileMayTakeItsTimeAndNoMore(t *testing.T) {
	for pause, most := range map[time.Duration]time.Duration{time.Hour: uploadStall, time.Second: fileLimit} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			begun := time.Now()
			in, err := inspecting(t).InspectFile(t.Context(), submission.Practice{Name: "p"}, submission.FileAbout{Deposit: ledger.Deposit{Format: string(submission.FormatFEC)}})
			testkit.OK(t, err)
			err = receive(&drip{ctx, pause}, fileLimit, in.Take)
			if apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED || time.Since(begun) != most {
				t.Errorf("%v after %s; want the end after %s", err, time.Since(begun), most)
			}
			cancel()
			synctest.Wait()
		})
	}
}
