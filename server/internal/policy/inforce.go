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
		for _, each := range r.tokens {
			if each.caller == i {
				tokens = append(tokens, hex.EncodeToString(each.sum[:]))
			}
		}
		for _, each := range r.jwts {
			if each.caller == i {
				jwts = append(jwts, fmt.Sprintf("%q %q %q", each.issuer, each.claim, each.value))
			}
		}
		for _, each := range r.certificates {
			if each.caller == i {
				certificates = append(certificates, each.name)
			}
		}
		hide(caller+"token_hashes", tokens)
		hide(caller+"jwt", jwts)
		hide(caller+"certificates", certificates)
		for _, each := range inforce.Of(r.limits[name]) {
			each.Path = caller + "limits." + each.Path
			entries = append(entries, each)
		}
		for n, each := range r.grants[name] {
			grant := fmt.Sprintf("%sgrants[%d].", caller, n)
			var rights []string
			for _, right := range each.rights {
				rights = append(rights, right.String())
			}
			entries = append(entries, inforce.Plain(grant+"practices", strings.Join(each.practices, ", ")),
				inforce.Plain(grant+"rights", strings.Join(rights, ", ")))
			if slices.Equal(each.dossiers, []string{everything}) {
				entries = append(entries, inforce.Plain(grant+"dossiers", everything))
			} else {
				hide(grant+"dossiers", slices.Clone(each.dossiers))
			}
		}
	}
	return entries
}
