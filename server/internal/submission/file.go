package submission

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/identity"
	"cegid.internal/gateway/server/internal/filereport"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission/spool"
)

const (
	importTRA = "import_tra"
	linkLife  = 24 * time.Hour // Loop fetches a file when it gets round to it (loop-api: A 1)
)

// FileAbout is what is said of a file before its bytes.
type FileAbout struct {
	ledger.Deposit
	// NumbersPerLine states that EcritureNum of a FEC counts lines.
	NumbersPerLine bool
	// Ignored are codes of findings to leave out.
	Ignored []string
}

// FileIntake takes a file of entries in while it comes: it looks at it, and keeps it as long as it has no error.
type FileIntake struct {
	writer  *Writer
	about   FileAbout
	deposit ledger.Deposit
	books   ledger.Books
	look    inspector
	entries *identity.File // nil where nothing is to be compared or kept
	digest  hash.Hash
	to      io.Writer
	file    *spool.File // nil where it is only looked at
	always  bool        // it is kept whatever its errors are
	whole   *filereport.Whole
	// elsewhere tells of entries that are like those of other imports, once it is inspected, and overlaps of each.
	elsewhere []check.Finding
	overlaps  []EntryOverlap
}

// InspectFile looks at a file that is not kept.
func (w *Writer) InspectFile(ctx context.Context, p Practice, about FileAbout) (*FileIntake, error) {
	return w.inspect(ctx, p, about, nil, false)
}

// ReportFile looks at a file that is not kept, and keeps what is found in it until the intake is closed: see Whole.
func (w *Writer) ReportFile(ctx context.Context, p Practice, about FileAbout) (*FileIntake, error) {
	return w.inspect(ctx, p, about, filereport.NewWhole(func() (filereport.SpillFile, error) { return w.Spool.Scratch() }), false)
}

// inspect gathers what the entries are told by if it is to be kept, or there is something to compare it with when the file begins
// to come: that takes as long as all the rest.
func (w *Writer) inspect(ctx context.Context, p Practice, about FileAbout, whole *filereport.Whole, kept bool) (*FileIntake, error) {
	if err := ignorable(about.Ignored, "metadata.ignored_findings", ignorableOf[Format(about.Format)]); err != nil {
		return nil, err
	}
	books := p.books(about.Dossier)
	gather, err := w.gather(ctx, books, kept)
	if err != nil {
		return nil, ledgerFault(err)
	}
	return &FileIntake{
		writer: w, about: about, deposit: about.Deposit, books: books, look: inspectors[Format(about.Format)](about, w.LoopModel, gather, whole),
		whole: whole, entries: gather, digest: sha256.New(), to: io.Discard,
	}, nil
}

func (w *Writer) gather(ctx context.Context, books ledger.Books, kept bool) (*identity.File, error) {
	if !kept {
		if others, err := w.Ledger.Booked(ctx, books); err != nil || !others {
			return nil, err
		}
	}
	key, err := w.Ledger.IdentityKey(ctx)
	if err != nil {
		return nil, err
	}
	return identity.NewFile(key, func() (identity.SpillFile, error) { return w.Spool.Scratch() }), nil
}

// ShowFile looks at a file, and keeps it until its page is made, which shows lines of it, and the intake is closed.
func (w *Writer) ShowFile(ctx context.Context, p Practice, about FileAbout) (*FileIntake, error) {
	file, err := w.Spool.Create(about.Caller)
	if err != nil {
		return nil, err
	}
	in, err := w.InspectFile(ctx, p, about)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	in.file, in.to, in.always = file, file, true
	return in, nil
}

// Page is the report on a file, which was inspected, as a page in a language, fr or en; of a custom file there is none.
func (f *FileIntake) Page(language string) (string, error) {
	format := Format(f.about.Format)
	if format == FormatCustom {
		return "", nil
	}
	report, err := filereport.Check(f.file.Reader(), filereport.Options{
		Name: f.about.FileName, Format: string(format), NumbersPerLine: f.about.NumbersPerLine, Model: f.writer.LoopModel,
		Ignored:   f.about.Ignored,
		Elsewhere: f.elsewhere,
	})
	if err != nil {
		return "", err
	}
	var page strings.Builder
	err = report.HTML(&page, filereport.Language(language))
	return page.String(), err
}

// ReceiveFile keeps a file until it is deposited at Loop, or the intake is closed.
func (w *Writer) ReceiveFile(ctx context.Context, p Practice, about FileAbout) (*FileIntake, error) {
	if err := consented(p, Format(about.Format)); err != nil {
		return nil, err
	}
	file, err := w.Spool.Create(about.Caller)
	if err != nil {
		return nil, err
	}
	in, err := w.inspect(ctx, p, about, nil, true)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	in.file, in.to = file, file
	return in, nil
}

// Take takes the next bytes.
func (f *FileIntake) Take(data []byte) error {
	if f.deposit.Size += int64(len(data)); f.deposit.Size > f.writer.MaxFile {
		return &FileTooLargeError{f.writer.MaxFile}
	}
	_, _ = f.digest.Write(data)
	if !f.look.Refused() {
		_, _ = f.look.Write(data)
	}
	if f.look.Failed() && !f.always {
		return nil // the rest may have more errors
	}
	_, err := f.to.Write(data)
	return err
}

// Close lets go of the file.
func (f *FileIntake) Close() {
	if f.entries != nil {
		_ = f.entries.Close()
	}
	if f.whole != nil {
		_ = f.whole.Close()
	}
	if f.file != nil {
		_ = f.file.Close()
	}
}

// Report is what was found in the file, all of which has come; the error is that of the findings that stop it.
func (f *FileIntake) Report() (ledger.Deposit, error) {
	copy(f.deposit.Digest[:], f.digest.Sum(nil))
	f.deposit.Totals, f.deposit.Report = f.look.report()
	f.deposit.Report.Findings = check.Without(f.deposit.Report.Findings, f.about.Ignored)
	if check.HasErrors(f.deposit.Report.Findings) {
		return f.deposit, &FileRefusedError{f.deposit.Report.Findings}
	}
	return f.deposit, nil
}

// Deposit lays the file down at Loop, unless it is there already. A caller who leaves ends it, and repeats it: what nobody
// names, Loop does not import.
func (f *FileIntake) Deposit(ctx context.Context, p Practice) (ledger.Deposit, error) {
	d, err := f.Report()
	if err != nil {
		return ledger.Deposit{}, err
	}
	l := f.writer.Ledger
	known, err := l.Deposit(ctx, d.Practice, d.Identity())
	if err != nil && !errors.Is(err, ledger.ErrUnknown) {
		return ledger.Deposit{}, ledgerFault(err)
	}
	if err == nil && !known.Expired {
		return known, f.keepDigests(ctx, known)
	}
	if err := f.writer.shared(ctx, p, d.Dossier); err != nil {
		return ledger.Deposit{}, err
	}
	d.URI, err = p.Client.Files.Deposit(ctx, d.FileName, cegidclient.FileContent{Content: f.file.Reader(), Size: d.Size, SHA256: d.Digest[:]})
	if err != nil {
		return ledger.Deposit{}, err
	}
	if err := f.keepDigests(ctx, d); err != nil {
		return ledger.Deposit{}, err
	}
	kept, err := l.Deposited(ctx, d, f.writer.DepositLifetime)
	return kept, ledgerFault(err)
}

// keepDigests keeps what the entries of a deposit are told by, unless that is there.
func (f *FileIntake) keepDigests(ctx context.Context, d ledger.Deposit) error {
	if !booksEntries(Format(d.Format)) {
		return nil
	}
	l := f.writer.Ledger
	_, err := l.DigestsOf(ctx, f.books, d.Practice, d.Identity())
	if errors.Is(err, ledger.ErrNoDigests) {
		_, err = l.KeepDigests(ctx, f.books, d.Practice, d.Identity(), f.entries.Entries())
	}
	return diskOrLedger(err)
}

// diskOrLedger tells the spool's errors from the ledger's.
func diskOrLedger(err error) error {
	if errors.Is(err, spool.ErrNoRoom) {
		return err
	}
	return ledgerFault(err)
}

// consented refuses an unverified operation that the operator has not enabled.
func consented(p Practice, format Format) error {
	if format != FormatTRA || p.enabled(importTRA) {
		return nil
	}
	return &UnverifiedError{Operation: importTRA, Field: "format"}
}

// Deposit finds a deposit of the caller's own for the dossier, that has not expired.
func (w *Writer) Deposit(ctx context.Context, caller, practice, dossier, id string) (ledger.Deposit, error) {
	found, err := w.ownDeposit(ctx, practice, dossier, id, caller)
	if err == nil && found.Expired {
		err = ErrDepositUnknown
	}
	return found, err
}

// ownDeposit finds a deposit of one of some callers for the dossier, also one that has expired.
func (w *Writer) ownDeposit(ctx context.Context, practice, dossier, id string, callers ...string) (ledger.Deposit, error) {
	found, err := w.Ledger.Deposit(ctx, practice, id)
	if errors.Is(err, ledger.ErrUnknown) || err == nil && (!slices.Contains(callers, found.Caller) || found.Dossier != dossier) {
		return ledger.Deposit{}, ErrDepositUnknown
	}
	return found, ledgerFault(err)
}

// File is a file of entries to import: a deposit, or behind a link.
type File struct {
	Request
	Format              Format
	Model, SIRET        string
	DepositID, LinkText string
}

// ImportFile imports a file, once.
func (w *Writer) ImportFile(ctx context.Context, p Practice, f File) (Result, error) {
	it, err := w.file(ctx, p, f)
	if err != nil {
		return Result{}, err
	}
	return w.once(ctx, it)
}

// file finds the file of a request; its deposit is the caller's own, or another's of those named.
func (w *Writer) file(ctx context.Context, p Practice, f File, orOf ...string) (write, error) {
	source, err := w.source(ctx, p, f, orOf...)
	if err != nil {
		return write{}, err
	}
	send := map[Format]func(context.Context, string, cegidclient.FileImport) (string, error){
		FormatFEC: p.Client.Files.ImportFEC, FormatCustom: p.Client.Files.ImportCustom, FormatTRA: p.Client.Files.ImportTRA,
	}[source.format]
	s := f.submission(ledger.KindFile)
	s.Format, s.Fingerprints, s.File = string(source.format), source.fingerprints, &source.kept
	s.DocumentReferences, s.Totals, s.Findings = source.report.References, source.totals, source.report.Findings
	return write{
		submission: s,
		check: func(ctx context.Context, s *ledger.Submission) error {
			if err := source.check(time.Now()); err != nil {
				return err
			}
			if err := consented(p, source.format); err != nil {
				return err
			}
			return w.digested(ctx, p, source, s)
		},
		send: func(ctx context.Context) (string, error) { return send(ctx, f.Dossier, source.file) },
	}, nil
}

// digested names the digests of a deposit's entries. Without them, as in one from before there were any, or from before the
// practice's books had their name, it is to be deposited again, which makes them.
func (w *Writer) digested(ctx context.Context, p Practice, source *fileSource, s *ledger.Submission) error {
	if source.link != nil || !booksEntries(source.format) {
		return nil
	}
	books := p.books(s.Dossier)
	set, err := w.Ledger.DigestsOf(ctx, books, s.Practice, source.kept.Deposit)
	switch {
	case errors.Is(err, ledger.ErrNoDigests):
		return ErrDepositUnknown
	case err != nil:
		return ledgerFault(err)
	}
	s.Digests = &ledger.Digests{Books: books, Set: set}
	if s.AllowDuplicate {
		return nil
	}
	elsewhere, err := w.compareFile(ctx, p, s)
	if err != nil {
		return err
	}
	if err := elsewhere.refusal(); err != nil {
		return err
	}
	s.Findings = check.Ordered(elsewhere.kept(nil), s.Findings)
	return nil
}

// fileSource is a file that Loop is to import, and what is known of it.
type fileSource struct {
	format       Format
	file         cegidclient.FileImport
	fingerprints []ledger.Fingerprint // the newest scheme first
	totals       ledger.Totals
	report       ledger.FileReport
	kept         ledger.File
	expired      bool     // the deposit
	link         *url.URL // nil without
}

// The schemes of fingerprints of files: by their content, and by where they are. See documentScheme. In the path's scheme two
// files behind one path are the same: it tells repeats of imports from before linkScheme, and nothing is noted in it.
const (
	depositScheme = 301
	pathScheme    = 302
	linkScheme    = 303
)

// source finds the file of a request.
func (w *Writer) source(ctx context.Context, p Practice, f File, orOf ...string) (*fileSource, error) {
	out := &fileSource{format: f.Format, file: cegidclient.FileImport{SIRET: f.SIRET, Model: f.Model}}
	options := func(scheme int) *ledger.Hasher {
		return ledger.NewHasher(scheme).Text(string(out.format)).Text(f.Dossier).Text(f.Model).Text(f.SIRET)
	}
	if f.LinkText != "" {
		link, err := fileLink(f.LinkText, p.PlainLinks)
		switch {
		case err != nil:
			return nil, err
		case out.format == "":
			return nil, &FieldError{Field: "format", Problem: FormatMissing}
		}
		out.link, out.file.URL = link, cegidclient.NewSecret(f.LinkText)
		out.kept.Host = strings.ToLower(link.Host)
		out.kept.Name = linkedName(link)
		out.fingerprints = []ledger.Fingerprint{
			options(linkScheme).Text(identity.Link(f.LinkText)).Sum(), // signatures change, and the file behind them does not
			options(pathScheme).Text(strings.ToLower(link.Scheme + "://" + link.Host)).Text(link.EscapedPath()).Sum(),
		}
		return out, nil
	}
	deposit, err := w.ownDeposit(ctx, f.Practice, f.Dossier, f.DepositID, append(orOf, f.Caller)...)
	if err != nil {
		return nil, err
	}
	if out.format != "" && string(out.format) != deposit.Format {
		return nil, &FormatError{Format(deposit.Format)}
	}
	out.format, out.file.URI, out.expired = Format(deposit.Format), deposit.URI, deposit.Expired
	out.totals, out.report = deposit.Totals, deposit.Report
	out.kept = ledger.File{Name: deposit.FileName, Deposit: deposit.ID, SHA256: hex.EncodeToString(deposit.Digest[:])}
	out.fingerprints = []ledger.Fingerprint{options(depositScheme).Bytes(deposit.Digest[:]).Sum()}
	return out, nil
}

// linkedName is the name of a file behind a link; empty where the path ends in none, but perhaps in what opens the file.
func linkedName(link *url.URL) string {
	name := path.Base(link.Path)
	if len(name) > 255 || strings.Trim(path.Ext(name), ".") == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return ""
	}
	return name
}

// fileLink reads a link, of which no part may show in an error: it carries a signature.
func fileLink(text string, plain bool) (*url.URL, error) {
	refuse := func(why Problem) (*url.URL, error) {
		return nil, &FieldError{Field: "url", Problem: why}
	}
	link, err := url.Parse(text)
	switch {
	case err != nil || link.Hostname() == "":
		return refuse(LinkRelative)
	case link.User != nil:
		return refuse(LinkUser)
	case link.Fragment != "" || strings.HasSuffix(text, "#"):
		return refuse(LinkFragment)
	case !strings.EqualFold(link.Scheme, "https") && !(plain && strings.EqualFold(link.Scheme, "http")):
		return refuse(LinkPlain)
	}
	return link, nil
}

// check looks at what can be told before Loop is asked.
func (f *fileSource) check(now time.Time) error {
	custom := f.format == FormatCustom
	switch {
	case f.expired:
		return ErrDepositUnknown
	case custom && f.file.Model == "":
		return &FieldError{Field: "model", Problem: ModelMissing}
	case !custom && f.file.Model != "":
		return &FieldError{Field: "model", Problem: ModelGiven}
	case f.link != nil && expiresBefore(f.link, now.Add(linkLife)):
		return &FieldError{Field: "url", Problem: LinkExpires}
	}
	return refusal(check.SIRET(f.file.SIRET))
}

// expiresBefore tells whether a link of Azure's says so of itself. Others say it in ways of their own.
func expiresBefore(link *url.URL, then time.Time) bool {
	for _, end := range link.Query()["se"] {
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly} {
			if at, err := time.Parse(layout, end); err == nil && at.Before(then) {
				return true
			}
		}
	}
	return false
}
