package conformance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/fecgen"
	"cegid.internal/gateway/internal/testkit/tragen"
	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/sandbox"
)

func fileOf(format looppb.ImportFormat, name string, content []byte) *uploaded {
	return &uploaded{&looppb.FileMetadata{Practice: "partner", Dossier: "DOSSIER_TEST", Format: format, FileName: name}, content}
}

func fecOf(size int64, seed uint64) *uploaded {
	return fileOf(looppb.ImportFormat_IMPORT_FORMAT_FEC, fecgen.Name, fecgen.Bytes(fecgen.Options{Size: size, Seed: seed}))
}

// over makes a call over a transport.
func (h *harness) over(transport, name, caller string, request proto.Message) outcome {
	h.t.Helper()
	m := method(h.t, name)
	if transport == "gRPC" {
		return h.overGRPC(h.t.Context(), m, caller, request)
	}
	return h.overREST(h.restRequest(h.t.Context(), m, request), caller)
}

func (h *harness) depositFile(caller string, u *uploaded) (got *looppb.FileDeposit, err error) {
	h.t.Helper()
	err = h.uploadGRPC(as(h.t.Context(), caller), method(h.t, "ImportService.DepositFile"), u, &metadata.MD{},
		func(m proto.Message) { got = m.(*looppb.DepositFileResponse).GetDeposit() })
	return got, err
}

func (h *harness) mustDeposit(u *uploaded) *looppb.FileDeposit {
	h.t.Helper()
	got, err := h.depositFile("everything", u)
	testkit.OK(h.t, err)
	return got
}

func importOfDeposit(id, deposit string) *looppb.ImportFileRequest {
	return &looppb.ImportFileRequest{
		Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: id, Source: &looppb.ImportFileRequest_DepositId{DepositId: deposit},
	}
}

func importOfLink(id, link string) *looppb.ImportFileRequest {
	return &looppb.ImportFileRequest{
		Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: id, Format: looppb.ImportFormat_IMPORT_FORMAT_FEC,
		Source: &looppb.ImportFileRequest_Url{Url: link},
	}
}

// lastState watches an import to its end.
func (h *harness) lastState(id string) (last *looppb.Import) {
	h.t.Helper()
	stream, err := looppb.NewImportServiceClient(h.conn).WatchImport(as(h.t.Context(), "everything"), &looppb.WatchImportRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: id})
	testkit.OK(h.t, err)
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return last
		}
		testkit.OK(h.t, err)
		last = message.GetImportRecord()
	}
}

// TestAFileIsDepositedImportedAndFollowed: over either transport, until Loop has booked what its report says.
func TestAFileIsDepositedImportedAndFollowed(t *testing.T) {
	for i, transport := range []string{"gRPC", "REST"} {
		t.Run(transport, func(t *testing.T) {
			h := start(t, nil)
			u := fecOf(300_000, uint64(i))
			for range 2 { // the second time nothing is uploaded
				if got := h.over(transport, "ImportService.DepositFile", "everything", u); got.Err != nil {
					t.Fatal(got.Err)
				}
			}
			deposit := h.mustDeposit(u) // nor by another way
			if calls := h.Simulator.Count("/getFileUrlDeposit"); calls != 1 {
				t.Errorf("Loop was asked %d times for a place", calls)
			}
			got := h.over(transport, "ImportService.ImportFile", "everything", importOfDeposit("FEC-1", deposit.GetDepositId()))
			if got.Err != nil {
				t.Fatal(got.Err)
			}
			last := h.lastState("FEC-1")
			if last.GetState() != looppb.ImportState_IMPORT_STATE_SUCCEEDED || last.GetFormat() != looppb.ImportFormat_IMPORT_FORMAT_FEC {
				t.Fatalf("it is %v", last)
			}
			booked := h.Simulator.Imports()[0].File
			totals, report := last.GetTotals(), deposit.GetReport()
			if !proto.Equal(totals, report.GetTotals()) || int(totals.GetLines()) != booked.Lines || int(totals.GetEntries()) != booked.Entries ||
				totals.GetDebit() != booked.Debit || totals.GetCredit() != booked.Credit || report.GetSha256() != booked.Digest || int64(report.GetSize()) != booked.Bytes {
				t.Errorf("the import has %v, the report %v, and Loop %+v", totals, report, booked)
			}
			for j, each := range report.GetJournals() {
				if at := booked.Journals[j]; each.GetJournal() != at.Code || each.GetDebit() != at.Debit || each.GetCredit() != at.Credit || int(each.GetLines()) != at.Lines {
					t.Errorf("journal %v is %+v", each, at)
				}
			}
			want := &looppb.ImportedFile{FileName: fecgen.Name, DepositId: deposit.GetDepositId(), Sha256: report.GetSha256()}
			if !proto.Equal(last.GetFile(), want) {
				t.Errorf("it is of %v; want %v", last.GetFile(), want)
			}
			if n := len(last.GetDocumentReferences()); n != 100 || len(booked.Journals) != len(report.GetJournals()) {
				t.Errorf("%d references, %d journals", n, len(report.GetJournals()))
			}
			listed, err := looppb.NewImportServiceClient(h.conn).ListImports(as(t.Context(), "everything"),
				&looppb.ListImportsRequest{Practice: "partner", Dossier: "-", DocumentReference: last.GetDocumentReferences()[99]})
			if err != nil || len(listed.GetImports()) != 1 || !proto.Equal(listed.GetImports()[0], last) {
				t.Errorf("by its last reference: %v, %v", listed, err)
			}
		})
	}
}

func TestACustomFileIsImportedWithItsModel(t *testing.T) {
	h := start(t, nil)
	deposit := h.mustDeposit(fileOf(looppb.ImportFormat_IMPORT_FORMAT_CUSTOM, "mars.csv", []byte(
		"journal;date;account;label;debit;credit;ref\nACH;2026-03-15;60700000;Achat;10,00;;FA-1\nACH;2026-03-15;40100000;Fournisseur;;10,00;FA-1\n")))
	request := importOfDeposit("C-1", deposit.GetDepositId())
	client := looppb.NewImportServiceClient(h.conn)
	if _, err := client.ImportFile(as(t.Context(), "everything"), request); reasonOf(err) != "FIELD_INVALID" || h.Simulator.Count("/importPerso") != 0 {
		t.Errorf("without its model: %v", err)
	}
	request.Model = loopsim.DemoModel
	if _, err := client.ImportFile(as(t.Context(), "everything"), request); err != nil {
		t.Fatal(err)
	}
	if last := h.lastState("C-1"); last.GetState() != looppb.ImportState_IMPORT_STATE_SUCCEEDED {
		t.Errorf("%v", last)
	}
	request.Model = "ANOTHER"
	if _, err := client.ImportFile(as(t.Context(), "everything"), request); reasonOf(err) != "REQUEST_ID_REUSED" {
		t.Errorf("with another model: %v", err)
	}
	request.RequestId, request.Format = "C-2", looppb.ImportFormat_IMPORT_FORMAT_FEC
	if _, err := client.ImportFile(as(t.Context(), "everything"), request); reasonOf(err) != "FIELD_INVALID" || !strings.Contains(err.Error(), "IMPORT_FORMAT_CUSTOM") {
		t.Errorf("as another format: %v", err)
	}
}

// TestATRAIsImported: where the operator consents, as the sandbox does.
func TestATRAIsImported(t *testing.T) {
	h := start(t, nil)
	deposit := h.mustDeposit(fileOf(looppb.ImportFormat_IMPORT_FORMAT_TRA, "mars.tra", tragen.Bytes(tragen.Options{Size: 20_000})))
	if _, err := looppb.NewImportServiceClient(h.conn).ImportFile(as(t.Context(), "everything"), importOfDeposit("T-1", deposit.GetDepositId())); err != nil {
		t.Fatal(err)
	}
	last := h.lastState("T-1")
	booked := h.Simulator.Imports()[0].File
	if totals := last.GetTotals(); last.GetState() != looppb.ImportState_IMPORT_STATE_SUCCEEDED || !proto.Equal(totals, deposit.GetReport().GetTotals()) ||
		totals.GetDebit() != booked.Debit || totals.GetCredit() != booked.Credit || len(last.GetDocumentReferences()) == 0 {
		t.Errorf("the import is %v, and Loop has %+v", last, booked)
	}
	bad, err := h.depositFile("everything", fileOf(looppb.ImportFormat_IMPORT_FORMAT_TRA, "mars.tra", []byte("Facture\n")))
	if reasonOf(err) != "FILE_INVALID" {
		t.Errorf("what is none: %v, %v", bad, err)
	}
}

// TestTheSameFileIsImportedOnce: under an id, under another one, and by another deposit of it.
func TestTheSameFileIsImportedOnce(t *testing.T) {
	h := start(t, nil)
	client := looppb.NewImportServiceClient(h.conn)
	send := func(caller string, request *looppb.ImportFileRequest) (*looppb.Import, error) {
		t.Helper()
		got, err := client.ImportFile(as(t.Context(), caller), request)
		return got.GetImportRecord(), err
	}
	deposit := h.mustDeposit(fecOf(3000, 1)).GetDepositId()
	first, err := send("everything", importOfDeposit("F-1", deposit))
	testkit.OK(t, err)
	again, err := send("everything", importOfDeposit("F-1", deposit))
	if err != nil || again.GetLoopRequestId() != first.GetLoopRequestId() {
		t.Errorf("again: %v, %v", again, err)
	}
	renamed := fecOf(3000, 1)
	renamed.Message.(*looppb.FileMetadata).FileName = "autre.txt"
	other := h.mustDeposit(renamed).GetDepositId()
	if other == deposit {
		t.Fatal("another name has the same deposit")
	}
	if again, err = send("everything", importOfDeposit("F-1", other)); err != nil || again.GetLoopRequestId() != first.GetLoopRequestId() {
		t.Errorf("by another deposit of the same content: %v, %v", again, err)
	}
	_, err = send("everything", importOfDeposit("F-2", other))
	if got := failureOf(status.Convert(err)); got.Reason != "ENTRY_ALREADY_IMPORTED" || !strings.Contains(got.Message, "F-1") || !strings.Contains(got.Message, "line 2") {
		t.Errorf("under another id: %+v", got)
	}
	meant := importOfDeposit("F-2", other)
	meant.AllowDuplicate = true
	if _, err := send("everything", meant); err != nil {
		t.Errorf("meant twice: %v", err)
	}
	establishment := importOfDeposit("F-1", deposit)
	establishment.Siret = loopsim.SandboxSIRET
	for name, request := range map[string]*looppb.ImportFileRequest{
		"another file": importOfDeposit("F-1", h.mustDeposit(fecOf(3000, 2)).GetDepositId()), "another establishment": establishment,
		"a link": importOfLink("F-1", "https://files.example.test/fec.txt"),
	} {
		if _, err := send("everything", request); reasonOf(err) != "REQUEST_ID_REUSED" {
			t.Errorf("%s under the id: %v", name, err)
		}
	}
	if _, err := client.ImportEntries(as(t.Context(), "everything"), importOf("F-1", invoice("F-1", "1"))); reasonOf(err) != "REQUEST_ID_REUSED" {
		t.Errorf("entries under the id: %v", err)
	}
	if calls := h.Simulator.Count("/importFEC"); calls != 2 {
		t.Errorf("Loop was called %d times", calls)
	}
}

// TestALinkIsTheSameWithAnotherSignature: which is neither kept nor told.
func TestALinkIsTheSameWithAnotherSignature(t *testing.T) {
	h := start(t, nil)
	client := looppb.NewImportServiceClient(h.conn)
	const path = "https://Files.example.test/a%20b/fec.txt"
	first, err := client.ImportFile(as(t.Context(), "everything"), importOfLink("L-1", path+"?sig=CANARY1"))
	testkit.OK(t, err)
	for name, link := range map[string]string{
		"signed anew": path + "?sig=CANARY2", "of a host in lower case": strings.ToLower(path), "that has expired meanwhile": path + "?se=2026-01-01T00:00:00Z&sig=CANARY3",
	} {
		again, err := client.ImportFile(as(t.Context(), "everything"), importOfLink("L-1", link))
		if err != nil || again.GetImportRecord().GetLoopRequestId() != first.GetImportRecord().GetLoopRequestId() {
			t.Errorf("%s: %v, %v", name, again, err)
		}
	}
	for _, link := range []string{path + "x", strings.Replace(path, "https:", "http:", 1)} {
		if _, err := client.ImportFile(as(t.Context(), "everything"), importOfLink("L-1", link)); reasonOf(err) != "REQUEST_ID_REUSED" {
			t.Errorf("%s: %v", link, err)
		}
	}
	want := &looppb.ImportedFile{FileName: "fec.txt", LinkHost: "files.example.test"}
	if last := h.lastState("L-1"); strings.Contains(fmt.Sprint(last), "CANARY") || strings.Contains(fmt.Sprint(last), "a b") || !proto.Equal(last.GetFile(), want) {
		t.Errorf("%v; want %v", last, want)
	}
	if h.Simulator.Count("/importFEC") != 1 || strings.Contains(h.log.String(), "CANARY") {
		t.Error("it was sent again, or the log holds a signature")
	}
}

// TestADepositIsItsCallersOwn: and of one dossier. What others have looks like what nobody has.
func TestADepositIsItsCallersOwn(t *testing.T) {
	h := start(t, nil)
	deposit := h.mustDeposit(fecOf(3000, 1)).GetDepositId()
	unknown := h.over("gRPC", "ImportService.ImportFile", "stranger", importOfDeposit("X-1", "3b0a6c1e-5d1f-8c7b-9a55-2f8f0c6f1d90")).Err
	elsewhere := importOfDeposit("X-2", deposit)
	elsewhere.Dossier = "BIG00001"
	abroad := importOfDeposit("X-3", deposit)
	abroad.Practice, abroad.Dossier = "demo", "CEGID001"
	for name, got := range map[string]*failure{
		"another's":            h.over("gRPC", "ImportService.ImportFile", "stranger", importOfDeposit("X-1", deposit)).Err,
		"of another dossier":   h.over("gRPC", "ImportService.ImportFile", "everything", elsewhere).Err,
		"in another practice":  h.over("gRPC", "ImportService.ImportFile", "everything", abroad).Err,
		"of nobody, over REST": h.over("REST", "ImportService.ImportFile", "stranger", importOfDeposit("X-1", "x")).Err,
	} {
		unknown := unknown
		if strings.HasSuffix(name, "over REST") {
			unknown = unknown.asREST
		}
		if got == nil || got.Reason != "DEPOSIT_UNKNOWN" || got.Message != unknown.Message || fmt.Sprint(got.Metadata, got.Violations, got.Help) != fmt.Sprint(unknown.Metadata, unknown.Violations, unknown.Help) {
			t.Errorf("%s: %+v; want %+v", name, got, unknown)
		}
	}
	mine, err := h.depositFile("stranger", fecOf(3000, 1))
	if err != nil || mine.GetDepositId() == deposit {
		t.Errorf("the same file of another caller: %v, %v", mine, err)
	}
	read := func(caller, dossier string) error {
		_, err := looppb.NewImportServiceClient(h.conn).GetDeposit(as(t.Context(), caller), &looppb.GetDepositRequest{Practice: "partner", Dossier: dossier, DepositId: deposit})
		return err
	}
	if err := read("everything", "DOSSIER_TEST"); err != nil {
		t.Error(err)
	}
	if err := read("everything", "BIG00001"); reasonOf(err) != "DEPOSIT_UNKNOWN" {
		t.Errorf("read for another dossier: %v", err)
	}
	if h.Simulator.Count("/importFEC") != 0 {
		t.Error("Loop was called")
	}
}

// TestADepositExpires: its import can still be repeated, and the file deposited again, under the same name.
func TestADepositExpires(t *testing.T) {
	h := start(t, func(cfg *sandbox.Config) {
		cfg.Files = config.Default().Files
		cfg.Files.DepositLifetime = 300 * time.Millisecond
	})
	client := looppb.NewImportServiceClient(h.conn)
	u := fecOf(3000, 1)
	deposit := h.mustDeposit(u).GetDepositId()
	imported, err := client.ImportFile(as(t.Context(), "everything"), importOfDeposit("F-1", deposit))
	testkit.OK(t, err)
	asked := &looppb.GetDepositRequest{Practice: "partner", Dossier: "DOSSIER_TEST", DepositId: deposit}
	waitFor(t, func() bool {
		_, err = client.GetDeposit(as(t.Context(), "everything"), asked)
		return reasonOf(err) == "DEPOSIT_UNKNOWN"
	})
	if again, err := client.ImportFile(as(t.Context(), "everything"), importOfDeposit("F-1", deposit)); err != nil || again.GetImportRecord().GetLoopRequestId() != imported.GetImportRecord().GetLoopRequestId() {
		t.Errorf("the import, repeated: %v, %v", again, err)
	}
	if _, err := client.ImportFile(as(t.Context(), "everything"), importOfDeposit("F-2", deposit)); reasonOf(err) != "DEPOSIT_UNKNOWN" {
		t.Errorf("under another id: %v", err)
	}
	renewed := h.mustDeposit(u)
	if renewed.GetDepositId() != deposit || h.Simulator.Count("/getFileUrlDeposit") != 2 {
		t.Errorf("deposited again: %v", renewed)
	}
}

// TestAFileThatIsTooLargeIsRefusedAtOnce: by what is announced, or by what comes.
func TestAFileThatIsTooLargeIsRefusedAtOnce(t *testing.T) {
	h := start(t, func(cfg *sandbox.Config) {
		cfg.Files = config.Default().Files
		cfg.Files.MaxSize = 100_000
	})
	large, fits := fecOf(100_000, 1), fecOf(99_000, 1)
	if n := len(fits.file); n > 100_000 {
		t.Fatal(n)
	}
	line := []byte("journal;date;account;debit;credit\n")
	exact := fileOf(looppb.ImportFormat_IMPORT_FORMAT_CUSTOM, "a.csv", bytes.Repeat(line, 100_000/len(line)+1)[:100_000])
	more := fileOf(looppb.ImportFormat_IMPORT_FORMAT_CUSTOM, "a.csv", append(bytes.Clone(exact.file), '\n'))
	for _, name := range []string{"ImportService.DepositFile", "ImportService.ValidateFile"} {
		for _, transport := range []string{"gRPC", "REST"} {
			if got := h.over(transport, name, "everything", exact).Err; got != nil {
				t.Errorf("%s over %s, as much as may be: %+v", name, transport, got)
			}
			if got := h.over(transport, name, "everything", more).Err; got == nil || got.Reason != "FILE_TOO_LARGE" {
				t.Errorf("%s over %s, a byte more: %+v", name, transport, got)
			}
			if got := h.over(transport, name, "everything", large).Err; got == nil || got.Reason != "FILE_TOO_LARGE" || transport == "REST" && got.HTTP != 413 {
				t.Errorf("%s over %s: %+v", name, transport, got)
			}
			if got := h.over(transport, name, "everything", fits).Err; got != nil {
				t.Errorf("%s over %s, a file that fits: %+v", name, transport, got)
			}
		}
	}
}

// TestNothingOfAFileStaysBehind: whatever ends it, the spool's folder is empty.
func TestNothingOfAFileStaysBehind(t *testing.T) {
	folder := t.TempDir()
	h := start(t, func(cfg *sandbox.Config) { cfg.Spool = folder })
	bad := fecOf(300_000, 1)
	bad.file[250_000] = 0
	h.mustDeposit(fecOf(300_000, 1))
	if _, err := h.depositFile("everything", bad); reasonOf(err) != "FILE_INVALID" {
		t.Errorf("a file with a fault: %v", err)
	}
	ctx, cancel := context.WithCancel(as(t.Context(), "everything"))
	stream, err := looppb.NewImportServiceClient(h.conn).DepositFile(ctx)
	testkit.OK(t, err)
	if err := errors.Join(stream.Send(&looppb.DepositFileRequest{Piece: &looppb.DepositFileRequest_Metadata{Metadata: bad.Message.(*looppb.FileMetadata)}}),
		stream.Send(&looppb.DepositFileRequest{Piece: &looppb.DepositFileRequest_Data{Data: bad.file[:200_000]}})); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := stream.RecvMsg(&looppb.DepositFileResponse{}); err == nil {
		t.Error("half a file is taken")
	}
	// A caller who leaves has an end of its own: the server's comes later, and a stop waits for it.
	if err := h.stop(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
	if n := h.Simulator.Count("/getFileUrlDeposit"); n != 1 {
		t.Errorf("Loop was asked for %d places", n)
	}
}

// TestAnUploadOfAFileThatBreaksTheRules: those of documents hold here, too.
func TestAnUploadOfAFileThatBreaksTheRules(t *testing.T) {
	h := start(t, nil)
	about := &looppb.ValidateFileRequest{Piece: &looppb.ValidateFileRequest_Metadata{Metadata: fecOf(1, 1).Message.(*looppb.FileMetadata)}}
	data := &looppb.ValidateFileRequest{Piece: &looppb.ValidateFileRequest_Data{Data: []byte("x")}}
	for name, c := range map[string]struct {
		pieces []*looppb.ValidateFileRequest
		says   string
	}{
		"nothing at all":     {nil, "metadata: is missing"},
		"bytes first":        {[]*looppb.ValidateFileRequest{data}, "metadata: is missing"},
		"metadata twice":     {[]*looppb.ValidateFileRequest{about, data, about}, "metadata: is given twice"},
		"an empty message":   {[]*looppb.ValidateFileRequest{about, {}}, "data: is missing from a message"},
		"nothing but a name": {[]*looppb.ValidateFileRequest{about}, ""},
	} {
		stream, err := looppb.NewImportServiceClient(h.conn).ValidateFile(as(t.Context(), "everything"))
		testkit.OK(t, err)
		for _, piece := range c.pieces {
			if err := stream.Send(piece); err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
		}
		answer, err := stream.CloseAndRecv()
		switch {
		case c.says == "":
			if err != nil || answer.GetValid() {
				t.Errorf("%s: %v, %v", name, answer, err)
			}
		case reasonOf(err) != "FIELD_INVALID" || !strings.Contains(err.Error(), c.says):
			t.Errorf("%s: %v; want %s", name, err, c.says)
		}
	}
}

// TestFaultTableOfFileImports: that of entries, on the route of files; the transports take turns.
func TestFaultTableOfFileImports(t *testing.T) {
	for i, row := range writeRows() {
		transport := []string{"gRPC", "REST"}[i%2]
		t.Run(row.name+"/"+transport, func(t *testing.T) {
			t.Parallel()
			runWriteFault(t, row, func(h *harness) faultRun {
				deposit := h.mustDeposit(fecOf(3000, 1))
				return faultRun{
					"/importFEC",
					func() outcome {
						return h.over(transport, "ImportService.ImportFile", "everything", importOfDeposit("F-1", deposit.GetDepositId()))
					},
					func() (fmt.Stringer, string) {
						got := h.imported("F-1")
						if n := got.GetTotals().GetLines(); n != deposit.GetReport().GetTotals().GetLines() {
							t.Errorf("the ledger knows of %d lines", n)
						}
						return got.GetState(), got.GetError().GetReason()
					},
					func() (n int) {
						h.Simulator.FinishImports()
						for _, each := range h.Simulator.Imports() {
							if each.Outcome == loopsim.ImportBooked {
								n++
							}
						}
						return n
					},
				}
			})
		})
	}
}

// TestFaultTableOfDeposits: nothing is booked by one, so that it is tried again where that may help, and can be repeated.
func TestFaultTableOfDeposits(t *testing.T) {
	storage := func(kind loopsim.FaultKind, status int) loopsim.Fault {
		return loopsim.Fault{Route: loopsim.DepositRoute, Kind: kind, Status: status}
	}
	once := func(f loopsim.Fault) loopsim.Fault { f.Times = 1; return f }
	for name, c := range map[string]struct {
		fault  loopsim.Fault
		reason string // of the first call; empty when it succeeds all the same
	}{
		"the storage is down":                {storage(loopsim.FaultStatus, 503), "LOOP_UNAVAILABLE"},
		"the storage is down for a moment":   {once(storage(loopsim.FaultStatus, 503)), ""},
		"the line is cut":                    {storage(loopsim.FaultCutBefore, 0), "LOOP_UNAVAILABLE"},
		"the line is cut once":               {once(storage(loopsim.FaultCutAfter, 0)), ""},
		"the link has expired":               {storage(loopsim.FaultStatus, 403), "LOOP_UNAVAILABLE"},
		"the link has expired once":          {once(storage(loopsim.FaultStatus, 403)), ""},
		"Loop is down":                       {loopsim.Fault{Route: "/getFileUrlDeposit", Kind: loopsim.FaultStatus, Status: 500}, "LOOP_UNAVAILABLE"},
		"Loop is down for a moment":          {once(loopsim.Fault{Route: "/getFileUrlDeposit", Kind: loopsim.FaultStatus, Status: 500}), ""},
		"Loop answers HTML instead of links": {loopsim.Fault{Route: "/getFileUrlDeposit", Kind: loopsim.FaultHTML}, "LOOP_BAD_RESPONSE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, nil)
			h.Simulator.Inject(c.fault)
			u := fecOf(3000, 1)
			if _, err := h.depositFile("everything", u); reasonOf(err) != c.reason {
				t.Errorf("%v; want %q", err, c.reason)
			}
			h.Simulator.ClearFaults()
			deposit := h.mustDeposit(u)
			if _, err := looppb.NewImportServiceClient(h.conn).ImportFile(as(t.Context(), "everything"), importOfDeposit("F-1", deposit.GetDepositId())); err != nil {
				t.Fatal(err)
			}
			if last := h.lastState("F-1"); last.GetState() != looppb.ImportState_IMPORT_STATE_SUCCEEDED {
				t.Errorf("%v", last)
			}
			for _, secret := range []string{"sig=", "/_deposit"} {
				if strings.Contains(h.log.String(), secret) {
					t.Errorf("the log holds %q", secret)
				}
			}
		})
	}
}

// TestFilesAreAudited: that they came, and what was made of them, not what they hold.
func TestFilesAreAudited(t *testing.T) {
	h := start(t, nil)
	u := fecOf(3000, 1)
	deposit := h.mustDeposit(u)
	if _, err := looppb.NewImportServiceClient(h.conn).ImportFile(as(t.Context(), "everything"), importOfDeposit("F-1", deposit.GetDepositId())); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"event":"done","method":"/cegid.loop.v1.ImportService/DepositFile","caller":"everything","by":"token","practice":"partner","dossier":"DOSSIER_TEST","right":"write"`,
		`"event":"submitted","caller":"everything","rpc":"ImportService.ImportFile","practice":"partner","dossier":"DOSSIER_TEST","collection":"imports","import":"F-1"`,
	} {
		if !strings.Contains(h.log.String(), want) {
			t.Errorf("the audit lacks %s", want)
		}
	}
	if slices.ContainsFunc([]string{fecgen.Name, fmt.Sprintf("%x", sha256.Sum256(u.file)), "Marchandises"}, func(part string) bool { return strings.Contains(h.log.String(), part) }) {
		t.Error("the log holds what a caller sent")
	}
}

// TestWhatFailsSaysWhatTheRulesKnow: Loop tells no cause, so the record of a file that it failed has what was objected to.
func TestWhatFailsSaysWhatTheRulesKnow(t *testing.T) {
	h := start(t, nil)
	lines := []string{
		"JournalCode|JournalLib|EcritureNum|EcritureDate|CompteNum|CompteLib|CompAuxNum|CompAuxLib|PieceRef|PieceDate|EcritureLib|Debit|Credit|EcritureLet|DateLet|ValidDate|Montantdevise|Idevise",
		"AN|A nouveaux|1|20260316|10100000|Capital|||SIM-FAIL-LATE|20260316|EXEMPLE|100,00|0,00|||20260331||",
		"AN|A nouveaux|1|20260316|51200000|Banque|||SIM-FAIL-LATE|20260316|EXEMPLE|0,00|100,00|||20260331||", "",
	}
	u := fileOf(looppb.ImportFormat_IMPORT_FORMAT_FEC, fecgen.Name, []byte(strings.Join(lines, "\r\n")))
	deposit := h.mustDeposit(u)
	if _, err := looppb.NewImportServiceClient(h.conn).ImportFile(as(t.Context(), "everything"), importOfDeposit("F-1", deposit.GetDepositId())); err != nil {
		t.Fatal(err)
	}
	last := h.lastState("F-1")
	if last.GetState() != looppb.ImportState_IMPORT_STATE_FAILED {
		t.Fatalf("%v", last)
	}
	i := slices.IndexFunc(last.GetFindings(), func(f *looppb.Finding) bool { return f.GetCode() == "JOURNAL_RESERVED" })
	if i < 0 || last.GetFindings()[i].GetLine() != 2 || last.GetFindings()[i].GetOccurrences() != 2 || last.GetFindings()[i].GetMessage() == "" || last.GetFindings()[i].GetMessageFr() == "" {
		t.Errorf("the record has %v", last.GetFindings())
	}
}
