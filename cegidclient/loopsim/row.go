package loopsim

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// A kind says how a column is written, and what filter and sort may do with it.
type kind int

const (
	kindText     kind = iota // filtered and sorted
	kindDate                 // text "AAAA-MM-JJ…", also compared with >=
	kindEnum                 // integer
	kindCode                 // integer written as a text (C 4.5)
	kindBool                 //
	kindLabels               // array of one string
	kindRef                  // {"objectId":…,"description":[…]}
	kindPlainRef             // {"objectId":…,"description":"…"}
	kindAmount               // number with up to four decimals
	kindRaw                  // JSON as it is
)

type column struct {
	name string // Loop's
	kind kind
}

// A cell is the value of one column in one row.
type cell struct {
	text string // text, date, label, JSON of an amount; a reference's description
	id   string // a reference's objectId, "" when it points nowhere
	n    int    // enum; an amount's order
	b    bool
	null bool // text, date and amount only
}

func text(s string) cell { return cell{text: s} }

// optional is a text or date that is null when there is none.
func optional(s string) cell { return cell{text: s, null: s == ""} }

func enum(n int) cell     { return cell{n: n} }
func boolean(b bool) cell { return cell{b: b} }
func ref(id, description string) cell {
	return cell{id: id, text: description}
}

// A row is one object of a list, with its JSON in the documented shape.
type row struct {
	cells []cell
	json  []byte
}

// A resource describes a list route: what a dossier holds of it and how it is written.
type resource struct {
	path     string
	envelope Envelope
	cabinet  bool                              // of the practice itself, and so for an Advanced key alone
	columns  []column                          // the first, objectId if there is one, is the order without sort
	rows     func(*dossier, *Content) [][]cell // nil when a table does not hold them
	of       reflect.Type                      // the type of its rows in a content
	sample   func(*Content)                    // adds those of the sandbox
	check    func(Content) error               // refuses a content; nil for none
}

// newList completes a resource that shows each row of a type: how it is written, and which the sandbox has.
func newList[R any](res resource, write func(*dossier, R) []cell, sample func() []R) *resource {
	res.rows = func(d *dossier, c *Content) [][]cell {
		rows := make([][]cell, len(Rows[R](*c)))
		for i, row := range Rows[R](*c) {
			rows[i] = write(d, row)
		}
		return rows
	}
	return holding(res, sample)
}

// holding completes a resource with the type of its rows and those that the sandbox has, nil for none.
func holding[R any](res resource, sample func() []R) *resource {
	res.of = reflect.TypeFor[R]()
	if sample != nil {
		res.sample = func(c *Content) { add(c, sample()...) }
	}
	return &res
}

// A table is the content of one resource in one dossier. It does not change once built: a write builds another.
type table struct {
	of      reflect.Type // of the rows that it shows
	columns []column
	rows    []row

	mu     sync.Mutex
	orders map[string][]int32 // by sort expression: paging through 10,000 rows must not sort them for each page
}

const maxOrders = 16

func newTable(res *resource, cells [][]cell) *table {
	t := &table{of: res.of, columns: res.columns, rows: make([]row, len(cells)), orders: make(map[string][]int32)}
	for i, c := range cells {
		t.rows[i] = row{cells: c, json: appendRow(nil, t.columns, c, Shape{}, nil)}
	}
	// No order is documented for a list without sort (R 1.6): the order of the identifiers, which means nothing to anybody,
	// shows up clients that count on one.
	slices.SortFunc(t.rows, func(a, b row) int { return strings.Compare(a.cells[0].text, b.cells[0].text) })
	return t
}

// order returns the positions of the rows in the order wanted; the caller leaves the slice as it is.
func (t *table) order(expression string, keys []sortKey) []int32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o, ok := t.orders[expression]; ok {
		return o
	}
	o := make([]int32, len(t.rows))
	for i := range o {
		o[i] = int32(i)
	}
	slices.SortStableFunc(o, func(a, b int32) int {
		return compareRows(t.columns, keys, t.rows[a].cells, t.rows[b].cells)
	})
	if len(t.orders) >= maxOrders {
		clear(t.orders)
	}
	t.orders[expression] = o
	return o
}

// appendRow writes a row; only, when not nil, marks the columns to write.
func appendRow(dst []byte, columns []column, cells []cell, sh Shape, only []bool) []byte {
	dst = append(dst, '{')
	start := len(dst)
	member := func(name string) {
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = appendString(dst, sh.member(name))
		dst = append(dst, ':')
	}
	for i, col := range columns {
		c := cells[i]
		if only != nil && !only[i] || slices.Contains(sh.Omit, col.name) {
			continue
		}
		if (col.kind == kindRef || col.kind == kindPlainRef) && sh.References == ReferencesOmitted {
			continue
		}
		member(col.name)
		switch col.kind {
		case kindEnum, kindCode:
			n := c.n
			if sh.EnumValue != 0 {
				n = sh.EnumValue
			}
			if sh.NumbersAsStrings != (col.kind == kindCode) {
				dst = appendString(dst, strconv.Itoa(n))
			} else {
				dst = strconv.AppendInt(dst, int64(n), 10)
			}
		case kindBool:
			dst = strconv.AppendBool(dst, c.b)
		case kindLabels:
			dst = appendLabels(dst, c.text, sh)
		case kindRef, kindPlainRef:
			dst = appendRef(dst, c, sh, col.kind == kindPlainRef && !sh.ListedDescription)
		case kindRaw:
			dst = append(dst, c.text...)
		case kindAmount:
			switch {
			case c.null:
				dst = append(dst, "null"...)
			case sh.NumbersAsStrings:
				dst = appendString(dst, c.text)
			default:
				dst = append(dst, c.text...)
			}
		default:
			if c.null {
				dst = append(dst, "null"...)
			} else {
				dst = appendString(dst, c.text)
			}
		}
	}
	if sh.ExtraField {
		member("champInconnu")
		// A nested value with a trailing zero: a client that keeps unknown fields must keep them as written.
		dst = append(dst, `{"valeurs":[1,2.50,"été"]}`...)
	}
	return append(dst, '}')
}

// appendRef: an empty reference is an object, not null (loop-api: R 1.7).
func appendRef(dst []byte, c cell, sh Shape, plain bool) []byte {
	if sh.References == ReferencesEmpty {
		c = cell{}
	}
	if c.id == "" && sh.References == ReferencesNull {
		return append(dst, "null"...)
	}
	dst = append(dst, '{')
	dst = appendString(dst, sh.member("objectId"))
	dst = append(dst, ':')
	if c.id == "" {
		dst = append(dst, "null"...)
	} else {
		dst = appendString(dst, c.id)
	}
	dst = append(dst, ',')
	dst = appendString(dst, sh.member("description"))
	dst = append(dst, ':')
	if plain {
		dst = appendString(dst, c.text)
	} else {
		dst = appendLabels(dst, c.text, sh)
	}
	return append(dst, '}')
}

func appendLabels(dst []byte, label string, sh Shape) []byte {
	if sh.FlatDescription {
		return appendString(dst, label)
	}
	dst = append(dst, '[')
	dst = appendString(dst, label)
	return append(dst, ']')
}

// appendString keeps accents and signs as they are, which encoding/json does not for <, > and &.
func appendString(dst []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&0xf])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
