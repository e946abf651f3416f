package cegidclient

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// reference is the reader that there was before the scanner: by reflection, on a decoder of all of JSON. It stays as what the one
// in use is held against.
type reference struct {
	plan     *plan
	body     []byte
	text     string // the body once more, immutable
	dec      *jsontext.Decoder
	seen     []member // per field of the plan, of the item at hand
	strings  slab[string]
	bools    slab[bool]
	integers slab[int32]
	decimals slab[Decimal]
	codes    slab[Code]
	dates    slab[Date]
	refs     slab[Ref]
}

func (p *plan) reference(body []byte) *reference {
	return &reference{
		plan: p, body: body, text: string(body), seen: make([]member, len(p.fields)),
		dec: newDecoder(body),
	}
}

// value reads the next value and gives its text.
func (r *reference) value() (string, error) {
	v, err := r.dec.ReadValue()
	if err != nil {
		return "", err
	}
	end := int(r.dec.InputOffset())
	return r.text[end-len(v) : end], nil
}

// item reads one object into dst. The bool is false when the next value is not an object or lacks its identity;
// missing then names the field.
func (r *reference) item(dst reflect.Value) (missing string, err error) {
	if r.dec.PeekKind() != '{' {
		_, err = r.value()
		return "{", err
	}
	if _, err = r.dec.ReadToken(); err != nil {
		return "", err
	}
	clear(r.seen)
	var unmapped Unmapped
	keep := func(m member) {
		if unmapped == nil {
			unmapped = Unmapped{}
		}
		unmapped[m.name] = strings.ToValidUTF8(m.value, "\uFFFD")
	}
	for next := 0; r.dec.PeekKind() != '}'; {
		rawName, err := r.value()
		if err != nil {
			return "", err
		}
		raw, err := r.value()
		if err != nil {
			return "", err
		}
		// Loop writes the fields in one order: the one after the last found is the best guess.
		var i int
		var exact bool
		name := rawName[1 : len(rawName)-1]
		if next < len(r.plan.fields) && r.plan.fields[next].name == name {
			i, exact = next, true
		} else {
			name = unquote(rawName)
			i, exact = r.plan.field([]byte(name))
		}
		m := member{name, raw}
		if i < 0 {
			keep(m)
			continue
		}
		next = i + 1
		first := r.seen[i]
		if first.value == "" {
			r.seen[i] = m
			if !r.set(dst, &r.plan.fields[i], raw) || !exact {
				keep(m)
			}
			continue
		}
		// The same field again: the exact spelling is read rather than another, and all are kept raw.
		keep(first)
		keep(m)
		if exact && first.name != r.plan.fields[i].name {
			r.seen[i] = m
			r.set(dst, &r.plan.fields[i], raw)
		}
	}
	if _, err = r.dec.ReadToken(); err != nil {
		return "", err
	}
	dst.Field(r.plan.unmapped).Set(reflect.ValueOf(unmapped))
	for i := range r.plan.fields {
		if f := &r.plan.fields[i]; f.required && dst.Field(f.index).IsNil() {
			return f.name, nil
		}
	}
	return "", nil
}

// set reads a value into a field. It reports whether the value has the documented form; another form is read as
// far as its meaning is plain, and left nil otherwise.
func (r *reference) set(dst reflect.Value, f *fieldPlan, raw string) (canonical bool) {
	target := dst.Field(f.index)
	target.SetZero()
	switch f.form {
	case formText, formList:
		s, form, ok := readText(raw)
		if ok {
			target.Set(reflect.ValueOf(r.strings.put(s)))
		}
		return ok && form == f.form && !strings.Contains(s, "\uFFFD")
	case formBool:
		switch strings.ToLower(raw) {
		case "true", `"true"`, "1":
			target.Set(reflect.ValueOf(r.bools.put(true)))
		case "false", `"false"`, "0":
			target.Set(reflect.ValueOf(r.bools.put(false)))
		}
		return raw == "true" || raw == "false"
	case formInteger:
		n, err := strconv.ParseInt(bare(raw), 10, 32)
		if err == nil {
			target.Set(reflect.ValueOf(r.integers.put(int32(n))))
		}
		return err == nil && raw == strconv.FormatInt(n, 10)
	case formDecimal:
		digits := bare(raw)
		if !isDecimal(digits) {
			return false
		}
		target.Set(reflect.ValueOf(r.decimals.put(Decimal(digits))))
		return raw[0] != '"'
	case formCode:
		digits := bare(raw)
		if !isInteger(digits) {
			return false
		}
		target.Set(reflect.ValueOf(r.codes.put(Code(digits))))
		return (raw[0] == '"') == f.quotes
	case formDate:
		day, ok, canonical := readDate(raw)
		if ok {
			target.Set(reflect.ValueOf(r.dates.put(day)))
		}
		return canonical
	default:
		ref, ok, canonical := referenceRef(raw, f.either)
		if ok {
			target.Set(reflect.ValueOf(r.refs.put(ref)))
		}
		return canonical
	}
}

func referenceRef(raw string, either bool) (ref Ref, ok, canonical bool) {
	if raw == noRef {
		return Ref{}, true, true
	}
	if raw[0] != '{' {
		return Ref{}, false, false
	}
	dec := newDecoder([]byte(raw))
	_, _ = dec.ReadToken()
	canonical = true
	n := 0
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return Ref{}, false, false
		}
		key := name.String()
		v, err := dec.ReadValue()
		if err != nil {
			return Ref{}, false, false
		}
		value := string(v)
		s, form, isText := readText(value)
		switch {
		case strings.EqualFold(key, "objectId"):
			canonical = canonical && n == 0 && key == "objectId" && (value == "null" || isText && form == formText && s != "")
			if isText && ref.ObjectID == "" {
				ref.ObjectID = s
			}
		case strings.EqualFold(key, "description"):
			ref.flat = either && isText && form == formText
			canonical = canonical && n == 1 && key == "description" && isText && (form == formList || ref.flat)
			if isText && ref.Description == "" {
				ref.Description = s
			}
		default:
			canonical = false
		}
		canonical = canonical && !strings.Contains(s, "\uFFFD")
		n++
	}
	return ref, true, canonical && n == 2
}

// end refuses anything behind the first value.
func (r *reference) end() error {
	if _, err := r.dec.ReadToken(); err != nil {
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		return err
	}
	return badResponse("something follows the JSON answer")
}

func (r *reference) array(out *rows) error {
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for n := 0; r.dec.PeekKind() != ']'; n++ {
		if err := r.add(out, n); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

// add reads one item and appends it.
func (r *reference) add(out *rows, n int) error {
	if out.items.Len() == out.items.Cap() {
		out.items.Grow(max(16, out.items.Len()))
	}
	out.items.SetLen(n + 1)
	dst := out.items.Index(n)
	from := int(r.dec.InputOffset())
	missing, err := r.item(dst)
	switch {
	case err != nil:
		return err
	case missing == "{":
		return badResponse(fmt.Sprintf("item %d of the list is not an object", n))
	case missing != "":
		e := badResponse(fmt.Sprintf("item %d of the list lacks %q", n, missing))
		e.Field = missing
		return e
	}
	id := ""
	if r.plan.id >= 0 {
		if p := dst.Field(r.plan.fields[r.plan.id].index).Interface().(*string); p != nil {
			id = *p
		}
	}
	if id == "" {
		id = strings.TrimLeft(r.text[from:r.dec.InputOffset()], ", \t\r\n")
	}
	out.ids = append(out.ids, id)
	return nil
}

func (r *reference) object(out *rows) error {
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	var refused *Error
	enveloped := false
	for r.dec.PeekKind() != '}' {
		rawName, err := r.value()
		if err != nil {
			return err
		}
		name := unquote(rawName)
		if !enveloped && strings.EqualFold(name, "data") && r.dec.PeekKind() == '[' {
			enveloped = true
			if err := r.array(out); err != nil {
				return err
			}
			continue
		}
		raw, err := r.value()
		if err != nil {
			return err
		}
		if strings.EqualFold(name, "error") && refused == nil {
			refused = refusalIn(raw)
		}
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	switch {
	case refused != nil:
		return refused
	case enveloped:
		return nil
	}
	return r.single(out)
}

// single reads the whole answer once more, as one resource.
func (r *reference) single(out *rows) error {
	const neither = "the answer is an object, but neither a list nor a resource of this route"
	if len(r.plan.required) == 0 {
		return badResponse(neither)
	}
	rest := r.dec
	r.dec = newDecoder(r.body)
	err := r.add(out, 0)
	r.dec = rest
	if err != nil {
		e := badResponse(neither)
		if inner, ok := asError(err); ok {
			e.Field = inner.Field
		}
		return e
	}
	return nil
}

// readListAsBefore is readList with the reference.
func (p *plan) readListAsBefore(body []byte) (rows, error) {
	out := rows{items: reflect.New(reflect.SliceOf(p.typ)).Elem()}
	if looksLikeMarkup(body) {
		e := badResponse("a web page came where JSON was expected")
		e.Evidence.HTML = true
		return out, e
	}
	r := p.reference(body)
	var err error
	switch r.dec.PeekKind() {
	case '[':
		err = r.array(&out)
	case '{':
		err = r.object(&out)
	default:
		err = badResponse("the answer is neither a list nor an object")
	}
	if err == nil {
		err = r.end()
	}
	if err == nil {
		return out, nil
	}
	if e, ok := asError(err); ok {
		return rows{}, e
	}
	return rows{}, notJSON(err)
}

// allForms is a resource with a field of each form.
type allForms struct {
	ObjectID    *string  `loop:"objectId"`
	Description *string  `loop:"description,list"`
	Number      *string  `loop:"numero,required"`
	Type        *Code    `loop:"type"`
	Nature      *Code    `loop:"nature,quoted"`
	Closed      *bool    `loop:"ferme"`
	Rank        *int32   `loop:"rang"`
	Rate        *Decimal `loop:"taux"`
	Day         *Date    `loop:"date"`
	VAT         *Ref     `loop:"tva"`
	Axis        *Ref     `loop:"axe,either"`
	Unmapped    Unmapped
}

// answers are what Loop may send, well and badly.
var answers = []string{
	`[{"objectId":"a","description":["1"],"numero":"1","type":6,"nature":"2","ferme":false,"rang":3,"taux":1.50,"date":"2026-01-31T00:00:00.000Z","tva":{"objectId":"v","description":["20"]},"axe":{"objectId":"x","description":"y"}}]`,
	`[{"numero":"1","libelle":"é","ferme":true,"rang":-1,"tva":{"objectId":null,"description":[""]}},{"numero":"2"}]`,
	"{ \"data\" : [ { \"numero\" : \"1\" , \"NUMERO\":\"2\"\t,\r\n \"x\": {\"a\":[1,2.5e+3,{}],\"b\":[]} } ] , \"count\":1}",
	`{"numero":"1","num\u0065ro":"2","type":"6","nature":1,"ferme":"True","rang":"3","taux":"1.5","date":"2026-01-31","axe":null}`,
	`{"error":{"message":"non","code":"X"}}`, `{"error":"non"}`, `{"error":null,"data":[]}`, `[]`, `{}`, ``, ` `, `null`, `[1]`, `[{}]`, `[{"numero":null}]`,
	`[{"numero":"1"}] x`, `[{"numero":"1"}]{`, `[{"numero":"1",}]`, `[{"numero":"1"},]`, `[{"numero" "1"}]`, `[{"numero":"1"`, `[{"numero":01}]`, `[{"numero":1.}]`, `[{"numero":-}]`,
	`[{"numero":"\ud83d"}]`, `[{"numero":"\ud83d\ude00"}]`, "[{\"numero\":\"\xff\",\"\xfe\":1}]", "[{\"numero\":\"a\x00\"}]", `[{"numero":"\x"}]`, `[{"numero":"\u12g4"}]`, `[tru]`, `[{"ferme":TRUE}]`,
	"\xef\xbb\xbf[]", `<html>`, `[{"numero":"1","rang":2147483648,"taux":-0.0,"date":"2026-01-31T23:30:00Z"}]`, `{"Data":[{"numero":"1"}],"data":[{"numero":"2"}]}`,
	`[{"numero":["1"],"description":[ "a" , "b" ],"tva":{"description":["20"],"objectId":"v"}}]`,
}

// readsAlike compares both readers, errors too.
func readsAlike(t *testing.T, p *plan, body []byte) {
	t.Helper()
	got, err := p.readList(body)
	want, wrong := p.readListAsBefore(body)
	// At a comma too many, the one counts it and the other does not.
	said := func(err error) string {
		return regexp.MustCompile(`from byte \d+ on`).ReplaceAllString(fmt.Sprint(err), "")
	}
	a, _ := asError(err)
	b, _ := asError(wrong)
	if (err == nil) != (wrong == nil) || err != nil && (said(err) != said(wrong) || a.Kind != b.Kind || a.Field != b.Field || a.Code != b.Code || a.Message != b.Message) {
		t.Fatalf("%q: %v; before %v", body, err, wrong)
	}
	if err != nil {
		return
	}
	if !slices.Equal(got.ids, want.ids) || !reflect.DeepEqual(got.items.Interface(), want.items.Interface()) {
		show := func(of rows) string { text, _ := json.Marshal(of.items.Interface()); return string(text) }
		t.Fatalf("%q:\n%s %q\nbefore\n%s %q", body, show(got), got.ids, show(want), want.ids)
	}
}

// TestTheScannerReadsAsTheDecoderDoes: a fixed walk of 40,000 answers that are mutated; the fuzz test goes further.
func TestTheScannerReadsAsTheDecoderDoes(t *testing.T) {
	p := planOf[allForms](t)
	chance := rand.New(rand.NewPCG(1, 2))
	tokens := []string{`"`, `{`, `}`, `[`, `]`, `,`, `:`, ` `, `null`, `true`, `1`, `-`, `.`, `e`, `\`, `\u00e9`, "\xff", "é", "\n", "\x01", `"numero":`, `"objectId":`, `"a":{"b":[`}
	for _, each := range answers {
		readsAlike(t, p, []byte(each))
	}
	for range 40_000 {
		body := []byte(answers[chance.IntN(len(answers))])
		for range 1 + chance.IntN(3) {
			at := chance.IntN(len(body) + 1)
			end := min(len(body), at+chance.IntN(4))
			switch chance.IntN(3) {
			case 0: // something is missing
				body = slices.Delete(body, at, end)
			case 1: // something is added
				body = slices.Insert(body, at, []byte(tokens[chance.IntN(len(tokens))])...)
			default: // something is there twice
				body = slices.Insert(body, at, slices.Clone(body[at:end])...)
			}
		}
		readsAlike(t, p, body)
	}
	for _, depth := range []int{deepest - 3, deepest - 2, deepest - 1, deepest, deepest + 1} {
		readsAlike(t, p, []byte(`[{"numero":"1","x":`+strings.Repeat("[", depth)+strings.Repeat("]", depth)+`}]`))
	}
}

// FuzzReader: both readers take the same, and read the same.
func FuzzReader(f *testing.F) {
	for _, each := range answers {
		f.Add([]byte(each))
	}
	p := planOf[allForms](f)
	f.Fuzz(func(t *testing.T, body []byte) { readsAlike(t, p, body) })
}

// thousandAccounts are an answer of Loop's.
func thousandAccounts() []byte {
	var body bytes.Buffer
	for n := range 1000 {
		fmt.Fprintf(&body, `,{"objectId":"5b0f4a52-0d0e-4f0b-9a51-2f6c%08d","revisionId":"0x0000000000012AB4","description":["%08d"],"numero":"%08d","libelle":"Fournitures d'entretien et petit équipement","type":6,"collectif":false,"lettrable":false,"pointable":false,"centralisable":false,"analytique":true,"ferme":false,"compteContrepartie":{"objectId":null,"description":[""]}}`, n, n, n)
	}
	text := append(body.Bytes(), ']')
	text[0] = '['
	return text
}

// TestReadingAllocatesInChunks: few times for a thousand accounts of thirteen fields.
func TestReadingAllocatesInChunks(t *testing.T) {
	text, p := thousandAccounts(), planOf[Account](t)
	if n := testing.AllocsPerRun(10, func() {
		if _, err := p.readList(text); err != nil {
			t.Fatal(err)
		}
	}); n > 80 {
		t.Errorf("%g allocations", n)
	}
}

func BenchmarkReadList(b *testing.B) {
	text, p := thousandAccounts(), planOf[Account](b)
	for name, read := range map[string]func([]byte) (rows, error){"scanner": p.readList, "before": p.readListAsBefore} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := read(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
