package cegidclient_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"cegid.internal/gateway/cegidclient"
)

// demoLoop answers as Loop does for a dossier with three accounts.
func demoLoop() *httptest.Server {
	accounts := []string{
		`{"objectId":"a1","numero":"40100000","libelle":"Fournisseurs","type":4,"collectif":true}`,
		`{"objectId":"a2","numero":"60700000","libelle":"Achats de marchandises","type":6,"collectif":false}`,
		`{"objectId":"a3","numero":"70700000","libelle":"Ventes de marchandises","type":7,"collectif":false}`,
	}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var skip, take int
		_, _ = fmt.Sscan(r.FormValue("skip")+" "+r.FormValue("take"), &skip, &take)
		switch {
		case r.FormValue("codeDossier") != "CEGID003":
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"statusCode":403,"code":"AccesRefuse","message":"Dossier non partagé"}`))
		case r.FormValue("filter") == `numero=="60700000"` && skip == 0:
			_, _ = w.Write([]byte("[" + accounts[1] + "]"))
		case r.FormValue("filter") != "":
			_, _ = w.Write([]byte("[]"))
		default:
			from, to := min(skip, len(accounts)), min(skip+take, len(accounts))
			_, _ = w.Write([]byte("[" + strings.Join(accounts[from:to], ",") + "]"))
		}
	}))
}

func demoClient(url string) *cegidclient.Client {
	client, err := cegidclient.New(cegidclient.Config{
		BaseURL:        url,
		AllowPlainHTTP: true, // a test server; production leaves it out
		Practice:       "demo",
		Credentials: cegidclient.StaticCredentials(
			cegidclient.NewSecret("key:clientSecret"), cegidclient.Secret{}, cegidclient.NewSecret("subscription")),
	})
	if err != nil {
		panic(err)
	}
	return client
}

func Example() {
	loop := demoLoop()
	defer loop.Close()
	client := demoClient(loop.URL)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	for account, err := range client.Accounts.All(ctx, "CEGID003", cegidclient.ListOptions{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(*account.Number, *account.Label)
	}
	// Output:
	// 40100000 Fournisseurs
	// 60700000 Achats de marchandises
	// 70700000 Ventes de marchandises
}

func ExampleLister_List() {
	loop := demoLoop()
	defer loop.Close()
	client := demoClient(loop.URL)
	defer client.Close()

	page, err := client.Accounts.List(context.Background(), "CEGID003", cegidclient.ListOptions{
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
	loop := demoLoop()
	defer loop.Close()
	client := demoClient(loop.URL)
	defer client.Close()

	_, err := client.Accounts.List(context.Background(), "UNKNOWN", cegidclient.ListOptions{})
	if errors.Is(err, cegidclient.ErrDossierNotShared) {
		fmt.Println("tick the dossier in LoopHub")
	}
	if e, ok := errors.AsType[*cegidclient.Error](err); ok {
		fmt.Println(e.HTTPStatus, e.Code, e.Message)
	}
	// Output:
	// tick the dossier in LoopHub
	// 403 AccesRefuse Dossier non partagé
}

func ExampleOperations() {
	for _, op := range cegidclient.Operations() {
		if op.Wrapped {
			fmt.Println(op.Row, op.ID, op.Method, op.Path, op.RPCs)
		}
	}
	// Output:
	// 1 list_accounts GET /compte [ReferenceDataService.ListAccounts ReferenceDataService.StreamAccounts ReferenceDataService.GetAccount]
	// 2 create_account POST /compte [ReferenceDataService.CreateAccount]
	// 3 list_journals GET /journal [ReferenceDataService.ListJournals ReferenceDataService.StreamJournals ReferenceDataService.GetJournal]
	// 4 create_journal POST /journal [ReferenceDataService.CreateJournal]
	// 5 list_analytic_sections GET /section [ReferenceDataService.ListAnalyticSections ReferenceDataService.StreamAnalyticSections]
	// 6 list_customers GET /tiersClient [ReferenceDataService.ListThirdParties ReferenceDataService.StreamThirdParties]
	// 7 list_suppliers GET /tiersFournisseur [ReferenceDataService.ListThirdParties ReferenceDataService.StreamThirdParties]
	// 8 list_employees GET /tiersSalarie [ReferenceDataService.ListThirdParties ReferenceDataService.StreamThirdParties]
	// 9 list_other_third_parties GET /tiersDivers [ReferenceDataService.ListThirdParties ReferenceDataService.StreamThirdParties]
	// 10 list_vat_codes GET /tva [ReferenceDataService.ListVatCodes ReferenceDataService.StreamVatCodes]
	// 11 list_establishments GET /etablissementComplet [ReferenceDataService.ListEstablishments ReferenceDataService.StreamEstablishments]
	// 12 get_dossier_identity GET /DossierComplet [ReferenceDataService.GetLegalIdentity]
	// 13 update_dossier_identity PUT /DossierComplet [ReferenceDataService.UpdateLegalIdentity]
	// 16 import_entries POST /importJson [ImportService.ImportEntries ImportService.ResolveImport]
	// 16 import_json_analytics POST /importJson [ImportService.ImportEntries ImportService.ResolveImport]
	// 17 import_fec POST /importFEC [ImportService.ImportFile ImportService.ResolveImport]
	// 18 import_tra POST /importTRA [ImportService.ImportFile ImportService.ResolveImport]
	// 19 import_custom POST /importPerso [ImportService.ImportFile ImportService.ResolveImport]
	// 20 get_file_deposit GET /getFileUrlDeposit [ImportService.DepositFile]
	// 21 get_import_status GET /getImportStatus [ImportService.WatchImport]
	// 23 list_entry_lines GET /EcritureComptable [EntryService.ListEntries EntryService.StreamEntries EntryService.FindEntriesByDocumentReference ImportService.ResolveImport]
	// 25 store_document POST /storeDocument [DocumentService.StoreDocument]
	// 27 replay_sink POST /partialInit [ChangeFeedService.ReplayChanges]
	// 29 list_offices GET /AgenceCabinet [PracticeService.ListOffices]
	// 30 list_work_groups GET /groupe [PracticeService.ListWorkGroups]
	// 31 list_staff GET /CollaborateurCabinet [PracticeService.ListStaff PracticeService.StreamStaff]
	// 33 list_engagements GET /engagement [PracticeService.ListEngagements PracticeService.StreamEngagements]
	// 34 list_engagement_activities GET /giActivitesMission [PracticeService.ListMissionActivities]
	// 36 check_staff_access POST /checkCollaborateurAccess [PracticeService.CheckStaffAccess]
}

func ExampleSecret() {
	key := cegidclient.NewSecret("key:clientSecret")
	fmt.Printf("%v %+v %q\n", key, key, key)
	// Output: [redacted] [redacted] [redacted]
}
