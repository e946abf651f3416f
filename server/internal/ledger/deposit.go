package ledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/filecheck"
)

// Deposit is a file that waits at Loop to be imported, and what was found in it.
type Deposit struct {
	// ID is that of Identity.
	ID string
	// Practice, dossier and caller that it is for, format and name of the file.
	Practice, Dossier, Caller, Format, FileName string
	Digest                                      [sha256.Size]byte
	// Size in bytes.
	Size int64
	// URI is Loop's name of it: no link, and no secret.
	URI    string
	Totals Totals
	Report FileReport
	// Created and Expires are UTC, of the database's clock, to the microsecond. Expired goes by the same clock.
	Created, Expires time.Time
	Expired          bool
}

// FileReport is what was found in a file besides its totals.
type FileReport struct {
	// Partial says that totals are too small.
	Partial bool `json:"partial,omitempty"`
	// References are the first document references.
	References []string `json:"references,omitempty"`
	// Journals and Findings are the first hundred; Omitted is how many there are besides.
	Journals        []JournalTotals `json:"journals,omitempty"`
	OmittedJournals int             `json:"omitted_journals,omitempty"`
	Findings        []check.Finding `json:"findings,omitempty"`
	OmittedFindings int             `json:"omitted_findings,omitempty"`
	// Encoding and Separator are as the contract has them; empty when they are not known.
	Encoding  string `json:"encoding,omitempty"`
	Separator string `json:"separator,omitempty"`

	// Months, Accounts and Unbalanced are answered where a file is validated, and not kept.
	Months     []filecheck.MonthTotal `json:"-"`
	Accounts   []filecheck.Total      `json:"-"`
	Unbalanced []filecheck.EntryTotal `json:"-"`
}

// JournalTotals add up the lines of a journal.
type JournalTotals struct {
	Code   string `json:"code"`
	Label  string `json:"label,omitempty"`
	Lines  int    `json:"lines"`
	Debit  string `json:"debit"`
	Credit string `json:"credit"`
}

// Bounded leaves of a report what a deposit keeps.
func (r FileReport) Bounded() FileReport {
	if more := len(r.Journals) - maxJournals; more > 0 {
		r.Journals, r.OmittedJournals = r.Journals[:maxJournals], r.OmittedJournals+more
	}
	if more := len(r.Findings) - maxFindings; more > 0 {
		r.Findings, r.OmittedFindings = r.Findings[:maxFindings], r.OmittedFindings+more
	}
	return r
}

// maxJournals is how many of a file are kept.
const maxJournals = 100

const depositColumns = `id, practice, dossier, caller, format, file_name, digest, size, uri, entries, lines, debit, credit, ` +
	`first_date, last_date, report, created, expires`

const selectDeposit = `SELECT ` + depositColumns + ` FROM file_deposit `

// Identity is the id of a deposit: a UUID that is always the same for the same file, caller and dossier. A file that is
// deposited again, after it expired, has the name that its caller knows. It is no secret.
func (d Deposit) Identity() string {
	sum := NewHasher(identityScheme).Text(d.Practice).Text(d.Dossier).Text(d.Caller).
		Text(d.Format).Text(d.FileName).Bytes(d.Digest[:]).Sum().Sum
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // version 8 (RFC 9562)
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

const identityScheme = 401

// Deposited keeps a deposit, which gets its id and a time to live. When it has one already that has not expired, that is the
// answer, and nothing is kept.
func (l *Ledger) Deposited(ctx context.Context, d Deposit, lives time.Duration) (Deposit, error) {
	d.ID, d.Report = d.Identity(), d.Report.Bounded()
	err := l.write(ctx, func(w *writing) error {
		known, err := w.deposit(d.Practice, d.ID)
		if err == nil && !known.Expired {
			d = known
			return nil
		}
		if err != nil && !errors.Is(err, ErrUnknown) {
			return err
		}
		report, err := encode(d.Report, false)
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		d.Created, d.Expires = instant(w.now), instant(w.now+lives.Microseconds())
		args := []any{
			d.ID, d.Practice, d.Dossier, d.Caller, d.Format, d.FileName, d.Digest[:], d.Size, d.URI, d.Totals.Entries, d.Totals.Lines,
			d.Totals.Debit, d.Totals.Credit, d.Totals.FirstDate, d.Totals.LastDate, report, micros(d.Created), micros(d.Expires),
		}
		_, err = w.tx.ExecContext(w.ctx, `INSERT INTO file_deposit (`+depositColumns+`) VALUES (`+placeholders(1, len(args))+`) `+
			`ON CONFLICT (practice, id) DO UPDATE SET uri = excluded.uri, report = excluded.report, created = excluded.created, `+
			`expires = excluded.expires`, args...)
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		return nil
	})
	if err != nil {
		return Deposit{}, err
	}
	return d, nil
}

// Deposit returns a deposit of a practice, for a while also one that has expired; ErrUnknown without one.
func (l *Ledger) Deposit(ctx context.Context, practice, id string) (found Deposit, err error) {
	err = l.write(ctx, func(w *writing) (err error) {
		found, err = w.deposit(practice, id)
		return err
	})
	return found, err
}

func (w *writing) deposit(practice, id string) (Deposit, error) {
	d, err := scanDeposit(w.tx.QueryRowContext(w.ctx, selectDeposit+`WHERE practice = $1 AND id = $2`, practice, id), w.now)
	if errors.Is(err, sql.ErrNoRows) {
		return Deposit{}, ErrUnknown
	}
	return d, err
}

func scanDeposit(row interface{ Scan(into ...any) error }, now int64) (d Deposit, err error) {
	var digest []byte
	var report string
	var created, expires int64
	err = row.Scan(&d.ID, &d.Practice, &d.Dossier, &d.Caller, &d.Format, &d.FileName, &digest,
		&d.Size, &d.URI, &d.Totals.Entries, &d.Totals.Lines, &d.Totals.Debit, &d.Totals.Credit, &d.Totals.FirstDate, &d.Totals.LastDate,
		&report, &created, &expires)
	switch {
	case err == nil && len(digest) != len(d.Digest):
		err = fmt.Errorf("digest of deposit %q has %d bytes", d.ID, len(digest))
	case err == nil:
		err = decode(report, &d.Report)
	}
	if err != nil {
		return Deposit{}, fmt.Errorf("ledger: %w", err)
	}
	copy(d.Digest[:], digest)
	d.Created, d.Expires, d.Expired = instant(created), instant(expires), expires <= now
	return d, nil
}
