package cegidclient

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"cegid.internal/gateway/internal/testkit"
)

func planOf[T any](t testing.TB) *plan {
	t.Helper()
	p, err := newPlan[T]()
	testkit.OK(t, err)
	return p
}

func decodeOne[T any](t testing.TB, object string) (T, error) {
	t.Helper()
	got, err := planOf[T](t).readList([]byte("[" + object + "]"))
	if err != nil {
		var zero T
		return zero, err
	}
	return got.items.Interface().([]T)[0], nil
}

func TestFieldsAreReadTolerantlyAndKeptRaw(t *testing.T) {
	for _, tc := range []struct {
		name, member string
		see          func(Account) string
		want         string
		unmapped     Unmapped
	}{
		{"an enum as a number", `"type":6`, func(a Account) string { return show(a.Type) }, "6", nil},
		{"an enum as a text", `"type":"6"`, func(a Account) string { return show(a.Type) }, "6", Unmapped{"type": `"6"`}},
		{"an enum of the future", `"type":12`, func(a Account) string { return show(a.Type) }, "12", nil},
		{"an enum by name", `"type":"Achat"`, func(a Account) string { return show(a.Type) }, "nil", Unmapped{"type": `"Achat"`}},
		{"an enum with decimals", `"type":6.0`, func(a Account) string { return show(a.Type) }, "nil", Unmapped{"type": `6.0`}},
		{"a boolean as a text", `"ferme":"True"`, func(a Account) string { return show(a.Closed) }, "true", Unmapped{"ferme": `"True"`}},
		{"a boolean as a number", `"ferme":0`, func(a Account) string { return show(a.Closed) }, "false", Unmapped{"ferme": `0`}},
		{"a boolean that is none", `"ferme":2`, func(a Account) string { return show(a.Closed) }, "nil", Unmapped{"ferme": `2`}},
		{"a text as a number", `"libelle":60100000`, func(a Account) string { return show(a.Label) }, "60100000", Unmapped{"libelle": `60100000`}},
		{"a text in a list", `"libelle":[ "x" ]`, func(a Account) string { return show(a.Label) }, "x", Unmapped{"libelle": `[ "x" ]`}},
		{"two texts in a list", `"libelle":["x","y"]`, func(a Account) string { return show(a.Label) }, "nil", Unmapped{"libelle": `["x","y"]`}},
		{"a list as a text", `"description":"x"`, func(a Account) string { return show(a.Description) }, "x", Unmapped{"description": `"x"`}},
		{"null", `"libelle":null`, func(a Account) string { return show(a.Label) }, "nil", Unmapped{"libelle": `null`}},
		{"another letter case", `"Libelle":"x"`, func(a Account) string { return show(a.Label) }, "x", Unmapped{"Libelle": `"x"`}},
		{"both letter cases", `"LIBELLE":"y","libelle":"x"`, func(a Account) string { return show(a.Label) }, "x", Unmapped{"LIBELLE": `"y"`, "libelle": `"x"`}},
		{"both letter cases, the other order", `"libelle":"x","LIBELLE":"y"`, func(a Account) string { return show(a.Label) }, "x", Unmapped{"LIBELLE": `"y"`, "libelle": `"x"`}},
		{"a member twice", `"libelle":"x","libelle":"y"`, func(a Account) string { return show(a.Label) }, "x", Unmapped{"libelle": `"y"`}},
		{"an escaped name", `"libell\u0065":"x"`, func(a Account) string { return show(a.Label) }, "x", nil},
		{"half a surrogate pair", `"libelle":"x\ud83d"`, func(a Account) string { return show(a.Label) }, "x\uFFFD", Unmapped{"libelle": `"x\ud83d"`}},
		{"a reference", `"tva":{"objectId":"v","description":["20"]}`, func(a Account) string { return show(a.VAT) }, "{v 20 false}", nil},
		{"a reference described by a text", `"tva":{"objectId":"v","description":"20"}`, func(a Account) string { return show(a.VAT) }, "{v 20 false}", Unmapped{"tva": `{"objectId":"v","description":"20"}`}},
		{"a reference with more in it", `"tva":{"objectId":"v","taux":20,"description":["20"]}`, func(a Account) string { return show(a.VAT) }, "{v 20 false}", Unmapped{"tva": `{"objectId":"v","taux":20,"description":["20"]}`}},
		{"a reference that is a text", `"compteBanque":"512"`, func(a Account) string { return show(a.BankAccount) }, "nil", Unmapped{"compteBanque": `"512"`}},
		{"a null reference", `"tva":null`, func(a Account) string { return show(a.VAT) }, "nil", Unmapped{"tva": `null`}},
		{"an unknown field", `"montant":0.10`, func(Account) string { return "" }, "", Unmapped{"montant": `0.10`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, err := decodeOne[Account](t, `{"numero":"1",`+tc.member+`}`)
			testkit.OK(t, err)
			if got := tc.see(a); got != tc.want || !maps.Equal(a.Unmapped, tc.unmapped) {
				t.Errorf("%s, unmapped %v", got, a.Unmapped)
			}
		})
	}
}

func show[T any](p *T) string {
	if p == nil {
		return "nil"
	}
	return fmt.Sprint(*p)
}

func TestARenamedIdentityIsABadResponse(t *testing.T) {
	p := planOf[Account](t)
	for _, second := range []string{`{"number":"2"}`, `{"numero":null}`, `{"numero":{}}`} {
		_, err := p.readList([]byte(`[{"numero":"1"},` + second + `]`))
		if e, _ := asError(err); e == nil || e.Kind != KindBadResponse || e.Field != "numero" || !strings.Contains(e.Error(), "item 1") {
			t.Errorf("%s: %v", second, err)
		}
	}
}

// members reads an object as a set: each name's last value, strings unescaped and blanks removed, digits untouched.
func members(t testing.TB, object []byte) map[string]string {
	t.Helper()
	dec := newDecoder(object)
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		t.Fatalf("%v in %s", err, object)
	}
	out := map[string]string{}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		testkit.OK(t, err)
		key := name.String()
		v, err := dec.ReadValue()
		testkit.OK(t, err)
		text, err := jsontext.AppendFormat(nil, v, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		testkit.OK(t, err)
		out[key] = string(text)
	}
	return out
}

func jsonText(depth int) *rapid.Generator[string] {
	scalars := []*rapid.Generator[string]{
		rapid.SampledFrom([]string{`null`, `true`, `false`, `0`, `1`, `-0`, `6`, `"6"`, `"true"`, `6.0`, `1e3`, `123456789012345678901234567890.10`, `""`, `"\u00e9\n"`, `[""]`, `["x"]`, noRef}),
		rapid.Custom(func(t *rapid.T) string { return quote(rapid.String().Draw(t, "string")) }),
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,5})?`),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	list := rapid.Custom(func(t *rapid.T) string {
		return "[" + strings.Join(rapid.SliceOfN(jsonText(depth-1), 0, 3).Draw(t, "list"), ", ") + "]"
	})
	object := rapid.Custom(func(t *rapid.T) string {
		return objectText(t, rapid.SampledFrom([]string{"objectId", "description", "ObjectId", "autre"}), depth-1)
	})
	return rapid.OneOf(append(scalars, list, object)...)
}

func objectText(t *rapid.T, names *rapid.Generator[string], depth int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, name := range rapid.SliceOfNDistinct(names, 0, 8, rapid.ID[string]).Draw(t, "names") {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quote(name) + rapid.SampledFrom([]string{":", " : "}).Draw(t, "colon") + jsonText(depth).Draw(t, "value"))
	}
	return b.String() + "}"
}

// loose has no required field: any object is one.
type loose struct {
	ObjectID    *string `loop:"objectId"`
	Description *string `loop:"description,list"`
	Label       *string `loop:"libelle"`
	Type        *Code   `loop:"type"`
	Closed      *bool   `loop:"ferme"`
	Contra      *Ref    `loop:"compteContrepartie"`
	Unmapped    Unmapped
}

func TestNothingThatLoopSaysIsLost(t *testing.T) {
	p := planOf[loose](t)
	names := rapid.OneOf(
		rapid.SampledFrom([]string{"objectId", "OBJECTID", "description", "libelle", "Libelle", "LIBELLE", "type", "Type", "ferme", "compteContrepartie", "CompteContrepartie", "montant"}),
		rapid.String(),
	)
	rapid.Check(t, func(rt *rapid.T) {
		object := objectText(rt, names, 2)
		got, err := p.readList([]byte("[" + object + "]"))
		if err != nil {
			rt.Fatalf("%s: %v", object, err)
		}
		back := p.append(nil, got.items.Index(0))
		if in, out := members(t, []byte(object)), members(t, back); !maps.Equal(in, out) {
			rt.Fatalf("\n in %v\nout %v\nunmapped %v", in, out, got.items.Index(0).Interface())
		}
	})
}

// losesNothing proves the same of a resource: any object that has its identity comes out with the tokens that went in.
func losesNothing[T any](t *testing.T) {
	t.Helper()
	p := planOf[T](t)
	names := []*rapid.Generator[string]{rapid.SampledFrom([]string{"montant", "champInconnu"}), rapid.String()}
	for _, f := range p.fields {
		spellings := []string{strings.ToUpper(f.name)}
		if !f.required { // whose own spelling is given below: JSON with a name twice has lost the first already
			spellings = append(spellings, f.name, f.name, strings.ToLower(f.name))
		}
		names = append(names, rapid.SampledFrom(spellings))
	}
	rapid.Check(t, func(rt *rapid.T) {
		object := objectText(rt, rapid.OneOf(names...), 2)
		for _, f := range p.fields {
			if f.required {
				object = `{"` + f.name + `":"x"` + strings.Replace(object[1:], `"`, `,"`, 1)
			}
		}
		got, err := p.readList([]byte("[" + object + "]"))
		if err != nil {
			rt.Fatalf("%s: %v", object, err)
		}
		back := p.append(nil, got.items.Index(0))
		if in, out := members(t, []byte(object)), members(t, back); !maps.Equal(in, out) {
			rt.Fatalf("\n in %v\nout %v\nunmapped %v", in, out, got.items.Index(0).Interface())
		}
	})
}

func TestNothingOfADossiersSettingsIsLost(t *testing.T) {
	t.Run("account", losesNothing[Account])
	t.Run("journal", losesNothing[Journal])
	t.Run("section", losesNothing[Section])
	t.Run("third party", losesNothing[ThirdParty])
	t.Run("VAT code", losesNothing[VATCode])
	t.Run("establishment", losesNothing[Establishment])
	t.Run("legal identity", losesNothing[LegalIdentity])
}

func TestTypedFieldsAgreeWithEncodingJSON(t *testing.T) {
	// On the documented form, the engine and a plain decoder see the same.
	body := []byte("[" + accountJSON(1) + "," + accountJSON(20) + "]")
	got, err := planOf[Account](t).readList(body)
	testkit.OK(t, err)
	var plain []map[string]any
	testkit.OK(t, json.Unmarshal(body, &plain))
	for i, a := range got.items.Interface().([]Account) {
		if *a.Number != plain[i]["numero"] || *a.Label != plain[i]["libelle"] || *a.Letterable != plain[i]["lettrable"] || got.ids[i] != plain[i]["objectId"] || a.Unmapped != nil {
			t.Errorf("%+v", a)
		}
	}
}

func TestAppendJSONGivesBackWhatWasRead(t *testing.T) {
	c, _ := testClient(t, reply(200, `[`+accountJSON(7)+`]`))
	page, err := c.Accounts.List(t.Context(), "D", ListOptions{Take: 1})
	testkit.OK(t, err)
	if got := string(c.Accounts.AppendJSON(nil, &page.Items[0])); got != accountJSON(7) {
		t.Error(got)
	}
}

func TestAWrongTagIsFoundAtOnce(t *testing.T) {
	type badType struct {
		N        *int `loop:"n"`
		Unmapped Unmapped
	}
	type noUnmapped struct {
		N *string `loop:"n"`
	}
	type twice struct {
		N        *string `loop:"n"`
		M        *string `loop:"N"`
		Unmapped Unmapped
	}
	for _, f := range []func() (*plan, error){newPlan[badType], newPlan[noUnmapped], newPlan[twice]} {
		if _, err := f(); err == nil {
			t.Error("accepted")
		}
	}
}

func benchmarkDecode(b *testing.B, n int) {
	var body bytes.Buffer
	body.WriteByte('[')
	for i := range n {
		if i > 0 {
			body.WriteByte(',')
		}
		body.WriteString(accountJSON(i))
	}
	body.WriteByte(']')
	p := planOf[Account](b)
	b.SetBytes(int64(body.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.readList(body.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode100Accounts(b *testing.B)  { benchmarkDecode(b, 100) }
func BenchmarkDecode1000Accounts(b *testing.B) { benchmarkDecode(b, 1000) }
