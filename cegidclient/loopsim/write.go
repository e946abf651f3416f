package loopsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// serveWrite answers a write of objects: an array in, {"success":[…],"errors":[…]} out, each element for itself (loop-api:
// R 7.3, R 1.8). That the creations are alike is [I] (R 2.2), and so is all that an entry of errors says. A shape bends the
// rows, and the envelope of an answer without errors.
func (x *exchange) serveWrite(res *resource, write func(fields) (row []cell, only []string, refusal string)) answer {
	var elements []json.RawMessage
	if json.Unmarshal(x.body, &elements) != nil { // [I]
		return x.sim.serviceAnswer(http.StatusBadRequest, codeBodyRefused, "Un tableau JSON est attendu.")
	}
	var success []byte
	type refused struct {
		Message string `json:"message"`
	}
	errors := []refused{}
	for _, element := range elements {
		var members map[string]json.RawMessage
		if json.Unmarshal(element, &members) != nil || members == nil {
			errors = append(errors, refused{"Un objet est attendu."})
			continue
		}
		row, only, refusal := write(fields{members: members, problem: new(string)})
		if refusal != "" {
			errors = append(errors, refused{refusal})
			continue
		}
		var columns []bool
		if only != nil {
			columns = make([]bool, len(res.columns))
			for i, c := range res.columns {
				columns[i] = slices.Contains(only, c.name)
			}
		}
		if success != nil {
			success = append(success, ',')
		}
		success = appendRow(success, res.columns, row, x.shape, columns)
	}
	if x.shape.Envelope != EnvelopeDocumented && len(errors) == 0 {
		return jsonAnswer(http.StatusOK, x.closeList(res, append(x.openList(res), success...)))
	}
	body := []byte(`{"` + x.shape.member("success") + `":[`)
	body = append(append(body, success...), `],"`+x.shape.member("errors")+`":`...)
	return jsonAnswer(http.StatusOK, append(append(body, encode(errors)...), '}'))
}

// fields are the members of an element, read one by one. The first thing that is wrong is kept.
type fields struct {
	members map[string]json.RawMessage
	problem *string
}

func (f fields) refusal() string { return *f.problem }

func (f fields) refuse(name, format string, args ...any) {
	if *f.problem == "" {
		*f.problem = clip(name, 40) + " : " + fmt.Sprintf(format, args...)
	}
}

// knows refuses members that no page shows: a client must not come to depend on them here.
func (f fields) knows(names ...string) {
	for name := range f.members {
		if !slices.Contains(names, name) {
			f.refuse(name, "champ inconnu.")
			return
		}
	}
}

func (f fields) text(name string) string {
	s, _ := f.optionalText(name)
	if s == "" {
		f.refuse(name, "ce champ est obligatoire.")
	}
	return s
}

func (f fields) optionalText(name string) (value string, sent bool) {
	raw, sent := f.members[name]
	if sent && (json.Unmarshal(raw, &value) != nil || bytes.Equal(raw, []byte("null"))) {
		f.refuse(name, "un texte est attendu.")
	}
	return value, sent
}

func (f fields) boolean(name string) (value bool) {
	if raw, sent := f.members[name]; sent && (json.Unmarshal(raw, &value) != nil || bytes.Equal(raw, []byte("null"))) {
		f.refuse(name, "true ou false est attendu.")
	}
	return value
}

// enum is fallback when the member is absent.
func (f fields) enum(name string, last, fallback int) int {
	raw, sent := f.members[name]
	if !sent {
		return fallback
	}
	n, err := strconv.Atoi(string(raw))
	if err != nil || n < 1 || n > last {
		f.refuse(name, "un entier de 1 à %d est attendu.", last)
	}
	return n
}

// account reads a reference to an account: {"objectId":…} is enough to set one (loop-api: R 1.7 [P]).
func (f fields) account(name string, d *dossier, c *Content) string {
	raw, sent := f.members[name]
	if !sent {
		return ""
	}
	var ref struct{ ObjectID *string }
	if json.Unmarshal(raw, &ref) != nil {
		f.refuse(name, "une référence est attendue.")
		return ""
	}
	if ref.ObjectID == nil {
		return ""
	}
	for _, a := range Rows[Account](*c) {
		if d.objectID("compte", a.Numero) == *ref.ObjectID {
			return a.Numero
		}
	}
	f.refuse(name, "aucun compte n'a cet objectId.")
	return ""
}
