package cegidclient

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"
)

// Code is a value of one of Loop's enums: its digits as Loop wrote them. Loop may add values at any time.
type Code string

// Ref is a reference to another object (loop-api: R 1.7). Loop writes "none" as a reference without id.
type Ref struct {
	ObjectID    string
	Description string

	flat bool // of a field with the option "either": the description came as a bare string
}

// IsNone reports whether the reference points nowhere.
func (r *Ref) IsNone() bool { return r == nil || r.ObjectID == "" }

// Unmapped keeps, by the name received, the raw JSON of every member that the typed fields do not say exactly:
// unknown fields, and known ones in another form than the documented one (letter case, numeric string, null,
// wrong type, twice). A member of a known field in such a form is here besides being read where it can be.
type Unmapped map[string]string

// Decimal is a number, its digits as Loop wrote them: never through a float.
type Decimal string

// A resource is a struct whose fields carry the tag loop:"name,option…", of type *string, *bool, *int32, *Decimal, *Code,
// *Date or *Ref, and one field of type Unmapped. Options:
//
//	required  the identity: an item without it is refused, so that a renamed field cannot decode to nothing
//	list      a *string whose documented form is an array of one string (loop-api: R 1.7, description)
//	quoted    a *Code whose documented form is a text (loop-api: C 4.5)
//	either    a *Ref whose description is documented both as a string and as an array (loop-api: R 4.1, axe)
type fieldForm uint8

const (
	formText fieldForm = iota
	formList
	formBool
	formInteger
	formDecimal
	formCode
	formDate
	formRef
	formOther // none of these: a number where a text is documented
)

type fieldPlan struct {
	name     string
	quoted   string // the name as JSON, with the colon
	index    int
	offset   uintptr // of the field in its struct
	form     fieldForm
	required bool
	quotes   bool
	either   bool
}

// plan is the reflection over a resource, done once per lister.
type plan struct {
	typ      reflect.Type
	fields   []fieldPlan
	exact    map[string]int
	folded   map[string]int
	required []int // fields that are
	unmapped int
	// unmappedAt is the offset of that field in its struct.
	unmappedAt uintptr
	id         int // field of objectId, -1 without
}

func newPlan[T any]() (*plan, error) { return newPlanNamed[T](nil) }

// newPlanNamed reads the names of fields that begin with "?", and that no documentation has, from names; one without a name is
// not read.
func newPlanNamed[T any](names map[string]string) (*plan, error) {
	t := reflect.TypeFor[T]()
	p := &plan{typ: t, exact: map[string]int{}, folded: map[string]int{}, unmapped: -1, id: -1}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type == reflect.TypeFor[Unmapped]() {
			p.unmapped, p.unmappedAt = i, f.Offset
			continue
		}
		tag, ok := f.Tag.Lookup("loop")
		if !ok {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if role, open := strings.CutPrefix(name, "?"); open {
			if name = names[role]; name == "" {
				continue
			}
		}
		has := func(option string) bool { return strings.Contains(options, option) }
		fp := fieldPlan{
			name: name, quoted: quote(name) + ":", index: i, offset: f.Offset, required: has("required"), quotes: has("quoted"),
			either: has("either"),
		}
		switch f.Type {
		case reflect.TypeFor[*string]():
			if has("list") {
				fp.form = formList
			}
		case reflect.TypeFor[*bool]():
			fp.form = formBool
		case reflect.TypeFor[*int32]():
			fp.form = formInteger
		case reflect.TypeFor[*Decimal]():
			fp.form = formDecimal
		case reflect.TypeFor[*Code]():
			fp.form = formCode
		case reflect.TypeFor[*Date]():
			fp.form = formDate
		case reflect.TypeFor[*Ref]():
			fp.form = formRef
		default:
			return nil, fmt.Errorf("cegidclient: field %s.%s has a type that is never read", t.Name(), f.Name)
		}
		if _, twice := p.folded[fold(name)]; twice {
			return nil, fmt.Errorf("cegidclient: %s names %q twice", t.Name(), name)
		}
		n := len(p.fields)
		if fp.required {
			p.required = append(p.required, n)
		}
		p.fields = append(p.fields, fp)
		p.exact[name], p.folded[fold(name)] = n, n
		if name == "objectId" {
			p.id = n
		}
	}
	if p.unmapped < 0 {
		return nil, fmt.Errorf("cegidclient: %s has no field for what is unmapped", t.Name())
	}
	return p, nil
}

// field finds a field by name; the second result tells whether the letter case was the documented one.
func (p *plan) field(name []byte) (int, bool) {
	if i, ok := p.exact[string(name)]; ok {
		return i, true
	}
	if i, ok := p.folded[fold(string(name))]; ok {
		return i, false
	}
	return -1, false
}

// fold ignores the letter case of ASCII, as all of Loop's names are.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

// reader decodes the items of one answer. Strings are cut out of one copy of the body; pointers point into slabs.
type reader struct {
	scanner
	plan     *plan
	count    int        // of items so far
	seen     []standing // per field of the plan, where it was met last
	strings  slab[string]
	bools    slab[bool]
	integers slab[int32]
	decimals slab[Decimal]
	codes    slab[Code]
	dates    slab[Date]
	refs     slab[Ref]
}

// standing is where a member is in the text: the number of its item, and where its name and value begin and the value ends. Without
// pointers, which the collector would have to follow.
type standing struct{ item, name, value, end int }

// member is what is there.
type member struct{ name, value string }

func (r *reader) member(at standing) member {
	return member{unquote(r.text[at.name:][:stringEnd(r.text[at.name:])]), r.text[at.value:at.end]}
}

// slab hands out pointers into chunks, each twice the last: one allocation for many small values.
type slab[T any] struct {
	chunk []T
	used  int
}

const largestSlab = 512

func (s *slab[T]) put(v T) *T {
	if s.used == len(s.chunk) {
		s.chunk, s.used = make([]T, min(max(2*len(s.chunk), 8), largestSlab)), 0
	}
	p := &s.chunk[s.used]
	s.used++
	*p = v
	return p
}

// reader reads a body, which is its own from now on: the strings that it gives are parts of it.
func (p *plan) reader(body []byte) *reader {
	if cap(body) > len(body)*5/4 { // as it grew while it was read: the strings would keep all of that
		body = bytes.Clone(body)
	}
	return &reader{scanner: scanner{text: unsafe.String(unsafe.SliceData(body), len(body))}, plan: p, seen: make([]standing, len(p.fields))}
}

// newDecoder tolerates what JSON leaves open: a name given twice, and text that is no Unicode (a JavaScript server
// can cut a label inside a surrogate pair). Both are kept raw in Unmapped.
func newDecoder(body []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// newStrictDecoder is for what is passed on as it came.
func newStrictDecoder(body []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))
}

// item reads one object into dst. The bool is false when the next value is not an object or lacks its identity;
// missing then names the field.
func (r *reader) item(dst reflect.Value) (missing string, err error) {
	if r.peek() != '{' {
		_, err = r.value()
		return "{", err
	}
	base := dst.Addr().UnsafePointer()
	r.count++
	unmapped := (*Unmapped)(unsafe.Add(base, r.plan.unmappedAt))
	next := 0
	more, err := r.enter('}')
	for more && err == nil {
		if next, err = r.memberInto(base, unmapped, next); err != nil {
			return "", err
		}
		more, err = r.next('}')
	}
	if err != nil {
		return "", err
	}
	for _, i := range r.plan.required {
		if f := &r.plan.fields[i]; *(*unsafe.Pointer)(unsafe.Add(base, f.offset)) == nil {
			return f.name, nil
		}
	}
	return "", nil
}

// memberInto reads one member of an item. Loop writes the fields in one order: the one after the last found is the best guess of
// which it is, and the next guess is returned.
func (r *reader) memberInto(base unsafe.Pointer, unmapped *Unmapped, guess int) (next int, err error) {
	i, exact, name := guess, true, r.at
	if guess < len(r.plan.fields) && strings.HasPrefix(r.text[r.at:], r.plan.fields[guess].quoted) {
		r.at += len(r.plan.fields[guess].quoted)
	} else {
		rawName, err := r.name()
		if err != nil {
			return 0, err
		}
		i, exact = r.plan.field([]byte(unquote(rawName)))
	}
	again := i >= 0 && r.seen[i].item == r.count
	r.peek()
	value := r.at
	if i >= 0 && exact && !again && r.documented(base, &r.plan.fields[i]) {
		r.seen[i] = standing{r.count, name, value, r.at}
		return i + 1, nil
	}
	raw, err := r.value()
	if err != nil {
		return 0, err
	}
	at := standing{r.count, name, value, r.at}
	switch {
	case i < 0:
		r.keep(unmapped, at)
		return guess, nil
	case !again:
		r.seen[i] = at
		if !r.set(base, &r.plan.fields[i], raw) || !exact {
			r.keep(unmapped, at)
		}
	default:
		// The same field again: the exact spelling is read rather than another, and all are kept raw.
		first := r.seen[i]
		r.keep(unmapped, first)
		r.keep(unmapped, at)
		if exact && r.member(first).name != r.plan.fields[i].name {
			r.seen[i] = at
			r.set(base, &r.plan.fields[i], raw)
		}
	}
	return i + 1, nil
}

// keep keeps a member as it came.
func (r *reader) keep(unmapped *Unmapped, at standing) {
	if *unmapped == nil {
		*unmapped = Unmapped{}
	}
	m := r.member(at)
	(*unmapped)[m.name] = strings.ToValidUTF8(m.value, "\uFFFD")
}

// point makes a field of the struct at base point to a value; nil to none. newPlan has seen to the types.
func point[T any](base unsafe.Pointer, f *fieldPlan, to *T) {
	*(**T)(unsafe.Add(base, f.offset)) = to
}

// documented reads the value at hand into a field of the struct at base, where it has the form that Loop documents and nearly always
// writes, in one go. Else it leaves the value to be passed, and read by set.
func (r *reader) documented(base unsafe.Pointer, f *fieldPlan) bool {
	from := r.at
	switch f.form {
	case formText:
		if s, is := r.cut(); is {
			point(base, f, r.strings.put(s))
			return true
		}
	case formList:
		if r.pass(`[`) {
			if s, is := r.cut(); is && r.pass(`]`) {
				point(base, f, r.strings.put(s))
				return true
			}
		}
	case formBool:
		value := r.pass(`true`)
		if value || r.pass(`false`) {
			point(base, f, r.bools.put(value))
			return true
		}
	case formCode:
		if digits := r.digits(); digits != "" && !f.quotes {
			point(base, f, r.codes.put(Code(digits)))
			return true
		}
	case formRef:
		if r.pass(noRef) {
			point(base, f, r.refs.put(Ref{}))
			return true
		}
		if ref, is := r.reference(); is {
			point(base, f, r.refs.put(ref))
			return true
		}
	}
	r.at = from
	return false
}

// pass passes a text, where it is at hand.
func (s *scanner) pass(text string) bool {
	if !strings.HasPrefix(s.text[s.at:], text) {
		return false
	}
	s.at += len(text)
	return true
}

// cut passes a string and returns it, where it needs no decoding.
func (s *scanner) cut() (text string, is bool) {
	if s.at >= len(s.text) || s.text[s.at] != '"' {
		return "", false
	}
	from := s.at + 1
	if s.string() != nil || s.escaped {
		return "", false
	}
	text = s.text[from : s.at-1]
	return text, s.plain || isClean(text)
}

// isClean: the text is Unicode, and has no sign that something was none.
func isClean(text string) bool {
	for _, c := range text {
		if c == utf8.RuneError {
			return false
		}
	}
	return true
}

// digits passes a whole number that is not negative, and returns it; empty where another value is at hand.
func (s *scanner) digits() string {
	i := s.at
	for i < len(s.text) && '0' <= s.text[i] && s.text[i] <= '9' {
		i++
	}
	digits := s.text[s.at:i]
	if digits == "" || digits[0] == '0' && len(digits) > 1 || i == len(s.text) || s.text[i] != ',' && s.text[i] != '}' {
		return ""
	}
	s.at = i
	return digits
}

// reference passes a reference in its canonical form, as readRef has it, with an id.
func (s *scanner) reference() (ref Ref, is bool) {
	if !s.pass(`{"objectId":`) {
		return ref, false
	}
	if ref.ObjectID, is = s.cut(); !is || ref.ObjectID == "" || !s.pass(`,"description":[`) {
		return ref, false
	}
	if ref.Description, is = s.cut(); !is {
		return ref, false
	}
	return ref, s.pass(`]}`)
}

// set reads a value into a field of the struct at base. It reports whether the value has the documented form; another form is
// read as far as its meaning is plain, and left nil otherwise.
func (r *reader) set(base unsafe.Pointer, f *fieldPlan, raw string) (canonical bool) {
	switch f.form {
	case formText, formList:
		point[string](base, f, nil)
		s, form, ok := readText(raw)
		if ok {
			point(base, f, r.strings.put(s))
		}
		return ok && form == f.form && !strings.Contains(s, "\uFFFD")
	case formBool:
		point[bool](base, f, nil)
		switch strings.ToLower(raw) {
		case "true", `"true"`, "1":
			point(base, f, r.bools.put(true))
		case "false", `"false"`, "0":
			point(base, f, r.bools.put(false))
		}
		return raw == "true" || raw == "false"
	case formInteger:
		point[int32](base, f, nil)
		n, err := strconv.ParseInt(bare(raw), 10, 32)
		if err == nil {
			point(base, f, r.integers.put(int32(n)))
		}
		return err == nil && raw == strconv.FormatInt(n, 10)
	case formDecimal:
		point[Decimal](base, f, nil)
		digits := bare(raw)
		if !isDecimal(digits) {
			return false
		}
		point(base, f, r.decimals.put(Decimal(digits)))
		return raw[0] != '"'
	case formCode:
		point[Code](base, f, nil)
		digits := bare(raw)
		if !isInteger(digits) {
			return false
		}
		point(base, f, r.codes.put(Code(digits)))
		return (raw[0] == '"') == f.quotes
	case formDate:
		point[Date](base, f, nil)
		day, ok, canonical := readDate(raw)
		if ok {
			point(base, f, r.dates.put(day))
		}
		return canonical
	default:
		point[Ref](base, f, nil)
		ref, ok, canonical := readRef(raw, f.either)
		if ok {
			point(base, f, r.refs.put(ref))
		}
		return canonical
	}
}

// readText reads a string, an array of one string, or a number's digits.
func readText(raw string) (text string, form fieldForm, ok bool) {
	switch raw[0] {
	case '"':
		return unquote(raw), formText, true
	case '[':
		inner := strings.Trim(raw[1:len(raw)-1], " \t\r\n")
		if inner == "" || inner[0] != '"' || stringEnd(inner) != len(inner) {
			return "", formOther, false
		}
		return unquote(inner), formList, true
	case '{', 'n', 't', 'f':
		return "", formOther, false
	default:
		return raw, formOther, true // a number's digits
	}
}

const noRef = `{"objectId":null,"description":[""]}`

// readRef reads a reference. Canonical are the two members in their documented order, an id or null, and an array
// of one string (loop-api: R 1.7); with either also a bare string.
func readRef(raw string, either bool) (ref Ref, ok, canonical bool) {
	if raw == noRef {
		return Ref{}, true, true
	}
	if raw[0] != '{' {
		return Ref{}, false, false
	}
	in := scanner{text: raw}
	canonical = true
	n := 0
	more, _ := in.enter('}')
	for more {
		name, err := in.name()
		if err != nil {
			return Ref{}, false, false
		}
		key := unquote(name)
		value, err := in.value()
		if err != nil {
			return Ref{}, false, false
		}
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
		if more, err = in.next('}'); err != nil {
			return Ref{}, false, false
		}
	}
	return ref, true, canonical && n == 2
}

// stringEnd gives the length of the JSON string at the start of valid JSON text.
func stringEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// unquote reads a JSON string that the decoder has already accepted.
func unquote(raw string) string {
	inner := raw[1 : len(raw)-1]
	if strings.IndexByte(inner, '\\') < 0 {
		return strings.ToValidUTF8(inner, "\uFFFD")
	}
	b, _ := jsontext.AppendUnquote(nil, raw) // its error is invalid Unicode, replaced in b
	return string(b)
}

func quote(s string) string {
	b, _ := jsontext.AppendQuote(nil, s)
	return string(b)
}

// bare gives a text's content, and any other value as it is.
func bare(raw string) string {
	if raw[0] == '"' {
		return unquote(raw)
	}
	return raw
}

func isDecimal(s string) bool {
	whole, fraction, pointed := strings.Cut(s, ".")
	return isInteger(whole) && (!pointed || fraction != "" && strings.Trim(fraction, "0123456789") == "")
}

func isInteger(s string) bool {
	s = strings.TrimPrefix(s, "-")
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

// append writes an item as Loop would: typed fields in their documented form, and every member in Unmapped under
// the name and in the form received, instead of the typed field that it belongs to.
func (p *plan) append(dst []byte, item reflect.Value) []byte {
	unmapped := item.Field(p.unmapped).Interface().(Unmapped)
	replaced := map[int]bool{}
	for name := range unmapped {
		if i, _ := p.field([]byte(name)); i >= 0 {
			replaced[i] = true
		}
	}
	dst = append(dst, '{')
	comma := func() {
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
	}
	for i := range p.fields {
		f := &p.fields[i]
		v := item.Field(f.index)
		if v.IsNil() || replaced[i] {
			continue
		}
		comma()
		dst = append(dst, f.quoted...)
		switch f.form {
		case formText:
			dst = append(dst, quote(v.Elem().String())...)
		case formList:
			dst = append(append(append(dst, '['), quote(v.Elem().String())...), ']')
		case formBool:
			dst = fmt.Appendf(dst, "%t", v.Elem().Bool())
		case formInteger:
			dst = strconv.AppendInt(dst, v.Elem().Int(), 10)
		case formCode, formDecimal:
			digits := v.Elem().String()
			if f.quotes {
				digits = quote(digits)
			}
			dst = append(dst, digits...)
		case formDate:
			dst = append(dst, `"`+v.Elem().String()+midnight+`"`...)
		case formRef:
			ref := v.Interface().(*Ref)
			id := "null"
			if ref.ObjectID != "" {
				id = quote(ref.ObjectID)
			}
			description := quote(ref.Description)
			if !ref.flat {
				description = "[" + description + "]"
			}
			dst = append(dst, `{"objectId":`+id+`,"description":`+description+`}`...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(unmapped)) {
		comma()
		dst = append(append(dst, quote(name)+":"...), unmapped[name]...)
	}
	return append(dst, '}')
}
