package service

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/spool"
)

// Files is how files of entries are taken in.
type Files struct {
	// Spool keeps them until they are deposited.
	Spool *spool.Spool
	// MaxSize is the most bytes that one may have.
	MaxSize int64
	// DepositLifetime is how long a deposit can be imported.
	DepositLifetime time.Duration
}

const (
	importFileRPC = importService + ".ImportFile"
	importTRA     = "import_tra"
	linkLife      = 24 * time.Hour // Loop fetches a file when it gets round to it (loop-api: A 10)
)

// DepositFile implements looppb.ImportServiceServer.
func (s *Imports) DepositFile(stream grpc.ClientStreamingServer[looppb.DepositFileRequest, looppb.DepositFileResponse]) error {
	ctx := stream.Context()
	about, err := opening[*looppb.FileMetadata](stream)
	if err != nil {
		return err
	}
	practice, err := s.practices.Get(about.GetPractice())
	if err != nil {
		return err
	}
	if err := consented(practice, about.GetFormat()); err != nil {
		return err
	}
	file, err := s.files.Spool.Create(s.caller(ctx))
	if err != nil {
		return spoolError(err)
	}
	defer func() { _ = file.Close() }()
	deposit, err := receiveFile(stream, s.files.MaxSize, about, file)
	if err != nil {
		return err
	}
	if err := fileRefusal(deposit.Report.Findings); err != nil {
		return err
	}
	deposit.Caller = s.caller(ctx)
	known, err := s.ledger.Deposit(ctx, deposit.Practice, deposit.Identity())
	if errors.Is(err, ledger.ErrUnknown) || err == nil && known.Expired {
		known, err = s.deposit(ctx, practice, deposit, file)
	}
	if err != nil {
		return s.ledgerError(err)
	}
	return stream.SendAndClose(&looppb.DepositFileResponse{Deposit: depositMessage(known)})
}

// deposit lays a file down at Loop. A caller who leaves ends it, and repeats it: what nobody names, Loop does not import.
func (s *Imports) deposit(ctx context.Context, practice *Practice, d ledger.Deposit, file *spool.File) (ledger.Deposit, error) {
	if err := dossierIsShared(ctx, s.preflight, practice, d.Dossier); err != nil {
		return ledger.Deposit{}, err
	}
	uri, err := practice.Client.Files.Deposit(ctx, d.FileName, cegidclient.FileContent{Content: file.Reader(), Size: d.Size, SHA256: d.Digest[:]})
	if err != nil {
		return ledger.Deposit{}, err
	}
	d.URI = uri
	return s.ledger.Deposited(ctx, d, s.files.DepositLifetime)
}

// GetDeposit implements looppb.ImportServiceServer.
func (s *Imports) GetDeposit(ctx context.Context, request *looppb.GetDepositRequest) (*looppb.GetDepositResponse, error) {
	if _, err := s.practices.Get(request.GetPractice()); err != nil {
		return nil, err
	}
	found, err := s.ownDeposit(ctx, request)
	if err == nil && found.Expired {
		err = errDepositUnknown()
	}
	if err != nil {
		return nil, s.ledgerError(err)
	}
	return &looppb.GetDepositResponse{Deposit: depositMessage(found)}, nil
}

// ownDeposit finds a deposit of the caller's own for the dossier, or of another of those named, also one that has expired.
func (s *Imports) ownDeposit(ctx context.Context, request interface {
	GetPractice() string
	GetDossier() string
	GetDepositId() string
}, orOf ...string,
) (ledger.Deposit, error) {
	found, err := s.ledger.Deposit(ctx, request.GetPractice(), request.GetDepositId())
	if errors.Is(err, ledger.ErrUnknown) || err == nil && (found.Caller != s.caller(ctx) && !slices.Contains(orOf, found.Caller) || found.Dossier != request.GetDossier()) {
		return ledger.Deposit{}, errDepositUnknown()
	}
	return found, err
}

// ValidateFile implements looppb.ImportServiceServer.
func (s *Imports) ValidateFile(stream grpc.ClientStreamingServer[looppb.ValidateFileRequest, looppb.ValidateFileResponse]) error {
	about, err := opening[*looppb.FileMetadata](stream)
	if err != nil {
		return err
	}
	if _, err := s.practices.Get(about.GetPractice()); err != nil {
		return err
	}
	found, err := receiveFile(stream, s.files.MaxSize, about, io.Discard)
	if err != nil {
		return err
	}
	return stream.SendAndClose(&looppb.ValidateFileResponse{Valid: new(fileRefusal(found.Report.Findings) == nil), Report: reportMessage(found)})
}

// receiveFile looks at a file while it comes, and writes it as long as it has no error.
func receiveFile[P piece[*looppb.FileMetadata]](stream pieces[P], maxSize int64, about *looppb.FileMetadata, to io.Writer) (ledger.Deposit, error) {
	d := ledger.Deposit{
		Practice: about.GetPractice(), Dossier: about.GetDossier(), Format: importFormatName(about.GetFormat()), FileName: about.GetFileName(),
	}
	look, digest := inspectors[about.GetFormat()](about.GetFileName()), sha256.New()
	err := receive(stream, fileLimit, func(data []byte) error {
		if d.Size += int64(len(data)); d.Size > maxSize {
			return apierror.FileTooLarge(maxSize)
		}
		_, _ = digest.Write(data)
		if !look.Refused() {
			_, _ = look.Write(data)
		}
		if look.Failed() {
			return nil // the rest may have more errors
		}
		_, err := to.Write(data)
		return spoolError(err)
	})
	if err != nil {
		return ledger.Deposit{}, err
	}
	copy(d.Digest[:], digest.Sum(nil))
	d.Totals, d.Report = look.report()
	return d, nil
}

// fileRefusal is the error of the findings that stop a file; nil without one. Its violations are the first of them.
func fileRefusal(found []ledger.Finding) error {
	out := apierror.Error{Code: codes.InvalidArgument, Reason: looppb.ErrorReason_ERROR_REASON_FILE_INVALID}
	count := 0
	for _, each := range found {
		if each.Severity != check.Error.String() {
			continue
		}
		count += each.Count
		out.Violations = append(out.Violations, apierror.Violation{Field: placeOf(each), Description: each.Message, Reason: each.Code, French: each.MessageFR})
	}
	if count == 0 {
		return nil
	}
	errorsFound := "an error"
	if count > 1 {
		errorsFound = fmt.Sprintf("%d errors", count)
	}
	out.Message = fmt.Sprintf("the file has %s, of which ValidateFile tells all, and Loop was not asked for anything: %s: %s",
		errorsFound, out.Violations[0].Field, out.Violations[0].Description)
	return out.Err()
}

// placeOf says where in a file something was found first.
func placeOf(f ledger.Finding) string {
	switch {
	case f.Line == 0:
		return "file"
	case f.Column == 0:
		return fmt.Sprintf("line %d", f.Line)
	}
	return fmt.Sprintf("line %d, column %d", f.Line, f.Column)
}

// consented refuses what nobody has verified and the operator has not enabled.
func consented(practice *Practice, format looppb.ImportFormat) error {
	if format != looppb.ImportFormat_IMPORT_FORMAT_TRA || slices.Contains(practice.Unverified, importTRA) {
		return nil
	}
	return apierror.Error{
		Code: codes.FailedPrecondition, Reason: looppb.ErrorReason_ERROR_REASON_OPERATION_UNVERIFIED,
		Message:    "format: nobody has verified how Loop imports TRA files, and the operator has not enabled " + importTRA,
		Violations: []apierror.Violation{{Field: "format", Description: "have " + importTRA + " enabled under unverified_operations; ValidateFile needs no consent"}},
	}.Err()
}

// ImportFile implements looppb.ImportServiceServer.
func (s *Imports) ImportFile(ctx context.Context, request *looppb.ImportFileRequest) (*looppb.ImportFileResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	write, err := s.fileWrite(ctx, practice, request)
	if err != nil {
		return nil, s.ledgerError(err)
	}
	record, err := write.once(ctx)
	if err != nil {
		return nil, err
	}
	return &looppb.ImportFileResponse{ImportRecord: importMessage(record.Record), Replayed: &record.Replayed}, nil
}

// fileWrite finds the file of a request; its deposit is the caller's own, or another's of those named.
func (s *Imports) fileWrite(ctx context.Context, practice *Practice, request *looppb.ImportFileRequest, orOf ...string) (importWrite, error) {
	source, err := s.source(ctx, practice, request, orOf...)
	if err != nil {
		return importWrite{}, err
	}
	send := map[looppb.ImportFormat]func(context.Context, string, cegidclient.FileImport) (string, error){
		looppb.ImportFormat_IMPORT_FORMAT_FEC:    practice.Client.Files.ImportFEC,
		looppb.ImportFormat_IMPORT_FORMAT_CUSTOM: practice.Client.Files.ImportCustom,
		looppb.ImportFormat_IMPORT_FORMAT_TRA:    practice.Client.Files.ImportTRA,
	}[source.format]
	return importWrite{
		writes: &s.ofFiles,
		submission: ledger.Submission{
			Key:    importKey(request),
			Caller: s.caller(ctx), RPC: importFileRPC, Format: importFormatName(source.format), Metadata: request.GetMetadata(),
			Fingerprints: []ledger.Fingerprint{source.fingerprint}, DocumentReferences: source.report.References, Totals: source.totals, Findings: source.report.Findings,
			File: &source.kept, AllowDuplicate: request.GetAllowDuplicate(),
		},
		check: func(context.Context, *ledger.Submission) error {
			if err := source.check(time.Now()); err != nil {
				return err
			}
			return consented(practice, source.format)
		},
		send: func(ctx context.Context) (string, error) { return send(ctx, request.GetDossier(), source.file) },
	}, nil
}

// fileSource is a file that Loop is to import, and what is known of it.
type fileSource struct {
	format      looppb.ImportFormat
	file        cegidclient.FileImport
	fingerprint ledger.Fingerprint
	totals      ledger.Totals
	report      ledger.FileReport
	kept        ledger.File
	expired     bool     // the deposit
	link        *url.URL // nil without
}

// The schemes of fingerprints of files: by their content, and by where they are. See documentScheme.
const (
	depositScheme = 301
	linkScheme    = 302
)

// source finds the file of a request.
func (s *Imports) source(ctx context.Context, practice *Practice, request *looppb.ImportFileRequest, orOf ...string) (*fileSource, error) {
	out := &fileSource{format: request.GetFormat(), file: cegidclient.FileImport{SIRET: request.GetSiret(), Model: request.GetModel()}}
	options := func(scheme int) *ledger.Hasher {
		return ledger.NewHasher(scheme).Text(importFormatName(out.format)).Text(request.GetDossier()).Text(request.GetModel()).Text(request.GetSiret())
	}
	if text := request.GetUrl(); text != "" {
		link, err := fileLink(text, practice.PlainLinks)
		switch {
		case err != nil:
			return nil, err
		case out.format == looppb.ImportFormat_IMPORT_FORMAT_UNSPECIFIED:
			return nil, apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "format", "is missing: nobody here looks at a file behind a link, so say what it is")
		}
		out.link, out.file.URL = link, cegidclient.NewSecret(text)
		out.kept.Host = strings.ToLower(link.Host)
		out.kept.Name = linkedName(link)
		// Signatures change, and the file behind them does not.
		out.fingerprint = options(linkScheme).Text(strings.ToLower(link.Scheme + "://" + link.Host)).Text(link.EscapedPath()).Sum()
		return out, nil
	}
	deposit, err := s.ownDeposit(ctx, request, orOf...)
	if err != nil {
		return nil, err
	}
	format := looppb.ImportFormat(looppb.ImportFormat_value[importFormatPrefix+deposit.Format])
	if out.format != looppb.ImportFormat_IMPORT_FORMAT_UNSPECIFIED && out.format != format {
		return nil, apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "format", "is not that of the deposit, which is "+format.String()+": say that, or leave it out")
	}
	out.format, out.file.URI, out.expired = format, deposit.URI, deposit.Expired
	out.totals, out.report = deposit.Totals, deposit.Report
	out.kept = ledger.File{Name: deposit.FileName, Deposit: deposit.ID, SHA256: hex.EncodeToString(deposit.Digest[:])}
	out.fingerprint = options(depositScheme).Bytes(deposit.Digest[:]).Sum()
	return out, nil
}

// errDepositUnknown does not tell what others have from what nobody has.
func errDepositUnknown() error {
	return apierror.Error{
		Code: codes.NotFound, Reason: looppb.ErrorReason_ERROR_REASON_DEPOSIT_UNKNOWN,
		Message:    "deposit_id: no deposit of yours of that id for this dossier, or it has expired: deposit the file again, and import that under the same request_id",
		Violations: []apierror.Violation{{Field: "deposit_id", Description: "no deposit of yours of that id for this dossier, or it has expired"}},
	}.Err()
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
	refuse := func(why string) (*url.URL, error) {
		return nil, apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "url", why)
	}
	link, err := url.Parse(text)
	switch {
	case err != nil || link.Hostname() == "":
		return refuse("is no absolute link: give scheme, host and path, percent-encoded")
	case link.User != nil:
		return refuse("holds a user or a password: give a link that is authorised by its query")
	case link.Fragment != "" || strings.HasSuffix(text, "#"):
		return refuse("has a part after #, which no server is asked for: leave it out")
	case !strings.EqualFold(link.Scheme, "https") && !(plain && strings.EqualFold(link.Scheme, "http")):
		return refuse("is not https: whoever is on the way could read the entries, or change them")
	}
	return link, nil
}

// check looks at what can be told before Loop is asked.
func (f *fileSource) check(now time.Time) error {
	custom := f.format == looppb.ImportFormat_IMPORT_FORMAT_CUSTOM
	switch {
	case f.expired:
		return errDepositUnknown()
	case custom && f.file.Model == "":
		return apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "model", "is missing: name the model in Loop that explains the columns of a custom file")
	case !custom && f.file.Model != "":
		return apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "model", "is for custom files: leave it out")
	case f.link != nil && expiresBefore(f.link, now.Add(linkLife)):
		return apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "url", "the link expires (se) within 24 hours, and Loop may fetch the file as late as that: give one that lives longer")
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

const importFormatPrefix = "IMPORT_FORMAT_"

func importFormatName(format looppb.ImportFormat) string {
	return strings.TrimPrefix(format.String(), importFormatPrefix)
}

func depositMessage(d ledger.Deposit) *looppb.FileDeposit {
	return &looppb.FileDeposit{
		DepositId: d.ID, Practice: d.Practice, Dossier: d.Dossier, Format: looppb.ImportFormat(looppb.ImportFormat_value[importFormatPrefix+d.Format]),
		FileName: d.FileName, Report: reportMessage(d), Caller: d.Caller, CreateTime: instant(d.Created), ExpireTime: instant(d.Expires),
	}
}

// reportMessage leaves out findings that an answer has no room for.
func reportMessage(d ledger.Deposit) *looppb.FileReport {
	out := &looppb.FileReport{
		Sha256: hex.EncodeToString(d.Digest[:]), Size: new(int32(d.Size)), Totals: totalsMessage(d.Totals), Partial: &d.Report.Partial,
		OmittedFindings: new(int32(d.Report.OmittedFindings)), Separator: d.Report.Separator,
		Encoding: looppb.TextEncoding(looppb.TextEncoding_value["TEXT_ENCODING_"+d.Report.Encoding]),
	}
	journals := d.Report.Bounded()
	out.OmittedJournals = new(int32(journals.OmittedJournals))
	for _, each := range journals.Journals {
		out.Journals = append(out.Journals, &looppb.JournalTotals{
			Journal: each.Code, Label: each.Label, Lines: new(int32(each.Lines)), Debit: each.Debit, Credit: each.Credit,
		})
	}
	size := proto.Size(out)
	for i, each := range d.Report.Findings {
		message := findingMessage(each)
		if size += proto.Size(message); size > maxAnswer {
			*out.OmittedFindings += int32(len(d.Report.Findings) - i)
			break
		}
		out.Findings = append(out.Findings, message)
	}
	return out
}
