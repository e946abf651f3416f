package contract

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient"
)

// list is a route whose answer is compared with what is documented.
type list struct {
	id        string
	reference string
	envelope  word // documented, or assumed
	fields    []field
	enums     map[string][]string
	wrapped   func(*cegidclient.Client) reader // nil: the client has no methods for it
}

// reader reads a route with the client's own types and tells which members it could not read exactly.
type reader func(ctx context.Context, dossier string) (rows int, unmapped []string, err error)

func readerOf[T any](l *cegidclient.Lister[T], unmapped func(*T) cegidclient.Unmapped) reader {
	return func(ctx context.Context, dossier string) (rows int, names []string, err error) {
		page, err := l.List(ctx, dossier, cegidclient.ListOptions{Take: sample})
		if err != nil {
			return 0, nil, err
		}
		for i := range page.Items {
			for name := range unmapped(&page.Items[i]) {
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
		slices.Sort(names)
		return len(page.Items), names, nil
	}
}

// sample is how many rows of a list are looked at.
const sample = 100

func numbers(from, to int) []string {
	var out []string
	for n := from; n <= to; n++ {
		out = append(out, itoa(n))
	}
	return out
}

var thirdPartyFields = fieldsOf[cegidclient.ThirdParty](field{"adr", []word{formObject}}, field{"rib", []word{formList, formEmpty}})

func thirdParties(id, kind string, service func(*cegidclient.Client) *cegidclient.ThirdPartyService) list {
	fields := thirdPartyFields
	if kind == "0" { // not listed for customers
		fields = slices.DeleteFunc(slices.Clone(fields), func(f field) bool { return f.name == "nature" })
	}
	return list{
		id: id, reference: "R 6.1", envelope: "bare list", fields: fields,
		enums: map[string][]string{"type": {kind}, "nature": numbers(1, 2), "validation": numbers(1, 2)},
		wrapped: func(c *cegidclient.Client) reader {
			return readerOf(&service(c).Lister, func(t *cegidclient.ThirdParty) cegidclient.Unmapped { return t.Unmapped })
		},
	}
}

// lists are the routes that answer a list, and the one that answers a single object. The envelope of a route whose sample
// is not visible is assumed to be that of its family (loop-api: R 1.8, C 2).
var lists = []list{
	{
		id: "list_accounts", reference: "R 2.1", envelope: "bare list", fields: fieldsOf[cegidclient.Account](),
		enums: map[string][]string{"type": numbers(1, 7)},
		wrapped: func(c *cegidclient.Client) reader {
			return readerOf(&c.Accounts.Lister, func(a *cegidclient.Account) cegidclient.Unmapped { return a.Unmapped })
		},
	},
	{
		id: "list_journals", reference: "R 3.1", envelope: "bare list", fields: fieldsOf[cegidclient.Journal](),
		enums: map[string][]string{"type": numbers(1, 8), "typeContrepartie": numbers(1, 3), "saisieLibelle": {"2"}},
		wrapped: func(c *cegidclient.Client) reader {
			return readerOf(&c.Journals.Lister, func(j *cegidclient.Journal) cegidclient.Unmapped { return j.Unmapped })
		},
	},
	{
		id: "list_analytic_sections", reference: "R 4.1", envelope: "bare list", fields: fieldsOf[cegidclient.Section](),
		wrapped: func(c *cegidclient.Client) reader {
			return readerOf(&c.Sections.Lister, func(s *cegidclient.Section) cegidclient.Unmapped { return s.Unmapped })
		},
	},
	thirdParties("list_customers", "0", func(c *cegidclient.Client) *cegidclient.ThirdPartyService { return c.Customers }),
	thirdParties("list_suppliers", "1", func(c *cegidclient.Client) *cegidclient.ThirdPartyService { return c.Suppliers }),
	thirdParties("list_employees", "2", func(c *cegidclient.Client) *cegidclient.ThirdPartyService { return c.Employees }),
	thirdParties("list_other_third_parties", "4", func(c *cegidclient.Client) *cegidclient.ThirdPartyService { return c.OtherThirdParties }),
	{
		id: "list_vat_codes", reference: "R 8.1", envelope: "bare list",
		fields: fieldsOf[cegidclient.VATCode](field{"collecte", []word{formObject}}), enums: map[string][]string{"regime": numbers(1, 8)},
		wrapped: func(c *cegidclient.Client) reader {
			return readerOf(&c.VATCodes.Lister, func(v *cegidclient.VATCode) cegidclient.Unmapped { return v.Unmapped })
		},
	},
	{
		id: "list_establishments", reference: "R 7.1", envelope: "bare list", fields: fieldsOf[cegidclient.Establishment](),
		enums: map[string][]string{"type": numbers(1, 4), "nature": numbers(1, 2)},
		wrapped: func(c *cegidclient.Client) reader {
			return readerOf(&c.Establishments.Lister, func(e *cegidclient.Establishment) cegidclient.Unmapped { return e.Unmapped })
		},
	},
	{
		id: "get_dossier_identity", reference: "R 7.2", envelope: "one object", fields: fieldsOf[cegidclient.LegalIdentity](),
		wrapped: func(c *cegidclient.Client) reader {
			return func(ctx context.Context, dossier string) (int, []string, error) {
				identity, err := c.LegalIdentity.Get(ctx, dossier)
				if err != nil {
					return 0, nil, err
				}
				return 1, slices.Sorted(maps.Keys(identity.Unmapped)), nil
			}
		},
	},
	{
		id: "list_offices", reference: "C 4.1", envelope: "list in data", fields: fieldsOf[cegidclient.Office](field{name: "extension"}),
		wrapped: func(c *cegidclient.Client) reader {
			return readerOf(&c.Offices.Lister, func(o *cegidclient.Office) cegidclient.Unmapped { return o.Unmapped })
		},
	},
	{
		id: "list_work_groups", reference: "C 4.2", envelope: "list in data", fields: fieldsOf[cegidclient.WorkGroup](),
		wrapped: func(c *cegidclient.Client) reader {
			return readerOf(&c.WorkGroups.Lister, func(g *cegidclient.WorkGroup) cegidclient.Unmapped { return g.Unmapped })
		},
	},
	{
		id: "list_staff", reference: "C 4.3", envelope: "bare list", fields: fieldsOf[cegidclient.StaffMember](),
		wrapped: func(c *cegidclient.Client) reader {
			return readerOf(&c.Staff.Lister, func(m *cegidclient.StaffMember) cegidclient.Unmapped { return m.Unmapped })
		},
	},
	{
		id: "list_engagements", reference: "C 4.4", envelope: "list in data", fields: fieldsOf[cegidclient.Engagement](),
		wrapped: func(c *cegidclient.Client) reader {
			return readerOf(&c.Engagements.Lister, func(e *cegidclient.Engagement) cegidclient.Unmapped { return e.Unmapped })
		},
	},
}

func connectionProbes() []probe {
	return []probe{{
		id: connection, operation: "list_accounts", question: "Do the keys read an account of the dossier?", assumed: "yes, HTTP 200",
		reference: "C 1.2", required: true,
		run: func(ctx context.Context, s *session) outcome {
			a := s.list(ctx, "list_accounts", "take", "1")
			return settled(a.ok(), a.told())
		},
	}}
}

func listProbes() []probe {
	var out []probe
	for _, l := range lists {
		out = append(out, l.probes()...)
	}
	return out
}

func (l list) probes() []probe {
	op := operation(l.id)
	needs := func(cfg Config) string {
		if op.Key == cegidclient.KeyAdvanced {
			return needsAdvanced(cfg)
		}
		return ""
	}
	add := func(aspect, question, assumed string, required bool, run func(s *session, a *answer, rows []any) outcome) probe {
		return probe{
			id: l.id + "." + aspect, operation: l.id, question: op.Title + ": " + question, assumed: assumed, reference: l.reference,
			required: required, needs: needs,
			run: func(ctx context.Context, s *session) outcome {
				a := l.ask(ctx, s)
				rows, _ := a.rows()
				switch {
				case !a.ok():
					return open("the read failed: see "+l.id+".answers", nil)
				case len(rows) == 0:
					return open("there are none", nil)
				}
				return run(s, a, rows)
			},
		}
	}
	out := []probe{{
		id: l.id + ".answers", operation: l.id, question: op.Title + ": does the route exist as " + op.Method + " " + op.Path + ", and for this kind of key?",
		assumed: "yes, HTTP 200", reference: l.reference, required: l.wrapped != nil, needs: needs,
		run: func(ctx context.Context, s *session) outcome {
			a := l.ask(ctx, s)
			_, envelope := a.rows()
			return settled(a.ok(), s.withObjectUnless(a.ok(), a.told(), a).with("envelope", envelope))
		},
	}}
	if l.wrapped != nil {
		out = append(out, probe{
			id: l.id + ".read", operation: l.id, question: op.Title + ": does the client read every row, and each documented field in its documented form?",
			assumed: "yes; another form is kept raw", reference: l.reference, required: true, needs: needs,
			run: func(ctx context.Context, s *session) outcome {
				rows, unmapped, err := l.wrapped(s.client)(ctx, s.dossierOf(op))
				if err != nil {
					return s.unread(err)
				}
				return settled(true, Seen{"rows": count(rows), "kept raw": s.vocab.names(unmapped)})
			},
		})
	}
	out = append(out,
		add("envelope", "what surrounds the rows?", string(l.envelope), false, func(_ *session, a *answer, _ []any) outcome {
			_, envelope := a.rows()
			return settled(envelope == l.envelope, Seen{"envelope": envelope})
		}),
		add("fields", "which members are there besides the documented ones, which of these are missing?", "no others, none", false, l.compareFields),
		add("types", "have the documented members their documented JSON type?", "yes", false, l.compareTypes),
		add("revision", "what does revisionId look like?", "0x and 16 hexadecimal digits", false, func(_ *session, _ *answer, rows []any) outcome {
			kinds := kindsOf(rows, "revisionId")
			return settled(slices.Equal(kinds, words{"0x and 16 hexadecimal digits"}), Seen{"revisionId": kinds, "objectId": kindsOf(rows, "objectId")})
		}),
	)
	for _, f := range l.fields {
		known := l.enums[f.name]
		if known == nil {
			continue
		}
		out = append(out, add("enum."+f.name, "which values has "+f.name+"?", "numbers among "+strings.Join(known, ", "), false, func(_ *session, _ *answer, rows []any) outcome {
			values := enumNumbers(rows, f.name)
			if len(values) == 0 {
				return open("no row has it", nil)
			}
			foreign := func(w word) bool { return !slices.Contains(known, string(w)) }
			return settled(!slices.ContainsFunc(values, foreign), Seen{"values": values})
		}))
	}
	if references := l.references(); len(references) > 0 {
		out = append(out, add("references", "how is \"none\" written in a reference, and what is its description?",
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
				return settled(ok, seen)
			}))
	}
	return out
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
	return settled(false, seen)
}

func (s *session) withObjectUnless(skip bool, seen Seen, a *answer) Seen {
	if skip {
		return seen
	}
	return s.withObject(seen, a)
}

func (l list) ask(ctx context.Context, s *session) *answer {
	if l.envelope == "one object" {
		return s.list(ctx, l.id)
	}
	return s.list(ctx, l.id, "take", itoa(sample))
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
	return settled(len(missing) == 0 && len(more) == 0, seen)
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
	return settled(len(differ) == 0, Seen{"in another type": differ})
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
	for _, each := range rows {
		members, _ := each.(map[string]any)
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
