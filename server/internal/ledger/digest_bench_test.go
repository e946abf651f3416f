package ledger

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
)

// BenchmarkALargeFileHoldsNobodyUp is the transaction that books 100,000 entries beside twelve files of the books that grew to
// as many. What is long comes before it, and is reported beside it: others wait for the transaction alone.
func BenchmarkALargeFileHoldsNobodyUp(b *testing.B) {
	l := temporary(b, nil)
	entries := made(100_000, 5)
	for month := 1; month <= 12; month++ {
		s := with(fmt.Sprint("month-", month), keep(b, l, fmt.Sprint("d", month), entries[:len(entries)*month/12]))
		s.AllowDuplicate = true
		begin(b, l, s)
	}
	began := time.Now()
	file := keep(b, l, "file", made(100_000, 6))
	kept := time.Since(began)
	began = time.Now()
	key := with("file", file)
	beforehand := newComparison(key.Key, key.Digests)
	testkit.OK(b, beforehand.more(b.Context(), l))
	compared := time.Since(began)
	for i := 0; b.Loop(); i++ {
		s := with(fmt.Sprint("file-", i), file)
		s.compared = beforehand
		s.compared.key, s.compared.seen = s.Key, int64(12+i) // there is nothing new to it but itself, which has another id
		err := l.write(b.Context(), func(w *writing) error {
			_, verdict, err := w.begin(s, owner)
			return errors.Join(err, verdict)
		})
		testkit.OK(b, err)
	}
	b.ReportMetric(float64(kept.Milliseconds()), "ms-to-keep")
	b.ReportMetric(float64(compared.Milliseconds()), "ms-to-compare")
}

// TestSizeOfDigests measures what a dossier takes whose FEC comes each month from January on: twelve files in which each
// entry of January is twelve times.
func TestSizeOfDigests(t *testing.T) {
	if testing.Short() {
		t.Skip("300,000 digests")
	}
	l := temporary(t, nil)
	const dossiers, perYear = 3, 12_000
	before := pages(t, l)
	for dossier := range dossiers {
		entries := made(perYear, uint64(dossier))
		for month := 1; month <= 12; month++ {
			b := Books{"firm", fmt.Sprint("D", dossier)}
			set, err := l.KeepDigests(t.Context(), b, "demo", fmt.Sprint(dossier, "-", month), each(entries[:perYear*month/12]))
			testkit.OK(t, err)
			s := with(fmt.Sprint(dossier, "-", month), &Digests{Books: b, Set: set})
			s.AllowDuplicate = true
			begin(t, l, s)
		}
	}
	perDossier := (pages(t, l) - before) / dossiers
	// Lines are 4 bytes an entry, and go with the deposit; chunks hold 32.
	t.Logf("%d KiB a dossier of %d entries a year, with the rows of its imports: %d MiB for 300", perDossier>>10, perYear, 300*perDossier>>20)
	if most := 100 * perYear; perDossier > most {
		t.Errorf("%d bytes a dossier, want %d at most", perDossier, most)
	}
	if _, err := l.db.ExecContext(t.Context(), `UPDATE entry_part SET lines = NULL`); err != nil {
		t.Fatal(err)
	}
	if _, err := l.db.ExecContext(t.Context(), `VACUUM`); err != nil {
		t.Fatal(err)
	}
	lasting := (pages(t, l) - before) / dossiers
	t.Logf("%d KiB once deposits are gone: %d MiB for 300, %d bytes an entry", lasting>>10, 300*lasting>>20, lasting/perYear)
	if most := 60 * perYear; lasting > most {
		t.Errorf("%d bytes last, want %d at most", lasting, most)
	}
}

func pages(t testing.TB, l *Ledger) (bytes int) {
	t.Helper()
	testkit.OK(t, l.db.QueryRowContext(t.Context(), `SELECT (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size)`).Scan(&bytes))
	return bytes
}

// BenchmarkBeginOfAnInvoice: one entry, in books to which as many were sent this month one by one.
func BenchmarkBeginOfAnInvoice(b *testing.B) {
	for _, before := range []int{0, 5000} {
		b.Run(fmt.Sprint(before), func(b *testing.B) {
			l := temporary(b, nil)
			d := digests(b, l)
			for i := range before {
				begin(b, l, with(fmt.Sprint("r", i), d.of(invoice(fmt.Sprint("FA-", i), fmt.Sprint(i), "1.00"))))
			}
			n := before
			for b.Loop() {
				begin(b, l, with(fmt.Sprint("r", n), d.of(invoice(fmt.Sprint("FA-", n), fmt.Sprint(n), "1.00"))))
				n++
			}
		})
	}
}
