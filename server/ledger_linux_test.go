package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/ledger"
)

// TestWhatCallersAreToldWhileTheLedgerFails: kinds of fault, and what each call answers then, over gRPC and REST, within a
// second. Reads go on, nothing reaches Loop, and with room again writes are taken by themselves.
func TestWhatCallersAreToldWhileTheLedgerFails(t *testing.T) {
	for _, fault := range []struct {
		name, says string
		begin      func(t *testing.T, disk string)
		end        func(t *testing.T, disk string) // nil: it stays
	}{
		{
			"the disk is full", "the disk of the ledger is full",
			func(t *testing.T, disk string) {
				file, err := os.Create(disk + "/ballast")
				testkit.OK(t, err)
				defer func() { _ = file.Close() }()
				for err == nil {
					_, err = file.Write(bytes.Repeat([]byte{1}, 4096))
				}
			},
			func(t *testing.T, disk string) {
				testkit.OK(t, os.Remove(disk+"/ballast"))
			},
		},
		{
			"the file was removed", "the file of the ledger was removed",
			func(t *testing.T, disk string) {
				testkit.OK(t, os.Remove(disk+"/ledger.db"))
			}, nil,
		},
	} {
		t.Run(fault.name, func(t *testing.T) {
			w := newWorld(t)
			disk := w.path("disk")
			testkit.OK(t, os.Mkdir(disk, 0o700))
			if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=2m"); err != nil {
				t.Skip("no disk of its own may be mounted here: ", err)
			}
			t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
			testkit.OK(t, ledger.Init(t.Context(), disk+"/ledger.db"))
			w.settings["ledger"] = "disk/ledger.db"
			p := w.serve(t, "")
			b := &besieged{t: t, w: w, p: p, conn: dial(t, p.grpc, nil)}
			entries := func() int {
				all, err := w.Entries("demo", dossier)
				testkit.OK(t, err)
				return len(all)
			}
			booked := entries() + 2
			b.is("", "import before", "list accounts", "get before")
			eventually(t, "both booked", func() bool { return entries() == booked })
			if code, text := b.readyz(""); code != http.StatusOK || text != "ready\n" {
				t.Errorf("before: %d %s", code, text)
			}
			fault.begin(t, disk)
			b.is("LEDGER_UNAVAILABLE", "import new", "upload new")
			b.is("", "list accounts", "get before", "list imports", "import before") // the ledger knows it: nothing is written
			eventually(t, "the health of writes", func() bool { return b.health("ImportService") != grpc_health_v1.HealthCheckResponse_SERVING })
			for service, want := range map[string]grpc_health_v1.HealthCheckResponse_ServingStatus{
				"": 1, "ReferenceDataService": 1, "EntryService": 1, "ImportService": 2, "DocumentService": 2, "RawService": 2,
			} {
				if got := b.health(service); got != want {
					t.Errorf("the health of %q is %s", service, got)
				}
			}
			if code, text := b.readyz(""); code != http.StatusOK || !strings.Contains(text, fault.says) {
				t.Errorf("/readyz: %d %s", code, text)
			}
			if code, text := b.readyz("?service=writes"); code != http.StatusServiceUnavailable || !strings.Contains(text, fault.says) {
				t.Errorf("/readyz of writes: %d %s", code, text)
			}
			time.Sleep(3 * time.Second)
			b.is("LEDGER_UNAVAILABLE", "import new")
			var lines []string
			for _, line := range p.lines(t) {
				if line["level"] == "ERROR" {
					lines = append(lines, fmt.Sprint(line))
				}
			}
			if len(lines) != 1 || !strings.Contains(lines[0], fault.says) {
				t.Errorf("%d lines: %s", len(lines), strings.Join(lines, "\n"))
			}
			if now := entries(); now != booked {
				t.Errorf("%d entries were booked meanwhile", now-booked)
			}
			if _, text := ask(t, http.DefaultClient, "GET", "http://"+p.operations+"/metrics", "", ""); strings.Contains(text, `ledger_failures_total{kind="commit"} 0`+"\n") || !strings.Contains(text, `ledger_failures_total{kind="commit"} `) {
				t.Error("the failures are not counted")
			}
			if fault.end == nil {
				_ = p.cmd.Process.Kill()
				return
			}
			fault.end(t, disk)
			eventually(t, "the health of writes again", func() bool { return b.health("ImportService") == grpc_health_v1.HealthCheckResponse_SERVING })
			b.is("", "import new", "get new")
			if code, text := b.readyz(""); code != http.StatusOK || text != "ready\n" {
				t.Errorf("after: %d %s", code, text)
			}
			p.stop(t)
		})
	}
}

// besieged makes calls over both.
type besieged struct {
	t    *testing.T
	w    *world
	p    *process
	conn grpc.ClientConnInterface
}

// is makes calls, and wants the reason of each; none is a success.
func (b *besieged) is(want string, calls ...string) {
	b.t.Helper()
	for _, call := range calls {
		for protocol, make := range map[string]func(string) (string, string){"gRPC": b.overGRPC, "REST": b.overREST} {
			begun := time.Now()
			got, text := make(call)
			if took := time.Since(begun); got != want || want != "" && took > time.Second {
				b.t.Errorf("%s over %s: %s after %s, want %s: %s", call, protocol, got, took, want, text)
			}
			if strings.Contains(text, "may go on without you") {
				b.t.Errorf("%s over %s: %s", call, protocol, text)
			}
		}
	}
}

func (b *besieged) overGRPC(call string) (reason, text string) {
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(b.t.Context(), "authorization", "Bearer "+b.w.token), patience)
	defer cancel()
	verb, id, _ := strings.Cut(call, " ")
	imports := looppb.NewImportServiceClient(b.conn)
	var err error
	switch verb {
	case "import":
		entry := &looppb.Entry{Journal: "ACH", Date: "2026-03-15", Reference: id + "-grpc", DocumentReference: id + "-grpc", Lines: []*looppb.EntryLine{
			{Account: "60700000", Label: "Achat", Side: &looppb.EntryLine_Debit{Debit: "120.00"}},
			{Account: "40100000", ThirdParty: "FEXEMPLE", Label: "Fournisseur", Side: &looppb.EntryLine_Credit{Credit: "120.00"}},
		}}
		_, err = imports.ImportEntries(ctx, &looppb.ImportEntriesRequest{Practice: "demo", Dossier: dossier, RequestId: id + "-grpc", Entries: []*looppb.Entry{entry}})
	case "get":
		_, err = imports.GetImport(ctx, &looppb.GetImportRequest{Practice: "demo", Dossier: dossier, RequestId: id + "-grpc"})
	case "upload":
		err = b.upload(ctx, id+"-grpc")
	case "list":
		if id == "imports" {
			_, err = imports.ListImports(ctx, &looppb.ListImportsRequest{Practice: "demo", Dossier: dossier})
		} else {
			err = listAccounts(b.t.Context(), b.conn, b.w.token)
		}
	}
	if err == nil {
		return "", ""
	}
	wait := false
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			reason = detail.GetReason()
		case *errdetails.RetryInfo:
			wait = true
		}
	}
	if !wait {
		b.t.Errorf("%s is not told when to come back: %v", call, err)
	}
	return reason, err.Error()
}

func (b *besieged) upload(ctx context.Context, id string) error {
	stream, err := looppb.NewDocumentServiceClient(b.conn).StoreDocument(ctx)
	if err != nil {
		return err
	}
	meta := &looppb.DocumentMetadata{Practice: "demo", Dossier: dossier, RequestId: id, FileName: "a.pdf"}
	for _, part := range []*looppb.StoreDocumentRequest{
		{Piece: &looppb.StoreDocumentRequest_Metadata{Metadata: meta}}, {Piece: &looppb.StoreDocumentRequest_Data{Data: []byte("%PDF-1.7 " + id)}},
	} {
		if err := stream.Send(part); err != nil {
			break // CloseAndRecv says why
		}
	}
	_, err = stream.CloseAndRecv()
	return err
}

func (b *besieged) overREST(call string) (reason, text string) {
	verb, id, _ := strings.Cut(call, " ")
	base := "http://" + b.p.http + "/v1/practices/demo/dossiers/" + dossier
	code := 0
	switch verb {
	case "import":
		code, text = ask(b.t, http.DefaultClient, "POST", base+"/imports", b.w.token, strings.ReplaceAll(purchase, "FA-1", id), "Idempotency-Key", id)
	case "get":
		code, text = ask(b.t, http.DefaultClient, "GET", base+"/imports/"+id, b.w.token, "")
	case "list":
		code, text = ask(b.t, http.DefaultClient, "GET", base+"/"+id, b.w.token, "")
	case "upload":
		code, text = ask(b.t, http.DefaultClient, "POST", base+"/documents?fileName=a.pdf", b.w.token, "%PDF-1.7 "+id, "Idempotency-Key", id)
	}
	if code == http.StatusOK {
		return "", text
	}
	if code == http.StatusServiceUnavailable && strings.Contains(text, "LEDGER_UNAVAILABLE") {
		return "LEDGER_UNAVAILABLE", text
	}
	return fmt.Sprint(code), text
}

func (b *besieged) readyz(query string) (int, string) {
	return ask(b.t, http.DefaultClient, "GET", "http://"+b.p.http+"/readyz"+query, "", "")
}

func (b *besieged) health(service string) grpc_health_v1.HealthCheckResponse_ServingStatus {
	if service != "" {
		service = "cegid.loop.v1." + service
	}
	state, err := grpc_health_v1.NewHealthClient(b.conn).Check(b.t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
	testkit.OK(b.t, err)
	return state.GetStatus()
}
