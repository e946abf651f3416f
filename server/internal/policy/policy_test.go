package policy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"cegid.internal/gateway/examples"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/strictyaml"
)

const canary = "CANARY-6f1d9"

func loadText(t testing.TB, yaml string) (*Policy, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	testkit.OK(t, os.WriteFile(path, []byte(yaml), 0o600))
	return Load(path, Installation{
		Practices: []string{"demo", "partner"}, Issuers: []string{"https://login.example.com/realms/corp", "https://other.example"}, Certificates: true, Limits: DefaultLimits(),
	})
}

// minimal is a policy of one caller; HASH and HASH2 stand for hashes.
const minimal = `callers:
  - name: billing
    token_hashes: [HASH]
grants:
  - caller: billing
    practices: [demo]
    dossiers: [CEGID001]
    rights: [read]
`

func hashes(yaml string) string {
	return strings.NewReplacer("HASH2", HashToken("second"), "HASH", HashToken("first")).Replace(yaml)
}

func example(t testing.TB) *Policy {
	t.Helper()
	tokens := []string{"clg_example-of-billing", "clg_example-of-billing-next", "clg_example-of-data"}
	p, err := loadText(t, regexp.MustCompile(`sha256:[0-9a-f]{64}`).ReplaceAllStringFunc(string(examples.Policy), func(string) string {
		token := tokens[0]
		tokens = tokens[1:]
		return HashToken(token)
	}))
	testkit.OK(t, err)
	return p
}

func TestTheExampleAuthenticatesItsCallers(t *testing.T) {
	p := example(t)
	for token, want := range map[string]string{
		"clg_example-of-billing":            "billing",
		"clg_example-of-billing-next":       "billing",
		"clg_example-of-data":               "data",
		"clg_example-of-dat":                "",
		"billing":                           "",
		"":                                  "",
		HashToken("clg_example-of-billing"): "",
	} {
		caller, ok := p.Authenticate(token)
		if caller != want || ok != (want != "") {
			t.Errorf("%q is %q, %v", token, caller, ok)
		}
	}
	if got := p.Callers(); !reflect.DeepEqual(got, []string{"billing", "data"}) {
		t.Errorf("callers are %v", got)
	}
}

func TestWhatNoGrantAllowsIsDenied(t *testing.T) {
	p := example(t)
	for _, test := range []struct {
		name                      string
		caller, practice, dossier string
		want                      []Right
	}{
		{"an exact dossier", "billing", "demo", "CEGID001", []Right{Read, Write}},
		{"a dossier under a pattern", "billing", "demo", "BOULANGERIE", []Right{Read, Write}},
		{"a pattern's bare prefix", "billing", "demo", "BOUL", []Right{Read, Write}},
		{"a dossier in other letter case", "billing", "demo", "cegid001", nil},
		{"a dossier that is longer", "billing", "demo", "CEGID0011", nil},
		{"another dossier", "billing", "demo", "CEGID003", nil},
		{"a practice without a grant", "billing", "partner", "CEGID001", nil},
		{"the practice itself, through a grant on dossiers", "billing", "demo", "", []Right{Read, Write}},
		{"an unknown caller", "nobody", "demo", "CEGID001", nil},
		{"an unknown practice", "billing", "none", "CEGID001", nil},
		{"everything in every practice", "data", "demo", "ANY", []Right{Read}},
		{"the union of grants on the practice itself", "data", "partner", "", []Right{Read, Practice}},
		{"a practice right on a dossier, without dossiers", "data", "partner", "ANY", []Right{Read}},
		{"the practice itself under its name in Loop", "data", "demo", "cabinet", nil},
		{"the practice itself under that name in capitals", "data", "demo", "CABINET", nil},
		{"the word for all dossiers, under *", "data", "demo", All, nil},
		{"the word for all practices, under *", "data", All, "ANY", nil},
	} {
		got := p.Rights(test.caller, test.practice, test.dossier)
		if len(got) != len(test.want) || len(got) > 0 && !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %v, not %v", test.name, got, test.want)
		}
		for _, right := range Rights() {
			if p.Allows(test.caller, test.practice, test.dossier, right) != strings.Contains(fmt.Sprint(test.want), right.String()) {
				t.Errorf("%s: Allows differs from Rights on %s", test.name, right)
			}
		}
	}
	if p.Allows("data", "demo", "ANY", 0) || p.Allows("data", "demo", "ANY", 99) {
		t.Error("a right that does not exist is allowed")
	}
	var zero Policy
	if _, ok := zero.Authenticate("x"); ok || zero.Allows("", "", "", Read) || zero.Known("", "") {
		t.Error("the zero policy allows something")
	}
}

// TestARawCallForThePracticeTakesAllOfItsDossiers: no pattern adds up to them, and no other right replaces it.
func TestARawCallForThePracticeTakesAllOfItsDossiers(t *testing.T) {
	for dossiers, want := range map[string]bool{
		`["*"]`: true, `["**"]`: true, `[CEGID001, "*"]`: true, `[CEGID001]`: false, `["C*", "*1"]`: false, `["*1*"]`: false,
	} {
		p, err := loadText(t, hashes(strings.NewReplacer("[CEGID001]", dossiers, "[read]", "[raw]").Replace(minimal)))
		testkit.OK(t, err)
		if got := p.Allows("billing", "demo", "", Raw); got != want {
			t.Errorf("%s: %t", dossiers, got)
		}
		if p.Allows("billing", "demo", "", Practice) || p.Allows("billing", "demo", "cabinet", Raw) || !p.Allows("billing", "demo", "CEGID001", Raw) {
			t.Errorf("%s allows something else", dossiers)
		}
	}
	p, err := loadText(t, hashes(minimal+`
  - {caller: billing, practices: [demo], dossiers: [CEGID001], rights: [raw]}
  - {caller: billing, practices: [demo], dossiers: ["*"], rights: [read, write, practice, administer]}
  - {caller: billing, practices: [partner], dossiers: ["*"], rights: [raw]}
`))
	testkit.OK(t, err)
	if p.Allows("billing", "demo", "", Raw) || !p.Allows("billing", "partner", "", Raw) {
		t.Error("grants are mixed up")
	}
}

func TestAPracticeIsKnownToThoseWithAGrantOnIt(t *testing.T) {
	p := example(t)
	for _, test := range []struct {
		caller, practice string
		want             bool
	}{{"billing", "demo", true}, {"billing", "partner", false}, {"data", "partner", true}, {"nobody", "demo", false}} {
		if p.Known(test.caller, test.practice) != test.want {
			t.Errorf("%s knows %s: %v", test.caller, test.practice, !test.want)
		}
	}
}

func TestGrantsTellWhetherAListOfDossiersIsComplete(t *testing.T) {
	p, err := loadText(t, hashes(strings.Replace(minimal, "[CEGID001]", "[B, A]", 1)+`
  - {caller: billing, practices: [demo], dossiers: [A, C], rights: [write]}
  - {caller: billing, practices: [partner], dossiers: ["A*"], rights: [read]}
`))
	testkit.OK(t, err)
	if got := p.ExactDossiers("billing", "demo"); !reflect.DeepEqual(got, []string{"A", "B", "C"}) {
		t.Errorf("exact dossiers are %v", got)
	}
	if got := p.ExactDossiers("billing", "partner"); len(got) > 0 {
		t.Errorf("exact dossiers are %v", got)
	}
	for _, test := range []struct {
		practice string
		listed   []string
		want     bool
	}{
		{"demo", []string{"A", "B", "C", "D"}, false},
		{"demo", []string{"A", "B"}, true},
		{"demo", nil, true},
		{"partner", []string{"A", "A1"}, true},
		{"none", nil, false},
	} {
		if p.OpenEnded("billing", test.practice, test.listed) != test.want {
			t.Errorf("%s with %v is open-ended: %v", test.practice, test.listed, !test.want)
		}
	}
}

func TestTheSandboxAllowsEverythingToItsOneCaller(t *testing.T) {
	open, closed := AllowAll("sandbox", ""), AllowAll("sandbox", "secret")
	for _, test := range []struct {
		name   string
		policy *Policy
		token  string
		ok     bool
	}{
		{"any token", open, "x", true},
		{"no token", open, "", false},
		{"the token", closed, "secret", true},
		{"another token", closed, "x", false},
		{"no token where one is set", closed, "", false},
	} {
		caller, ok := test.policy.Authenticate(test.token)
		if ok != test.ok || ok && caller != "sandbox" || !ok && caller != "" {
			t.Errorf("%s: %q, %v", test.name, caller, ok)
		}
	}
	for _, right := range Rights() {
		if !open.Allows("sandbox", "any", "ANY", right) || !open.Allows("sandbox", "any", "", right) {
			t.Errorf("%s is denied", right)
		}
		if open.Allows("other", "any", "ANY", right) {
			t.Errorf("%s is allowed to somebody else", right)
		}
	}
	if !open.Known("sandbox", "any") || !open.OpenEnded("sandbox", "any", nil) {
		t.Error("it is not open")
	}
}

func TestNewTokensAreRandomRecognisableAndFitTheirHash(t *testing.T) {
	token, hash, err := NewToken()
	testkit.OK(t, err)
	other, _, _ := NewToken()
	if !regexp.MustCompile(`^clg_[A-Za-z0-9_-]{43}$`).MatchString(token) || token == other {
		t.Errorf("tokens are %s and %s", token, other)
	}
	if hash != HashToken(token) || !regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(hash) {
		t.Errorf("the hash is %s", hash)
	}
	p, err := loadText(t, strings.Replace(minimal, "HASH", `"`+hash+`"`, 1))
	testkit.OK(t, err)
	if caller, ok := p.Authenticate(token); caller != "billing" || !ok {
		t.Errorf("the token is of %q, %v", caller, ok)
	}
}

func TestAPrintedPolicyHoldsNoHashes(t *testing.T) {
	p := example(t)
	for _, printed := range []string{fmt.Sprint(p), fmt.Sprintf("%+v", p), fmt.Sprintf("%#v", p)} {
		if printed != "policy of 2 callers and 3 grants" {
			t.Errorf("printed as %s", printed)
		}
	}
}

func TestHalfAPolicyIsRefusedWithACure(t *testing.T) {
	grants := minimal[strings.Index(minimal, "grants:"):]
	callers := strings.TrimSuffix(minimal, grants)
	tests := []struct{ name, from, to, where, want string }{
		{"there are no grants", grants, "", ": grants:", "list at least one with caller, practices, dossiers and rights"},
		{"the list of grants is empty", grants, "grants: []", ":4: grants:", "list at least one with caller"},
		{"grants is a mapping", "  - caller", "    caller", ":5: grants:", "must be a list"},
		{"callers have no value", callers, "callers:\n", ":1: callers:", "list at least one with its name and token_hashes"},
		{"a caller is empty", "grants:", "  -\ngrants:", "callers[1]:", "give it a name and token_hashes"},
		{"a caller has no name", "- name: billing\n    token", "- token", ":2: callers[0].name:", "give it one of letters, digits"},
		{"a caller's name has a space", "name: billing", "name: bil ling", ":2: callers[0].name:", "must be 1 to 64 letters, digits"},
		{"a caller has no tokens", "    token_hashes: [HASH]\n", "", ":2: callers[0].token_hashes:", "add the hash of a token, or else jwt or certificates, or remove the caller"},
		{"a caller has an empty list of tokens", "[HASH]", "[]", ":3: callers[0].token_hashes:", "add what the caller is known by, or remove the key"},
		{"a token is empty", "[HASH]", "[HASH, ~]", "callers[0].token_hashes[1]:", "give the hash of a token, or remove it"},
		{"two callers have one name", "grants:", "  - {name: billing, token_hashes: ['HASH2']}\ngrants:", ":4: callers[1].name:", "policy.yaml:2; put the tokens of one caller together, or rename one"},
		{"a hash is given twice", "[HASH]", "[HASH, HASH]", "callers[0].token_hashes[1]:", "give each caller a token of its own"},
		{"two callers have one token", "grants:", "  - {name: other, token_hashes: ['HASH']}\ngrants:", "callers[1].token_hashes[0]:", "policy.yaml:3; give each caller a token of its own"},
		{"two callers have one token in another letter case", "grants:", "  - {name: other, token_hashes: ['UPPER']}\ngrants:", "callers[1].token_hashes[0]:", "give each caller a token of its own"},
		{"a hash is of nothing", "[HASH]", "[NOTHING]", "callers[0].token_hashes[0]:", "the mark of an unset variable; hash the token again"},
		{"a hash is too short", "[HASH]", "['sha256:abcd']", "callers[0].token_hashes[0]:", "the SHA-256 of the token in 64 hexadecimal digits"},
		{"a hash has no prefix", "[HASH]", "[BARE]", "callers[0].token_hashes[0]:", "must be sha256: and the SHA-256"},
		{"a hash is of another kind", "[HASH]", "['sha512:" + canary + "']", "callers[0].token_hashes[0]:", "write sha256: and the SHA-256"},
		{"a token stands in the place of its hash", "[HASH]", "[clg_" + canary + "]", "callers[0].token_hashes[0]:", "a token does not belong in the policy"},
		{"a token stands behind the prefix of a hash", "[HASH]", "['sha256:clg_" + canary + "']", "callers[0].token_hashes[0]:", "64 hexadecimal digits"},

		{"a list of issuers' tokens is empty", "token_hashes: [HASH]", "jwt: []", ":3: callers[0].jwt:", "add what the caller is known by"},
		{"an issuer's token is empty", "token_hashes: [HASH]", "jwt: [~]", "callers[0].jwt[0]:", "give issuer and subject, or remove it"},
		{"an issuer's token is a word", "token_hashes: [HASH]", "jwt: [x]", "callers[0].jwt[0]:", "must be a mapping with the keys issuer, subject, claim, value"},
		{"an issuer's token has no issuer", "token_hashes: [HASH]", "jwt: [{subject: a}]", "callers[0].jwt[0].issuer:", "as oidc in the configuration has it"},
		{"an issuer is not configured", "token_hashes: [HASH]", "jwt: [{issuer: 'https://" + canary + "', subject: a}]", "callers[0].jwt[0].issuer:", "no issuer of this name under oidc; names are exact, to the slash at their end"},
		{"an issuer has a slash too many", "token_hashes: [HASH]", "jwt: [{issuer: 'https://other.example/', subject: a}]", "callers[0].jwt[0].issuer:", "no issuer of this name"},
		{"an issuer's token has neither subject nor claim", "token_hashes: [HASH]", "jwt: [{issuer: 'https://other.example'}]", "callers[0].jwt[0].subject:", "give the token's sub, or another claim and its value"},
		{"an issuer's token has subject and claim", "token_hashes: [HASH]", "jwt: [{issuer: 'https://other.example', subject: a, claim: b, value: c}]", "callers[0].jwt[0].claim:", "keep one of them"},
		{"a claim may have any value", "token_hashes: [HASH]", "jwt: [{issuer: 'https://other.example', claim: azp}]", "callers[0].jwt[0].value:", "every token of the issuer might belong to this caller"},
		{"a value has no claim", "token_hashes: [HASH]", "jwt: [{issuer: 'https://other.example', value: c}]", "callers[0].jwt[0].claim:", "name the claim that has this value, or write subject instead"},
		{"a subject is empty", "token_hashes: [HASH]", "jwt: [{issuer: 'https://other.example', subject: ''}]", "callers[0].jwt[0].subject:", "must be one line of up to 255 characters"},
		{"a subject has spaces around it", "token_hashes: [HASH]", "jwt: [{issuer: 'https://other.example', subject: ' a'}]", "callers[0].jwt[0].subject:", "must be one line of up to 255 characters"},
		{"a subject stands for two callers", "grants:", "    jwt: [{issuer: 'https://other.example', subject: a}]\n  - {name: other, jwt: [{issuer: 'https://other.example', claim: sub, value: a}]}\ngrants:", "callers[1].jwt[0]:", "policy.yaml:4; keep one"},
		{"a list of certificates is empty", "token_hashes: [HASH]", "certificates: []", ":3: callers[0].certificates:", "add what the caller is known by"},
		{"a certificate is empty", "token_hashes: [HASH]", "certificates: [~]", "callers[0].certificates[0]:", "give a name of the caller's certificate"},
		{"a certificate is a pattern", "token_hashes: [HASH]", "certificates: ['*.corp.example']", "callers[0].certificates[0]:", "patterns have no meaning here"},
		{"a certificate is named in capitals", "token_hashes: [HASH]", "certificates: [Billing.corp.example]", "callers[0].certificates[0]:", "a DNS name in small letters"},
		{"a certificate is named by its subject", "token_hashes: [HASH]", "certificates: ['CN=billing']", "callers[0].certificates[0]:", "must be a URI or a DNS name"},
		{"a certificate stands for two callers", "grants:", "    certificates: ['spiffe://a/b']\n  - {name: other, certificates: ['spiffe://a/b']}\ngrants:", "callers[1].certificates[0]:", "policy.yaml:4; keep one"},
		{"a caller's limit is negative", "token_hashes: [HASH]", "token_hashes: [HASH]\n    limits: {calls: -1}", "callers[0].limits.calls:", "a whole number from 1 to 100000"},

		{"a grant is empty", "rights: [read]\n", "rights: [read]\n  - ~\n", "grants[1]:", "give it caller, practices, dossiers and rights"},
		{"a grant is for nobody", "- caller: billing\n    practices", "- practices", "grants[0].caller:", "name its caller, or several in callers"},
		{"a grant is for an empty list", "caller: billing", "callers: []", "grants[0].caller:", "name its caller, or several in callers"},
		{"a grant has caller and callers", "caller: billing", "caller: billing\n    callers: [billing]", "grants[0].callers:", "keep one of them"},
		{"a grant is for an unknown caller", "caller: billing", "caller: " + canary, ":5: grants[0].caller:", "add it to callers, or correct the name"},
		{"a grant is for a caller twice", "caller: billing", "callers: [billing, billing]", "grants[0].callers[1]:", "keep one"},
		{"a grant is on no practice", "    practices: [demo]\n", "", "grants[0].practices:", "list their names, or \"*\" for all of them"},
		{"a grant has a pattern of practices", "[demo]", "['de*']", "grants[0].practices[0]:", "names are exact, and \"*\" alone stands for all"},
		{"a grant is on all practices and one", "[demo]", "[demo, '*']", "grants[0].practices[1]:", "remove the others, or \"*\""},
		{"a grant is on a practice twice", "[demo]", "[demo, demo]", "grants[0].practices[1]:", "keep one"},
		{"a grant to read is on no dossiers", "    dossiers: [CEGID001]\n", "", "grants[0].dossiers:", "list codes, or \"*\" for all of them"},
		{"a grant to write is on an empty list", "dossiers: [CEGID001]\n    rights: [read]", "dossiers: []\n    rights: [practice, write]", "grants[0].dossiers:", "list codes, or \"*\" for all of them"},
		{"a grant is on the practice as a dossier", "[CEGID001]", "[Cabinet]", "grants[0].dossiers[0]:", "grant the right 'practice'"},
		{"a dossier's code has a space", "[CEGID001]", "[a b]", "grants[0].dossiers[0]:", "1 to 64 characters without spaces"},
		{"a dossier is empty", "[CEGID001]", "[A, ~]", "grants[0].dossiers[1]:", "give a dossier's code, or remove it"},
		{"a grant is on the word for all practices", "[demo]", "['-']", "grants[0].practices[0]:", "the configuration has no practice of this name"},
		{"a dossier is the word for all of them", "[CEGID001]", "['-']", "grants[0].dossiers[0]:", "stands for all dossiers"},
		{"a dossier's pattern has a question mark", "[CEGID001]", "[CEGID00?]", "grants[0].dossiers[0]:", "only * has a meaning"},
		{"a dossier's pattern is an expression", "[CEGID001]", "['^CEGID.*$']", "grants[0].dossiers[0]:", "only * has a meaning"},
		{"a star stands without quotes", "[CEGID001]", "[*]", ":7: ", ""},
		{"a grant has no rights", "    rights: [read]\n", "", "grants[0].rights:", "list some of read, write, practice, raw, administer"},
		{"a grant has an empty list of rights", "[read]", "[]", "grants[0].rights:", "list some of read, write, practice, raw, administer"},
		{"a right is unknown", "[read]", "[read, " + canary + "]", "grants[0].rights[1]:", "the rights are read, write, practice, raw, administer"},
		{"a right is none", "[read]", "[read, none]", "grants[0].rights[1]:", "is no right"},
		{"a right is in capitals", "[read]", "[read, WRITE]", "grants[0].rights[1]:", "is no right"},
		{"a right is named twice", "[read]", "[read, read]", "grants[0].rights[1]:", "keep one"},
		{"rights is a word", "[read]", "read", ":8: grants[0].rights:", "must be a list, in brackets or"},
		{"a key is unknown", "rights: [read]", "rights: [read]\n    " + canary + ": x", ":9: grants[0]:", "is not known here; the keys are caller, callers, practices, dossiers, rights"},
		{"a key is repeated", "rights: [read]", "rights: [read]\n    rights: [write]", ":9: grants[0].rights:", "given twice, first on line 8"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(minimal, test.from) {
				t.Fatalf("the test replaces %q, which is not there", test.from)
			}
			yaml := strings.Replace(minimal, test.from, test.to, 1)
			digits := strings.TrimPrefix(HashToken("first"), "sha256:")
			yaml = strings.NewReplacer("UPPER", "sha256:"+strings.ToUpper(digits), "NOTHING", HashToken(""), "BARE", digits).Replace(yaml)
			p, err := loadText(t, hashes(yaml))
			if err == nil {
				t.Fatal("it is accepted")
			}
			if p != nil {
				t.Error("there is a policy besides the error")
			}
			if !strings.Contains(err.Error(), test.where) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is\n%v\nand should contain %q and %q", err, test.where, test.want)
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the error quotes the file: %v", err)
			}
			// Without callers, the grant's caller is unknown as well.
			alone := test.to != "callers:\n" && !strings.HasPrefix(test.name, "a caller's name") && test.name != "a caller has no name"
			var all *strictyaml.Error
			if !errors.As(err, &all) || alone && len(all.Problems) != 1 {
				t.Errorf("one fault makes several problems:\n%v", err)
			}
		})
	}
}

func TestAllProblemsAreReportedAtOnce(t *testing.T) {
	_, err := loadText(t, "callers: [{name: a b, token_hashes: [x]}, {name: c}]\ngrants: [{caller: d, practices: ['-'], rights: [f]}]\n")
	var all *strictyaml.Error
	if !errors.As(err, &all) {
		t.Fatal(err)
	}
	var paths []string
	for _, p := range all.Problems {
		paths = append(paths, p.Path)
	}
	want := []string{"callers[0].name", "callers[0].token_hashes[0]", "callers[1].token_hashes", "grants[0].rights[0]", "grants[0].practices[0]", "grants[0].caller"}
	if !reflect.DeepEqual(paths, want) {
		t.Errorf("got %v\nwant %v", paths, want)
	}
}

func TestAMissingPolicyFileIsRefused(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml"), Installation{}); err == nil || !strings.Contains(err.Error(), "correct the path or create it") {
		t.Errorf("the error is %v", err)
	}
	if _, err := loadText(t, ""); err == nil || !strings.Contains(err.Error(), "there is no caller") || !strings.Contains(err.Error(), "there is no grant") {
		t.Errorf("an empty file: the error is %v", err)
	}
}

func FuzzPatternsMatchAsTheEquivalentExpression(f *testing.F) {
	for _, seed := range [][2]string{{"CEGID*", "CEGID001"}, {"*", ""}, {"", ""}, {"a*b*c", "aXbXc"}, {"*a*a*a*b", "aaaaaaaaaa"}, {"**", "x"}, {"a*", "b"}, {"é*", "éa"}, {"*.x", "a.x"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, code string) {
		if len(pattern) > 64 || len(code) > 64 || !utf8.ValidString(pattern) || !utf8.ValidString(code) {
			return // longer than any code, or unknown to expressions
		}
		expression := "(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$"
		if got, want := match(pattern, code), regexp.MustCompile(expression).MatchString(code); got != want {
			t.Errorf("%q on %q is %v, not %v", pattern, code, got, want)
		}
	})
}

func FuzzLoadNeverPanics(f *testing.F) {
	for _, seed := range []string{string(examples.Policy), hashes(minimal), "", "callers: [~, [], {}]\ngrants: [~, [], {}]", "callers: {a: b}", "- - a", "{{[[", "a: *b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, yaml string) {
		if len(yaml) > 1<<12 { // the parser's time grows with the square of the length
			return
		}
		p, err := loadText(t, yaml)
		if (p == nil) == (err == nil) {
			t.Errorf("policy %v with error %v", p, err)
		}
		if p != nil && p.Allows("billing", "demo", "cabinet", Read) {
			t.Error("a file opens the practice's own data as a dossier")
		}
	})
}

// identities is a policy whose callers are known in every way.
const identities = `callers:
  - name: billing
    token_hashes: [HASH]
    jwt:
      - {issuer: https://other.example, subject: billing}
      - {issuer: https://other.example, claim: azp, value: billing-client}
    certificates: [spiffe://corp.example/billing, billing.corp.example]
    limits: {requests_per_second: 0.5}
  - name: data
    jwt: [{issuer: https://login.example.com/realms/corp, subject: billing}, {issuer: https://other.example, claim: azp, value: data-client}]
    certificates: [data.corp.example]
grants:
  - {callers: [billing, data], practices: [demo], dossiers: [CEGID001], rights: [read]}
`

func TestIdentitiesStandForOneCallerOrNone(t *testing.T) {
	p, err := loadText(t, hashes(identities))
	testkit.OK(t, err)
	type claims = map[string]any
	for _, c := range []struct {
		name, issuer string
		claims       claims
		names        []string
		caller       string
		err          error
	}{
		{"a subject", "https://other.example", claims{"sub": "billing"}, nil, "billing", nil},
		{"the same subject of another issuer is another caller", "https://login.example.com/realms/corp", claims{"sub": "billing"}, nil, "data", nil},
		{"a claim", "https://other.example", claims{"sub": "x", "azp": "data-client"}, nil, "data", nil},
		{"two claims of one caller", "https://other.example", claims{"sub": "billing", "azp": "billing-client"}, nil, "billing", nil},
		{"claims of two callers", "https://other.example", claims{"sub": "billing", "azp": "data-client"}, nil, "", ErrSeveral},
		{"an unknown subject", "https://other.example", claims{"sub": "billing2"}, nil, "", ErrNobody},
		{"a subject in other letter case", "https://other.example", claims{"sub": "Billing"}, nil, "", ErrNobody},
		{"a claim that is a list", "https://other.example", claims{"sub": []any{"billing"}}, nil, "", ErrNobody},
		{"no claims", "https://other.example", nil, nil, "", ErrNobody},
		{"an issuer that the policy does not name", "https://third.example", claims{"sub": "billing"}, nil, "", ErrNobody},
		{"a URI", "", nil, []string{"spiffe://corp.example/billing"}, "billing", nil},
		{"a host among other names", "", nil, []string{"localhost", "data.corp.example"}, "data", nil},
		{"names of one caller", "", nil, []string{"spiffe://corp.example/billing", "billing.corp.example"}, "billing", nil},
		{"names of two callers", "", nil, []string{"spiffe://corp.example/billing", "data.corp.example"}, "", ErrSeveral},
		{"a longer name", "", nil, []string{"spiffe://corp.example/billing/x", "x.billing.corp.example"}, "", ErrNobody},
	} {
		caller, err := p.ByClaims(c.issuer, c.claims)
		if c.names != nil {
			caller, err = p.ByCertificate(c.names)
		}
		if caller != c.caller || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v", c.name, caller, err)
		}
	}
	var zero Policy
	if _, err := zero.ByClaims("", nil); !errors.Is(err, ErrNobody) {
		t.Error("the zero policy knows a token")
	}
	if _, err := zero.ByCertificate([]string{""}); !errors.Is(err, ErrNobody) {
		t.Error("the zero policy knows a certificate")
	}
}

func TestLimitsAreTheInstallationsUnlessTheCallerHasItsOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	testkit.OK(t, os.WriteFile(path, []byte(hashes(identities)), 0o600))
	base := Limits{Calls: 7, RequestsPerSecond: 9, Burst: 11, BytesPerSecond: 13}
	p, err := Load(path, Installation{Practices: []string{"demo"}, Issuers: []string{"https://login.example.com/realms/corp", "https://other.example"}, Certificates: true, Limits: base})
	testkit.OK(t, err)
	own := base
	own.RequestsPerSecond = 0.5
	if got := p.Limits("billing"); got != own {
		t.Errorf("billing has %+v", got)
	}
	if got := p.Limits("data"); got != base {
		t.Errorf("data has %+v", got)
	}
}

func TestCertificatesNeedAuthoritiesInTheConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	testkit.OK(t, os.WriteFile(path, []byte(strings.Replace(minimal, "token_hashes: [HASH]", "certificates: [a.example]", 1)), 0o600))
	if _, err := Load(path, Installation{Practices: []string{"demo"}}); err == nil || !strings.Contains(err.Error(), "callers[0].certificates[0]: the configuration names no authority of client certificates; set tls.client_authorities there") {
		t.Errorf("the error is %v", err)
	}
}

// TestADecisionSaysWhatItRestsOn: the place of the grant, or what is missing.
func TestADecisionSaysWhatItRestsOn(t *testing.T) {
	p, err := loadText(t, hashes(minimal+`  - {caller: billing, practices: [demo], dossiers: ["B*"], rights: [write]}
  - {caller: billing, practices: [partner], rights: [practice]}
  - {caller: billing, practices: [partner], dossiers: ["P*"], rights: [raw]}
`))
	testkit.OK(t, err)
	for _, c := range []struct {
		name  string
		asked Question
		grant string // of an allowed one
		why   string
	}{
		{"an exact dossier", Question{"billing", "demo", "CEGID001", true, Access{Right: Read}}, "grants[0]", ""},
		{"a pattern", Question{"billing", "demo", "B1", true, Access{Right: Write}}, "grants[1]", ""},
		{"a call on a dossier that it does not name, which validation refuses", Question{"billing", "demo", "", true, Access{Right: Write}}, "grants[0]", ""},
		{"a read of what the practice shows to all", Question{"billing", "partner", "", false, Access{Right: Read}}, "grants[2]", ""},
		{"the practice itself", Question{"billing", "partner", "", false, Access{Right: Practice}}, "grants[2]", ""},
		{"a write without a dossier", Question{"billing", "demo", "", false, Access{Right: Write}}, "grants[1]", ""},
		{"what the caller has written", Question{"billing", "demo", "OTHER", true, Access{Right: Read, Own: true}}, "grants[0]", ""},
		{"what the caller has written where it has no grant", Question{"billing", "none", "OTHER", true, Access{Right: Read, Own: true}}, "", "no grant of the caller is on the practice"},
		{"what the caller has written, of the practice as a dossier", Question{"billing", "demo", "cabinet", true, Access{Right: Read, Own: true}}, "", "it is no dossier"},
		{"an unknown caller", Question{"nobody", "demo", "CEGID001", true, Access{Right: Read}}, "", "no caller of this name"},
		{"an unknown practice", Question{"billing", "none", "CEGID001", true, Access{Right: Read}}, "", "no grant of the caller is on the practice"},
		{"a right that no grant has", Question{"billing", "demo", "CEGID001", true, Access{Right: Raw}}, "", "none of the caller's grants on the practice has the right to raw"},
		{"a raw call for the practice, with a grant on some dossiers", Question{"billing", "partner", "", true, Access{Right: Raw}}, "", "needs the right on all dossiers"},
		{"a dossier that no grant covers", Question{"billing", "demo", "cegid001", true, Access{Right: Read}}, "", "none of the caller's grants on the practice covers the dossier; letter case counts"},
		{"a dossier and a right in different grants", Question{"billing", "demo", "CEGID001", true, Access{Right: Write}}, "", "those with the right do not cover it"},
		{"the practice as a dossier", Question{"billing", "demo", "Cabinet", true, Access{Right: Write}}, "", "it is no dossier"},
	} {
		got := p.Decide(c.asked)
		if got.Allowed != (c.grant != "") || got.Allowed && (!strings.HasPrefix(got.Grant, c.grant+" (") || got.Why != "") || !got.Allowed && (got.Grant != "" || !strings.Contains(got.Why, c.why)) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	if got, want := p.Decide(Question{"billing", "demo", "CEGID001", true, Access{Right: Read}}).Grant, "policy.yaml:5)"; !strings.HasSuffix(got, want) {
		t.Errorf("the grant is at %s; want %s", got, want)
	}
}

// TestDecisionsAgreeWithRights: what is allowed by one is by the other, for every dossier and right.
func TestDecisionsAgreeWithRights(t *testing.T) {
	p := example(t)
	for _, caller := range append(p.Callers(), "nobody") {
		for _, practice := range []string{"demo", "partner", "none"} {
			for _, dossier := range []string{"CEGID001", "BOULANGERIE", "x", "cabinet", ""} {
				for _, right := range Rights() {
					if dossier == "" && right != Raw {
						continue // for validation
					}
					if got := p.Decide(Question{caller, practice, dossier, true, Access{Right: right}}); got.Allowed != p.Allows(caller, practice, dossier, right) {
						t.Errorf("%s on %s in %s, %s: %+v", caller, dossier, practice, right, got)
					}
				}
			}
		}
	}
}

// TestAGrantOnAnUnknownPracticeGivesNothing, and is no reason to refuse the others.
func TestAGrantOnAnUnknownPracticeGivesNothing(t *testing.T) {
	p, err := loadText(t, hashes(strings.Replace(minimal, "[demo]", "[elsewhere, demo]", 1)))
	testkit.OK(t, err)
	if !p.Known("billing", "demo") || p.Known("billing", "elsewhere") || len(p.Idle()) != 1 || !strings.HasPrefix(p.Idle()[0], "grants[0].practices[0] (") {
		t.Errorf("%v", p.Idle())
	}
	p, err = loadText(t, hashes(strings.Replace(minimal, "[demo]", "[elsewhere]", 1)))
	testkit.OK(t, err)
	if p.Known("billing", "demo") || p.Known("billing", "elsewhere") || len(p.Reaches("billing", All, Read)) != 0 {
		t.Error("a grant on nothing that is there gives something")
	}
}
