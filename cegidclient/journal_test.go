package cegidclient

import "testing"

func TestTheDocumentedJournalIsReadWhole(t *testing.T) {
	journal, err := decodeOne[Journal](t, `{"objectId":"8f5c","revisionId":"0x5A10","description":["VTE"],"code":"VTE","libelle":"Journal des ventes","type":8,
		"compteContrepartie":{"objectId":"c1","description":["51200000"]},"typeContrepartie":1,"repriseDateOp":false,"bordereau":true,"ferme":false,"accesClient":false,"saisieLibelle":2}`)
	if err != nil || journal.Unmapped != nil || *journal.Type != JournalTypeSale || *journal.ContraAccountMode != ContraAccountFree ||
		*journal.ContraAccount != (Ref{ObjectID: "c1", Description: "51200000"}) || !*journal.Slip || *journal.LabelEntryMode != "2" {
		t.Errorf("%+v, %v", journal, err)
	}
}
