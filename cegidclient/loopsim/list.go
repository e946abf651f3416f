package loopsim

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

func listOperation(res *resource) operation {
	return operation{
		Route: Route{Method: http.MethodGet, Path: res.path}, cabinet: res.cabinet,
		list:  res,
		serve: func(x *exchange) answer { return x.serveList(res) },
	}
}

// A page is the part of a list that a query asks for.
type page struct {
	conditions []condition
	keys       []sortKey
	sort       string
	skip       int
	take       int    // -1 when absent
	only       []bool // nil when absent
}

// serveList answers a list route (loop-api: R 1.3 to 1.8, C 2).
func (x *exchange) serveList(res *resource) answer {
	x.sim.carryOutDue()
	t := x.dossier.table(res)
	p, err := parsePage(x.query, t.columns, x.sim.config.selectSeparator)
	if err != nil {
		return x.queryRefused(err.Error())
	}
	// The cap is hidden: nothing in the answer tells a page that was cut from the last one (R 1.6).
	take := p.take
	if limit := x.sim.pageCapOf(res.path); limit > 0 && (take < 0 || take > limit) {
		take = limit
	}

	body := x.openList(res)
	written, skipped := 0, 0
	position := func(i int) int { return i }
	if len(p.keys) > 0 {
		order := t.order(p.sort, p.keys)
		position = func(i int) int { return int(order[i]) }
	}
	start := 0
	if len(p.conditions) == 0 { // nothing to look at in the rows passed over
		start, skipped = min(p.skip, len(t.rows)), p.skip
	}
	for i := start; i < len(t.rows) && written != take; i++ {
		r := &t.rows[position(i)]
		if !matches(p.conditions, r.cells) {
			continue
		}
		if skipped < p.skip {
			skipped++
			continue
		}
		if written > 0 {
			body = append(body, ',')
		}
		written++
		if p.only == nil && x.shape.documented() {
			body = append(body, r.json...)
		} else {
			body = appendRow(body, t.columns, r.cells, x.shape, p.only)
		}
	}
	return jsonAnswer(http.StatusOK, x.closeList(res, body))
}

func (x *exchange) envelope(res *resource) Envelope {
	if x.shape.Envelope != EnvelopeDocumented {
		return x.shape.Envelope
	}
	return res.envelope
}

func (x *exchange) openList(res *resource) []byte {
	if x.envelope(res) == EnvelopeData {
		return []byte(`{"` + x.shape.member("data") + `":[`)
	}
	return []byte{'['}
}

func (x *exchange) closeList(res *resource, body []byte) []byte {
	body = append(body, ']')
	if x.envelope(res) == EnvelopeData {
		body = append(body, '}')
	}
	return body
}

// parsePage reads the query parameters of R 1.3. Others are ignored: a raw && in sort silently becomes new ones (C 2). That
// an empty or repeated parameter is refused is [I].
func parsePage(query url.Values, columns []column, separator string) (page, error) {
	p := page{take: -1}
	for _, name := range []string{"filter", "sort", "skip", "take", "select"} {
		values, present := query[name]
		if !present {
			continue
		}
		if len(values) > 1 {
			return page{}, refuse("Paramètre « %s » donné %d fois.", name, len(values))
		}
		value, err := values[0], error(nil)
		switch name {
		case "filter":
			p.conditions, err = parseFilter(value, columns)
		case "sort":
			p.sort = value
			p.keys, err = parseSort(value, columns)
		case "skip":
			p.skip, err = parseCount(name, value)
		case "take":
			p.take, err = parseCount(name, value)
		case "select":
			p.only, err = parseSelect(value, columns, separator)
		}
		if err != nil {
			return page{}, err
		}
	}
	return p, nil
}

// parseCount: the pages print quotation marks around the number; a bare integer is what they must mean [I] (R 1.3).
func parseCount(name, value string) (int, error) {
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return 0, refuse("Paramètre « %s » : un entier positif ou nul est attendu.", name)
	}
	return int(n), nil
}

// parseSelect: only the named fields are returned (R 1.3); how several names are separated is not documented, hence a
// configurable guess [I].
func parseSelect(value string, columns []column, separator string) ([]bool, error) {
	names := []string{value}
	if separator != "" {
		names = strings.Split(value, separator)
	}
	only := make([]bool, len(columns))
	for _, name := range names {
		i := columnIndex(columns, name)
		if i < 0 {
			return nil, refuse("Paramètre « select » : champ inconnu « %s ».", clip(name, 40))
		}
		only[i] = true
	}
	return only, nil
}

func columnIndex(columns []column, name string) int {
	for i := range columns {
		if columns[i].name == name {
			return i
		}
	}
	return -1
}
