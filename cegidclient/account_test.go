package cegidclient

import "testing"

func TestTheDocumentedAccountIsReadWhole(t *testing.T) {
	account, err := decodeOne[Account](t, `{ "objectId": "5b0f4a52-0d0e-4f0b-9a51-2f6c1f7c9e01", "revisionId": "0x0000000000012AB4", "description": ["60630000"],
		"numero": "60630000", "libelle": "Fournitures d'entretien et petit équipement", "type": 6, "collectif": false, "lettrable": false, "pointable": true,
		"centralisable": false, "analytique": true, "ferme": false, "compteContrepartie": {"objectId":null,"description":[""]} }`)
	if err != nil || account.Unmapped != nil {
		t.Fatal(err, account.Unmapped)
	}
	if *account.Number != "60630000" || *account.Label != "Fournitures d'entretien et petit équipement" || *account.Type != "6" || *account.Collective ||
		!*account.Reconcilable || !*account.Analytic || *account.Description != "60630000" || !account.ContraAccount.IsNone() || account.VAT != nil {
		t.Errorf("%+v", account)
	}
}
