package contract

import (
	"context"
	"reflect"
	"slices"

	"cegid.internal/gateway/cegidclient"
)

const entriesRoute = "list_entry_lines"

// entryFields are the identity, by analogy, and the names of the filter's criteria; a line need not be lettered nor have
// an origin.
var entryFields = func() []field {
	out := append(texts("objectId", "revisionId"), fieldsOf(reflect.TypeFor[cegidclient.BookedEntry]())...)
	for i := range out {
		out[i].forms = append(out[i].forms, formNull)
	}
	return out
}()

const unlettered, lettered = "codeLettrage == null", "codeLettrage != null"

// entryProbes ask GET /EcritureComptable, of whose answer nothing was ever seen (loop-api: A 4).
func entryProbes() []probe {
	return []probe{
		entryProbe("answers", "Does the route answer to codeLettrage == null alone?", "yes, HTTP 200",
			func(ctx context.Context, s *session) outcome {
				a, _, _ := someEntries(ctx, s)
				_, envelope := a.rows()
				return judged(a.ok(), s.withObjectUnless(a.ok(), a.told(), a).with("envelope", envelope))
			}),
		{
			id: "entries.read", operation: entriesRoute, question: "Does the client read every line, and each member that it knows " +
				"in its documented form?",
			assumed: "yes; another form is kept raw", reference: "A 4", required: true,
			run: withEntries(readEntries),
		},
		entryProbe("fields", "Which members has a line, of which types?",
			"those of the filter's criteria, objectId and revisionId; the others are not known",
			withEntries(func(_ context.Context, s *session, rows []any, _ string) outcome {
				return list{fields: entryFields}.compareFields(s, nil, rows)
			})),
		entryProbe("dates", "How are dates written?", "as instants, midnight UTC", withEntries(entryDates)),
		entryProbe("cap", "How many lines does take=1000 give at most?", "100", withEntries(entryCap)),
		entryProbe("skip_past_the_cap", "Does skip=100 give the lines after the first hundred?", "not known: reading ends at 100",
			withEntries(entriesPastTheCap)),
		entryProbe("skip_within", "Does skip=1 begin with the second line?", "yes", withEntries(entriesWithin)),
		entryProbe("secondary", "Does refPiece narrow codeLettrage?", "yes", withEntries(entriesNarrowed)),
		askedEntries("date_from", `Is datePiece >= "YYYY-MM-DD" taken?`, "yes", unlettered+` && datePiece >= "2000-01-01"`, false),
		askedEntries("date_to", `Is datePiece <= "YYYY-MM-DD" taken?`, "no", unlettered+` && datePiece <= "2000-01-01"`, true),
		askedEntries("no_filter", "Is a filter required?", "yes", "", true),
		askedEntries("secondary_alone", "Is a filter without a primary criterion refused?", "yes", `journalCode == "OD"`, true),
		askedEntries("public_client", "Is codeJournal != null taken, as one public client sends it?", "no", `codeJournal != null`, true),
	}
}

func entryProbe(id, question, assumed string, run func(context.Context, *session) outcome) probe {
	return probe{id: "entries." + id, operation: entriesRoute, question: question, assumed: assumed, reference: "A 4", run: run}
}

// someEntries are entry lines to look at: unlettered ones, or lettered if there are no others.
func someEntries(ctx context.Context, s *session) (*answer, []any, string) {
	for _, filter := range []string{unlettered, lettered} {
		a := s.list(ctx, entriesRoute, "filter", filter, "skip", "0", "take", "100")
		if rows, _ := a.rows(); a.ok() && len(rows) > 0 {
			return a, rows, filter
		}
	}
	a := s.list(ctx, entriesRoute, "filter", unlettered, "skip", "0", "take", "100")
	return a, nil, unlettered
}

// withEntries runs a probe on entry lines, if there are any.
func withEntries(run func(ctx context.Context, s *session, rows []any, filter string) outcome) func(context.Context, *session) outcome {
	return func(ctx context.Context, s *session) outcome {
		a, rows, filter := someEntries(ctx, s)
		switch {
		case !a.ok():
			return open(a.why(), a.told())
		case len(rows) == 0:
			return open("the dossier has no entries", nil)
		}
		return run(ctx, s, rows, filter)
	}
}

// askedEntries asks whether a filter is refused.
func askedEntries(id, question, assumed, filter string, refused bool) probe {
	return entryProbe(id, question, assumed, func(ctx context.Context, s *session) outcome {
		var a *answer
		if filter == "" {
			a = s.list(ctx, entriesRoute, "take", "2")
		} else {
			a = s.list(ctx, entriesRoute, "filter", filter, "take", "2")
		}
		rows, _ := a.rows()
		return judged(a.ok() != refused, a.told().with("rows", count(len(rows))))
	})
}

// readEntries reads the lines with the client's own type.
func readEntries(ctx context.Context, s *session, _ []any, filter string) outcome {
	state := cegidclient.Unlettered
	if filter == lettered {
		state = cegidclient.Lettered
	}
	got, err := s.client.Entries.List(ctx, s.cfg.Dossier, cegidclient.EntryQuery{Lettering: state})
	if err != nil {
		return s.unread(err)
	}
	var raw []string
	for i := range got.Items {
		for _, f := range entryFields {
			if _, kept := got.Items[i].Unmapped[f.name]; kept && f.name != "objectId" && f.name != "revisionId" && !slices.Contains(raw, f.name) {
				raw = append(raw, f.name)
			}
		}
	}
	return judged(true, Seen{"rows": count(len(got.Items)), "truncated": flag(got.Truncated), "kept raw": s.vocab.names(raw)})
}

// entryDates looks at every member that looks like a date.
func entryDates(_ context.Context, _ *session, rows []any, _ string) outcome {
	seen, ok := Seen{}, true
	for name := range shapeOf(rows).forms {
		kinds := kindsOf(rows, name)
		for _, kind := range kinds {
			if slices.Contains(words{
				"YYYY-MM-DD", "an instant, midnight UTC", "an instant, UTC, not midnight",
				"an instant with another offset, or none",
			}, kind) {
				seen[string(dated(name))] = merged(seen[string(dated(name))], kinds)
				ok = ok && kind == "an instant, midnight UTC"
				break
			}
		}
	}
	if len(seen) == 0 {
		return open("no member looks like a date", nil)
	}
	return judged(ok, seen)
}

// entryCap asks for more lines than Loop gives at most.
func entryCap(ctx context.Context, s *session, _ []any, filter string) outcome {
	a := s.list(ctx, entriesRoute, "filter", filter, "skip", "0", "take", "1000")
	rows, _ := a.rows()
	if a.ok() && len(rows) < 100 {
		return open("the dossier has fewer lines than that", Seen{"rows": count(len(rows))})
	}
	return judged(a.ok() && len(rows) == 100, a.told().with("rows", count(len(rows))))
}

// entriesPastTheCap asks for what follows the first hundred.
func entriesPastTheCap(ctx context.Context, s *session, rows []any, filter string) outcome {
	if len(rows) < 100 {
		return open("the dossier has fewer lines than that", Seen{"rows": count(len(rows))})
	}
	a := s.list(ctx, entriesRoute, "filter", filter, "skip", "100", "take", "100")
	next, _ := a.rows()
	again := slices.ContainsFunc(column(next, "objectId"), func(id string) bool { return slices.Contains(column(rows, "objectId"), id) })
	return judged(!a.ok() || len(next) == 0 || again, a.told().with("rows", count(len(next))).with("some were given before", flag(again)))
}

// entriesWithin skips a line.
func entriesWithin(ctx context.Context, s *session, rows []any, filter string) outcome {
	if len(rows) < 2 {
		return open("the dossier has one line", nil)
	}
	sorted := s.list(ctx, entriesRoute, "filter", filter, "sort", "objectId", "skip", "0", "take", "2")
	a := s.list(ctx, entriesRoute, "filter", filter, "sort", "objectId", "skip", "1", "take", "1")
	two, _ := sorted.rows()
	one, _ := a.rows()
	return judged(a.ok() && len(two) == 2 && len(one) == 1 && text(two[1], "objectId") == text(one[0], "objectId"),
		a.told().with("rows", count(len(one))))
}

// entriesNarrowed adds a criterion to the primary one.
func entriesNarrowed(ctx context.Context, s *session, rows []any, filter string) outcome {
	piece := text(rows[0], "refPiece")
	if piece == "" || !fits(piece) {
		return open("the first line has no document reference that fits a filter", nil)
	}
	a := s.list(ctx, entriesRoute, "filter", filter+` && refPiece == "`+piece+`"`, "take", "100")
	found, _ := a.rows()
	others := slices.ContainsFunc(column(found, "refPiece"), func(other string) bool { return other != piece })
	return judged(a.ok() && len(found) > 0 && !others, a.told().with("rows", count(len(found))).with("others among them", flag(others)))
}

// dated is a documented member's name, or only that there is another.
func dated(name string) word {
	if slices.ContainsFunc(entryFields, func(f field) bool { return f.name == name }) {
		return word(name)
	}
	return "members that are not documented"
}

func merged(before safe, more words) words {
	out, _ := before.(words)
	out = slices.Concat(out, more)
	slices.Sort(out)
	return slices.Compact(out)
}

func fits(value string) bool {
	_, err := cegidclient.Equal("refPiece", value).Expression()
	return err == nil
}
