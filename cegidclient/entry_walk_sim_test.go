package cegidclient_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/internal/testkit"
)

// fewest is the number of questions of a program that knows beforehand which ones give as many as Loop gives at most, with the
// same order of splits: each day, journal and account is asked for, empty ones too, and both halves.
func fewest(c loopsim.Content, from, to string) (questions int) {
	type cell struct {
		half                  bool
		day, journal, account string
	}
	lines := map[cell]int{}
	for _, e := range loopsim.Rows[loopsim.Entry](c) {
		for _, l := range e.Lines {
			for _, at := range []cell{{l.Lettrage != "", e.Date, "", ""}, {l.Lettrage != "", e.Date, e.Journal, ""}} {
				lines[at]++
			}
		}
	}
	first, _ := time.Parse(time.DateOnly, from)
	for day := first; day.Format(time.DateOnly) <= to; day = day.AddDate(0, 0, 1) {
		for _, half := range []bool{false, true} {
			at := cell{half: half, day: day.Format(time.DateOnly)}
			if lines[at] < cegidclient.MaxEntries {
				questions++
				continue
			}
			for _, j := range loopsim.Rows[loopsim.Journal](c) {
				if at.journal = j.Code; lines[at] < cegidclient.MaxEntries {
					questions++
				} else {
					questions += len(loopsim.Rows[loopsim.Account](c))
				}
			}
		}
	}
	return questions
}

// TestAHundredThousandLinesAreWalkedThrough: each once, with few more questions than the fewest.
func TestAHundredThousandLinesAreWalkedThrough(t *testing.T) {
	client, sim := simulated(t, func(cfg *cegidclient.Config) { cfg.Retry.AttemptTimeout = time.Minute }) // the first answer makes the dossier
	books := loopsim.UnevenBooks()
	testkit.OK(t, sim.AddDossier("partner", "UNEVEN", books))
	var debit, credit int64
	for _, e := range loopsim.Rows[loopsim.Entry](books) {
		for _, l := range e.Lines {
			debit, credit = debit+l.Debit, credit+l.Credit
		}
	}
	began := time.Now()
	seen := map[string]bool{}
	var last *cegidclient.EntryWalkStep
	for step, err := range client.Entries.Walk(t.Context(), "UNEVEN", cegidclient.EntryWalk{From: loopsim.UnevenFrom, To: loopsim.UnevenTo}) {
		testkit.OK(t, err)
		for i := range step.Items {
			id, of := step.Items[i].Unmapped["objectId"], step.Items[i].Unmapped
			if seen[id] {
				t.Fatalf("%s came twice", id)
			}
			seen[id] = true
			debit -= cents(t, of["debit"])
			credit -= cents(t, of["credit"])
		}
		if len(step.Gaps) > 0 {
			t.Errorf("%+v", step.Gaps)
		}
		last = step
	}
	oracle := fewest(books, loopsim.UnevenFrom, loopsim.UnevenTo)
	ratio := float64(last.Questions) / float64(oracle)
	t.Logf("%d lines, %d questions, %d at the fewest: ratio %.3f; %.1f s", len(seen), last.Questions, oracle, ratio, time.Since(began).Seconds())
	if len(seen) != loopsim.UnevenLines || debit != 0 || credit != 0 || !last.End || !last.Complete {
		t.Errorf("%d lines, %d and %d cents are missing, %t", len(seen), debit, credit, last.Complete)
	}
	if ratio > 1.3 || last.Questions != sim.Count("/EcritureComptable") {
		t.Errorf("%d questions said, %d asked, ratio %.3f", last.Questions, sim.Count("/EcritureComptable"), ratio)
	}
	if n := sim.InFlightPeak("/EcritureComptable"); n > 4 {
		t.Errorf("%d questions at once", n)
	}
}

// cents reads a number of Loop's.
func cents(t *testing.T, raw string) int64 {
	t.Helper()
	whole, part, _ := strings.Cut(raw, ".")
	out, err := strconv.ParseInt(whole+(part + "00")[:2], 10, 64)
	testkit.OK(t, err)
	return out
}

// crowded is a dossier with as many lines on one account as given, on a day among others.
func crowded(lines int) loopsim.Content {
	var entries []loopsim.Entry
	add := func(day, account string, n int) {
		e := loopsim.Entry{Journal: "VTE", Date: day, Reference: day, RefPiece: day}
		for range n - 1 {
			e.Lines = append(e.Lines, loopsim.EntryLine{Compte: account, Libelle: "Vente", Debit: 100})
		}
		e.Lines = append(e.Lines, loopsim.EntryLine{Compte: account, Libelle: "Vente", Credit: int64(n-1) * 100})
		entries = append(entries, e)
	}
	add("2026-01-15", "41100000", 30)
	add("2026-02-16", "41100000", lines)
	add("2026-02-16", "70600000", 40)
	add("2026-03-17", "70600000", 90)
	return loopsim.With(loopsim.Template(), entries...)
}

func TestWhatAWalkCannotReadIsNamed(t *testing.T) {
	client, sim := simulated(t)
	testkit.OK(t, sim.AddDossier("partner", "CROWD", crowded(150)))
	walk := func(client *cegidclient.Client, w cegidclient.EntryWalk) (lines int, gaps []cegidclient.EntryGap, complete bool) {
		t.Helper()
		for step, err := range client.Entries.Walk(t.Context(), "CROWD", w) {
			testkit.OK(t, err)
			lines, gaps, complete = lines+len(step.Items), append(gaps, step.Gaps...), step.Complete
		}
		return lines, gaps, complete
	}
	year := cegidclient.EntryWalk{From: "2026-01-01", To: "2026-12-31"}
	for name, tc := range map[string]struct {
		narrow   cegidclient.EntryQuery
		lines    int
		gap      cegidclient.EntryQuery
		complete bool
	}{
		"all": {
			cegidclient.EntryQuery{},
			260,
			cegidclient.EntryQuery{Lettering: cegidclient.Unlettered, Journal: "VTE", Account: "41100000", DocumentDate: "2026-02-16"},
			false,
		},
		"of one journal": {
			cegidclient.EntryQuery{Journal: "VTE"},
			260,
			cegidclient.EntryQuery{Lettering: cegidclient.Unlettered, Journal: "VTE", Account: "41100000", DocumentDate: "2026-02-16"},
			false,
		},
		"of one account": {
			cegidclient.EntryQuery{Account: "41100000"},
			130,
			cegidclient.EntryQuery{Lettering: cegidclient.Unlettered, Journal: "VTE", Account: "41100000", DocumentDate: "2026-02-16"},
			false,
		},
		"of another account":         {cegidclient.EntryQuery{Account: "70600000"}, 130, cegidclient.EntryQuery{}, true},
		"of a journal without any":   {cegidclient.EntryQuery{Journal: "ACH"}, 0, cegidclient.EntryQuery{}, true},
		"lettered, of which is none": {cegidclient.EntryQuery{Lettering: cegidclient.Lettered}, 0, cegidclient.EntryQuery{}, true},
		"of a document":              {cegidclient.EntryQuery{DocumentReference: "2026-03-17"}, 90, cegidclient.EntryQuery{}, true},
	} {
		year.Query = tc.narrow
		lines, gaps, complete := walk(client, year)
		var want []cegidclient.EntryGap
		if !tc.complete {
			want = []cegidclient.EntryGap{{Query: tc.gap, Reason: cegidclient.GapFull}}
		}
		if lines != tc.lines || complete != tc.complete || !slices.Equal(gaps, want) {
			t.Errorf("%s: %d lines, %t, %+v; want %d, %+v", name, lines, complete, gaps, tc.lines, want)
		}
	}

	year.Query = cegidclient.EntryQuery{}
	for limit, want := range map[int]struct{ lines, gaps int }{25: {25 + 25 + 25 + 25, 4}, 40: {30 + 40 + 40 + 40, 3}} { // lower than anybody documents
		client, sim := simulated(t)
		testkit.OK(t, sim.AddDossier("partner", "CROWD", crowded(150)))
		sim.SetPageCap(limit)
		if lines, gaps, complete := walk(client, year); complete || len(gaps) != want.gaps || lines != want.lines || gaps[0].Reason != cegidclient.GapDoubtful {
			t.Errorf("with a limit of %d: %d lines, %t, %+v", limit, lines, complete, gaps)
		}
	}
}

// TestAWalkIsResumedByItsState, by another client too, and not by the state of another range.
func TestAWalkIsResumedByItsState(t *testing.T) {
	client, sim := simulated(t)
	testkit.OK(t, sim.AddDossier("partner", "CROWD", crowded(99)))
	w := cegidclient.EntryWalk{From: "2026-01-01", To: "2026-06-30"}
	lines, parts, questions := 0, 0, 0
	for complete := false; !complete; parts++ {
		for step, err := range client.Entries.Walk(t.Context(), "CROWD", w) {
			testkit.OK(t, err)
			lines, w.State, complete = lines+len(step.Items), step.State, step.Complete
			questions = max(questions, step.Questions)
			break
		}
	}
	if lines != 30+99+40+90 || parts < 3 || questions < 10 {
		t.Errorf("%d lines in %d parts", lines, parts)
	}
	for name, wrong := range map[string]cegidclient.EntryWalk{
		"state":              {From: "2026-01-01", To: "2026-01-02", State: `{"d":"2026-03-01"}`},
		"document_date_from": {From: "1 January", To: "2026-01-02"},
		"document_date_to":   {From: "1926-01-01", To: "2026-01-02"},
		"document_date":      {From: "2026-01-01", To: "2026-01-02", Query: cegidclient.EntryQuery{DocumentDate: "2026-01-01"}},
		"journal":            {From: "2026-01-01", To: "2026-01-02", Query: cegidclient.EntryQuery{Journal: `"`}},
	} {
		before := sim.Count("/EcritureComptable")
		for _, err := range client.Entries.Walk(t.Context(), "CROWD", wrong) {
			if e, ok := cegidErr(err); !ok || e.Kind != cegidclient.KindInvalidArgument || e.Field != name {
				t.Errorf("%s: %v", name, err)
			}
		}
		if sim.Count("/EcritureComptable") != before {
			t.Errorf("%s: Loop was asked", name)
		}
	}
}

// TestTheNamesOfAmountsAreRead once somebody has seen them; what comes in another form stays where it was.
func TestTheNamesOfAmountsAreRead(t *testing.T) {
	named := func(cfg *cegidclient.Config) {
		cfg.EntryNames = cegidclient.EntryNames{Debit: "debit", Credit: "credit", Date: "dateEcheance"}
	}
	for _, names := range []bool{false, true} {
		var adjust []func(*cegidclient.Config)
		if names {
			adjust = append(adjust, named)
		}
		client, sim := simulated(t, adjust...)
		testkit.OK(t, sim.AddDossier("partner", "CROWD", crowded(2)))
		for _, texts := range []bool{false, true} {
			sim.SetShape("/EcritureComptable", loopsim.Shape{NumbersAsStrings: texts})
			got, err := client.Entries.List(t.Context(), "CROWD", cegidclient.EntryQuery{Lettering: cegidclient.Unlettered, DocumentDate: "2026-02-16", Account: "41100000"})
			if err != nil || len(got.Items) != 2 {
				t.Fatal(got, err)
			}
			e := got.Items[0]
			if text := string(client.Entries.AppendJSON(nil, &e)); !strings.Contains(text, `"debit":1,`) && !strings.Contains(text, `"debit":"1"`) {
				e = got.Items[1]
			}
			_, raw := e.Unmapped["debit"]
			if typed := e.Debit != nil && *e.Debit == "1" && e.Credit != nil && *e.Credit == "0"; typed != names || raw != (!names || texts) || e.Date != nil || e.Unmapped["dateEcheance"] != "null" {
				t.Errorf("named %t, as texts %t: %v, %v", names, texts, e.Debit, e.Unmapped)
			}
			if text := string(client.Entries.AppendJSON(nil, &e)); strings.Count(text, `"debit":`) != 1 || strings.Count(text, `"dateEcheance":null`) != 1 {
				t.Error(text)
			}
		}
	}
	for name, wrong := range map[string]cegidclient.EntryNames{
		"entry_names.credit": {Debit: "montant", Credit: "Montant"},
		"entry_names.date":   {Date: "DATEPIECE"},
	} {
		_, err := cegidclient.New(cegidclient.Config{EntryNames: wrong, Credentials: cegidclient.StaticCredentials(cegidclient.Secret{}, cegidclient.Secret{}, cegidclient.Secret{})})
		if e, ok := cegidErr(err); !ok || e.Kind != cegidclient.KindConfiguration || e.Field != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func cegidErr(err error) (e *cegidclient.Error, ok bool) {
	return e, errors.As(err, &e)
}
