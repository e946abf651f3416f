package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient/check"
)

func deposit(content string) Deposit {
	return Deposit{
		Practice: "demo", Dossier: "CEGID001", Caller: "billing", Format: "FEC", FileName: "fec.txt",
		Digest: sha256.Sum256([]byte(content)), Size: 1 << 31, URI: "0-0/fec.txt",
		Totals: Totals{Entries: 2, Lines: 4, Debit: "1.00", Credit: "1.00", FirstDate: "2026-01-01", LastDate: "2026-12-31"},
		Report: FileReport{
			References: []string{"FA-1"}, Journals: []JournalTotals{{"ACH", "Achats", 4, "1.00", "1.00"}}, Encoding: "ASCII", Separator: "\t",
			Findings: []check.Finding{{Code: "DATE_ZERO", Severity: check.Warning, Grounds: check.Law, Line: 2, Column: 3, Count: 4, Lines: []int{2, 3}}},
		},
	}
}

func TestDeposits(t *testing.T) { onEach(t, deposits) }

func deposits(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	id := deposit("a").Identity()
	if _, err := l.Deposit(t.Context(), "demo", id); !errors.Is(err, ErrUnknown) {
		t.Fatalf("%v", err)
	}
	want := deposit("a")
	want.ID, want.Created, want.Expires = id, c.Now(), c.Now().Add(time.Hour)
	again := deposit("a")
	again.URI = "another" // that of an upload in vain
	for _, step := range []struct {
		name string
		find func() (Deposit, error)
	}{
		{"made", func() (Deposit, error) { return l.Deposited(t.Context(), deposit("a"), time.Hour) }},
		{"found", func() (Deposit, error) { return l.Deposit(t.Context(), "demo", id) }},
		{"made again", func() (Deposit, error) { return l.Deposited(t.Context(), again, 2*time.Hour) }},
		{"at the last moment", func() (Deposit, error) {
			c.pass(time.Hour - time.Microsecond)
			return l.Deposited(t.Context(), again, time.Hour)
		}},
	} {
		if got, err := step.find(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", step.name, got, err)
		}
	}
	if _, err := l.Deposit(t.Context(), "partner", id); !errors.Is(err, ErrUnknown) {
		t.Errorf("in another practice: %v", err)
	}

	c.pass(time.Microsecond)
	want.Expired = true
	if got, err := l.Deposit(t.Context(), "demo", id); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("expired: %+v, %v", got, err)
	}
	renewed, err := l.Deposited(t.Context(), again, time.Hour)
	if got, failed := l.Deposit(t.Context(), "demo", id); errors.Join(err, failed) != nil || got.URI != "another" || got.Expired || !got.Created.Equal(c.Now()) || !reflect.DeepEqual(got, renewed) {
		t.Errorf("anew: %+v, %v, %v", got, err, failed)
	}

	c.pass(time.Hour)
	c.pass(KeepDeposit)
	for _, want := range []Retained{{}, {Deposits: 1}, {}} {
		if got := retainAll(t, l); got != want {
			t.Errorf("%+v; want %+v", got, want)
		}
		if want == (Retained{}) {
			c.pass(time.Microsecond)
		}
	}
	if _, err := l.Deposit(t.Context(), "demo", id); !errors.Is(err, ErrUnknown) {
		t.Errorf("forgotten: %v", err)
	}
}

func TestEachFileOfEachCallerHasADepositOfItsOwn(t *testing.T) {
	if id := deposit("a").Identity(); id != "c0119dce-0af5-8518-971f-41b14d3add3c" {
		t.Error("ids that callers know have changed:", id)
	}
	seen := map[string]string{deposit("a").Identity(): "itself"}
	for name, change := range map[string]func(*Deposit){
		"practice": func(d *Deposit) { d.Practice = "partner" }, "dossier": func(d *Deposit) { d.Dossier = "x" }, "caller": func(d *Deposit) { d.Caller = "x" },
		"format": func(d *Deposit) { d.Format = "TRA" }, "name": func(d *Deposit) { d.FileName = "x" }, "content": func(d *Deposit) { d.Digest[0]++ },
	} {
		other := deposit("a")
		change(&other)
		if same, known := seen[other.Identity()]; known {
			t.Errorf("of another %s: as that of %s", name, same)
		}
		seen[other.Identity()] = name
	}
}

func TestADepositKeepsTheFirstOfManyFindings(t *testing.T) {
	l := temporary(t, nil)
	many := deposit("many")
	many.Report.OmittedFindings = 1
	for i := range 149 {
		many.Report.Findings = append(many.Report.Findings, check.Finding{Code: fmt.Sprint(i)})
		many.Report.Journals = append(many.Report.Journals, JournalTotals{Code: fmt.Sprint(i)})
	}
	made, err := l.Deposited(t.Context(), many, time.Hour)
	kept, failed := l.Deposit(t.Context(), "demo", made.ID)
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	if r := kept.Report; len(r.Findings) != maxFindings || r.OmittedFindings != 51 || len(r.Journals) != maxJournals || r.OmittedJournals != 50 || !reflect.DeepEqual(kept, made) {
		t.Errorf("%+v", r)
	}
}

func TestDepositsAreShownToPeople(t *testing.T) { onEach(t, depositsAreShownToPeople) }

func depositsAreShownToPeople(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	if _, err := l.Deposited(t.Context(), deposit("a"), time.Hour); err != nil {
		t.Fatal(err)
	}
	got := lines(t, l, "SELECT sha256, size, debit, created, expires FROM ledger_deposits")
	if !strings.HasPrefix(got, fmt.Sprintf("sha256=%x size=2147483648 debit=1.00 created=2026-03-01 ", sha256.Sum256([]byte("a")))) {
		t.Error(got)
	}
}
