package submission

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"mime"
	"path"
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission/spool"
)

// Document is what is said of a document before its bytes come.
type Document struct {
	Request
	FileName, ContentType string
	Transaction           cegidclient.DocumentTransaction
	UploadMode            cegidclient.UploadMode
	UploadAuthor          string
}

// DocumentIntake takes a document in while it comes.
type DocumentIntake struct {
	writer      *Writer
	practice    Practice
	about       Document
	submission  ledger.Submission
	file        *spool.File
	digest      hash.Hash
	handed      bool // to the sender, who lets go of it
	head        []byte
	contentType string
}

// ReceiveDocument looks at what can be told before the document is here: whether the id is another's, and whether the dossier
// is the key's, unless the ledger has the answer already. It is kept until the intake is closed.
func (w *Writer) ReceiveDocument(ctx context.Context, p Practice, about Document) (*DocumentIntake, error) {
	in := &DocumentIntake{writer: w, practice: p, about: about, submission: about.submission(ledger.KindDocument), digest: sha256.New()}
	in.submission.DocumentReferences = []string{about.FileName}
	if err := w.admit(ctx, p, in.submission); err != nil {
		return nil, fail(ledger.KindDocument, err)
	}
	var err error
	in.file, err = w.Spool.Create(about.Caller)
	return in, err
}

func (w *Writer) admit(ctx context.Context, p Practice, s ledger.Submission) error {
	record, err := w.Ledger.Get(ctx, s.Key)
	switch {
	case errors.Is(err, ledger.ErrUnknown):
	case err != nil:
		return err
	case record.State.NothingBooked():
	case record.Caller != s.Caller || record.Kind != s.Kind:
		return ErrReused
	default:
		return nil
	}
	return w.shared(ctx, p, s.Dossier)
}

// Take takes the next bytes. What can be refused is refused as soon as it shows.
func (d *DocumentIntake) Take(data []byte) (err error) {
	if d.file.Size()+int64(len(data)) > cegidclient.MaxDocument {
		return ErrDocumentTooLarge
	}
	if d.contentType == "" {
		d.head = append(d.head, data[:min(len(data), cegidclient.DocumentHead-len(d.head))]...)
		if len(d.head) == cegidclient.DocumentHead {
			if d.contentType, err = d.about.typeBy(d.head); err != nil {
				return err
			}
		}
	}
	_, _ = d.digest.Write(data)
	_, err = d.file.Write(data)
	return err
}

// Close lets go of the document, unless it is being sent.
func (d *DocumentIntake) Close() {
	if !d.handed {
		_ = d.file.Close()
	}
}

// Store hands the document, all of which has come, over to Loop's robot, once. unmapped is what Loop answered that nobody
// knows the meaning of.
func (d *DocumentIntake) Store(ctx context.Context) (result Result, unmapped cegidclient.Unmapped, err error) {
	w, s := d.writer, &d.submission
	if d.file.Size() == 0 {
		return Result{}, nil, ErrDocumentEmpty
	}
	if d.contentType == "" { // it is shorter than a head
		if d.contentType, err = d.about.typeBy(d.head); err != nil {
			return Result{}, nil, err
		}
	}
	s.Format, s.Fingerprints = d.contentType, []ledger.Fingerprint{documentFingerprint(d.about, [sha256.Size]byte(d.digest.Sum(nil)))}
	known, err := w.known(ctx, *s)
	if err == nil && known == nil { // the file may have taken its time
		err = w.shared(ctx, d.practice, s.Dossier)
	}
	if err != nil || known != nil {
		result, err = w.outcome(*s, known, err)
		return result, nil, err
	}
	d.handed = true
	var answered cegidclient.Unmapped // not to be looked at while it may still be under way
	sent, err := w.Sender.Do(ctx, *s, func(ctx context.Context) (map[string]string, error) {
		stored, err := d.practice.Client.Documents.Store(ctx, s.Dossier, cegidclient.Document{
			FileName: d.about.FileName, ContentType: d.contentType, Transaction: d.about.Transaction,
			UploadMode: d.about.UploadMode, UploadAuthor: d.about.UploadAuthor, Content: d.file.Reader(), Size: d.file.Size(),
		})
		if err != nil {
			return nil, err
		}
		answered = stored.Unmapped
		return stored.IDs, nil
	}, func() { _ = d.file.Close() })
	if err == nil {
		unmapped = answered
	}
	result, err = w.outcome(*s, &sent, err)
	return result, unmapped, err
}

// typeBy tells the type by the first bytes, and refuses a file that is not what it is said to be.
func (d Document) typeBy(head []byte) (string, error) {
	found := cegidclient.DocumentType(head)
	if found == "" {
		return "", &FieldError{Field: "data", Problem: DocumentType}
	}
	if d.ContentType != "" {
		media, _, err := mime.ParseMediaType(d.ContentType)
		// What tools put on bytes without a type says nothing: curl a form's.
		unsaid := media == "application/octet-stream" || media == "application/x-www-form-urlencoded"
		if err != nil || media != found && !unsaid {
			return "", &FieldError{"content_type", DocumentOtherType, found}
		}
	}
	if !slices.Contains(extensions[found], strings.ToLower(path.Ext(d.FileName))) {
		return "", &FieldError{"file_name", DocumentExtension, extensions[found][0]}
	}
	return found, nil
}

var extensions = map[string][]string{
	cegidclient.DocumentPDF: {".pdf"}, cegidclient.DocumentJPEG: {".jpg", ".jpeg"}, cegidclient.DocumentPNG: {".png"},
}

// documentScheme is that of the fields below, in their order. Those of imports count from 1, of documents from 101, of raw
// calls from 201, of imports of files from 301.
const documentScheme = 101

// documentFingerprint digests what the robot would read, and where: the name of the file, the way it came and who handed
// it in make no other document of it.
func documentFingerprint(d Document, digest [32]byte) ledger.Fingerprint {
	return ledger.NewHasher(documentScheme).Text(d.Dossier).Text(string(d.Transaction)).Bytes(digest[:]).Sum()
}
