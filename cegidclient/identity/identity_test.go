package identity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/fec"
	"cegid.internal/gateway/cegidclient/internal/textfile"
	"cegid.internal/gateway/cegidclient/tra"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/fecgen"
	"cegid.internal/gateway/internal/testkit/tragen"
)

func key(t testing.TB) Key {
	t.Helper()
	k, err := NewKey([]byte("0123456789abcdef0123456789abcdef"))
	testkit.OK(t, err)
	return k
}

func TestAKeyCannotBePrinted(t *testing.T) {
	k := key(t)
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "key", k)
	asJSON, err := json.Marshal(map[string]any{"key": k})
	testkit.OK(t, err)
	fmt.Fprintf(&out, "%v %+v %#v %s %x %s", k, k, k, k, k, asJSON)
	for _, secret := range []string{"0123456789abcdef", "3031323334"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q shows the secret", out.String())
		}
	}
	if _, err := NewKey(make([]byte, 31)); err == nil {
		t.Error("a short key was taken")
	}
}

// invoice is an entry as most are.
func invoice() cegidclient.Entry {
	return cegidclient.Entry{
		Journal: "VTE", Date: "2026-03-15", Reference: "1201", DocumentReference: "FA-2026-001",
		Lines: []cegidclient.EntryLine{
			{Account: "41100000", ThirdParty: "CEXEMPLE", Label: "Vente", Debit: "120.00"},
			{Account: "70700000", Label: "Vente", Credit: "100.00"},
			{Account: "44571000", Label: "Vente", Credit: "20.00"},
		},
	}
}

func one(t testing.TB, e cegidclient.Entry) Entry {
	t.Helper()
	return key(t).Entries([]cegidclient.Entry{e})[0]
}

func TestWhatAnEntryIsToldBy(t *testing.T) {
	for name, each := range map[string]struct {
		change func(*cegidclient.Entry)
		want   Match
	}{
		"nothing":                          {func(e *cegidclient.Entry) {}, Same},
		"a label":                          {func(e *cegidclient.Entry) { e.Lines[0].Label = "Vente." }, Same},
		"the order of lines":               {func(e *cegidclient.Entry) { slices.Reverse(e.Lines) }, Same},
		"the movement type said":           {func(e *cegidclient.Entry) { e.MovementType = cegidclient.MovementGeneral }, Same},
		"the line type said":               {func(e *cegidclient.Entry) { e.Lines[1].LineType = cegidclient.LineGeneral }, Same},
		"a due date":                       {func(e *cegidclient.Entry) { e.Lines[0].DueDate = "2026-04-15" }, Same},
		"a document date":                  {func(e *cegidclient.Entry) { e.DocumentDate = "2026-03-14" }, Same},
		"decimals":                         {func(e *cegidclient.Entry) { e.Lines[0].Debit = "120" }, Same},
		"blanks":                           {func(e *cegidclient.Entry) { e.Lines[0].Account = " 41100000 " }, Same},
		"zeros before the reference":       {func(e *cegidclient.Entry) { e.Reference = "00001201" }, Same},
		"a negative debit for a credit":    {func(e *cegidclient.Entry) { e.Lines[1].Credit, e.Lines[1].Debit = "", "-100.00" }, Same},
		"the reference":                    {func(e *cegidclient.Entry) { e.Reference = "1202" }, SameButReference},
		"no reference":                     {func(e *cegidclient.Entry) { e.Reference = "" }, SameButReference},
		"an amount":                        {func(e *cegidclient.Entry) { e.Lines[0].Debit, e.Lines[1].Credit = "121.00", "101.00" }, SameDocument},
		"the sides":                        {swap, SameDocument},
		"an account":                       {func(e *cegidclient.Entry) { e.Lines[1].Account = "70600000" }, SameDocument},
		"a third party":                    {func(e *cegidclient.Entry) { e.Lines[0].ThirdParty = "CAUTRE" }, SameDocument},
		"a third party on another line":    {func(e *cegidclient.Entry) { e.Lines[0].ThirdParty, e.Lines[1].ThirdParty = "", "CEXEMPLE" }, SameDocument},
		"a line twice":                     {func(e *cegidclient.Entry) { e.Lines = append(e.Lines, e.Lines[2]) }, SameDocument},
		"the date":                         {func(e *cegidclient.Entry) { e.Date = "2026-04-15" }, Different},
		"the journal":                      {func(e *cegidclient.Entry) { e.Journal = "VT2" }, Different},
		"the document reference":           {func(e *cegidclient.Entry) { e.DocumentReference = "FA-2026-002" }, Different},
		"no document reference":            {func(e *cegidclient.Entry) { e.DocumentReference = "" }, Different},
		"a date that is none":              {func(e *cegidclient.Entry) { e.Date = "2026-02-30" }, Different},
		"an amount that is none":           {func(e *cegidclient.Entry) { e.Lines[0].Debit = "x" }, Different},
		"no lines":                         {func(e *cegidclient.Entry) { e.Lines = nil }, Different},
		"texts that run into one another":  {func(e *cegidclient.Entry) { e.Lines[0].Account, e.Lines[0].ThirdParty = "41100000C", "EXEMPLE" }, SameDocument},
		"text that moves between document": {func(e *cegidclient.Entry) { e.Journal, e.DocumentReference = "VTEF", "A-2026-001" }, Different},
	} {
		t.Run(name, func(t *testing.T) {
			changed := invoice()
			each.change(&changed)
			if got := one(t, invoice()).Match(one(t, changed)); got != each.want {
				t.Errorf("got %d, want %d", got, each.want)
			}
		})
	}
}

func swap(e *cegidclient.Entry) {
	for i := range e.Lines {
		e.Lines[i].Debit, e.Lines[i].Credit = e.Lines[i].Credit, e.Lines[i].Debit
	}
}

func TestAccentsInEitherFormAreOne(t *testing.T) {
	composed, apart := invoice(), invoice()
	for _, e := range []*cegidclient.Entry{&composed, &apart} {
		e.Reference, e.DocumentReference, e.Lines[0].ThirdParty = "Café", "Café 1", "CAFÉ"
	}
	apart.Reference, apart.DocumentReference, apart.Lines[0].ThirdParty = norm.NFD.String("Café"), norm.NFD.String("Café 1"), norm.NFD.String("CAFÉ")
	if apart.Reference == composed.Reference {
		t.Fatal("the two forms are one before they are compared")
	}
	if got := one(t, composed).Match(one(t, apart)); got != Same {
		t.Errorf("got %d", got)
	}
}

func TestAnotherKeyMakesOtherDigests(t *testing.T) {
	other, err := NewKey(make([]byte, KeySize))
	testkit.OK(t, err)
	a, b := one(t, invoice()), other.Entries([]cegidclient.Entry{invoice()})[0]
	if a.Body == b.Body || a.Reference == b.Reference || a.Document == b.Document {
		t.Errorf("%v and %v", a, b)
	}
	if !a.Referenced() {
		t.Error("a reference is not known")
	}
	bare := invoice()
	bare.Reference, bare.DocumentReference = " ", ""
	if one(t, bare).Referenced() {
		t.Error("there is no reference")
	}
}

// books draws entries such as any of the formats can write.
func books() *rapid.Generator[[]cegidclient.Entry] {
	return rapid.Custom(func(t *rapid.T) []cegidclient.Entry {
		entries := make([]cegidclient.Entry, rapid.IntRange(1, 8).Draw(t, "entries"))
		for i := range entries {
			e := &entries[i]
			*e = cegidclient.Entry{
				Journal:           rapid.SampledFrom([]string{"ACH", "VTE", "BQ1"}).Draw(t, "journal"),
				Date:              fmt.Sprintf("2026-%02d-%02d", rapid.IntRange(1, 3).Draw(t, "month"), rapid.IntRange(1, 3).Draw(t, "day")),
				Reference:         strconv.Itoa(i + 1),
				DocumentReference: rapid.SampledFrom([]string{"FA-1", "FA-2", "Café", "É"}).Draw(t, "document"),
			}
			for n := rapid.IntRange(1, 3).Draw(t, "pairs"); n > 0; n-- {
				amount := textfile.Cents(rapid.IntRange(1, 300).Draw(t, "cents")).String()
				debit := cegidclient.EntryLine{Account: rapid.SampledFrom([]string{"60700000", "51200000"}).Draw(t, "account"), Label: "x", Debit: amount}
				credit := cegidclient.EntryLine{Account: "40100000", ThirdParty: rapid.SampledFrom([]string{"FEX", "FÉX"}).Draw(t, "party"), Label: "x", Credit: amount}
				e.Lines = append(e.Lines, debit, credit)
			}
		}
		return entries
	})
}

func comma(amount string) string { return strings.Replace(amount, ".", ",", 1) }

// fecOf writes entries as a FEC; own gives each line a number of its own.
func fecOf(entries []cegidclient.Entry, own bool) (lines []string) {
	n := 0
	for _, e := range entries {
		for _, l := range e.Lines {
			n++
			number, day := e.Reference, strings.ReplaceAll(e.Date, "-", "")
			if own {
				number = strconv.Itoa(n)
			}
			lines = append(lines, strings.Join([]string{
				e.Journal, "Journal", number, day, l.Account, "Compte", l.ThirdParty, l.ThirdParty, e.DocumentReference, day, l.Label,
				comma(or(l.Debit, "0")), comma(or(l.Credit, "0")), "", "", day, "", "",
			}, "\t"))
		}
	}
	return lines
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func readFEC(t testing.TB, spill func() (SpillFile, error), most int, lines []string) []Entry {
	t.Helper()
	f := NewFile(key(t), spill)
	f.limit(most)
	v := fec.NewValidator(fec.Options{Bookings: f.FEC})
	_, _ = v.Write([]byte("JournalCode\tJournalLib\tEcritureNum\tEcritureDate\tCompteNum\tCompteLib\tCompAuxNum\tCompAuxLib\tPieceRef\tPieceDate\tEcritureLib\tDebit\tCredit\tEcritureLet\tDateLet\tValidDate\tMontantdevise\tIdevise\r\n" +
		strings.Join(lines, "\r\n") + "\r\n"))
	if report := v.Close(); report.Lines != len(lines) || report.Partial {
		t.Fatalf("%+v", report)
	}
	return all(t, f)
}

// limit lets fewer records stay in memory.
func (f *File) limit(most int) {
	if most > 0 {
		f.byNumber.out.most, f.byDocument.out.most = most, most
	}
}

func all(t testing.TB, f *File) (entries []Entry) {
	t.Helper()
	for e, err := range f.Entries() {
		testkit.OK(t, err)
		e.Line = 0
		entries = append(entries, e)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	return entries
}

// traOf writes entries as a TRA.
func traOf(entries []cegidclient.Entry) (lines []string) {
	for _, e := range entries {
		for _, l := range e.Lines {
			kind, side, amount := " ", "D", l.Debit
			if l.ThirdParty != "" {
				kind = "X"
			}
			if l.Credit != "" {
				side, amount = "C", l.Credit
			}
			lines = append(lines, fmt.Sprintf("%-3s%s%s%s%-2s%-17s%s%-17s%-35s%-35s%-3s%8s%s%20s%s%-8s%-3s%10s%s",
				e.Journal, e.Date[8:], e.Date[5:7], e.Date[:4], "OD", l.Account, kind, l.ThirdParty, e.DocumentReference, l.Label, "", "", side, comma(amount), "N", e.Reference, "EUR", "", "E--"))
		}
	}
	return lines
}

func readTRA(t testing.TB, lines []string) []Entry {
	t.Helper()
	f := NewFile(key(t), nil)
	v := tra.NewValidator(tra.Options{Bookings: f.TRA})
	_, _ = v.Write([]byte("***S5CLIJRLSTD\r\n" + strings.Join(lines, "\r\n") + "\r\n"))
	if report := v.Close(); report.Lines != len(lines) || report.Partial {
		t.Fatalf("%+v", report)
	}
	return all(t, f)
}

func sorted(entries []Entry) []Entry {
	slices.SortFunc(entries, func(a, b Entry) int {
		if a.Month != b.Month {
			return a.Month - b.Month
		}
		return bytes.Compare(a.Body[:], b.Body[:])
	})
	return entries
}

// TestTheFormatsAgree: JSON, FEC and TRA of the same books, entries and lines in any order.
func TestTheFormatsAgree(t *testing.T) {
	spill := spilling(t)
	rapid.Check(t, func(t2 *rapid.T) {
		entries := books().Draw(t2, "books")
		want := sorted(key(t).Entries(entries))
		for i, e := range want {
			if !e.Known() || e.Reference == 0 || e.Document == 0 || e.Document == Several {
				t2.Fatalf("entry %d: %+v", i, e)
			}
		}
		if got := readFEC(t, nil, 0, rapid.Permutation(fecOf(entries, false)).Draw(t2, "FEC")); !slices.Equal(sorted(got), want) {
			t2.Errorf("FEC: %v\nwant %v", got, want)
		}
		if got := readFEC(t, spill, 1, rapid.Permutation(fecOf(entries, false)).Draw(t2, "FEC on disk")); !slices.Equal(sorted(got), want) {
			t2.Errorf("FEC on disk: %v\nwant %v", got, want)
		}
		if got := readTRA(t, rapid.Permutation(traOf(entries)).Draw(t2, "TRA")); !slices.Equal(sorted(got), want) {
			t2.Errorf("TRA: %v\nwant %v", got, want)
		}
	})
}

// TestLinesWithNumbersOfTheirOwn form the entries of their journal, date and document.
func TestLinesWithNumbersOfTheirOwn(t *testing.T) {
	spill := spilling(t)
	rapid.Check(t, func(t2 *rapid.T) {
		entries := books().Draw(t2, "books")
		merged := map[string]*cegidclient.Entry{}
		var order []string
		for _, e := range entries {
			at := e.Journal + e.Date + e.DocumentReference
			if merged[at] == nil {
				merged[at] = &cegidclient.Entry{Journal: e.Journal, Date: e.Date, DocumentReference: e.DocumentReference}
				order = append(order, at)
			}
			merged[at].Lines = append(merged[at].Lines, e.Lines...)
		}
		var whole []cegidclient.Entry
		for _, at := range order {
			whole = append(whole, *merged[at])
		}
		want := sorted(key(t).Entries(whole))
		for name, most := range map[string]int{"in memory": 0, "on disk": 1} {
			if got := readFEC(t, spill, most, rapid.Permutation(fecOf(entries, true)).Draw(t2, name)); !slices.Equal(sorted(got), want) {
				t2.Errorf("%s: %v\nwant %v", name, got, want)
			}
		}
	})
}

func TestOneNumberForTwoLinesIsEnough(t *testing.T) {
	entries := []cegidclient.Entry{invoice(), invoice()}
	entries[1].DocumentReference = "FA-2026-002"
	lines := fecOf(entries, true)
	lines[5] = strings.Replace(lines[5], "\t6\t", "\t1\t", 1) // far from the other
	lines[5] = strings.Replace(lines[5], "FA-2026-002", "FA-2026-001", 1)
	got := readFEC(t, nil, 0, lines)
	if len(got) != 5 || slices.ContainsFunc(got, func(e Entry) bool { return e.Reference == 0 }) {
		t.Errorf("%d entries: %v", len(got), got)
	}
}

func TestAnEntryWithSeveralDocumentsHasNoneToGoBy(t *testing.T) {
	entries := []cegidclient.Entry{invoice()}
	lines := fecOf(entries, false)
	lines[1] = strings.Replace(lines[1], "FA-2026-001", "FA-2026-009", 1)
	got := readFEC(t, nil, 0, lines)
	if len(got) != 1 || got[0].Document != Several || !got[0].Referenced() || got[0].Match(one(t, invoice())) != Different {
		t.Errorf("%v", got)
	}
	lines[1] = strings.Replace(lines[1], "FA-2026-009", "", 1)
	if got := readFEC(t, nil, 0, lines); len(got) != 1 || got[0].Document != one(t, invoice()).Document {
		t.Errorf("a line without: %v", got)
	}
}

func TestAnAmountInACurrencyAloneIsComparedAsSuch(t *testing.T) {
	lines := traOf([]cegidclient.Entry{invoice()})
	foreign := func(code string) []Entry {
		changed := make([]string, len(lines))
		for i, l := range lines {
			changed[i] = l[:159] + code + "      1,25D--"
		}
		return readTRA(t, changed)
	}
	dollars, pounds := foreign("USD")[0], foreign("GBP")[0]
	if dollars.Match(pounds) != SameDocument || dollars.Match(one(t, invoice())) != SameDocument || dollars.Match(foreign("USD")[0]) != Same {
		t.Errorf("%v, %v", dollars, pounds)
	}
}

func TestEntriesOfAFileComeByMonthAndBody(t *testing.T) {
	f := NewFile(key(t), spilling(t))
	f.limit(50)
	v := fec.NewValidator(fec.Options{Bookings: f.FEC})
	_, _ = v.Write(fecgen.Bytes(fecgen.Options{Size: 1 << 18, ByLedger: 20}))
	report := v.Close()
	n := 0
	var before Entry
	for round := range 2 {
		n, before = 0, Entry{}
		for e, err := range f.Entries() {
			testkit.OK(t, err)
			if e.Month < before.Month || e.Month == before.Month && bytes.Compare(e.Body[:], before.Body[:]) < 0 {
				t.Fatalf("round %d: %v after %v", round, e, before)
			}
			before = e
			n++
		}
	}
	if n != report.Entries {
		t.Errorf("%d entries, the report has %d", n, report.Entries)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	for _, err := range f.Entries() {
		if err == nil {
			t.Error("a closed file has entries")
		}
	}
}

func TestARefusedDiskIsAnError(t *testing.T) {
	full := fmt.Errorf("full")
	f := NewFile(key(t), func() (SpillFile, error) { return nil, full })
	f.limit(10)
	v := fec.NewValidator(fec.Options{Bookings: f.FEC})
	_, _ = v.Write(fecgen.Bytes(fecgen.Options{Size: 1 << 16}))
	v.Close()
	var got error
	for _, err := range f.Entries() {
		got = err
	}
	if got == nil || !strings.Contains(got.Error(), "full") {
		t.Errorf("%v", got)
	}
}

// removed is a file that goes when it is closed.
type removed struct{ *os.File }

func (r removed) Close() error {
	if err := r.File.Close(); err != nil {
		return err
	}
	return os.Remove(r.Name())
}

func spilling(t testing.TB) func() (SpillFile, error) {
	folder := t.TempDir()
	t.Cleanup(func() {
		if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
			t.Errorf("%d files are left, %v", len(left), err)
		}
	})
	return func() (SpillFile, error) {
		file, err := os.CreateTemp(folder, "entries")
		return removed{file}, err
	}
}

// TestMemoryOfALargeFile: 100 MB, sorted by ledger account, so that no entry is in one place.
func TestMemoryOfALargeFile(t *testing.T) {
	if testing.Short() {
		t.Skip("100 MB")
	}
	const most = 12 << 20 // with what a validator of such a file needs
	f := NewFile(key(t), spilling(t))
	v := fec.NewValidator(fec.Options{Bookings: f.FEC})
	gen := fecgen.New(fecgen.Options{Size: 100 << 20})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	buffer := make([]byte, 64<<10)
	for {
		n, err := gen.Read(buffer)
		if n == 0 && err != nil {
			break
		}
		_, _ = v.Write(buffer[:n])
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > most {
		t.Errorf("%d bytes are kept", grown)
	}
	entries, report := 0, v.Close()
	for _, err := range f.Entries() {
		testkit.OK(t, err)
		if entries++; entries == 1 {
			runtime.GC()
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > most {
				t.Errorf("%d bytes are kept while entries are handed out", grown)
			}
		}
	}
	if entries != report.Entries {
		t.Errorf("%d entries, the report has %d", entries, report.Entries)
	}
	t.Logf("%d lines, %d entries", report.Lines, entries)
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func BenchmarkFEC(b *testing.B) {
	data := fecgen.Bytes(fecgen.Options{Size: 8 << 20})
	for name, with := range map[string]bool{"validator alone": false, "with identity": true} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				f := NewFile(key(b), nil)
				var o fec.Options
				if with {
					o.Bookings = f.FEC
				}
				v := fec.NewValidator(o)
				_, _ = v.Write(data)
				v.Close()
				for _, err := range f.Entries() {
					testkit.OK(b, err)
				}
			}
		})
	}
}

func FuzzFEC(f *testing.F) {
	f.Add(fecgen.Bytes(fecgen.Options{Size: 2000}), 3)
	f.Add(fecgen.Bytes(fecgen.Options{Size: 2000, ByLedger: 3}), 1)
	f.Fuzz(func(t *testing.T, data []byte, most int) {
		read := func(most int) []Entry {
			gather := NewFile(key(t), spilling(t))
			gather.limit(most)
			v := fec.NewValidator(fec.Options{Bookings: gather.FEC})
			_, _ = v.Write(data)
			v.Close()
			return all(t, gather)
		}
		if a, b := read(0), read(1+most&15); !slices.Equal(a, b) {
			t.Errorf("in memory %v, on disk %v", a, b)
		}
	})
}

func FuzzTRA(f *testing.F) {
	f.Add(tragen.Bytes(tragen.Options{Size: 3000}), 3)
	f.Add(tragen.Bytes(tragen.Options{Size: 3000, Standard: true, ByLedger: 3}), 1)
	f.Fuzz(func(t *testing.T, data []byte, most int) {
		read := func(most int) []Entry {
			gather := NewFile(key(t), spilling(t))
			gather.limit(most)
			v := tra.NewValidator(tra.Options{Bookings: gather.TRA})
			_, _ = v.Write(data)
			v.Close()
			return all(t, gather)
		}
		if a, b := read(0), read(1+most&15); !slices.Equal(a, b) {
			t.Errorf("in memory %v, on disk %v", a, b)
		}
	})
}

// TestDigestsOfASchemeStay: ledgers hold them, so that another field, order or function is another scheme.
func TestDigestsOfASchemeStay(t *testing.T) {
	got := key(t).Entries([]cegidclient.Entry{{
		Journal: "ACH", Date: "2026-03-15", Reference: "0042", DocumentReference: "Café-1",
		Lines: []cegidclient.EntryLine{{Account: "60700000", Debit: "100.00"}, {Account: "40100000", ThirdParty: "FEXEMPLE", Credit: "100"}},
	}})[0]
	if said := fmt.Sprintf("%d: %x %x %x", Scheme, got.Body, got.Reference, got.Document); said != "2: 3a036ee51158c28321461a89cdce457d 6a58761db6cac6e8 f3a4fc96baf61e75" {
		t.Error(said)
	}
}
