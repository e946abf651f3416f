package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient"
)

// TestTheNamesOfATRAReachLoop: also when they change without a restart.
func TestTheNamesOfATRAReachLoop(t *testing.T) {
	var sent []byte
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { sent, _ = io.ReadAll(r.Body) }))
	t.Cleanup(upstream.Close)
	i := install(t)
	i.write("practices/one.yaml", strings.Replace(practiceFile("one", "one"), "keys:", "unverified_operations: [import_tra], keys:", 1))
	for _, name := range []string{"lien", "fichier"} {
		i.write("gateway.yaml", strings.Replace(gatewayFile, "loop: {", fmt.Sprintf("loop: {base_url: %q, allow_plain_http: true, tra_names: {uri: %s}, ", upstream.URL, name), 1))
		i.looks(2)
		ctx := cegidclient.WithBeforeSend(t.Context(), func(context.Context, *cegidclient.Call) error { return nil })
		_, err := i.client("one").Files.ImportTRA(ctx, "D", cegidclient.FileImport{URI: "u"})
		if want := `{"codeIbs":"D","` + name + `":"u"}`; string(sent) != want {
			t.Errorf("Loop was sent %s; want %s (%v)", sent, want, err)
		}
	}
}

// TestTheNamesOfAnEntrysFieldsAreRead: also when they change without a restart.
func TestTheNamesOfAnEntrysFieldsAreRead(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`[{"debit":12.5,"montant":7}]`)) }))
	t.Cleanup(upstream.Close)
	i := install(t)
	i.write("practices/one.yaml", practiceFile("one", "one"))
	for name, want := range map[string]cegidclient.Decimal{"debit": "12.5", "montant": "7"} {
		i.write("gateway.yaml", strings.Replace(gatewayFile, "loop: {", fmt.Sprintf("loop: {base_url: %q, allow_plain_http: true, entry_names: {debit: %s}, ", upstream.URL, name), 1))
		i.looks(2)
		got, err := i.client("one").Entries.List(t.Context(), "D", cegidclient.EntryQuery{Lettering: cegidclient.Lettered})
		if err != nil || len(got.Items) != 1 || got.Items[0].Debit == nil || *got.Items[0].Debit != want || len(got.Items[0].Unmapped) != 1 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestPracticesWithOneKeyOrDomainHaveTheSameBooks: also by way of a third one, and when that comes or goes without a restart.
func TestPracticesWithOneKeyOrDomainHaveTheSameBooks(t *testing.T) {
	i := install(t)
	books := func(name string) string {
		practice, err := i.tenants.Practices().Get(name)
		if err != nil {
			t.Fatal(err)
		}
		if written := practice.Writing().Books; written != practice.Books {
			t.Errorf("%s writes into %q; want %q", name, written, practice.Books)
		}
		return practice.Books
	}
	if got := books("one"); got != "key key" {
		t.Errorf("without a domain: %q", got)
	}
	i.write("secrets/third", "third:secret")
	with := func(name, secret, more string) {
		i.write("practices/"+name+".yaml", strings.Replace(practiceFile(name, secret), "keys:", more+"keys:", 1))
	}
	with("third", "third", "domain: CAB, ")
	i.looks(2)
	if got := i.tenants.Practices().SameBooks(); got != nil || books("third") != "domain CAB" || i.log.Len() > 0 && strings.Contains(i.log.String(), "same books") {
		t.Errorf("nothing in common: %q, %q, %s", got, books("third"), i.log.String())
	}
	before := i.client("one")
	with("other", "other", "domain: CAB, ") // the key of one, and the domain of third
	i.looks(2)
	for _, name := range []string{"one", "other", "third"} {
		if got := books(name); got != "domain CAB" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := i.tenants.Practices().SameBooks(); !slices.EqualFunc(got, [][]string{{"one", "other", "third"}}, slices.Equal) || i.client("one") != before {
		t.Errorf("%q; the client is the same: %t", got, i.client("one") == before)
	}
	if !strings.Contains(i.log.String(), `book into the same books: what is imported for one is refused for another" practices="[one other third]"`) {
		t.Errorf("the log: %s", i.log.String())
	}
	i.remove("practices/other.yaml")
	i.looks(2)
	if got := i.tenants.Practices().SameBooks(); got != nil || books("one") != "key key" || books("third") != "domain CAB" {
		t.Errorf("apart again: %q", got)
	}
	both := strings.Replace(practiceFile("both", "third"), "keys: {", `keys: {advanced: "${file:../secrets/one}", `, 1)
	i.write("practices/both.yaml", both)
	i.looks(2)
	if got := i.tenants.Practices().SameBooks(); !slices.EqualFunc(got, [][]string{{"both", "third"}}, slices.Equal) {
		t.Errorf("imports have the standard key: %q", got)
	}
}
