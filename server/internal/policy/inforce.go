package policy

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"cegid.internal/gateway/server/internal/inforce"
)

// InForce are the rules, line by line. Neither hashes of tokens nor identities are shown, nor dossiers: how many there are.
func (p *Policy) InForce() (entries []inforce.Entry) {
	r := p.now()
	hide := func(path string, values []string) {
		slices.Sort(values)
		if len(values) > 0 {
			entries = append(entries, inforce.Entry{Path: path, Value: strings.Join(values, "\n"), Shown: fmt.Sprintf("%d of them", len(values))})
		}
	}
	for i, name := range r.callers {
		caller := "callers[" + name + "]."
		var tokens, jwts, certificates []string
		for _, token := range r.tokens {
			if token.caller == i {
				tokens = append(tokens, hex.EncodeToString(token.sum[:]))
			}
		}
		for _, jwt := range r.jwts {
			if jwt.caller == i {
				jwts = append(jwts, fmt.Sprintf("%q %q %q", jwt.issuer, jwt.claim, jwt.value))
			}
		}
		for _, certificate := range r.certificates {
			if certificate.caller == i {
				certificates = append(certificates, certificate.name)
			}
		}
		hide(caller+"token_hashes", tokens)
		hide(caller+"jwt", jwts)
		hide(caller+"certificates", certificates)
		for _, entry := range inforce.Of(r.limits[name]) {
			entry.Path = caller + "limits." + entry.Path
			entries = append(entries, entry)
		}
		for n, given := range r.grants[name] {
			grant := fmt.Sprintf("%sgrants[%d].", caller, n)
			var rights []string
			for _, right := range given.rights {
				rights = append(rights, right.String())
			}
			entries = append(entries, inforce.Plain(grant+"practices", strings.Join(given.practices, ", ")),
				inforce.Plain(grant+"rights", strings.Join(rights, ", ")))
			if slices.Equal(given.dossiers, []string{everything}) {
				entries = append(entries, inforce.Plain(grant+"dossiers", everything))
			} else {
				hide(grant+"dossiers", slices.Clone(given.dossiers))
			}
		}
	}
	return entries
}
