package cegidclient

import (
	"maps"
	"testing"
)

func TestAnEstablishmentHasSpellingsOfItsOwn(t *testing.T) {
	e, err := decodeOne[Establishment](t, `{"objectId":"e1","revisionId":"0x1","type":2,"nature":1,"prenom":"Élise","name":"DUPONT","raisonsociale":"","SIRET":"12345678200028"}`)
	if err != nil || *e.Type != EstablishmentSecondary || *e.Nature != NatureNaturalPerson || *e.FirstName != "Élise" || *e.LastName != "DUPONT" || *e.CompanyName != "" {
		t.Errorf("%+v, %v", e, err)
	}
	if want := (Unmapped{"SIRET": `"12345678200028"`}); !maps.Equal(e.Unmapped, want) {
		t.Errorf("unmapped %v", e.Unmapped)
	}
	// As third parties spell it: read, and kept as it came.
	e, err = decodeOne[Establishment](t, `{"objectId":"e1","raisonSociale":"EXEMPLE SARL","nom":"DUPONT"}`)
	if err != nil || *e.CompanyName != "EXEMPLE SARL" || e.LastName != nil || len(e.Unmapped) != 2 {
		t.Errorf("%+v, %v", e, err)
	}
}
