package cegidclient_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/fec"
	"cegid.internal/gateway/cegidclient/loopsim"
)

// The examples call a simulated Loop, in which the practice "partner" has the dossier DOSSIER_TEST.
const dossier = "DOSSIER_TEST"

func sandbox() (client *cegidclient.Client, stop func()) {
	sim := loopsim.NewSandbox(loopsim.WithImportDelays(time.Millisecond, time.Millisecond))
	server := httptest.NewServer(sim)
	client, err := cegidclient.New(cegidclient.Config{
		BaseURL:        server.URL + sim.BasePath(), // leave it out to call the real Loop,
		AllowPlainHTTP: true,                        // and this one too
		Practice:       loopsim.SandboxPartner,
		Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret(loopsim.SandboxPartnerAPIKey), cegidclient.Secret{},
			cegidclient.NewSecret(loopsim.SandboxSubscriptionPrimary)),
	})
	if err != nil {
		panic(err)
	}
	return client, func() {
		client.Close()
		sim.Close()
		server.Close()
	}
}

// follow asks Loop what became of an import, until Loop has ended it. A real Loop may take hours.
func follow(ctx context.Context, client *cegidclient.Client, loopRequestID string) (cegidclient.ImportState, error) {
	for {
		status, err := client.Imports.Status(ctx, loopRequestID)
		if err != nil || status.State.Final() {
			return status.State, err
		}
		select {
		case <-ctx.Done():
			return status.State, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func Example() {
	client, stop := sandbox()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	for journal, err := range client.Journals.All(ctx, dossier, cegidclient.ListOptions{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(*journal.Code, *journal.Label)
	}
	// Output:
	// ACH Journal des achats
	// AN À-nouveaux
	// BQ1 Banque – compte principal
	// OD Opérations diverses
	// VTE Journal des ventes
}

func ExampleLister_List() {
	client, stop := sandbox()
	defer stop()

	page, err := client.Accounts.List(context.Background(), dossier, cegidclient.ListOptions{
		Filter: cegidclient.Equal(cegidclient.AccountNumber, "60700000"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(page.Items), *page.Items[0].Label, page.End)
	// Output: 1 Achats de marchandises true
}

func ExampleError() {
	client, stop := sandbox()
	defer stop()

	_, err := client.Accounts.List(context.Background(), "UNKNOWN", cegidclient.ListOptions{})
	if errors.Is(err, cegidclient.ErrDossierNotShared) {
		fmt.Println("tick the dossier in LoopHub")
	}
	if e, ok := errors.AsType[*cegidclient.Error](err); ok {
		fmt.Println(e.HTTPStatus, e.Code, e.Message)
	}
	// Output:
	// tick the dossier in LoopHub
	// 403 SimDossierNotShared La clé d'API n'a pas accès à ce dossier.
}

// An entry is checked, sent once, and followed until Loop has booked it.
func ExampleImportService_Submit() {
	client, stop := sandbox()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()

	invoice := cegidclient.EntryImport{Entries: []cegidclient.Entry{{
		Journal: "ACH", Date: "2026-03-15", Reference: "FA-2026-001", DocumentReference: "FA-2026-001",
		Lines: []cegidclient.EntryLine{
			{Account: "60700000", Label: "ACHAT EXEMPLE", Debit: "100"},
			{Account: "44566000", Label: "TVA 20", Debit: "20"},
			{Account: "40100000", ThirdParty: "FEXEMPLE", Label: "FOURNISSEUR EXEMPLE", Credit: "120", DueDate: "2026-04-14"},
		},
	}}}
	if found, _ := check.Entries(invoice); check.HasErrors(found) {
		fmt.Println("correct the entry:", found)
		return
	}
	id, err := client.Imports.Submit(ctx, dossier, invoice)
	switch cegidclient.OutcomeOf(err) {
	case cegidclient.WriteAccepted:
		fmt.Println(follow(ctx, client, id))
	case cegidclient.WriteNotSent:
		fmt.Println("nothing was booked; send it again later:", err)
	case cegidclient.WriteRefused:
		fmt.Println("nothing was booked; correct the entry:", err)
	case cegidclient.WriteUncertain:
		fmt.Println("look for FA-2026-001 in Loop before you send it again:", err)
	}
	// Output: succeeded <nil>
}

// A FEC is checked, deposited and imported. The digest makes sure that what is deposited is what was checked.
func ExampleFileService_Deposit() {
	client, stop := sandbox()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()

	const name = "123456782FEC20261231.txt"
	file, err := os.Open("../examples/" + name)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	validator, digest := fec.NewValidator(fec.Options{Name: name}), sha256.New()
	size, err := io.Copy(io.MultiWriter(validator, digest), file)
	if err != nil {
		fmt.Println(err)
		return
	}
	if report := validator.Close(); report.HasErrors() {
		fmt.Println("correct the file:", report.Findings)
		return
	}

	// A deposit books nothing, so it may be repeated. An import may not: see ExampleImportService_Submit.
	uri, err := client.Files.Deposit(ctx, name, cegidclient.FileContent{Content: file, Size: size, SHA256: digest.Sum(nil)})
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := client.Files.ImportFEC(ctx, dossier, cegidclient.FileImport{URI: uri})
	if err != nil {
		fmt.Println(cegidclient.OutcomeOf(err), err)
		return
	}
	fmt.Println(follow(ctx, client, id))
	// Output: succeeded <nil>
}

// A document is sent once to the accounting robot. Loop accepts a wrong dossier and loses the document, so a read tests
// the dossier first.
func ExampleDocumentService_Store() {
	client, stop := sandbox()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()

	invoice, err := os.ReadFile("../examples/invoice.pdf")
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := client.Journals.List(ctx, dossier, cegidclient.ListOptions{Take: 1}); err != nil {
		fmt.Println("the dossier cannot be read:", err)
		return
	}
	stored, err := client.Documents.Store(ctx, dossier, cegidclient.Document{
		FileName: "invoice.pdf", ContentType: cegidclient.DocumentType(invoice), Transaction: cegidclient.DocumentPurchase,
		Content: bytes.NewReader(invoice), Size: int64(len(invoice)),
	})
	if err != nil {
		fmt.Println(cegidclient.OutcomeOf(err), err)
		return
	}
	fmt.Println(len(stored.IDs))
	// Output: 1
}

func ExampleOperations() {
	for _, op := range cegidclient.Operations() {
		if op.Wrapped && op.Unverified { // not called before Config.Unverified names it
			fmt.Println(op.ID, op.Method, op.Path)
		}
	}
	// Output:
	// create_account POST /compte
	// create_journal POST /journal
	// import_json_analytics POST /importJson
	// import_tra POST /importTRA
}

func ExampleSecret() {
	key := cegidclient.NewSecret("key:clientSecret")
	fmt.Printf("%v %+v %q\n", key, key, key)
	// Output: [redacted] [redacted] [redacted]
}
