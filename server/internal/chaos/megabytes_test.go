//go:build files

package chaos

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/fecgen"
)

// mostMemory is how much a server may grow by files of a hundred megabytes: what a small one takes is there already.
const mostMemory = 64 << 20

// TestAHundredMegabytes takes a FEC of that size the whole way, through a server in a process of its own. It is no part of
// go test ./... because the race detector makes it ten times longer: .ci/run files.
func TestAHundredMegabytes(t *testing.T) {
	const size = 100_000_000
	f := newFixture(t, settings{}, azure(t)...)
	const practice, dossier = loopsim.SandboxDemo, "CEGID001"

	lines := fecgen.New(fecgen.Options{Size: size})
	if _, err := io.Copy(io.Discard, lines); err != nil {
		t.Fatal(err)
	}
	bad := lines.Lines() - 10
	if _, err := f.deposit(t.Context(), practice, dossier, "warm", ""); err != nil {
		t.Fatal(err)
	}
	places := f.loop.Count("/getFileUrlDeposit")
	before := f.memory()

	begun := time.Now()
	_, err := f.stream(t.Context(), practice, dossier, fecgen.New(fecgen.Options{Size: size, Edit: func(line int, text []byte) []byte {
		if line == bad {
			return bytes.Replace(text, []byte("\t2026"), []byte("\t2O26"), 1)
		}
		return text
	}}))
	w := wordOf(nil, err)
	if place := fmt.Sprintf("line %d, column 4", bad); w.Code != "INVALID_ARGUMENT" || w.Reason != "FILE_INVALID" || !strings.Contains(w.Text, place) {
		t.Fatalf("with a bad line it ends with %s %s %s; want %s", w.Code, w.Reason, w.Text, place)
	}
	if n := f.loop.Count("/getFileUrlDeposit") - places; n != 0 || f.loop.Count("/importFEC") != 0 || len(f.loop.Imports()) != 0 {
		t.Errorf("Loop was asked for %d places", n)
	}
	refused := f.memory()
	t.Logf("refused at line %d of %d in %.1f s; the server's memory went from %d to %d MiB at most", bad, lines.Lines(), time.Since(begun).Seconds(), before>>20, refused>>20)

	begun = time.Now()
	deposit, err := f.stream(t.Context(), practice, dossier, fecgen.New(fecgen.Options{Size: size}))
	testkit.OK(t, err)
	after := f.memory()
	t.Logf("deposited %d bytes in %.1f s; at most %d MiB", deposit.GetReport().GetSize(), time.Since(begun).Seconds(), after>>20)
	if grown := after - before; grown > mostMemory {
		t.Errorf("the server grew by %d MiB; want no more than %d", grown>>20, mostMemory>>20)
	}

	begun = time.Now()
	f.loop.SetImportDelays(100*time.Millisecond, 100*time.Millisecond)
	ctx, cancel := context.WithTimeout(f.caller.authorized(t.Context()), time.Minute)
	defer cancel()
	if _, err := f.caller.imports.ImportFile(ctx, &looppb.ImportFileRequest{
		Practice: practice, Dossier: dossier, RequestId: "FEC", Source: &looppb.ImportFileRequest_DepositId{DepositId: deposit.GetDepositId()},
	}); err != nil {
		t.Fatal(err)
	}
	last := f.caller.watch(t.Context(), practice, dossier, "FEC")
	if last.State != "SUCCEEDED" {
		t.Fatalf("it is %s: %s", last.State, last.found)
	}
	t.Logf("booked after %.1f s", time.Since(begun).Seconds())

	page := f.inspection()
	totals, report := last.found.GetTotals(), deposit.GetReport()
	for _, want := range []string{report.GetSha256(), totals.GetDebit(), totals.GetCredit(), strconv.Itoa(int(totals.GetLines())), strconv.Itoa(int(totals.GetEntries()))} {
		if !strings.Contains(page, ">"+want+"<") && !strings.Contains(page, ">"+want+"\n") {
			t.Errorf("the inspection page does not show %s", want)
		}
	}
	for _, journal := range report.GetJournals() {
		row := fmt.Sprintf("%s: %d lines, %s, %s<br>", journal.GetJournal(), journal.GetLines(), journal.GetDebit(), journal.GetCredit())
		if !strings.Contains(page, row) {
			t.Errorf("the inspection page does not show %s", row)
		}
	}
	if left, err := os.ReadDir(f.spool()); err != nil || len(left) > 0 {
		t.Errorf("the spool holds %v, %v", left, err)
	}
}

// azure has files deposited in Azure's emulator, where there is one.
func azure(t *testing.T) []loopsim.Option {
	t.Helper()
	base := os.Getenv("LOOP_TEST_AZURITE")
	if base == "" {
		t.Log("LOOP_TEST_AZURITE names no emulator of Azure's storage: files go to the simulator's own")
		return nil
	}
	key, err := blob.NewSharedKeyCredential("devstoreaccount1", "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==") // of every Azurite
	testkit.OK(t, err)
	place := fmt.Sprintf("%s/walk-%d", base, time.Now().UnixNano())
	signed, err := sas.AccountSignatureValues{
		Protocol: sas.ProtocolHTTPSandHTTP, ExpiryTime: time.Now().Add(time.Hour), Permissions: "rwc", ResourceTypes: "c",
	}.SignWithSharedKey(key)
	testkit.OK(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, place+"?restype=container&"+signed.Encode(), nil)
	testkit.OK(t, err)
	request.Header.Set("x-ms-version", "2021-12-02")
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	testkit.OK(t, err)
	if _ = response.Body.Close(); response.StatusCode != http.StatusCreated {
		t.Fatal(response.Status)
	}
	return []loopsim.Option{loopsim.WithAzureDeposits(place, key)}
}

// inspection is the simulator's page.
func (f *fixture) inspection() string {
	f.Helper()
	response, err := http.Get(f.loop.root + "/_sim/")
	testkit.OK(f, err)
	defer func() { _ = response.Body.Close() }()
	page, err := io.ReadAll(response.Body)
	testkit.OK(f, err)
	http.DefaultClient.CloseIdleConnections()
	return string(page)
}
