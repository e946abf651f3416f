package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cegid.internal/gateway/server/internal/authn"
	"cegid.internal/gateway/server/internal/strictyaml"
)

// Installation is what a policy can speak of.
type Installation struct {
	// Practices are the names of those that the configuration has, Issuers those of tokens.
	Practices, Issuers []string
	// Certificates says that clients can have them.
	Certificates bool
	// Limits of callers without their own.
	Limits Limits
}

// Load reads the policy at path for an installation; examples/serve/policy.yaml is a complete one. The error is a
// *strictyaml.Error with all problems; it quotes nothing of the file.
func Load(path string, in Installation) (*Policy, error) {
	report := &strictyaml.Report{}
	root, ok := strictyaml.ReadFile(path, Keys(), report)
	if !ok {
		return nil, report.Err()
	}
	r := load(root, in)
	if err := report.Err(); err != nil {
		return nil, err
	}
	return of(r), nil
}

type loader struct {
	Installation
	rules  *rules
	names  map[string]string            // of callers, to where they are
	hashes map[[sha256.Size]byte]string // of tokens, to where they are
}

func load(root strictyaml.Node, in Installation) *rules {
	top, ok := root.Fields()
	if !ok {
		return nil
	}
	l := loader{
		Installation: in,
		rules:        &rules{grants: map[string][]grant{}, limits: map[string]Limits{}},
		names:        map[string]string{},
		hashes:       map[[sha256.Size]byte]string{},
	}
	callers, ok := top.Get("callers").Items()
	if ok && len(callers) == 0 {
		top.Get("callers").Refusef("there is no caller, so nobody could use the service; list at least one with its name and token_hashes")
	}
	for _, caller := range callers {
		l.caller(caller)
	}
	grants, ok := top.Get("grants").Items()
	if ok && len(grants) == 0 {
		top.Get("grants").Refusef("there is no grant, so nobody is allowed anything; list at least one with caller, " +
			"practices, dossiers and rights")
	}
	for i, g := range grants {
		l.grant(g, i)
	}
	return l.rules
}

func (l *loader) caller(n strictyaml.Node) {
	if !n.Given() {
		n.Refusef("the caller is empty; give it a name and token_hashes, or remove it")
		return
	}
	fields, ok := n.Fields()
	if !ok {
		return
	}
	place := fields.Get("name")
	name, ok := place.Text()
	switch first, repeated := l.names[name]; {
	case !place.Given():
		place.Refusef("the caller has no name; give it one of letters, digits, '.', '_' and '-'")
	case !ok: // reported by Text
	case !callerName(name):
		place.Refusef("must be 1 to 64 letters, digits, '.', '_' or '-'")
	case repeated:
		place.Refusef("another caller has this name, at %s; put the tokens of one caller together, or rename one", first)
	default:
		l.names[name] = place.Where()
	}
	caller := len(l.rules.callers)
	l.rules.callers = append(l.rules.callers, name)
	l.rules.limits[name] = ReadLimits(fields.Get("limits"), l.Limits)

	known := false
	for _, section := range []struct {
		key  string
		read func(n strictyaml.Node, caller int)
	}{{"token_hashes", l.token}, {"jwt", l.jwt}, {"certificates", l.certificate}} {
		place := fields.Get(section.key)
		items, ok := place.Items()
		switch {
		case !place.Given():
			continue
		case ok && len(items) == 0:
			place.Refusef("the list is empty; add what the caller is known by, or remove the key")
		}
		known = true
		for _, item := range items {
			section.read(item, caller)
		}
	}
	if !known {
		fields.Get("token_hashes").Refusef("the caller could never authenticate; add the hash of a token, or else jwt or " +
			"certificates, or remove the caller")
	}
}

func callerName(name string) bool {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
	return name != "" && len(name) <= 64 && strings.Trim(name, allowed) == ""
}

func (l *loader) token(n strictyaml.Node, caller int) {
	text, ok := n.Text()
	if !ok {
		if !n.Given() {
			n.Refusef("the item is empty; give the hash of a token, or remove it")
		}
		return
	}
	digits, prefixed := strings.CutPrefix(text, hashPrefix)
	raw, err := hex.DecodeString(digits)
	if !prefixed && (err != nil || len(raw) != sha256.Size) {
		n.Refusef("this is no hash and may be a token itself; a token does not belong in the policy: write sha256: " +
			"and the SHA-256 of the token in 64 hexadecimal digits, " +
			"and replace the token if this file was shared")
		return
	}
	if !prefixed || err != nil || len(raw) != sha256.Size {
		n.Refusef("must be sha256: and the SHA-256 of the token in 64 hexadecimal digits")
		return
	}
	sum := [sha256.Size]byte(raw)
	if sum == sha256.Sum256(nil) {
		n.Refusef("this is the hash of nothing, the mark of an unset variable; hash the token again")
		return
	}
	if first, repeated := l.hashes[sum]; repeated {
		n.Refusef("this hash is given twice, first at %s; give each caller a token of its own", first)
		return
	}
	l.hashes[sum] = n.Where()
	l.rules.tokens = append(l.rules.tokens, tokenHash{caller: caller, sum: sum})
}

var valueShape, claimShape = regexp.MustCompile(valuePattern), regexp.MustCompile(claimPattern)

func (l *loader) jwt(n strictyaml.Node, caller int) {
	if !n.Given() {
		n.Refusef("the item is empty; give issuer and subject, or remove it")
		return
	}
	fields, ok := n.Fields()
	if !ok {
		return
	}
	issuer, subject, claim, value := fields.Get("issuer"), fields.Get("subject"), fields.Get("claim"), fields.Get("value")
	it := claimed{caller: caller, claim: "sub", place: n.Where()}
	complete := true
	text := func(place strictyaml.Node, shape *regexp.Regexp) string {
		text, ok := place.Text()
		if ok && !shape.MatchString(text) {
			place.Refusef("must be one line of up to 255 characters without spaces around it")
			ok = false
		}
		complete = complete && ok
		return text
	}
	it.issuer, ok = issuer.Text()
	switch {
	case !issuer.Given():
		issuer.Refusef("name the issuer, as oidc in the configuration has it")
		complete = false
	case ok && !slices.Contains(l.Issuers, it.issuer):
		issuer.Refusef("the configuration has no issuer of this name under oidc; names are exact, to the slash at their end")
		complete = false
	case !ok:
		complete = false
	}
	switch {
	case subject.Given() && claim.Given():
		claim.Refusef("the item has subject and claim; keep one of them")
		return
	case claim.Given() && !value.Given():
		value.Refusef("the claim may have any value, so that every token of the issuer might belong to this caller; give the one that it has")
		return
	case claim.Given():
		it.claim, it.value = text(claim, claimShape), text(value, valueShape)
	case value.Given():
		claim.Refusef("name the claim that has this value, or write subject instead")
		return
	case subject.Given():
		it.value = text(subject, valueShape)
	default:
		subject.Refusef("give the token's sub, or another claim and its value")
		return
	}
	if !complete {
		return
	}
	for _, other := range l.rules.jwts {
		if other.issuer == it.issuer && other.claim == it.claim && other.value == it.value {
			n.Refusef("these tokens belong to a caller already, at %s; keep one", other.place)
			return
		}
	}
	l.rules.jwts = append(l.rules.jwts, it)
}

func (l *loader) certificate(n strictyaml.Node, caller int) {
	name, ok := n.Text()
	switch {
	case !n.Given():
		n.Refusef("the item is empty; give a name of the caller's certificate, or remove it")
	case !ok: // reported by Text
	case !authn.IsURI(name) && !authn.IsHost(name):
		n.Refusef("must be a URI or a DNS name in small letters, exactly as the certificate has it among its alternative names; " +
			"patterns have no meaning here")
	case !l.Certificates:
		n.Refusef("the configuration names no authority of client certificates; set tls.client_authorities there, or remove certificates")
	default:
		for _, other := range l.rules.certificates {
			if other.name == name {
				n.Refusef("this name belongs to a caller already, at %s; keep one", other.place)
				return
			}
		}
		l.rules.certificates = append(l.rules.certificates, certified{caller: caller, name: name, place: n.Where()})
	}
}

func (l *loader) grant(n strictyaml.Node, index int) {
	if !n.Given() {
		n.Refusef("the grant is empty; give it caller, practices, dossiers and rights, or remove it")
		return
	}
	fields, ok := n.Fields()
	if !ok {
		return
	}
	g := grant{
		place:  fmt.Sprintf("grants[%d] (%s)", index, n.Where()),
		rights: l.rights(fields.Get("rights")), practices: l.grantPractices(fields.Get("practices"), index),
	}
	dossiers, ok := fields.Get("dossiers").Items()
	for _, item := range dossiers {
		if pattern, ok := l.pattern(item); ok {
			g.dossiers = append(g.dossiers, pattern)
		}
	}
	if ok && len(dossiers) == 0 && (slices.Contains(g.rights, Read) || slices.Contains(g.rights, Write)) {
		fields.Get("dossiers").Refusef("the rights read and write are on dossiers, and none is given; list codes, or \"*\" for all of them")
	}
	for _, caller := range l.grantCallers(fields) {
		if len(g.practices) == 0 { // of those that are not there: it gives nothing
			continue
		}
		l.rules.grants[caller] = append(l.rules.grants[caller], g)
	}
}

func (l *loader) grantCallers(fields strictyaml.Fields) []string {
	one, several := fields.Get("caller"), fields.Get("callers")
	var places []strictyaml.Node
	switch {
	case one.Given() && several.Given():
		several.Refusef("the grant has caller and callers; keep one of them")
		return nil
	case one.Given():
		places = []strictyaml.Node{one}
	default:
		var ok bool
		if places, ok = several.Items(); ok && len(places) == 0 {
			one.Refusef("the grant is for nobody; name its caller, or several in callers")
		}
	}
	var callers []string
	for _, place := range places {
		name, ok := place.Text()
		switch {
		case !place.Given():
			place.Refusef("the item is empty; name a caller, or remove it")
		case !ok: // reported by Text
		case l.names[name] == "":
			place.Refusef("there is no caller of this name; add it to callers, or correct the name")
		case slices.Contains(callers, name):
			place.Refusef("the caller is named twice; keep one")
		default:
			callers = append(callers, name)
		}
	}
	return callers
}

// grantPractices are those of a grant that the configuration has. Others are noted and no more: a practice that goes must not
// keep all else from being taken up.
func (l *loader) grantPractices(n strictyaml.Node, grant int) []string {
	items, ok := n.Items()
	if ok && len(items) == 0 {
		n.Refusef("the grant is on no practice; list their names, or \"*\" for all of them")
	}
	var named, practices []string
	for i, item := range items {
		name, ok := item.Text()
		switch {
		case !item.Given():
			item.Refusef("the item is empty; name a practice, or remove it")
		case !ok: // reported by Text
		case name == everything && len(items) > 1:
			item.Refusef("\"*\" stands for all practices; remove the others, or \"*\"")
		case name != everything && !practiceName(name):
			item.Refusef("the configuration has no practice of this name; names are exact, and \"*\" alone stands for all of them")
		case slices.Contains(named, name):
			item.Refusef("the practice is named twice; keep one")
		case name != everything && !slices.Contains(l.Practices, name):
			named = append(named, name)
			l.rules.idle = append(l.rules.idle, fmt.Sprintf("grants[%d].practices[%d] (%s)", grant, i, item.Where()))
		default:
			named, practices = append(named, name), append(practices, name)
		}
	}
	return practices
}

// practiceName says whether a practice can have the name.
func practiceName(name string) bool {
	return callerName(name) && name != All && name != "." && name != ".."
}

func (l *loader) pattern(n strictyaml.Node) (string, bool) {
	pattern, ok := n.Text()
	if !ok {
		if !n.Given() {
			n.Refusef("the item is empty; give a dossier's code, or remove it")
		}
		return "", false
	}
	if strings.ContainsAny(pattern, "?[]^$|\\") {
		n.Refusef("only * has a meaning in a pattern; write the code, or its beginning and *")
		return "", false
	}
	if err := CheckDossierCode(pattern); err != nil {
		n.Refusef("%s", err)
		return "", false
	}
	return pattern, true
}

func (l *loader) rights(n strictyaml.Node) []Right {
	items, ok := n.Items()
	if ok && len(items) == 0 {
		n.Refusef("the grant gives no right; list some of read, write, practice, raw, administer, operate")
	}
	var rights []Right
	for _, item := range items {
		text, ok := item.Text()
		i := slices.IndexFunc(Rights(), func(r Right) bool { return r.String() == text })
		switch {
		case !item.Given():
			item.Refusef("the item is empty; name a right, or remove it")
		case !ok: // reported by Text
		case i < 0:
			item.Refusef("is no right; the rights are read, write, practice, raw, administer, operate")
		case slices.Contains(rights, Rights()[i]):
			item.Refusef("the right is named twice; keep one")
		default:
			rights = append(rights, Rights()[i])
		}
	}
	return rights
}
