package service

import (
	"context"
	"encoding/hex"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/reportpb"
	"cegid.internal/gateway/server/internal/submission"
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
	in, err := s.writer.ReceiveFile(ctx, practice.Writing(), s.fileOf(ctx, about))
	if err != nil {
		return s.told(ctx, err)
	}
	defer in.Close()
	if err := receive(stream, fileLimit, in.Take); err != nil {
		return s.told(ctx, err)
	}
	deposit, err := in.Deposit(ctx, practice.Writing())
	if err != nil {
		return s.told(ctx, err)
	}
	return stream.SendAndClose(&looppb.DepositFileResponse{Deposit: depositMessage(deposit)})
}

func (s *Imports) fileOf(ctx context.Context, about *looppb.FileMetadata) submission.FileAbout {
	return submission.FileAbout{
		Deposit: ledger.Deposit{
			Practice: about.GetPractice(), Dossier: about.GetDossier(), Caller: s.caller(ctx), Format: string(formats[about.GetFormat()]),
			FileName: about.GetFileName(),
		},
		NumbersPerLine: about.GetNumbersPerLine(), Ignored: about.GetIgnoredFindings(),
	}
}

// GetDeposit implements looppb.ImportServiceServer.
func (s *Imports) GetDeposit(ctx context.Context, request *looppb.GetDepositRequest) (*looppb.GetDepositResponse, error) {
	if _, err := s.practices.Get(request.GetPractice()); err != nil {
		return nil, err
	}
	found, err := s.writer.Deposit(ctx, s.caller(ctx), request.GetPractice(), request.GetDossier(), request.GetDepositId())
	if err != nil {
		return nil, s.told(ctx, err)
	}
	return &looppb.GetDepositResponse{Deposit: depositMessage(found)}, nil
}

// ValidateFile implements looppb.ImportServiceServer.
func (s *Imports) ValidateFile(stream grpc.ClientStreamingServer[looppb.ValidateFileRequest, looppb.ValidateFileResponse]) error {
	ctx := stream.Context()
	about, err := opening[*looppb.FileMetadata](stream)
	if err != nil {
		return err
	}
	practice, err := s.practices.Get(about.GetPractice())
	if err != nil {
		return err
	}
	look := s.writer.InspectFile
	if about.GetPageLanguage() != "" {
		look = s.writer.ShowFile
	}
	in, err := look(ctx, practice.Writing(), s.fileOf(ctx, about))
	if err != nil {
		return s.told(ctx, err)
	}
	defer in.Close()
	found, valid, err := s.inspected(ctx, in, receive(stream, fileLimit, in.Take))
	if err != nil {
		return err
	}
	response := &looppb.ValidateFileResponse{Valid: &valid, Report: reportMessage(found)}
	if language := about.GetPageLanguage(); language != "" {
		if response.Page, err = in.Page(language); err != nil {
			return err
		}
	}
	return stream.SendAndClose(response)
}

// inspected judges a file, unless receiving it failed.
func (s *Imports) inspected(ctx context.Context, in *submission.FileIntake, failed error) (found ledger.Deposit, valid bool, err error) {
	if failed != nil {
		return found, false, s.told(ctx, failed)
	}
	found, err = in.Inspected(ctx)
	if errors.As(err, new(*submission.FileRefusedError)) {
		return found, false, nil
	}
	return found, err == nil, s.told(ctx, err)
}

// StreamFileReport implements looppb.ImportServiceServer.
func (s *Imports) StreamFileReport(stream grpc.BidiStreamingServer[looppb.StreamFileReportRequest, looppb.StreamFileReportResponse]) error {
	ctx := stream.Context()
	about, err := opening[*looppb.FileMetadata](stream)
	if err != nil {
		return err
	}
	practice, err := s.practices.Get(about.GetPractice())
	if err != nil {
		return err
	}
	in, err := s.writer.ReportFile(ctx, practice.Writing(), s.fileOf(ctx, about))
	if err != nil {
		return s.told(ctx, err)
	}
	defer in.Close()
	found, valid, err := s.inspected(ctx, in, receive(stream, fileLimit, in.Take))
	if err != nil {
		return err
	}
	first := &looppb.StreamFileReportResponse{Valid: &valid, Report: reportMessage(found)}
	return s.told(ctx, reportpb.Send(first, &found, in.Whole(), stream.Send))
}

// ImportFile implements looppb.ImportServiceServer.
func (s *Imports) ImportFile(ctx context.Context, request *looppb.ImportFileRequest) (*looppb.ImportFileResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	result, err := s.writer.ImportFile(ctx, practice.Writing(), fileImport(request, s.request(ctx, request, ledger.Imports)))
	if err != nil {
		return nil, s.told(ctx, err)
	}
	return &looppb.ImportFileResponse{ImportRecord: importMessage(result.Record), Replayed: &result.Replayed}, nil
}

// fileImport is the file of a request: of an import, or of one that is sent again.
func fileImport(in interface {
	GetFormat() looppb.ImportFormat
	GetModel() string
	GetSiret() string
	GetDepositId() string
	GetUrl() string
}, request submission.Request,
) submission.File {
	return submission.File{
		Request: request, Format: formats[in.GetFormat()], Model: in.GetModel(), SIRET: in.GetSiret(), DepositID: in.GetDepositId(),
		LinkText: in.GetUrl(),
	}
}

func depositMessage(d ledger.Deposit) *looppb.FileDeposit {
	return &looppb.FileDeposit{
		DepositId: d.ID, Practice: d.Practice, Dossier: d.Dossier, Format: formatMessage(submission.Format(d.Format)),
		FileName: d.FileName, Report: reportMessage(d), Caller: d.Caller, CreateTime: instant(d.Created), ExpireTime: instant(d.Expires),
	}
}

// reportMessage leaves out findings that an answer has no room for.
func reportMessage(d ledger.Deposit) *looppb.FileReport {
	out := &looppb.FileReport{
		Sha256: hex.EncodeToString(d.Digest[:]), Size: new(int32(d.Size)), Totals: totalsMessage(d.Totals), Partial: &d.Report.Partial,
		OmittedFindings: new(int32(d.Report.OmittedFindings)), Separator: d.Report.Separator, Encoding: encodings[d.Report.Encoding],
	}
	reportpb.Complete(out, &d)
	journals := d.Report.Bounded()
	out.OmittedJournals = new(int32(journals.OmittedJournals))
	for _, totals := range journals.Journals {
		out.Journals = append(out.Journals, reportpb.Journal(totals))
	}
	messages, omitted := findingMessages(d.Report.Findings, proto.Size(out))
	out.Findings, *out.OmittedFindings = messages, *out.OmittedFindings+int32(omitted)
	return out
}
