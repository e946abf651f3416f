package cegidclient

import (
	"maps"
	"testing"
)

func TestTheDocumentedVATCodeIsRead(t *testing.T) {
	// As in the example of R 8.1, with something inside of collecte and behind it, where nothing was seen.
	v, err := decodeOne[VATCode](t, `{"objectId":"7a1b","revisionId":"0x000000000003B2E1","code":"N20","description":"TVA 20 %","regime":1,"collecte":{"Vente":7,"client":411},"taux":20.00}`)
	if err != nil || *v.Code != "N20" || *v.Label != "TVA 20 %" || *v.Regime != VATRegimeNormal || *v.ObjectID != "7a1b" || *v.RevisionID != "0x000000000003B2E1" {
		t.Errorf("%+v, %v", v, err)
	}
	if want := (Unmapped{"collecte": `{"Vente":7,"client":411}`, "taux": "20.00"}); !maps.Equal(v.Unmapped, want) {
		t.Errorf("unmapped %v", v.Unmapped)
	}
	v, err = decodeOne[VATCode](t, `{"code":"N20","description":["TVA 20 %"],"regime":"8"}`)
	if err != nil || *v.Label != "TVA 20 %" || *v.Regime != VATRegimeReverseChargeEUServices || len(v.Unmapped) != 2 {
		t.Errorf("%+v, %v", v, err)
	}
}
