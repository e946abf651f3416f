package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/identity"
	"cegid.internal/gateway/internal/testkit"
)

var testBooks = Books{"firm", "CEGID001"}

// digester makes the digests of entries under a ledger's own secret.
type digester struct{ key identity.Key }

func digests(t testing.TB, l *Ledger) digester {
	t.Helper()
	key, err := l.IdentityKey(t.Context())
	testkit.OK(t, err)
	return digester{key}
}

// invoice is an entry: its document, its reference, and its amount.
func invoice(document, reference, amount string) cegidclient.Entry {
	return cegidclient.Entry{
		Journal: "VTE", Date: "2026-02-27", Reference: reference, DocumentReference: document,
		Lines: []cegidclient.EntryLine{{Account: "41100000", Debit: amount}, {Account: "70700000", Credit: amount}},
	}
}

func (d digester) of(entries ...cegidclient.Entry) *Digests {
	return &Digests{Books: testBooks, Entries: d.key.Entries(entries)}
}

// with is a submission whose content no other has.
func with(id string, d *Digests) Submission {
	s := submission(id, id)
	s.Digests = d
	return s
}

func overlapping(t testing.TB, l *Ledger, s Submission) []Overlap {
	t.Helper()
	_, err := l.Begin(t.Context(), s, owner)
	refused, ok := errors.AsType[*OverlapError](err)
	if !ok {
		t.Fatalf("%s: not refused: %v", s.RequestID, err)
	}
	return refused.Overlaps
}

func TestAnEntryIsImportedOnce(t *testing.T) { onEach(t, anEntryIsImportedOnce) }

func anEntryIsImportedOnce(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	d := digests(t, l)
	a, b, c := invoice("FA-1", "1", "120.00"), invoice("FA-2", "2", "20.00"), invoice("FA-3", "3", "3.00")
	reach(t, l, with("r1", d.of(a, b)), Succeeded)

	got := overlapping(t, l, with("r2", d.of(c, a)))
	if len(got) != 1 || got[0].Entry != 1 || got[0].Match != identity.Same || got[0].Of.Key != key("r1") || got[0].Of.State != Succeeded || got[0].Of.Caller != "billing" {
		t.Errorf("%+v", got)
	}
	if got := overlapping(t, l, with("r2", d.of(b, a))); len(got) != 2 || got[0].Entry != 0 || got[1].Entry != 1 {
		t.Errorf("%+v", got)
	}
	if _, err := l.Get(t.Context(), key("r2")); !errors.Is(err, ErrUnknown) {
		t.Errorf("what is refused has a row: %v", err)
	}
	renumbered := a
	renumbered.Reference = "77"
	if got := overlapping(t, l, with("r2", d.of(renumbered))); len(got) != 1 || got[0].Match != identity.SameButReference {
		t.Errorf("%+v", got)
	}
	begin(t, l, with("r2", d.of(c)))
	if got := overlapping(t, l, with("r3", d.of(c))); got[0].Of.State != Received {
		t.Errorf("%+v", got)
	}
	// The same id again is what it was.
	if again := begin(t, l, with("r1", d.of(a, b))); !again.Existing {
		t.Error("a repeat was begun anew")
	}
	// Another practice of the same firm books into the same books, another dossier or firm does not.
	partner := with("p1", d.of(a))
	partner.Practice = "partner"
	if got := overlapping(t, l, partner); got[0].Of.Key != key("r1") {
		t.Errorf("%+v", got)
	}
	elsewhere := with("r4", d.of(a))
	elsewhere.Digests.Books.Domain = "other"
	begin(t, l, elsewhere)
}

func TestEntriesStandInTheWayByTheStateOfTheirImport(t *testing.T) {
	onEach(t, entriesStandInTheWayByState)
}

func entriesStandInTheWayByState(t *testing.T, temporary opener) {
	clock := newClock()
	l := temporary(t, clock.Now)
	d := digests(t, l)
	for i, state := range States() {
		entry := invoice(fmt.Sprint("FA-", state), "1", fmt.Sprint(i+1, ".00"))
		first := "first-" + string(state)
		reach(t, l, with(first, d.of(entry)), state)
		second := with("second-"+string(state), d.of(entry))
		if state.NothingBooked() {
			begin(t, l, second)
			// Its turn is over: the same id would book it twice now.
			if got := overlapping(t, l, with(first, d.of(entry))); got[0].Of.Key != second.Key {
				t.Errorf("%s: %+v", state, got)
			}
			continue
		}
		if got := overlapping(t, l, second); got[0].Of.State != state || got[0].Of.Certain() == state.Resolvable() {
			t.Errorf("%s: %+v", state, got)
		}
	}
}

func TestAnOwnerThatIsGoneIsSettledFirst(t *testing.T) { onEach(t, anOwnerThatIsGoneIsSettledFirst) }

func anOwnerThatIsGoneIsSettledFirst(t *testing.T, temporary opener) {
	clock := newClock()
	l := temporary(t, clock.Now)
	d := digests(t, l)
	received, sent := invoice("FA-1", "1", "1.00"), invoice("FA-2", "2", "2.00")
	begin(t, l, with("r1", d.of(received)))
	submitting(t, l, begin(t, l, with("r2", d.of(sent))))
	clock.pass(Lease + time.Second)
	begin(t, l, with("r3", d.of(received)))
	if r := get(t, l, key("r1")); r.State != NotSent {
		t.Errorf("%s", r.State)
	}
	if got := overlapping(t, l, with("r4", d.of(sent))); got[0].Of.State != Uncertain {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsLetIn(t *testing.T) { onEach(t, whatIsLetIn) }

func whatIsLetIn(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	d := digests(t, l)
	a, b := invoice("FA-1", "1", "120.00"), invoice("FA-2", "2", "20.00")
	reach(t, l, with("r1", d.of(a, b)), Succeeded)

	both := with("r2", d.of(a, b))
	both.Digests.RepeatOf = map[int]string{0: "r1", 1: "r9"}
	if got := overlapping(t, l, both); len(got) != 1 || got[0].Entry != 1 {
		t.Errorf("an id that is not the one: %+v", got)
	}
	both.Digests.RepeatOf[1] = "r1"
	begin(t, l, both)
	all := with("r3", d.of(a, b))
	all.AllowDuplicate = true
	begin(t, l, all)

	failed := reach(t, l, with("f1", d.of(invoice("FA-9", "9", "9.00"))), Failed)
	corrected := with("f2", d.of(invoice("FA-9", "9", "9.00")))
	if got := overlapping(t, l, corrected); got[0].Of.Certain() {
		t.Errorf("%+v", got)
	}
	corrected.Digests.Absent = []Attempt{{failed.Key, failed.Attempt + 1}}
	overlapping(t, l, corrected) // of another attempt
	corrected.Digests.Absent = []Attempt{{failed.Key, failed.Attempt}}
	begin(t, l, corrected)
	done := with("r4", d.of(a))
	done.Digests.Absent = []Attempt{{key("r1"), 1}} // but it succeeded
	overlapping(t, l, done)
}

func TestOverlapsThatWarn(t *testing.T) { onEach(t, overlapsThatWarn) }

func overlapsThatWarn(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	d := digests(t, l)
	a, card := invoice("FA-1", "1", "120.00"), invoice("", "2", "20.00")
	nothing := invoice("", "", "3.00")
	salaries := []cegidclient.Entry{invoice("PAIE", "10", "10.00"), invoice("PAIE", "11", "11.00")}
	reach(t, l, with("r1", d.of(append(salaries, a, card, nothing)...)), Succeeded)
	look := func(entries ...cegidclient.Entry) (out []Overlap) {
		t.Helper()
		s := with("r2", d.of(entries...))
		out, err := l.Overlaps(t.Context(), s.Key, *s.Digests)
		testkit.OK(t, err)
		return out
	}
	corrected, otherCard := a, card
	corrected.Lines = invoice("", "", "121.00").Lines
	otherCard.Reference = "3"
	for name, each := range map[string]struct {
		entry   cegidclient.Entry
		match   identity.Match
		refuses bool
	}{
		"the same":                         {a, identity.Same, true},
		"the same without a document":      {card, identity.Same, true},
		"the same without any reference":   {nothing, identity.Same, false},
		"another reference, no document":   {otherCard, identity.SameButReference, false},
		"the same document, other amounts": {corrected, identity.SameDocument, false},
	} {
		got := look(each.entry)
		if len(got) != 1 || got[0].Match != each.match || got[0].Refuses != each.refuses || got[0].Of.Key != key("r1") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for name, entries := range map[string][]cegidclient.Entry{
		"another salary":     {invoice("PAIE", "12", "12.00")},
		"a Z report in two":  {invoice("FA-1", "1", "60.00"), invoice("FA-1", "2", "61.00")},
		"another month":      {monthly(a)},
		"nothing in common":  {invoice("FA-7", "7", "120.00")},
		"no entries to tell": {{}},
	} {
		if got := look(entries...); len(got) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	// None of these is refused but the first two.
	begin(t, l, with("r2", d.of(nothing, otherCard, corrected)))
	reversed := a
	reversed.Lines = []cegidclient.EntryLine{{Account: "41100000", Credit: "120.00"}, {Account: "70700000", Debit: "120.00"}}
	begin(t, l, with("r3", d.of(reversed)))
}

func monthly(e cegidclient.Entry) cegidclient.Entry {
	e.Date = "2026-03-27"
	return e
}

func TestContentIsComparedWhereDigestsCannotBe(t *testing.T) {
	onEach(t, contentIsComparedWhereDigestsCannotBe)
}

func contentIsComparedWhereDigestsCannotBe(t *testing.T, temporary opener) {
	clock := newClock()
	l := temporary(t, clock.Now)
	d := digests(t, l)
	duplicate := func(s Submission) bool {
		t.Helper()
		_, err := l.Begin(t.Context(), s, owner)
		return errors.As(err, new(*DuplicateError))
	}
	nothing := d.of(invoice("", "", "3.00"))
	first, again := with("r1", nothing), with("r2", nothing)
	again.Fingerprints = first.Fingerprints
	reach(t, l, first, Succeeded)
	if duplicate(again) {
		t.Error("an entry without a reference is refused when it is all of a request")
	}
	link, other := submission("l1", "link"), submission("l2", "link")
	reach(t, l, link, Waiting)
	if !duplicate(other) {
		t.Error("the same link is let in")
	}
	older := with("r3", d.of(invoice("FA-9", "9", "9.00")))
	older.Fingerprints = link.Fingerprints
	if !duplicate(older) {
		t.Error("a row from before digests is not compared by its content")
	}
	clock.pass(DuplicateWithin + time.Hour)
	if !duplicate(other) {
		t.Error("what is not final is let in after 30 days")
	}
	follow(t, l, get(t, l, key("l1")), Progress{State: Succeeded})
	if duplicate(other) {
		t.Error("what is final stands in the way for more than 30 days")
	}
}

func TestAnotherContentUnderTheSameId(t *testing.T) { onEach(t, anotherContentUnderTheSameID) }

func anotherContentUnderTheSameID(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	d := digests(t, l)
	a, b := invoice("FA-1", "1", "1.00"), invoice("FA-2", "2", "2.00")
	reach(t, l, with("r1", d.of(a)), Refused)
	reach(t, l, with("r1", d.of(b)), Succeeded)
	begin(t, l, with("r2", d.of(a))) // it was given up
	overlapping(t, l, with("r3", d.of(b)))
}

func TestResubmittingMeetsWhatCameSince(t *testing.T) { onEach(t, resubmittingMeetsWhatCameSince) }

func resubmittingMeetsWhatCameSince(t *testing.T, temporary opener) {
	clock := newClock()
	l := temporary(t, clock.Now)
	d := digests(t, l)
	a, b := invoice("FA-1", "1", "1.00"), invoice("FA-2", "2", "2.00")
	first := with("r1", d.of(a, b))
	failed := reach(t, l, first, Failed)
	clock.pass(ResubmitAfter + time.Hour)
	absent := func() {
		t.Helper()
		if _, err := l.Checked(t.Context(), failed.Key, Search{Attempt: failed.Attempt, Caller: "x", Control: ControlFound, Sightings: []Sighting{{Reference: "FA-r1"}}}); err != nil {
			t.Fatal(err)
		}
	}
	absent()
	corrected := with("r2", d.of(b))
	corrected.Digests.Absent = []Attempt{{failed.Key, failed.Attempt}}
	begin(t, l, corrected)
	_, err := l.Resubmit(t.Context(), first, failed.Attempt, "x", owner)
	refused, ok := errors.AsType[*OverlapError](err)
	if !ok || len(refused.Overlaps) != 1 || refused.Overlaps[0].Entry != 1 {
		t.Fatalf("%v", err)
	}
	first.Digests.RepeatOf = map[int]string{1: "r2"}
	if begun, err := l.Resubmit(t.Context(), first, failed.Attempt, "x", owner); err != nil || begun.Attempt != failed.Attempt+1 {
		t.Errorf("%+v, %v", begun, err)
	}
}

// made are entries of a file, as they come from package identity.
func made(n int, seed uint64) []identity.Entry {
	random := rand.New(rand.NewPCG(seed, 0))
	out := make([]identity.Entry, n)
	for i := range out {
		for j := range out[i].Body {
			out[i].Body[j] = byte(random.Uint32())
		}
		out[i].Reference, out[i].Document, out[i].Month = random.Uint64(), random.Uint64(), 202601+i*12/n
		out[i].Line = i + 2
	}
	slices.SortFunc(out, func(a, b identity.Entry) int {
		if a.Month != b.Month {
			return a.Month - b.Month
		}
		return slices.Compare(a.Body[:], b.Body[:])
	})
	return out
}

func each(entries []identity.Entry) iter.Seq2[identity.Entry, error] {
	return func(yield func(identity.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func keep(t testing.TB, l *Ledger, deposit string, entries []identity.Entry) *Digests {
	t.Helper()
	set, err := l.KeepDigests(context.Background(), testBooks, "demo", deposit, each(entries))
	testkit.OK(t, err)
	return &Digests{Books: testBooks, Set: set}
}

func TestEntriesOfFilesAndOfRequestsMeet(t *testing.T) { onEach(t, entriesOfFilesAndOfRequestsMeet) }

func entriesOfFilesAndOfRequestsMeet(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	entries := made(6000, 1)
	upTo := func(month int) []identity.Entry {
		return slices.DeleteFunc(slices.Clone(entries), func(e identity.Entry) bool { return e.Month > month })
	}
	march, april := keep(t, l, "d1", upTo(202603)), keep(t, l, "d2", upTo(202604))
	if found, err := l.DigestsOf(t.Context(), testBooks, "demo", "d1"); err != nil || found != march.Set {
		t.Errorf("%q, %v", found, err)
	}
	reach(t, l, with("march", march), Succeeded)
	got := overlapping(t, l, with("april", april))
	if want := len(upTo(202603)); len(got) != want {
		t.Errorf("%d overlaps, want %d", len(got), want)
	}
	for i, o := range got {
		if o.Entry != i || o.Line != entries[i].Line || o.Match != identity.Same {
			t.Fatalf("%+v, want line %d", o, entries[i].Line)
		}
	}
	// A request with entries of the file, and the file after it.
	some := &Digests{Books: testBooks, Entries: []identity.Entry{entries[5000], entries[10]}}
	if got := overlapping(t, l, with("some", some)); len(got) != 1 || got[0].Entry != 1 || got[0].Of.RequestID != "march" {
		t.Errorf("%+v", got)
	}
	reach(t, l, with("some", &Digests{Books: testBooks, Entries: entries[5000:5001]}), Succeeded)
	rest := keep(t, l, "d3", entries[4000:])
	if got := overlapping(t, l, with("rest", rest)); len(got) != 1 || got[0].Of.RequestID != "some" || got[0].Line != entries[5000].Line {
		t.Errorf("%+v", got)
	}
	for name, d := range map[string]*Digests{
		"unknown":     {Books: testBooks, Set: "nothing"},
		"other books": {Books: Books{"firm", "OTHER"}, Set: march.Set},
	} {
		for _, allowed := range []bool{false, true} {
			s := with("x", d)
			s.AllowDuplicate = allowed
			if _, err := l.Begin(t.Context(), s, owner); !errors.Is(err, ErrNoDigests) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if failures := l.Trouble(); failures.Commits+failures.Reads > 0 { // this was its answer
		t.Errorf("the ledger has failed: %v", failures.Last)
	}
}

func count(t testing.TB, l *Ledger, table string) (n int) {
	t.Helper()
	testkit.OK(t, l.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n))
	return n
}

func TestMonthsThatComeAgainAreStoredOnce(t *testing.T) { onEach(t, monthsThatComeAgainAreStoredOnce) }

func monthsThatComeAgainAreStoredOnce(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	entries := made(48_000, 2)
	keep(t, l, "d1", entries[:24_000])
	half := count(t, l, "entry_chunk")
	keep(t, l, "d2", entries)
	whole := count(t, l, "entry_chunk")
	if whole > 2*half+2 {
		t.Errorf("%d chunks of the first half, %d of both", half, whole)
	}
	// One entry more in a month: it is cut alike but around it.
	late := made(1, 3)[0]
	late.Month = 202603
	more := append(slices.Clone(entries), late)
	slices.SortFunc(more, func(a, b identity.Entry) int {
		if a.Month != b.Month {
			return a.Month - b.Month
		}
		return slices.Compare(a.Body[:], b.Body[:])
	})
	keep(t, l, "d3", more)
	if now := count(t, l, "entry_chunk"); now > whole+1 {
		t.Errorf("%d chunks after one entry more, %d before", now, whole)
	}
}

func TestDigestsGoWithTheLastThatLeadsToThem(t *testing.T) { onEach(t, digestsGoWithTheLast) }

func digestsGoWithTheLast(t *testing.T, temporary opener) {
	clock := newClock()
	l := temporary(t, clock.Now)
	d := digests(t, l)
	entries := made(40_000, 4)
	deposited, err := l.Deposited(t.Context(), Deposit{Practice: "demo", Dossier: "CEGID001", Caller: "billing", Format: "FEC", FileName: "a.txt"}, time.Hour)
	testkit.OK(t, err)
	waiting := keep(t, l, deposited.ID, entries[:20_000])
	keep(t, l, "nobody's", entries[:10_000])
	imported := keep(t, l, "also gone", entries)
	reach(t, l, with("r1", imported), Succeeded)
	reach(t, l, with("r2", d.of(invoice("FA-1", "1", "1.00"))), Succeeded)
	broken := errors.New("broken")
	_, err = l.KeepDigests(t.Context(), testBooks, "demo", "given up", func(yield func(identity.Entry, error) bool) {
		for i := range 30_000 {
			if !yield(made(1, uint64(i))[0], nil) {
				return
			}
		}
		yield(identity.Entry{}, broken)
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if _, err := l.DigestsOf(t.Context(), testBooks, "demo", "given up"); !errors.Is(err, ErrNoDigests) {
		t.Errorf("a draft counts: %v", err)
	}
	retain := func(sets, parts, packs int, lines bool) {
		t.Helper()
		retainAll(t, l)
		if s, p, k := count(t, l, "entry_set"), count(t, l, "entry_part"), count(t, l, "entry_pack"); s != sets || parts >= 0 && (p > 0) != (parts > 0) || k != packs {
			t.Errorf("%d sets, %d parts, %d packs", s, p, k)
		}
		if has := count(t, l, "entry_part WHERE lines IS NOT NULL") > 0; has != lines {
			t.Errorf("lines: %v", has)
		}
		if lost := count(t, l, "entry_chunk c WHERE NOT EXISTS (SELECT 1 FROM entry_part p WHERE p.books = c.books AND p.chunk = c.chunk)"); lost > 0 {
			t.Errorf("%d chunks belong to nothing", lost)
		}
	}
	retain(4, 1, 1, true) // all of it is young
	clock.pass(2 * time.Hour)
	retain(2, 1, 1, true)
	if got, err := l.Overlaps(t.Context(), key("r3"), *waiting); err != nil || len(got) != 20_000 {
		t.Errorf("%d, %v", len(got), err)
	}
	clock.pass(KeepDeposit + time.Hour)
	retain(1, 1, 1, false)
	if got, err := l.Overlaps(t.Context(), key("r3"), *imported); err != nil || len(got) != 40_000 || got[0].Line != 0 {
		t.Errorf("%d, %v", len(got), err)
	}
	clock.pass(KeepOutcome)
	retain(0, 0, 0, false)
	if n := count(t, l, "entry_chunk"); n > 0 {
		t.Errorf("%d chunks are left", n)
	}
}

// TestALateAnswerBringsEntriesBack: what a person had said not to be booked was, while its entries were compared.
func TestALateAnswerBringsEntriesBack(t *testing.T) { onEach(t, aLateAnswerBringsEntriesBack) }

func aLateAnswerBringsEntriesBack(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	d := digests(t, l)
	a := invoice("FA-1", "1", "1.00")
	reach(t, l, with("r1", d.of(a)), NotSent)
	s := with("r2", d.of(a))
	s.compared = newComparison(s.Key, s.Digests)
	if err := s.compared.more(t.Context(), l); err != nil || len(s.compared.best) != 0 {
		t.Fatalf("%v, %v", err, s.compared.best)
	}
	if _, err := l.db.ExecContext(t.Context(), `UPDATE write_request SET state = 'SUCCEEDED' WHERE request_id = 'r1'`); err != nil {
		t.Fatal(err)
	}
	var verdict error
	testkit.OK(t, l.write(t.Context(), func(w *writing) (err error) { verdict, err = w.refusal(&s); return err }))
	if _, refused := errors.AsType[*OverlapError](verdict); !refused {
		t.Errorf("%v", verdict)
	}
}

// TestMuchThatCameSinceIsComparedBeforeTheLock: little of it is compared under it, and all of it once there were enough rounds.
func TestMuchThatCameSinceIsComparedBeforeTheLock(t *testing.T) {
	onEach(t, muchThatCameSinceIsComparedBeforeTheLock)
}

func muchThatCameSinceIsComparedBeforeTheLock(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	entries := made(mostUnderLock+1000, 7)
	begin(t, l, with("before", &Digests{Books: testBooks, Entries: made(1, 8)}))
	verdict := func(s Submission) (verdict error) {
		t.Helper()
		testkit.OK(t, l.write(t.Context(), func(w *writing) (err error) { verdict, err = w.refusal(&s); return err }))
		return verdict
	}
	early := func(d *Digests) Submission {
		t.Helper()
		s := with("r1", d)
		s.compared = newComparison(s.Key, d)
		testkit.OK(t, s.compared.more(t.Context(), l))
		return s
	}
	little := early(&Digests{Books: testBooks, Entries: entries[:1]})
	begin(t, l, with("since", &Digests{Books: testBooks, Entries: entries[:1]}))
	if _, refused := errors.AsType[*OverlapError](verdict(little)); !refused {
		t.Error("what came since was missed")
	}
	much := early(&Digests{Books: testBooks, Entries: entries[1:2]})
	begin(t, l, with("file", keep(t, l, "d", entries[1:])))
	if err := verdict(much); !errors.Is(err, errStale) {
		t.Fatalf("%v", err)
	}
	much.compared.anyhow = true
	if _, refused := errors.AsType[*OverlapError](verdict(much)); !refused {
		t.Error("after enough rounds it is not compared")
	}
	if got := overlapping(t, l, with("r1", &Digests{Books: testBooks, Entries: entries[1:2]})); got[0].Of.RequestID != "file" {
		t.Errorf("%+v", got)
	}
}

// TestTwoServersBookAnEntryOnce: batches that overlap, at once, in 200 rounds. On one file they are two callers.
func TestTwoServersBookAnEntryOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("200 rounds")
	}
	t.Run("SQLite", func(t *testing.T) {
		l := temporary(t, nil)
		twoServersBookOnce(t, l, l)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		dsn := database(t)
		twoServersBookOnce(t, openedPostgres(t, dsn), openedPostgres(t, dsn))
	})
}

func twoServersBookOnce(t *testing.T, servers ...*Ledger) {
	d := digests(t, servers[0])
	if other := digests(t, servers[1]); d.of(invoice("1", "1", "1.00")).Entries[0] != other.of(invoice("1", "1", "1.00")).Entries[0] {
		t.Fatal("two servers have two keys")
	}
	for round := range 200 {
		at := func(n int) cegidclient.Entry {
			return invoice(fmt.Sprintf("FA-%d-%d", round, n), fmt.Sprint(n), "1.00")
		}
		shared := at(0)
		won := make([]error, len(servers))
		var wait sync.WaitGroup
		for i, l := range servers {
			wait.Go(func() {
				batch := []cegidclient.Entry{at(i + 1), shared}
				if i == 1 {
					batch = []cegidclient.Entry{shared, at(i + 1)}
				}
				s := with(fmt.Sprintf("r-%d-%d", round, i), d.of(batch...))
				_, won[i] = l.Begin(context.Background(), s, fmt.Sprint("server-", i))
			})
		}
		wait.Wait()
		begun := 0
		for i, err := range won {
			refused, ok := errors.AsType[*OverlapError](err)
			switch {
			case err == nil:
				begun++
			case !ok || len(refused.Overlaps) != 1 || refused.Overlaps[0].Of.RequestID != fmt.Sprintf("r-%d-%d", round, 1-i):
				t.Errorf("round %d, server %d: %v", round, i, err)
			}
		}
		if begun != 1 {
			t.Fatalf("round %d: %d have begun", round, begun)
		}
	}
}
