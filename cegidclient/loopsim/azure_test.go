package loopsim_test

import (
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"

	"cegid.internal/gateway/cegidclient/loopsim"
)

// TestFilesCanBeDepositedInAzuresEmulator: then nothing that they pass through was written here.
func TestFilesCanBeDepositedInAzuresEmulator(t *testing.T) {
	base := os.Getenv("LOOP_TEST_AZURITE")
	if base == "" {
		t.Skip("LOOP_TEST_AZURITE does not say where Azurite listens")
	}
	// The account that Azurite publishes; the key opens nothing else.
	key, err := blob.NewSharedKeyCredential("devstoreaccount1", "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==")
	must(t, err)
	container := fmt.Sprintf("%s/loopsim-%d", base, time.Now().UnixNano())
	signed, err := sas.AccountSignatureValues{
		Protocol: sas.ProtocolHTTPSandHTTP, ExpiryTime: time.Now().Add(time.Hour), Permissions: "rwc", ResourceTypes: "c",
	}.SignWithSharedKey(key)
	must(t, err)

	w := start(t, loopsim.WithAzureDeposits(container, key))
	makeContainer, err := http.NewRequestWithContext(t.Context(), http.MethodPut, container+"?restype=container&"+signed.Encode(), nil)
	must(t, err)
	makeContainer.Header.Set("x-ms-version", "2021-12-02")
	if got := w.do(makeContainer); got.status != http.StatusCreated {
		t.Fatalf("%d %s", got.status, got.body)
	}
	version := header("x-ms-version", "2021-12-02")
	link, uri := w.place("mars été.txt")
	if got := w.put(link, aFEC("FA-1"), version); got.status != http.StatusCreated {
		t.Fatalf("%d %s", got.status, got.body)
	}
	_, empty := w.place("a.txt")
	for _, each := range []string{uri, empty} {
		w.importFile("/importFEC", map[string]any{"URI": each}).accepted(t)
	}
	w.FinishImports()
	if r := w.record(0); r.Outcome != loopsim.ImportBooked || r.File.Name != "mars été.txt" || len(w.entries("CEGID001")) != 1 {
		t.Errorf("%+v", r)
	}
	if r := w.record(1); r.Outcome != loopsim.ImportFailed {
		t.Errorf("%+v", r)
	}
}
