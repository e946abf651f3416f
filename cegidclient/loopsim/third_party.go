package loopsim

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// Values of a third party's type, one per route (loop-api: R 6). Nothing is known of 3.
const (
	ThirdPartyClient      = 0
	ThirdPartyFournisseur = 1
	ThirdPartySalarie     = 2
	ThirdPartyDivers      = 4
)

// WaitingThirdParty is the code of the third party that takes the lines of unknown ones (loop-api: A 2.2, A 10.5); Loop's
// own code for it was not seen [I].
const WaitingThirdParty = "ATTENTE"

// A ThirdParty is a third party (Loop: tiers), under Loop's own names. Its code is unique in the dossier, since an entry
// line names no kind (A 2.3) [I].
type ThirdParty struct {
	Code          string // 17 characters at most (A 2.3)
	Type          int    // ThirdPartyClient …
	Nature        int    // 1 natural person, 2 legal person; customers have none (R 6.1)
	Prenom        string
	Nom           string
	RaisonSociale string
	NomUsuel      string
	Lettrable     bool
	Contrepartie  string // numero of the contra account, "" for none
	SIRET         string
	Telephone     string
	Email         string
	Actif         bool
	SoumisTVA     bool
}

// thirdPartyResource is one of the four GET /tiers… (loop-api: R 6.1). A member whose row is cut from our copy of a page is
// there all the same, as R 6.1 supposes [I]; adr and rib are empty, since their inside was not seen; so are the values of
// validation, 1 being where Loop's enums start (R 1.7) [I].
func thirdPartyResource(path string, kind int) *resource {
	columns := []column{{"objectId", kindText}, {"revisionId", kindText}, {"code", kindText}, {"type", kindEnum}}
	if kind != ThirdPartyClient {
		columns = append(columns, column{"nature", kindEnum})
	}
	columns = append(columns,
		column{"prenom", kindText},
		column{"nom", kindText},
		column{"raisonSociale", kindText},
		column{"nomUsuel", kindText},
		column{"lettrable", kindBool},
		column{"compteContrepartie", kindRef},
		column{"SIRET", kindText},
		column{"telephone", kindText},
		column{"fax", kindText},
		column{"email", kindText},
		column{"siteWeb", kindText},
		column{"adr", kindRaw},
		column{"rib", kindRaw},
		column{"actif", kindBool},
		column{"validation", kindEnum},
		column{"soumisTva", kindBool},
	)
	return holding(resource{
		path:    path,
		columns: columns,
		check:   checkThirdParties,
		rows: func(d *dossier, c *Content) [][]cell {
			var rows [][]cell
			for _, t := range Rows[ThirdParty](*c) {
				if t.Type != kind {
					continue
				}
				row := []cell{text(d.objectID("tiers", t.Code)), text(d.revisionID("tiers", t.Code)), text(t.Code), enum(t.Type)}
				if kind != ThirdPartyClient {
					row = append(row, enum(t.Nature))
				}
				rows = append(rows, append(row,
					text(t.Prenom),
					text(t.Nom),
					text(t.RaisonSociale),
					text(t.NomUsuel),
					boolean(t.Lettrable),
					d.accountRef(t.Contrepartie),
					text(t.SIRET),
					text(t.Telephone),
					text(""),
					text(t.Email),
					text(""),
					text("{}"),
					text("[]"),
					boolean(t.Actif),
					enum(1),
					boolean(t.SoumisTVA),
				))
			}
			return rows
		},
	}, func() []ThirdParty {
		return slices.DeleteFunc(thirdParties(), func(t ThirdParty) bool { return t.Type != kind })
	})
}

func (t ThirdParty) code() string { return t.Code }

func checkThirdParties(c Content) error {
	for _, t := range Rows[ThirdParty](c) {
		if utf8.RuneCountInString(t.Code) > maxThirdPartyCode || thirdPartyPath(t.Type) == "" {
			return fmt.Errorf("code or type %d of third party %q: %w", t.Type, t.Code, ErrInvalid)
		}
	}
	return firstError(
		unique(c, "third party", ThirdParty.code),
		contraAccounts(c, func(t ThirdParty) (contra, of string) { return t.Contrepartie, "third party " + t.Code }),
	)
}

// thirdPartyPath is the route that lists a kind of third party, "" when there is none.
func thirdPartyPath(kind int) string {
	switch kind {
	case ThirdPartyClient:
		return "/tiersClient"
	case ThirdPartyFournisseur:
		return "/tiersFournisseur"
	case ThirdPartySalarie:
		return "/tiersSalarie"
	case ThirdPartyDivers:
		return "/tiersDivers"
	}
	return ""
}

// thirdParties have no SIRET of a real company: theirs begin with 9000000, which is not given out.
func thirdParties() []ThirdParty {
	client := func(code, raison, usuel, siret string) ThirdParty {
		return ThirdParty{
			Code: code, Type: ThirdPartyClient, RaisonSociale: raison, NomUsuel: usuel, Lettrable: true, Contrepartie: "41100000",
			SIRET: siret, Telephone: "0100000000", Email: "compta@example.test", Actif: true, SoumisTVA: true,
		}
	}
	supplier := func(code, raison, usuel, siret string) ThirdParty {
		t := client(code, raison, usuel, siret)
		t.Type, t.Nature, t.Contrepartie = ThirdPartyFournisseur, 2, "40100000"
		return t
	}
	martin := client("CMARTIN", "", "Martin", "")
	martin.Prenom, martin.Nom, martin.SoumisTVA = "Jeanne", "MARTIN", false
	formerClient := client("CANCIEN", "ANCIEN CLIENT SA", "Ancien client", "90000001900027")
	formerClient.Actif = false
	dupont := supplier("FDUPONT", "", "Dupont", "90000002700012")
	dupont.Nature, dupont.Prenom, dupont.Nom = 1, "Élise", "DUPONT"
	formerSupplier := supplier("FANCIEN", "ANCIEN FOURNISSEUR SARL", "Ancien fournisseur", "90000002700020")
	formerSupplier.Actif = false
	person := func(code, prenom, nom string) ThirdParty {
		return ThirdParty{
			Code: code, Type: ThirdPartySalarie, Nature: 1, Prenom: prenom, Nom: nom, NomUsuel: prenom + " " + nom, Lettrable: true,
			Contrepartie: "42100000", Actif: true,
		}
	}
	return []ThirdParty{
		client("CEXEMPLE", "EXEMPLE SARL", "Exemple", "90000000100017"),
		martin,
		client("CNORD", "NORD & FILS SAS", "Nord et fils", "90000001900019"),
		formerClient,
		supplier("FEXEMPLE", "FOURNITURES EXEMPLE SAS", "Fournitures Exemple", "90000000100025"),
		dupont,
		supplier("FELEC", "ÉLECTRICITÉ DE L'EXEMPLE SA", "Électricité", "90000001900035"),
		formerSupplier,
		person("SBERNARD", "Luc", "BERNARD"),
		person("SPETIT", "Anne", "PETIT"),
		{
			Code: "DURSSAF", Type: ThirdPartyDivers, Nature: 2, RaisonSociale: "ORGANISME SOCIAL EXEMPLE", NomUsuel: "Organisme social",
			Lettrable: true, Contrepartie: "46700000", Actif: true,
		},
		{
			Code: WaitingThirdParty, Type: ThirdPartyDivers, Nature: 2, RaisonSociale: "TIERS D'ATTENTE", NomUsuel: "Attente",
			Contrepartie: "46700000", Actif: true,
		},
	}
}
