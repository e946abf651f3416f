package loopsim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// A Company is whose books a dossier holds: its legal identity (Loop: DossierComplet), and the name of its establishments.
type Company struct {
	RaisonSociale  string // 35 characters at most (R 7.1)
	SIREN          string // 9 digits, or ""
	FormeJuridique string // a code: SA, SARL

	writes int // since the dossier was added
}

const identityPath = "/DossierComplet"

// legalForms are the codes that were seen of a longer list (loop-api: R 7.3); that the others are refused is [I].
var legalForms = []string{"ASS", "COM", "COOP", "DIV", "SA", "SARL"}

// identityResource is what GET and PUT /DossierComplet show (loop-api: R 7.2): members and order of the sample. The revision
// changes at each write (R 1.7).
func identityResource() *resource {
	return holding(resource{
		path:    identityPath,
		check:   checkCompany,
		columns: []column{{"objectId", kindText}, {"revisionId", kindText}, {"siren", kindText}, {"formeJuridique", kindText}},
		rows: func(d *dossier, c *Content) [][]cell {
			revision := d.revisionID("dossier", d.code)
			if n := company(c).writes; n > 0 {
				revision = derivedRevision(d.practice, d.code, "dossier", d.code, strconv.Itoa(n))
			}
			return [][]cell{{text(d.objectID("dossier", d.code)), text(revision), text(company(c).SIREN), text(company(c).FormeJuridique)}}
		},
	}, func() []Company {
		return []Company{{RaisonSociale: "SOCIÉTÉ EXEMPLE SARL", SIREN: SandboxSIRET[:9], FormeJuridique: "SARL"}}
	})
}

func checkCompany(c Content) error {
	for _, company := range Rows[Company](c) {
		if company.SIREN != "" && !validSIREN(company.SIREN) {
			return fmt.Errorf("company %q is no SIREN: %w", company.SIREN, ErrInvalid)
		}
	}
	return nil
}

// company is that of a dossier, to be changed in place.
func company(c *Content) *Company {
	if len(Rows[Company](*c)) == 0 {
		add(c, Company{})
	}
	return &Rows[Company](*c)[0]
}

// identityOperation is GET /DossierComplet (loop-api: R 7.2): one bare object.
func identityOperation() operation {
	res := identityResource()
	return operation{
		Route: Route{Method: http.MethodGet, Path: identityPath},
		list:  res,
		serve: func(x *exchange) answer {
			t := x.dossier.table(res)
			body := appendRow(nil, t.columns, t.rows[0].cells, x.shape, nil)
			if x.shape.Envelope != EnvelopeDocumented {
				body = x.closeList(res, append(x.openList(res), body...))
			}
			return jsonAnswer(http.StatusOK, body)
		},
	}
}

func identityUpdateOperation() operation {
	return operation{
		Route: Route{Method: http.MethodPut, Path: identityPath},
		serve: func(x *exchange) answer { return x.serveWrite(identityResource(), x.dossier.updateIdentity) },
	}
}

// updateIdentity takes one element of PUT /DossierComplet (loop-api: R 7.3): objectId and revisionId are required, the others
// stay as they are when left out, an empty SIREN clears it. What is echoed is what was sent, with the new revision. What Loop
// says to a stale revision, or to an objectId that is another's, was not seen [I].
func (d *dossier) updateIdentity(in fields) (row []cell, only []string, refusal string) {
	in.knows("objectId", "revisionId", "siren", "formeJuridique")
	id, revision := in.text("objectId"), in.text("revisionId")
	siren, sirenSent := in.optionalText("siren")
	form, formSent := in.optionalText("formeJuridique")
	if in.refusal() != "" {
		return nil, nil, in.refusal()
	}
	res := identityResource()
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.contentLocked()
	now := res.rows(d, c)[0]
	switch {
	case id != now[0].text:
		return nil, nil, "objectId : ce n'est pas celui du dossier."
	case revision != now[1].text:
		return nil, nil, "revisionId : le dossier a été modifié entre-temps."
	case sirenSent && siren != "" && !validSIREN(siren):
		return nil, nil, "siren : 9 chiffres avec une clé valide sont attendus."
	case formSent && !slices.Contains(legalForms, form):
		return nil, nil, fmt.Sprintf("formeJuridique : « %s » n'est pas un code connu.", clip(form, 40))
	}
	only = []string{"objectId", "revisionId"}
	if sirenSent {
		company(c).SIREN, only = siren, append(only, "siren")
	}
	if formSent {
		company(c).FormeJuridique, only = form, append(only, "formeJuridique")
	}
	company(c).writes++
	delete(d.tables, identityPath)
	return res.rows(d, c)[0], only, ""
}

// validSIREN: 9 digits with a right Luhn key (loop-api: R 7.3).
func validSIREN(s string) bool {
	return len(s) == 9 && luhnDigits(s)
}
