package loopsim

import "fmt"

// Values of an establishment's type (loop-api: R 7.1).
const (
	establishmentMainAndOffice = 1
	establishmentSecondary     = 2
)

// An Establishment is one of the company, by its SIRET; the first is the main one.
type Establishment string

// establishmentResource is GET /etablissementComplet (loop-api: R 7.1), as far as its table was seen: SIRET and address, which
// presumably follow, have no known name. The first establishment is the main one and the registered office.
func establishmentResource() *resource {
	return holding(resource{
		path:  "/etablissementComplet",
		check: checkEstablishments,
		columns: []column{
			{"objectId", kindText},
			{"revisionId", kindText},
			{"type", kindEnum},
			{"nature", kindEnum},
			{"prenom", kindText},
			{"name", kindText},
			{"raisonsociale", kindText},
		},
		rows: func(d *dossier, c *Content) [][]cell {
			var rows [][]cell
			for i, siret := range Rows[Establishment](*c) {
				kind := establishmentSecondary
				if i == 0 {
					kind = establishmentMainAndOffice
				}
				rows = append(rows, []cell{
					text(d.objectID("etablissement", string(siret))),
					text(d.revisionID("etablissement", string(siret))),
					enum(kind),
					enum(2), // a legal person
					text(""),
					text(""),
					text(company(c).RaisonSociale),
				})
			}
			return rows
		},
	}, func() []Establishment { return []Establishment{SandboxSIRET, SandboxSecondSIRET} })
}

func checkEstablishments(c Content) error {
	all := Rows[Establishment](c)
	for _, siret := range all {
		if !validSIRET(string(siret)) || siret[:9] != all[0][:9] {
			return fmt.Errorf("establishment %q is no SIRET or another company's: %w", siret, ErrInvalid)
		}
	}
	return nil
}
