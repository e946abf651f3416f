package loopsim

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// A refusal is the sentence of a service error, so a French one.
type refusal string

func (r refusal) Error() string { return string(r) }

func refuse(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }

// A condition compares one column with a literal or with null.
type condition struct {
	column  int
	op      string // "==", "===", "!=", ">="
	date    bool
	null    bool
	literal string
}

// Bounds that keep a hostile expression cheap; Loop's own are not known.
const (
	maxExpression = 4096
	maxTerms      = 64
)

// parseFilter reads the language that is documented and no more (loop-api: R 1.4, C 2, A 4): bare field names, == === != and
// >= on dates, double-quoted literals or null, joined by &&, spaces allowed. R 1.4 lists what was "not seen anywhere"; all of
// it is refused [I], so that a client learns it here and not from Loop.
func parseFilter(expression string, columns []column) ([]condition, error) {
	if len(expression) > maxExpression {
		return nil, refuse("Filtre trop long (%d octets au plus).", maxExpression)
	}
	p := filterParser{text: expression, columns: columns}
	var conditions []condition
	for {
		if len(conditions) == maxTerms {
			return nil, p.refused("trop de conditions")
		}
		c, err := p.condition()
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, c)
		p.spaces()
		if p.at == len(p.text) {
			return conditions, nil
		}
		if !p.take("&&") {
			return nil, p.refused("seul « && » peut relier deux conditions")
		}
	}
}

type filterParser struct {
	text    string
	at      int
	columns []column
}

func (p *filterParser) condition() (condition, error) {
	p.spaces()
	start := p.at
	name := p.word()
	if name == "" {
		return condition{}, p.refused("nom de champ attendu")
	}
	i := columnIndex(p.columns, name)
	if i < 0 {
		p.at = start
		return condition{}, p.refused("champ inconnu")
	}
	col := p.columns[i]
	// Filtering on booleans, enums, arrays and references was not seen anywhere (R 1.4).
	if col.kind != kindText && col.kind != kindDate {
		p.at = start
		return condition{}, p.refused("ce champ ne se filtre pas")
	}
	p.spaces()
	c := condition{column: i, date: col.kind == kindDate}
	operator := p.at
	switch {
	case p.take("==="):
		c.op = "==="
	case p.take("=="):
		c.op = "=="
	case p.take("!="):
		c.op = "!="
	case p.take(">="):
		c.op = ">="
	}
	if c.op == "" || strings.HasPrefix(p.text[p.at:], "=") { // !== and ==== were not seen
		p.at = operator
		return condition{}, p.refused("opérateur non pris en charge")
	}
	if c.op == ">=" && col.kind != kindDate {
		p.at = operator
		return condition{}, p.refused("« >= » ne compare que des dates")
	}
	p.spaces()
	start = p.at
	if p.word() == "null" && c.op != ">=" {
		c.null = true
		return c, nil
	}
	p.at = start
	literal, ok := p.quoted()
	if !ok {
		return condition{}, p.refused("valeur entre guillemets doubles attendue, sans échappement")
	}
	if col.kind == kindDate {
		if _, err := time.Parse(time.DateOnly, literal); err != nil {
			p.at = start
			return condition{}, p.refused("date AAAA-MM-JJ attendue")
		}
	}
	c.literal = literal
	return c, nil
}

func (p *filterParser) spaces() {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
}

func (p *filterParser) take(token string) bool {
	if strings.HasPrefix(p.text[p.at:], token) {
		p.at += len(token)
		return true
	}
	return false
}

func (p *filterParser) word() string {
	start := p.at
	for p.at < len(p.text) {
		c := p.text[p.at]
		if c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || p.at > start && '0' <= c && c <= '9' {
			p.at++
			continue
		}
		break
	}
	return p.text[start:p.at]
}

// quoted: how a double quote would be escaped is not documented (R 1.4), so a backslash is refused along with control
// characters.
func (p *filterParser) quoted() (string, bool) {
	if p.at == len(p.text) || p.text[p.at] != '"' {
		return "", false
	}
	end := strings.IndexByte(p.text[p.at+1:], '"')
	if end < 0 {
		return "", false
	}
	literal := p.text[p.at+1 : p.at+1+end]
	if strings.ContainsFunc(literal, func(r rune) bool { return r < ' ' || r == '\\' || r == 0x7f || r == utf8.RuneError }) {
		return "", false
	}
	p.at += end + 2
	return literal, true
}

func (p *filterParser) refused(why string) error {
	return refuse("Filtre refusé au caractère %d : %s.", utf8.RuneCountInString(p.text[:p.at])+1, why)
}

// matches reports whether a row meets every condition. Case rules are not documented (R 1.4): letters are compared as they
// are.
func matches(conditions []condition, cells []cell) bool {
	for _, c := range conditions {
		v := cells[c.column]
		if c.date && len(v.text) > len(time.DateOnly) { // an instant, compared by its day
			v.text = v.text[:len(time.DateOnly)]
		}
		var holds bool
		switch {
		case c.null:
			holds = v.null == (c.op != "!=")
		case c.op == "!=":
			holds = v.null || v.text != c.literal
		case c.op == ">=":
			holds = !v.null && v.text >= c.literal
		default:
			holds = !v.null && v.text == c.literal
		}
		if !holds {
			return false
		}
	}
	return true
}

type sortKey struct {
	column     int
	descending bool
}

// parseSort reads field1&&field2:desc (loop-api: R 1.5, C 2).
func parseSort(expression string, columns []column) ([]sortKey, error) {
	if len(expression) > maxExpression {
		return nil, refuse("Tri trop long (%d octets au plus).", maxExpression)
	}
	var keys []sortKey
	for term := range strings.SplitSeq(expression, "&&") {
		name, descending := strings.CutSuffix(term, ":desc")
		i := columnIndex(columns, name)
		if i < 0 {
			return nil, refuse("Tri refusé : champ ou suffixe inconnu « %s ».", clip(term, 40))
		}
		if k := columns[i].kind; k == kindLabels || k == kindRef || k == kindPlainRef || k == kindRaw {
			return nil, refuse("Tri refusé : le champ « %s » ne se trie pas.", name)
		}
		if len(keys) == maxTerms {
			return nil, refusal("Tri refusé : trop de champs.")
		}
		keys = append(keys, sortKey{column: i, descending: descending})
	}
	return keys, nil
}

func compareRows(columns []column, keys []sortKey, a, b []cell) int {
	for _, k := range keys {
		x, y := a[k.column], b[k.column]
		var c int
		switch columns[k.column].kind {
		case kindEnum, kindCode, kindAmount:
			c = cmp.Compare(x.n, y.n)
		case kindBool:
			c = cmp.Compare(btoi(x.b), btoi(y.b))
		default:
			c = cmp.Or(cmp.Compare(btoi(!x.null), btoi(!y.null)), strings.Compare(x.text, y.text))
		}
		if k.descending {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// clip bounds what a message or a record repeats of the caller's text.
func clip(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit]) + "…"
}
