package service

import (
	"context"
	"maps"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/listing"
	"cegid.internal/gateway/server/internal/submission"
	"cegid.internal/gateway/server/internal/wording"
)

// Documents serves looppb.DocumentService.
type Documents struct {
	looppb.UnsafeDocumentServiceServer
	Writes
}

// NewDocuments returns the service.
func NewDocuments(w Writes) *Documents { return &Documents{Writes: w} }

// StoreDocument implements looppb.DocumentServiceServer.
func (s *Documents) StoreDocument(stream grpc.ClientStreamingServer[looppb.StoreDocumentRequest, looppb.StoreDocumentResponse]) error {
	ctx := stream.Context()
	about, err := opening[*looppb.DocumentMetadata](stream)
	if err != nil {
		return err
	}
	practice, err := s.practices.Get(about.GetPractice())
	if err != nil {
		return err
	}
	in, err := s.writer.ReceiveDocument(ctx, practice.Writing(), submission.Document{
		Request: s.request(ctx, about, ledger.Documents), FileName: about.GetFileName(), ContentType: about.GetContentType(),
		Transaction: transactions[about.GetTransaction()], UploadMode: uploadModes[about.GetUploadMode()], UploadAuthor: about.GetUploadAuthor(),
	})
	if err != nil {
		return s.told(ctx, err)
	}
	defer in.Close()
	if err := receive(stream, documentLimit, in.Take); err != nil {
		return s.told(ctx, err)
	}
	result, unmapped, err := in.Store(ctx)
	if err != nil {
		return s.told(ctx, err)
	}
	response := &looppb.StoreDocumentResponse{Document: documentMessage(result.Record), Replayed: &result.Replayed}
	if about.GetIncludeUnmapped() {
		response.Unmapped = unmapped
	}
	if proto.Size(response) > listing.MaxAnswer {
		response.Unmapped = nil // that it is stored matters more than how Loop puts it
	}
	return stream.SendAndClose(response)
}

var (
	transactions = map[looppb.DocumentTransaction]cegidclient.DocumentTransaction{
		looppb.DocumentTransaction_DOCUMENT_TRANSACTION_PURCHASE: cegidclient.DocumentPurchase,
		looppb.DocumentTransaction_DOCUMENT_TRANSACTION_SALE:     cegidclient.DocumentSale,
	}
	uploadModes = map[looppb.UploadMode]cegidclient.UploadMode{
		looppb.UploadMode_UPLOAD_MODE_API:         cegidclient.UploadAPI,
		looppb.UploadMode_UPLOAD_MODE_EMAIL:       cegidclient.UploadEmail,
		looppb.UploadMode_UPLOAD_MODE_LIBEO:       cegidclient.UploadLibeo,
		looppb.UploadMode_UPLOAD_MODE_MOBILE:      cegidclient.UploadMobile,
		looppb.UploadMode_UPLOAD_MODE_REGATE:      cegidclient.UploadRegate,
		looppb.UploadMode_UPLOAD_MODE_SHAREPOINT:  cegidclient.UploadSharepoint,
		looppb.UploadMode_UPLOAD_MODE_TRANSFORMED: cegidclient.UploadTransformed,
	}
)

// GetDocument implements looppb.DocumentServiceServer.
func (s *Documents) GetDocument(ctx context.Context, request *looppb.GetDocumentRequest) (*looppb.GetDocumentResponse, error) {
	if _, err := s.practices.Get(request.GetPractice()); err != nil {
		return nil, err
	}
	record, err := s.writer.Document(ctx, s.caller(ctx), keyOf(request, ledger.Documents))
	if err != nil {
		return nil, s.told(ctx, err)
	}
	return &looppb.GetDocumentResponse{Document: documentMessage(record)}, nil
}

func documentMessage(r ledger.Record) *looppb.Document {
	out := &looppb.Document{
		RequestId: r.RequestID, Practice: r.Practice, Dossier: r.Dossier, State: writeStates[r.State], ContentType: r.Format,
		LoopIds: maps.Clone(r.LoopIDs), Error: writeError(r.Error), Caller: r.Caller, Attempt: new(int32(r.Attempt)), Metadata: r.Metadata,
		CreateTime: instant(r.Created), UpdateTime: instant(r.Updated),
	}
	if len(r.DocumentReferences) > 0 {
		out.FileName = r.DocumentReferences[0]
	}
	return out
}

func writeError(f *ledger.Failure) *looppb.WriteError {
	if f == nil {
		return nil
	}
	reason, message := wording.Failure(f)
	return &looppb.WriteError{
		Reason: reason, Message: message, LoopMessage: f.LoopMessage, LoopInstanceId: f.LoopInstanceID, HttpStatus: int32(f.HTTPStatus),
	}
}
