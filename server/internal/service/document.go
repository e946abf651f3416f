package service

import (
	"context"
	"errors"
	"maps"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/importer"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/preflight"
	"cegid.internal/gateway/server/internal/spool"
)

// Documents serves looppb.DocumentService.
type Documents struct {
	looppb.UnsafeDocumentServiceServer
	writes
	preflight *preflight.Cache
	spool     *spool.Spool
}

// NewDocuments returns the service; documents wait in the spool until Loop has them.
func NewDocuments(w Writes, p *preflight.Cache, files *spool.Spool) *Documents {
	return &Documents{writes: writes{w, documentWords}, preflight: p, spool: files}
}

const storeDocumentRPC = "DocumentService.StoreDocument"

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
	submission := ledger.Submission{
		Key:    documentKey(about),
		Caller: s.caller(ctx), RPC: storeDocumentRPC, Metadata: about.GetMetadata(),
		DocumentReferences: []string{about.GetFileName()}, AllowDuplicate: about.GetAllowDuplicate(),
	}
	if err := s.admit(ctx, practice, submission); err != nil {
		return s.submissionError(ctx, submission, err)
	}
	file, err := s.spool.Create(submission.Caller)
	if err != nil {
		return spoolError(err)
	}
	handed := false
	defer func() {
		if !handed {
			_ = file.Close()
		}
	}()
	if submission.Format, err = receiveDocument(stream, file, about); err != nil {
		return err
	}
	submission.Fingerprints = []ledger.Fingerprint{documentFingerprint(about, file.Digest())}
	known, err := s.known(ctx, submission)
	if err == nil && known == nil { // the file may have taken its time
		err = dossierIsShared(ctx, s.preflight, practice, submission.Dossier)
	}
	if err != nil || known != nil {
		return s.answer(stream, known, submission, nil, err)
	}
	handed = true
	record, unmapped, err := s.store(ctx, practice, submission, about, file)
	return s.answer(stream, &record, submission, unmapped, err)
}

// admit looks at what can be told before the file is here: whether the id is another's, and whether the dossier is the
// key's, unless the ledger has the answer already.
func (s *Documents) admit(ctx context.Context, practice *Practice, submission ledger.Submission) error {
	record, err := s.ledger.Get(ctx, submission.Key)
	switch {
	case errors.Is(err, ledger.ErrUnknown):
	case err != nil:
		return err
	case record.State.NothingBooked():
	case record.Caller != submission.Caller || record.RPC != submission.RPC:
		return ledger.ErrReused
	default:
		return nil
	}
	return dossierIsShared(ctx, s.preflight, practice, submission.Dossier)
}

// store hands a document that has arrived over to the importer, which lets go of the file.
func (s *Documents) store(ctx context.Context, practice *Practice, submission ledger.Submission, about *looppb.DocumentMetadata, file *spool.File) (importer.Result, cegidclient.Unmapped, error) {
	var unmapped cegidclient.Unmapped // not to be looked at while it may still be under way
	record, err := s.importer.Do(ctx, submission, func(ctx context.Context) (map[string]string, error) {
		stored, err := practice.Client.Documents.Store(ctx, submission.Dossier, cegidclient.Document{
			FileName: about.GetFileName(), ContentType: submission.Format, Transaction: transactions[about.GetTransaction()],
			UploadMode: uploadModes[about.GetUploadMode()], UploadAuthor: about.GetUploadAuthor(),
			Content: file.Reader(), Size: file.Size(),
		})
		if err != nil {
			return nil, err
		}
		unmapped = stored.Unmapped
		return stored.IDs, nil
	}, func() { _ = file.Close() })
	if err != nil || !about.GetIncludeUnmapped() {
		return record, nil, err
	}
	return record, unmapped, nil
}

// answer answers StoreDocument.
func (s *Documents) answer(stream grpc.ClientStreamingServer[looppb.StoreDocumentRequest, looppb.StoreDocumentResponse], record *importer.Result, submission ledger.Submission, unmapped cegidclient.Unmapped, err error) error {
	if err != nil {
		return s.submissionError(stream.Context(), submission, err)
	}
	if err := s.outcomeError(*record); err != nil {
		return err
	}
	response := &looppb.StoreDocumentResponse{Document: documentMessage(record.Record), Unmapped: unmapped, Replayed: &record.Replayed}
	if proto.Size(response) > maxAnswer {
		response.Unmapped = nil // that it is stored matters more than how Loop puts it
	}
	return stream.SendAndClose(response)
}

// documentScheme is that of the fields below, in their order. Those of imports count from 1, of documents from 101, of raw
// calls from 201, of imports of files from 301.
const documentScheme = 101

// documentFingerprint digests what the robot would read, and where: the name of the file, the way it came and who handed
// it in make no other document of it.
func documentFingerprint(about *looppb.DocumentMetadata, digest [32]byte) ledger.Fingerprint {
	return ledger.NewHasher(documentScheme).Text(about.GetDossier()).Text(string(transactions[about.GetTransaction()])).Bytes(digest[:]).Sum()
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
	record, err := s.ledger.Get(ctx, documentKey(request))
	if errors.Is(err, ledger.ErrUnknown) || err == nil && !s.visible(s.caller(ctx), record) {
		return nil, apierror.Error{
			Code: codes.NotFound, Reason: looppb.ErrorReason_ERROR_REASON_DOCUMENT_UNKNOWN,
			Message:    "request_id: no document of that id that you may see",
			Violations: []apierror.Violation{{Field: "request_id", Description: "no document of that id that you may see"}},
		}.Err()
	}
	if err != nil {
		return nil, s.ledgerError(err)
	}
	return &looppb.GetDocumentResponse{Document: documentMessage(record)}, nil
}

func documentKey(request interface {
	GetPractice() string
	GetDossier() string
	GetRequestId() string
},
) ledger.Key {
	return ledger.Key{Practice: request.GetPractice(), Dossier: request.GetDossier(), Collection: ledger.Documents, RequestID: request.GetRequestId()}
}

func documentMessage(r ledger.Record) *looppb.Document {
	out := &looppb.Document{
		RequestId: r.RequestID, Practice: r.Practice, Dossier: r.Dossier, State: writeState(r.State), ContentType: r.Format,
		LoopIds: maps.Clone(r.LoopIDs), Error: writeError(r.Error), Caller: r.Caller, Attempt: new(int32(r.Attempt)), Metadata: r.Metadata,
		CreateTime: instant(r.Created), UpdateTime: instant(r.Updated),
	}
	if len(r.DocumentReferences) > 0 {
		out.FileName = r.DocumentReferences[0]
	}
	return out
}
