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
		if op.Wrapped && op.Unverified { // not called before Config.Unverified names it
			fmt.Println(op.Row, op.ID, op.Method, op.Path)
		}
	}
	// Output:
	// 2 create_account POST /compte
	// 4 create_journal POST /journal
	// 16 import_json_analytics POST /importJson
	// 18 import_tra POST /importTRA
}

func ExampleSecret() {
	key := cegidclient.NewSecret("key:clientSecret")
	fmt.Printf("%v %+v %q\n", key, key, key)
	// Output: [redacted] [redacted] [redacted]
}
