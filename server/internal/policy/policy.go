// Package policy says which callers there are and what each may do. Whatever no grant allows is denied.
package policy

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// Right is what a grant allows. No right includes another: a caller that writes and reads needs both.
type Right int

// The rights, as the contract's enum cegid.loop.v1.Right has them.
const (
	// Read the data of a dossier.
	Read Right = iota + 1
	// Write entries, documents and settings to a dossier.
	Write
	// Practice opens the RPCs that speak of the practice itself.
	Practice
	// Raw allows raw calls, to operations without an RPC.
	Raw
	// Administer is to decide what became of a write whose outcome is unknown.
	Administer
	// Operate is to see the state of writes, to look for them in Loop, and to confirm what is booked, without the books.
	Operate
)

// Rights returns every right.
func Rights() []Right { return []Right{Read, Write, Practice, Raw, Administer, Operate} }

// String returns the right as policy files write it.
func (r Right) String() string {
	switch r {
	case Read:
		return "read"
	case Write:
		return "write"
	case Practice:
		return "practice"
	case Raw:
		return "raw"
	case Administer:
		return "administer"
	case Operate:
		return "operate"
	default:
		return "none"
	}
}

const (
	// Tells people, and scanners of leaked secrets, what a token is for.
	tokenPrefix = "clg_"
	hashPrefix  = "sha256:"
	everything  = "*"
)

// Policy is safe for concurrent use, also while it is replaced. The zero Policy knows nobody and allows nothing.
type Policy struct {
	rules atomic.Pointer[rules]

	mu       sync.Mutex
	replaced chan struct{} // nil while no caller waits
}

// rules are immutable.
type rules struct {
	callers      []string
	limits       map[string]Limits // by caller
	tokens       []tokenHash
	jwts         []claimed
	certificates []certified
	grants       map[string][]grant // by caller
	// idle are the places in grants of practices that the configuration does not have.
	idle []string
	// anyToken is the caller of every token; empty outside of an open sandbox.
	anyToken string
}

type tokenHash struct {
	caller int // index into callers
	sum    [sha256.Size]byte
}

// claimed matches the tokens of an issuer in which a claim has a value.
type claimed struct {
	caller               int // index into callers
	issuer, claim, value string
	place                string // in the file
}

// certified matches the certificates with a name.
type certified struct {
	caller int // index into callers
	name   string
	place  string // in the file
}

type grant struct {
	place     string   // in the file
	practices []string // exact, or everything alone
	dossiers  []string // exact, or patterns with *
	rights    []Right
}

// AllowAll returns the policy of the sandbox: one caller with every right everywhere. With a token, that one alone is
// accepted; without, any token but the empty one is. No policy file can say the latter.
func AllowAll(caller, token string) *Policy {
	r := &rules{
		callers: []string{caller},
		limits:  map[string]Limits{caller: DefaultLimits()},
		grants: map[string][]grant{caller: {{
			place: "the sandbox", practices: []string{everything}, dossiers: []string{everything},
			rights: Rights(),
		}}},
	}
	if token == "" {
		r.anyToken = caller
	} else {
		r.tokens = []tokenHash{{sum: sha256.Sum256([]byte(token))}}
	}
	return of(r)
}

func of(r *rules) *Policy {
	p := &Policy{}
	p.rules.Store(r)
	return p
}

// Replace puts the rules of another policy in the place of this one's, and tells those who wait for that.
func (p *Policy) Replace(by *Policy) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules.Store(by.now())
	if p.replaced != nil {
		close(p.replaced)
		p.replaced = nil
	}
}

// Replaced returns a channel that is closed when the rules are replaced the next time. What is asked of the policy after
// that is answered by the new ones.
func (p *Policy) Replaced() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.replaced == nil {
		p.replaced = make(chan struct{})
	}
	return p.replaced
}

// Equal says whether two policies say the same, in the same places.
func (p *Policy) Equal(other *Policy) bool { return reflect.DeepEqual(p.now(), other.now()) }

// Idle are the places in the file where grants name practices that the configuration does not have. They give nothing.
func (p *Policy) Idle() []string { return slices.Clone(p.now().idle) }

// now are the rules in force.
func (p *Policy) now() *rules {
	if r := p.rules.Load(); r != nil {
		return r
	}
	return &rules{}
}

// NewToken returns a random token for a caller, and the hash for the policy file.
func NewToken() (token, hash string, err error) {
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return "", "", err
	}
	token = tokenPrefix + base64.RawURLEncoding.EncodeToString(random)
	return token, HashToken(token), nil
}

// HashToken returns a token's hash as policy files hold it. Plain SHA-256 is enough for random tokens, and only for
// those.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hashPrefix + hex.EncodeToString(sum[:])
}

// Why nobody was authenticated.
var (
	ErrNobody  = errors.New("policy: this identity belongs to no caller")
	ErrSeveral = errors.New("policy: this identity belongs to several callers")
)

// ByClaims returns the caller that a token of an issuer's belongs to, by its verified claims. The error is ErrNobody, or
// ErrSeveral: two of the claims can speak of two callers.
func (p *Policy) ByClaims(issuer string, claims map[string]any) (caller string, err error) {
	r := p.now()
	found := only{}
	for _, jwt := range r.jwts {
		if value, ok := claims[jwt.claim].(string); ok && jwt.issuer == issuer && value == jwt.value {
			found.add(jwt.caller)
		}
	}
	return found.caller(r)
}

// ByCertificate returns the caller that a certificate belongs to, by its verified names, with errors as ByClaims.
func (p *Policy) ByCertificate(names []string) (caller string, err error) {
	r := p.now()
	found := only{}
	for _, certificate := range r.certificates {
		if slices.Contains(names, certificate.name) {
			found.add(certificate.caller)
		}
	}
	return found.caller(r)
}

// only gathers callers, of which there may be one.
type only map[int]struct{}

func (o only) add(caller int) { o[caller] = struct{}{} }

func (o only) caller(r *rules) (string, error) {
	if len(o) > 1 {
		return "", ErrSeveral
	}
	for i := range o {
		return r.callers[i], nil
	}
	return "", ErrNobody
}

// Limits returns what a caller may take of the service.
func (p *Policy) Limits(caller string) Limits { return p.now().limits[caller] }

// Authenticate returns the caller whose token this is. It compares with every token's hash in constant time, so that
// neither the hash nor the number of a match can be measured.
func (p *Policy) Authenticate(token string) (caller string, ok bool) {
	r, sum := p.now(), sha256.Sum256([]byte(token))
	found := -1
	for _, t := range r.tokens {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], t.sum[:]), t.caller, found)
	}
	switch {
	case token == "":
		return "", false
	case found >= 0:
		return r.callers[found], true
	default:
		return r.anyToken, r.anyToken != ""
	}
}

// Access is what a method asks of its caller.
type Access struct {
	Right Right
	// Own says that the method answers what the caller has itself written, whatever its rights on the dossier.
	Own bool
	// Operated says that the right to operate opens the method, too.
	Operated bool
}

// All means all practices or dossiers in lists (AIP-159). It names none, and no pattern matches it.
const All = "-"

// Question is what a call asks of the policy.
type Question struct {
	Caller, Practice string
	// Dossier that the call names; empty when it names none, or does not say.
	Dossier string
	// OfDossier says that the call is one on a dossier, and not on the practice itself.
	OfDossier bool
	Access
}

// Decision is the answer to a Question.
type Decision struct {
	Allowed bool
	// Grant is the place of the one that allows it.
	Grant string
	// Why nothing allows it, in a sentence for the operator.
	Why string
}

// Decide answers a question. A call on a dossier that it does not name is for validation to refuse, unless it is a raw one, which
// may be for the practice itself. One that reads what the practice shows to all who may use any of it, or what the caller has
// itself written, needs a grant on the practice and no more.
func (p *Policy) Decide(q Question) Decision {
	known, reached, withRight := false, false, false
	anything := q.OfDossier && q.Dossier == "" && q.Right != Raw || !q.OfDossier && q.Right == Read || q.Own && !isCabinet(q.Dossier)
	for g := range p.on(q.Caller, q.Practice) {
		reaches, has := g.reaches(q.Dossier, q.Right), slices.Contains(g.rights, q.Right) || q.Operated && slices.Contains(g.rights, Operate)
		if anything || reaches && has {
			return Decision{Allowed: true, Grant: g.place}
		}
		known, reached, withRight = true, reached || reaches, withRight || has
	}
	switch r := p.now(); {
	case !slices.Contains(r.callers, q.Caller):
		return Decision{Why: "the policy has no caller of this name"}
	case !known:
		return Decision{Why: "no grant of the caller is on the practice"}
	case isCabinet(q.Dossier):
		return Decision{Why: "to Loop this means the practice itself, and it is no dossier"}
	case !withRight:
		return Decision{Why: "none of the caller's grants on the practice has the right to " + q.Right.String()}
	case q.Right == Raw && q.Dossier == "":
		return Decision{Why: "it is unknown what a raw call on the practice itself reaches, so it needs the right on all " +
			"dossiers, in one grant on \"*\""}
	case !reached:
		return Decision{Why: "none of the caller's grants on the practice covers the dossier; letter case counts"}
	}
	return Decision{Why: "the caller's grants on the practice that cover the dossier lack the right to " + q.Right.String() +
		", and those with the right do not cover it"}
}

// Allows says whether a caller has a right on a dossier of a practice. With an empty dossier it asks for the practice
// itself, where any grant on the practice with that right suffices; but for Raw, which takes one on all of its dossiers:
// what a raw call reaches is unknown. `cabinet`, which to Loop means the practice itself, is no dossier and is never
// allowed as one: no pattern may open the practice's own data.
func (p *Policy) Allows(caller, practice, dossier string, right Right) bool {
	for g := range p.on(caller, practice) {
		if slices.Contains(g.rights, right) && g.reaches(dossier, right) {
			return true
		}
	}
	return false
}

// Rights returns the rights of a caller on a dossier, or with an empty dossier on the practice itself, in the order of
// the constants.
func (p *Policy) Rights(caller, practice, dossier string) []Right {
	return slices.DeleteFunc(Rights(), func(r Right) bool { return !p.Allows(caller, practice, dossier, r) })
}

// Known says whether a caller has any grant on a practice. To a caller without one the practice does not exist.
func (p *Policy) Known(caller, practice string) bool {
	for range p.on(caller, practice) {
		return true
	}
	return false
}

// OpenEnded says whether a caller's grants on a practice cover dossiers that are not among listed: a pattern does, and
// so does a code that listed does not hold.
func (p *Policy) OpenEnded(caller, practice string, listed []string) bool {
	for g := range p.on(caller, practice) {
		for _, dossier := range g.dossiers {
			if strings.Contains(dossier, everything) || !slices.Contains(listed, dossier) {
				return true
			}
		}
	}
	return false
}

// ExactDossiers returns the codes that a caller's grants on a practice spell out, sorted and without repetition.
func (p *Policy) ExactDossiers(caller, practice string) []string {
	var codes []string
	for g := range p.on(caller, practice) {
		for _, dossier := range g.dossiers {
			if !strings.Contains(dossier, everything) {
				codes = append(codes, dossier)
			}
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// Reach is what one grant covers.
type Reach struct {
	// Practices are exact; nil covers all.
	Practices []string
	// Dossiers are exact, or patterns with *; none where the grant lacks the right.
	Dossiers []string
}

// Reaches returns what a caller's grants on a practice, or with All on any, cover with a right; also those that lack it, for
// what they open without one.
func (p *Policy) Reaches(caller, practice string, right Right) []Reach {
	var out []Reach
	for _, g := range p.now().grants[caller] {
		var r Reach
		switch {
		case practice != All && (g.practices[0] == everything || slices.Contains(g.practices, practice)):
			r.Practices = []string{practice}
		case practice != All:
			continue
		case g.practices[0] != everything:
			r.Practices = g.practices
		}
		if slices.Contains(g.rights, right) {
			r.Dossiers = g.dossiers
		}
		out = append(out, r)
	}
	return out
}

// Callers returns the names of all callers, in the order of the file.
func (p *Policy) Callers() []string { return slices.Clone(p.now().callers) }

// String describes the policy without its hashes.
func (p *Policy) String() string {
	r, grants := p.now(), 0
	for _, g := range r.grants {
		grants += len(g)
	}
	return fmt.Sprintf("policy of %d callers and %d grants", len(r.callers), grants)
}

// GoString describes the policy without its hashes.
func (p *Policy) GoString() string { return p.String() }

// on yields a caller's grants on a practice.
func (p *Policy) on(caller, practice string) iter.Seq[grant] {
	return func(yield func(grant) bool) {
		for _, g := range p.now().grants[caller] {
			if (g.practices[0] == everything && practice != All || slices.Contains(g.practices, practice)) && !yield(g) {
				return
			}
		}
	}
}

// reaches says whether a grant is on a dossier, or with an empty one on the practice itself.
func (g grant) reaches(dossier string, right Right) bool {
	if dossier == "" {
		return right != Raw || g.unrestricted()
	}
	return g.covers(dossier)
}

func (g grant) unrestricted() bool {
	return slices.ContainsFunc(g.dossiers, func(pattern string) bool { return pattern != "" && strings.Trim(pattern, everything) == "" })
}

func (g grant) covers(dossier string) bool {
	return !isCabinet(dossier) && dossier != All &&
		slices.ContainsFunc(g.dossiers, func(pattern string) bool { return match(pattern, dossier) })
}

// match compares exactly, as Loop's rules on letter case are unknown; * means any run of characters, also none.
// It takes time proportional to the product of the lengths at most.
func match(pattern, code string) bool {
	star, resume := -1, 0 // the last * seen, and where its run ends so far
	i, j := 0, 0
	for j < len(code) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, resume = i, j
			i++
		case i < len(pattern) && pattern[i] == code[j]:
			i++
			j++
		case star >= 0:
			resume++
			i, j = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], everything) == ""
}

// Letter case aside, because Loop's own rule is unknown and the practice's data is at stake.
func isCabinet(code string) bool { return strings.EqualFold(code, "cabinet") }

// CheckDossierCode refuses what cannot be the code of a dossier, by the rule of the contract (rules.proto).
func CheckDossierCode(code string) error {
	if isCabinet(code) {
		return errors.New("'cabinet' means the practice itself to Loop and is no dossier; remove it, and grant the right 'practice' to " +
			"those who need that data")
	}
	if code == All {
		return errors.New("'-' stands for all dossiers in lists and names none")
	}
	if n := utf8.RuneCountInString(code); n < 1 || n > 64 || strings.ContainsFunc(code, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return errors.New("must be a dossier's code in Loop: 1 to 64 characters without spaces")
	}
	return nil
}
