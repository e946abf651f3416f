package cegidclient

import (
	"maps"
	"net/http"
	"testing"
)

func TestEveryKindOfThirdPartyHasItsRoute(t *testing.T) {
	const customer = `{"objectId":"3d2c","revisionId":"0x0000000000023F51","code":"CEXEMPLE","type":0,"prenom":"","nom":"","raisonSociale":"EXEMPLE SARL","nomUsuel":"Exemple","lettrable":true,
		"compteContrepartie":{"objectId":null,"description":[""]},"SIRET":"90000000100017","telephone":"0100000000","fax":"","email":"compta@example.test","siteWeb":"","adr":{"ville":"Lyon"},"rib":[],"actif":true,"soumisTva":true}`
	var path string
	c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.Path
		reply(200, `{"data":[`+customer+`]}`)(w, r)
	})
	for _, tc := range []struct {
		service *Lister[ThirdParty]
		kind    ThirdPartyKind
		path    string
	}{
		{c.Customers, ThirdPartyCustomer, "/tiersClient"},
		{c.Suppliers, ThirdPartySupplier, "/tiersFournisseur"},
		{c.Employees, ThirdPartyEmployee, "/tiersSalarie"},
		{c.OtherThirdParties, ThirdPartyOther, "/tiersDivers"},
	} {
		page, err := tc.service.List(t.Context(), "D", ListOptions{Take: 1, Filter: Equal(ThirdPartyCode, "CEXEMPLE")})
		if err != nil {
			t.Fatal(err)
		}
		p := page.Items[0]
		if path != "/loop-api-publiques"+tc.path || p.Kind != tc.kind {
			t.Errorf("%s came from %s", p.Kind, path)
		}
		if *p.Code != "CEXEMPLE" || *p.Type != "0" || p.Nature != nil || *p.CompanyName != "EXEMPLE SARL" || !*p.Letterable || !p.ContraAccount.IsNone() || *p.SIRET != "90000000100017" || !*p.Active || !*p.SubjectToVAT {
			t.Errorf("%+v", p)
		}
		if want := (Unmapped{"adr": `{"ville":"Lyon"}`, "rib": `[]`}); !maps.Equal(p.Unmapped, want) {
			t.Errorf("unmapped %v", p.Unmapped)
		}
	}
}
