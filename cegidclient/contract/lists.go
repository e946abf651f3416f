package contract

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"cegid.internal/gateway/cegidclient"
)

// list is a route whose answer is compared with what is documented.
type list struct {
	cegidclient.Operation
	facts
	fields []field
	read   reader
}

// reader reads a route with the client's own types and tells which members it could not read exactly.
type reader func(ctx context.Context, c *cegidclient.Client, dossier string) (rows int, unmapped []string, err error)

// sample is how many rows of a list are looked at.
const sample = 100

func numbers(from, to int) []string {
	var out []string
	for n := from; n <= to; n++ {
		out = append(out, itoa(n))
	}
	return out
}

// facts are what the types of the client do not tell of a route.
type facts struct {
	// envelope is the documented one, or the assumed one: where no sample is visible, that of the family (loop-api: R 1.8, C 2). Empty
	// is a bare list.
	envelope word
	enums    map[string][]string
	// others are further members that are documented, absent one of the client's that is not documented here.
	others []field
	absent string
}

func thirdParties(kind, absent string) facts {
	return facts{
		enums:  map[string][]string{"type": {kind}, "nature": numbers(1, 2), "validation": numbers(1, 2)},
		others: []field{{"adr", []word{formObject}}, {"rib", []word{formList, formEmpty}}}, absent: absent,
	}
}

// documented are the facts of each list that has any, by its operation.
var documented = map[string]facts{
	"list_accounts":            {enums: map[string][]string{"type": numbers(1, 7)}},
	"list_journals":            {enums: map[string][]string{"type": numbers(1, 8), "typeContrepartie": numbers(1, 3), "saisieLibelle": {"2"}}},
	"list_customers":           thirdParties("0", "nature"),
	"list_suppliers":           thirdParties("1", ""),
	"list_employees":           thirdParties("2", ""),
	"list_other_third_parties": thirdParties("4", ""),
	"list_vat_codes":           {enums: map[string][]string{"regime": numbers(1, 8)}, others: []field{{"collecte", []word{formObject}}}},
	"list_establishments":      {enums: map[string][]string{"type": numbers(1, 4), "nature": numbers(1, 2)}},
	"list_offices":             {envelope: listInData, others: []field{{name: "extension"}}},
	"list_work_groups":         {envelope: listInData},
	"list_engagements":         {envelope: listInData},
}

const (
	bareList   word = "bare list"
	listInData word = "list in data"
	oneObject  word = "one object"
)

// lists are the lists of the client that can be asked for without knowing more than a dossier, and its one single object.
var lists = sync.OnceValue(func() []list {
	// Any client tells which lists there are.
	c, err := cegidclient.New(cegidclient.Config{Credentials: cegidclient.StaticCredentials(cegidclient.Secret{}, cegidclient.Secret{})})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	var out []list
	for i, resource := range c.Lists() {
		op := resource.Operation()
		if notAskedBecause[op.ID] != "" {
			continue
		}
		read := func(ctx context.Context, c *cegidclient.Client, dossier string) (int, []string, error) {
			return c.Lists()[i].Unmapped(ctx, dossier, sample)
		}
		l := list{op, documented[op.ID], fieldsOf(resource.Item()), read}
		if l.envelope == "" {
			l.envelope = bareList
		}
		l.fields = append(slices.DeleteFunc(l.fields, func(f field) bool { return f.name == l.absent }), l.others...)
		out = append(out, l)
	}
	return append(out, list{
		operation("get_dossier_identity"),
		facts{envelope: oneObject},
		fieldsOf(reflect.TypeFor[cegidclient.LegalIdentity]()),
		func(ctx context.Context, c *cegidclient.Client, dossier string) (int, []string, error) {
			identity, err := c.LegalIdentity.Get(ctx, dossier)
			if err != nil {
				return 0, nil, err
			}
			return 1, slices.Sorted(maps.Keys(identity.Unmapped)), nil
		},
	})
})

func connectionProbes() []probe {
	return []probe{{
		id: connection, operation: "list_accounts", question: "Do the keys read an account of the dossier?", assumed: "yes, HTTP 200",
		reference: "C 1.2", required: true,
		run: func(ctx context.Context, s *session) outcome {
			a := s.list(ctx, "list_accounts", "take", "1")
			return judged(a.ok(), a.told())
		},
	}}
}

func listProbes() []probe {
	var out []probe
	for _, l := range lists() {
		out = append(out, l.probes()...)
	}
	return out
}

// needs says what a question to the list needs that a configuration may lack.
func (l list) needs(cfg Config) string {
	if l.Key == cegidclient.KeyAdvanced {
		return needsAdvanced(cfg)
	}
	return ""
}

// probe asks about the rows of the list.
func (l list) probe(aspect, question, assumed string, required bool, run func(s *session, a *answer, rows []any) outcome) probe {
	return probe{
		id: l.ID + "." + aspect, operation: l.ID, question: l.Title + ": " + question, assumed: assumed, reference: l.Reference,
		required: required, needs: l.needs,
		run: func(ctx context.Context, s *session) outcome {
			a := l.ask(ctx, s)
			rows, _ := a.rows()
			switch {
			case !a.ok():
				return open("the read failed: see "+l.ID+".answers", nil)
			case len(rows) == 0:
				return open("there are none", nil)
			}
			return run(s, a, rows)
		},
	}
}

func (l list) probes() []probe {
	op := l.Operation
	out := []probe{{
		id: l.ID + ".answers", operation: l.ID, question: op.Title + ": does the route exist as " + op.Method + " " + op.Path +
			", and for this kind of key?",
		assumed: "yes, HTTP 200", reference: l.Reference, required: true, needs: l.needs,
		run: func(ctx context.Context, s *session) outcome {
			a := l.ask(ctx, s)
			_, envelope := a.rows()
			return judged(a.ok(), s.withObjectUnless(a.ok(), a.told(), a).with("envelope", envelope))
		},
	}, {
		id: l.ID + ".read", operation: l.ID, question: op.Title +
			": does the client read every row, and each documented field in its documented form?",
		assumed: "yes; another form is kept raw", reference: l.Reference, required: true, needs: l.needs,
		run: func(ctx context.Context, s *session) outcome {
			rows, unmapped, err := l.read(ctx, s.client, s.dossierOf(op))
			if err != nil {
				return s.unread(err)
			}
			return judged(true, Seen{"rows": count(rows), "kept raw": s.vocab.names(unmapped)})
		},
	}}
	out = append(out,
		l.probe("envelope", "what surrounds the rows?", string(l.envelope), false, func(_ *session, a *answer, _ []any) outcome {
			_, envelope := a.rows()
			return judged(envelope == l.envelope, Seen{"envelope": envelope})
		}),
		l.probe("fields", "which members are there besides the documented ones, which of these are missing?", "no others, none",
			false, l.compareFields),
		l.probe("types", "have the documented members their documented JSON type?", "yes", false, l.compareTypes),
	)
	if slices.ContainsFunc(l.fields, func(f field) bool { return f.name == "revisionId" }) {
		const revision = "0x and 16 hexadecimal digits"
		out = append(out, l.probe("revision", "what does revisionId look like?", revision, false,
			func(_ *session, _ *answer, rows []any) outcome {
				kinds := kindsOf(rows, "revisionId")
				return judged(slices.Equal(kinds, words{revision}), Seen{"revisionId": kinds, "objectId": kindsOf(rows, "objectId")})
			}))
	}
	out = append(out, l.enumProbes()...)
	if references := l.references(); len(references) > 0 {
		out = append(out, l.referencesProbe(references))
	}
	return out
}

// enumProbes ask which values the fields have whose documentation lists them.
func (l list) enumProbes() (out []probe) {
	for _, f := range l.fields {
		known := l.enums[f.name]
		if known == nil {
			continue
		}
		out = append(out, l.probe("enum."+f.name, "which values has "+f.name+"?", "numbers among "+strings.Join(known, ", "), false,
			func(_ *session, _ *answer, rows []any) outcome {
				values := enumNumbers(rows, f.name)
				if len(values) == 0 {
					return open("no row has it", nil)
				}
				foreign := func(w word) bool { return !slices.Contains(known, string(w)) }
				return judged(!slices.ContainsFunc(values, foreign), Seen{"values": values})
			}))
	}
	return out
}

// referencesProbe asks how those are written that lead nowhere.
func (l list) referencesProbe(references []string) probe {
	return l.probe("references", "how is \"none\" written in a reference, and what is its description?",
		"as an object with objectId null; a list of one text, or for axe a text", false, func(_ *session, _ *answer, rows []any) outcome {
			seen, ok, any := Seen{}, true, false
			for _, name := range references {
				forms := referenceForms(rows, name)
				if len(forms) == 0 {
					continue
				}
				any = true
				seen[name] = forms
				ok = ok && !slices.ContainsFunc(forms, func(w word) bool { return !strings.HasPrefix(string(w), "objectId") })
			}
			if !any {
				return open("no row has one", nil)
			}
			return judged(ok, seen)
		})
}

// unread is the outcome of a read that the client could not make sense of.
func (s *session) unread(err error) outcome {
	seen := Seen{"kind": word("unknown")}
	if e, ok := errors.AsType[*cegidclient.Error](err); ok {
		seen["kind"], seen["status"] = word(e.Kind.String()), count(e.HTTPStatus)
		if e.Field != "" {
			seen["field at fault"] = s.vocab.name(e.Field)
		}
	}
	return judged(false, seen)
}

func (s *session) withObjectUnless(skip bool, seen Seen, a *answer) Seen {
	if skip {
		return seen
	}
	return s.withObject(seen, a)
}

func (l list) ask(ctx context.Context, s *session) *answer {
	if l.envelope == oneObject {
		return s.list(ctx, l.ID)
	}
	return s.list(ctx, l.ID, "take", itoa(sample))
}

func (l list) compareFields(s *session, _ *answer, rows []any) outcome {
	shape := shapeOf(rows)
	var missing, more []string
	for _, f := range l.fields {
		if shape.present[f.name] == 0 {
			missing = append(missing, f.name)
		}
	}
	for _, name := range shape.names() {
		if !slices.ContainsFunc(l.fields, func(f field) bool { return f.name == name }) {
			more = append(more, name)
		}
	}
	seen := Seen{"rows": count(len(rows)), "others": s.vocab.names(more), "missing": s.vocab.names(missing), "all": shape.tell(s.vocab)}
	return judged(len(missing) == 0 && len(more) == 0, seen)
}

func (l list) compareTypes(_ *session, _ *answer, rows []any) outcome {
	shape, differ := shapeOf(rows), forms{}
	for _, f := range l.fields {
		for _, form := range shape.forms[f.name] {
			if len(f.forms) > 0 && !slices.Contains(f.forms, form) {
				differ[word(f.name)] = append(differ[word(f.name)], form)
			}
		}
		slices.Sort(differ[word(f.name)])
	}
	for name, seen := range differ {
		if len(seen) == 0 {
			delete(differ, name)
		}
	}
	return judged(len(differ) == 0, Seen{"in another type": differ})
}

// references are the members that are documented as references to other objects.
func (l list) references() []string {
	var out []string
	for _, f := range l.fields {
		if slices.Equal(f.forms, []word{formObject}) && f.name != "adr" && f.name != "collecte" {
			out = append(out, f.name)
		}
	}
	return out
}

// referenceForms says how a reference is written, as far as it may be told.
func referenceForms(rows []any, name string) words {
	var out words
	for _, row := range rows {
		members, _ := row.(map[string]any)
		value, ok := members[name]
		if !ok {
			continue
		}
		form := formOf(value)
		if reference, isObject := value.(map[string]any); isObject {
			id := word("objectId set")
			if reference["objectId"] == nil {
				id = "objectId null"
			}
			form = id + ", description a " + formOf(reference["description"])
		}
		if !slices.Contains(out, form) {
			out = append(out, form)
		}
	}
	slices.Sort(out)
	return out
}
