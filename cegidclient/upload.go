package cegidclient

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
)

// FileContent is what a file holds.
type FileContent struct {
	// Content is read twice, block by block, and not closed. After Upload has returned, one more read may still be under way.
	Content io.ReaderAt
	// Size is its exact length in bytes.
	Size int64
	// SHA256, when not nil, is what the content must hash to: what differs from it is not left at the link.
	SHA256 []byte
}

// uploadSettings is how a client uploads.
type uploadSettings struct {
	transport http.RoundTripper // without Loop's credentials
	retry     RetryPolicy
	observer  Observer
	practice  string
	userAgent string
	block     int64
}

// uploadBlock fits the time of an attempt on a line of 1 Mbit/s. A file of one block is put as Loop's page has it, in one
// request; Azure takes 50,000 blocks of a longer one.
const uploadBlock = 4 << 20

// Deposit asks for a place, puts the file there, and returns the URI for an import to name it by. A link that the storage
// refuses is replaced once. It may be repeated: each file lies in a place of its own.
func (s *FileService) Deposit(ctx context.Context, fileName string, f FileContent) (uri string, err error) {
	for again := true; ; again = false {
		d, err := s.DepositURL(ctx, fileName)
		if err != nil {
			return "", err
		}
		err = s.Upload(ctx, d, f)
		if err == nil {
			return d.URI, nil
		}
		if !again || !errors.Is(err, ErrLinkRefused) {
			return "", err
		}
	}
}

// Upload puts a file where a deposit's link leads: Azure's blob storage, which sees none of Loop's keys. It goes block by
// block, each with its checksum and its retries, and in constant memory. Uploading twice is harmless.
//
// A [KindLinkRefused] asks for another link.
func (s *FileService) Upload(ctx context.Context, d Deposit, f FileContent) error {
	u := &upload{settings: &s.upload, ctx: ctx, link: d.URL.Reveal()}
	start := time.Now()
	err := u.check(s.plain, &f)
	if err == nil {
		err = u.run(&f)
	}
	call := &Call{Operation: uploadOperation()}
	var failure error
	if err != nil {
		err.Attempts = u.attempts
		if u.attempts > 0 {
			err.Sent = MaybeSent
		}
		failure = s.c.annotate(call, err, nil)
	}
	if o := s.upload.observer; o != nil {
		name, local := outcome(failure)
		o.CallDone(ctx, CallEvent{
			Operation: call.Operation.ID, Practice: s.upload.practice, Outcome: name, Local: local,
			Duration: time.Since(start), Attempts: u.attempts,
		})
	}
	return failure
}

// upload is one file on its way.
type upload struct {
	settings *uploadSettings
	ctx      context.Context
	link     string

	// Of the request under way.
	body     func() io.Reader // a reader of its own for each attempt; nil for a request without content of the file
	try      int
	attempts int
	broken   error // the content cannot be read
}

func (u *upload) check(plain bool, f *FileContent) *Error {
	switch why := linkFault(u.link, plain); {
	case why != "":
		return invalid("url", "the link "+why)
	case f.Content == nil || f.Size <= 0:
		return invalid("content", "the file is empty")
	case f.SHA256 != nil && len(f.SHA256) != sha256.Size:
		return invalid("sha256", "not a SHA-256")
	case (f.Size-1)/u.settings.block >= blockblob.MaxBlocks:
		return invalid("content", "the file has more blocks than Azure takes")
	}
	return nil
}

func (u *upload) run(f *FileContent) *Error {
	retry := u.settings.retry
	client, err := blockblob.NewClientWithNoCredential(u.link, &blockblob.ClientOptions{ClientOptions: policy.ClientOptions{
		Transport: u,
		Telemetry: policy.TelemetryOptions{Disabled: true},
		Retry: policy.RetryOptions{
			MaxRetries: noneIsNegative(retry.Attempts - 1), TryTimeout: retry.SubmissionTimeout,
			RetryDelay: retry.ThrottledDelay, MaxRetryDelay: retry.MaxRetryAfter, ShouldRetry: u.again,
		},
	}})
	if err != nil {
		return badResponse("the link cannot be used") // the cause may repeat it
	}
	whole := digests{md5.New(), sha256.New()}
	var blocks []string
	for at := int64(0); at < f.Size; at += u.settings.block {
		size := min(u.settings.block, f.Size-at)
		sum, e := whole.add(f.Content, at, size)
		if e != nil {
			return e
		}
		u.content(f.Content, at, size)
		section := streaming.NopCloser(io.NewSectionReader(f.Content, at, size))
		last := at+size == f.Size
		if last {
			if e := whole.differs(f.SHA256); e != nil {
				return e
			}
		}
		if last && at == 0 {
			_, err = client.Upload(u.ctx, section, &blockblob.UploadOptions{
				HTTPHeaders: whole.headers(), TransactionalValidation: blob.TransferValidationTypeMD5(sum),
			})
			return u.failure(err)
		}
		id := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%08d", len(blocks))) // all of one length, as Azure wants
		_, err = client.StageBlock(u.ctx, id, section, &blockblob.StageBlockOptions{TransactionalValidation: blob.TransferValidationTypeMD5(sum)})
		if e := u.failure(err); e != nil {
			return e
		}
		blocks = append(blocks, id)
	}
	u.body, u.try = nil, 0
	_, err = client.CommitBlockList(u.ctx, blocks, &blockblob.CommitBlockListOptions{HTTPHeaders: whole.headers()})
	return u.failure(err)
}

// noneIsNegative: the SDK takes 0 for its own default.
func noneIsNegative(retries int) int32 {
	if retries <= 0 {
		return -1
	}
	return int32(min(retries, 100))
}

// digests are of the whole file.
type digests struct{ md5, sha256 hash.Hash }

func (d digests) add(content io.ReaderAt, at, size int64) (blockMD5 []byte, _ *Error) {
	block := md5.New()
	n, err := io.Copy(io.MultiWriter(block, d.md5, d.sha256), io.NewSectionReader(content, at, size))
	switch {
	case err != nil:
		return nil, unreadable(err)
	case n < size:
		return nil, invalid("content", "the file is shorter than its size")
	}
	return block.Sum(nil), nil
}

func (d digests) differs(want []byte) *Error {
	if want != nil && !bytes.Equal(d.sha256.Sum(nil), want) {
		return invalid("sha256", "the content is not what this digest was made of")
	}
	return nil
}

// headers go with the blob: a reader can check it.
func (d digests) headers() *blob.HTTPHeaders {
	contentType := "application/octet-stream"
	return &blob.HTTPHeaders{BlobContentMD5: d.md5.Sum(nil), BlobContentType: &contentType}
}

// unreadable keeps the cause out of the text: it may name a file of this machine.
func unreadable(err error) *Error {
	e := invalid("content", "the file cannot be read")
	e.err = hiddenError{err}
	return e
}

// content makes the next request's body. Each attempt reads on its own, for the standard transport may still read the body of
// one that it has given up.
func (u *upload) content(content io.ReaderAt, at, size int64) {
	u.try = 0
	u.body = func() io.Reader { return io.NewSectionReader(content, at, size) }
}

// Do makes one attempt: RoundTrip, so that no redirect is followed and no *url.Error made, which prints the signature.
func (u *upload) Do(req *http.Request) (*http.Response, error) {
	u.try++
	u.attempts++
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", u.settings.userAgent)
	var source *watched
	switch {
	case u.body != nil:
		source = &watched{Reader: u.body(), failed: make(chan error, 1)}
		req.Body = io.NopCloser(source)
	case req.Body != nil:
		list, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		req.Body = io.NopCloser(bytes.NewReader(list))
	}
	req.GetBody = nil
	start := time.Now()
	res, err := u.settings.transport.RoundTrip(req)
	status := 0
	if err == nil {
		status = res.StatusCode
		// The status and the headers say all: the SDK would read the body without a limit, and print it in its log.
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxStorageAnswer))
		_ = res.Body.Close()
		res.Body = http.NoBody
	} else {
		if source != nil {
			select {
			case u.broken = <-source.failed:
			default:
			}
		}
		err = errors.New(u.clean(rootOf(err)))
		if req.Context().Err() != nil {
			err = errAttemptTimedOut
		}
	}
	u.observe(status, time.Since(start))
	return res, err
}

// maxStorageAnswer is the most read of an answer, so that its connection serves again: Azure's are short.
const maxStorageAnswer = 64 << 10

var errAttemptTimedOut = errors.New("the attempt timed out")

// watched notes that the content could not be read: that is not the storage's fault.
type watched struct {
	io.Reader
	failed chan error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && err != io.EOF {
		select {
		case w.failed <- err:
		default:
		}
	}
	return n, err
}

func (u *upload) observe(status int, took time.Duration) {
	o := u.settings.observer
	if o == nil {
		return
	}
	name := "ok"
	if status < 200 || status > 299 {
		name = storageKind(status, "").String()
	}
	o.AttemptDone(u.ctx, AttemptEvent{
		Operation: uploadOperation().ID, Practice: u.settings.practice, Class: ClassWrite, Attempt: u.try, Status: status, Outcome: name,
		SubscriptionKey: -1, Sends: 1, Duration: took,
	})
}

// again decides on another attempt: never one whose pause would outlast the caller.
func (u *upload) again(res *http.Response, err error) bool {
	var pause time.Duration
	switch {
	case u.broken != nil:
		return false
	case err != nil:
	case storageKind(res.StatusCode, res.Header.Get("X-Ms-Error-Code")) != KindUnavailable:
		return false
	default:
		pause = retryAfter(res.Header, time.Now())
	}
	deadline, bounded := u.ctx.Deadline()
	return !bounded || time.Until(deadline) > max(pause, u.settings.retry.ThrottledDelay)
}

// storageKind is what an answer of the storage that is no success means:
//
//	401, 403                            the link opens nothing (any more)
//	408, 429, 5xx, a checksum, nothing  unavailable
//	413                                 refused: the file is too large
//	anything else, redirects too        bad response
func storageKind(status int, code string) Kind {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return KindLinkRefused
	case status == 0, status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500,
		code == string(bloberror.MD5Mismatch):
		return KindUnavailable
	case status == http.StatusRequestEntityTooLarge:
		return KindRefused
	default:
		return KindBadResponse
	}
}

// failure makes an error of the SDK, which may print the link, one of this package.
func (u *upload) failure(err error) *Error {
	switch {
	case err == nil:
		return nil
	case u.ctx.Err() != nil:
		return interrupted(u.ctx, MaybeSent, nil)
	case u.broken != nil:
		return unreadable(u.broken)
	}
	answer, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok {
		return &Error{Kind: KindUnavailable, detail: "the storage could not be reached: " + u.clean(rootOf(err))}
	}
	e := &Error{Kind: storageKind(answer.StatusCode, answer.ErrorCode), HTTPStatus: answer.StatusCode, Code: u.clean(answer.ErrorCode)}
	if res := answer.RawResponse; res != nil {
		e.RequestID = u.clean(res.Header.Get("X-Ms-Request-Id"))
		e.RetryAfter = retryAfter(res.Header, time.Now())
	}
	switch e.Kind {
	case KindLinkRefused:
		e.detail = "the storage does not open to the link, or not any more"
	case KindUnavailable:
		e.detail = "the storage is not there for it now"
	case KindRefused:
		e.detail = "the file is larger than the storage takes"
	default:
		e.detail = "the storage answered what it should not, " + strconv.Itoa(answer.StatusCode)
	}
	return e
}

// clean makes a text fit to carry: without the link, and without its signature.
func (u *upload) clean(text string) string {
	return cleanVendorText(newRedactor(linkSecrets(u.link)...).text(text))
}
