package loopsim

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
)

// DepositRoute is in records, counters and faults for requests to the storage in which files are deposited, at the root
// of the simulator's own host.
const DepositRoute = "/_deposit"

const (
	defaultDepositLife = 24 * time.Hour
	defaultDepositRoom = 1 << 30   // bytes of all files
	maxDeposit         = 512 << 20 // of one
	maxPlaces          = 10_000
)

// WithDepositLife sets how long a link to deposit a file lives. Default 24 h: Loop's is not documented (loop-api: A 3.1).
func WithDepositLife(d time.Duration) Option { return func(c *config) { c.depositLife = d } }

// WithDepositRoom sets how many bytes all deposited files may have. Default 1 GiB; beyond, the oldest go.
func WithDepositRoom(bytes int64) Option { return func(c *config) { c.depositRoom = bytes } }

// WithAzureDeposits has files deposited in a container of Azure's blob storage, or of its emulator, instead of the simulator's
// own imitation. For tests.
func WithAzureDeposits(container string, credential *blob.SharedKeyCredential) Option {
	return func(c *config) { c.azure, c.azureKey = strings.TrimRight(container, "/"), credential }
}

// storage imitates as much of Azure's blob storage as a deposit needs: block blobs, and links that let them be written. What it
// holds lies in files without a name, so that memory stays flat and nothing is left behind.
type storage struct {
	key  []byte // of signatures
	life time.Duration
	room int64

	mu    sync.Mutex
	used  int64
	files map[string]*stored // by URI
	order []*stored          // the oldest first
}

// stored is one place, and the file in it once it was put there.
type stored struct {
	uri, practice string
	spool         *os.File
	end           int64
	blocks        map[string]piece // put, and not committed
	parts         map[string]piece // committed: a commit may come again
	content       []piece
	committed     bool
	readers       int
	dropped       bool
}

// piece is a part of the spool.
type piece struct{ at, size int64 }

func newStorage(life time.Duration, room int64) storage {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // does not fail
	return storage{key: key, life: life, room: room, files: make(map[string]*stored)}
}

func (st *storage) reset() {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, f := range st.order {
		st.drop(f)
	}
	clear(st.files)
	st.order = nil
}

// drop forgets a file; who reads it may end. st.mu is held.
func (st *storage) drop(f *stored) {
	delete(st.files, f.uri)
	f.dropped = true
	st.release(f)
}

func (st *storage) release(f *stored) {
	if f.dropped && f.readers == 0 && f.spool != nil {
		_ = f.spool.Close()
		f.spool = nil
		st.used -= f.end
	}
}

// place makes a place for a file.
func (st *storage) place(uri, practice string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	f := &stored{uri: uri, practice: practice}
	st.files[uri] = f
	st.order = append(st.order, f)
	if len(st.order) > maxPlaces {
		st.drop(st.order[0])
		st.order = slices.Delete(st.order, 0, 1)
	}
}

// link lets its holder write the file at uri until it expires.
func (st *storage) link(origin, uri string, now time.Time) string {
	expires := now.Add(st.life).UTC().Format(time.RFC3339Nano)
	query := url.Values{"sv": {"2025-01-05"}, "sr": {"b"}, "sp": {"cw"}, "se": {expires}, "sig": {st.sign(uri, expires)}}
	return origin + (&url.URL{Path: DepositRoute + "/" + uri, RawQuery: query.Encode()}).String()
}

func (st *storage) sign(uri, expires string) string {
	mac := hmac.New(sha256.New, st.key)
	mac.Write([]byte(uri + "\n" + expires))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// opens reports whether a request's link is whole and alive.
func (st *storage) opens(uri string, query url.Values, now time.Time) bool {
	expires := query.Get("se")
	until, err := time.Parse(time.RFC3339Nano, expires)
	return err == nil && hmac.Equal([]byte(st.sign(uri, expires)), []byte(query.Get("sig"))) && now.Before(until)
}

// take writes a request's body into the spool of a file.
func (st *storage) take(f *stored, body io.Reader, size int64) (p piece, md5sum, crc []byte, err error) {
	if p, err = st.reserve(f, size); err != nil {
		return piece{}, nil, nil, err
	}
	defer func() {
		st.mu.Lock()
		defer st.mu.Unlock()
		f.readers--
		st.release(f)
	}()
	sum, crcSum := md5.New(), crc64.New(azureCRC64)
	n, err := io.Copy(io.MultiWriter(io.NewOffsetWriter(f.spool, p.at), sum, crcSum), io.LimitReader(body, size))
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	return p, sum.Sum(nil), binary.LittleEndian.AppendUint64(nil, crcSum.Sum64()), err
}

// azureCRC64 is the polynomial of x-ms-content-crc64.
var azureCRC64 = crc64.MakeTable(0x9A6C9329AC4BC9B5)

var errNoRoom = errors.New("no room")

// reserve gives a piece of the spool to one writer, and keeps the spool open for it.
func (st *storage) reserve(f *stored, size int64) (piece, error) {
	if size > st.room {
		return piece{}, errNoRoom
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	for i := 0; st.used+size > st.room && i < len(st.order); {
		if old := st.order[i]; old != f && old.readers == 0 && old.spool != nil {
			st.drop(old)
			st.order = slices.Delete(st.order, i, i+1)
			continue
		}
		i++
	}
	if st.used+size > st.room || f.dropped {
		return piece{}, errNoRoom
	}
	if f.spool == nil {
		spool, err := os.CreateTemp("", "loopsim-deposit-")
		if err != nil {
			return piece{}, err
		}
		_ = os.Remove(spool.Name()) // where an open file keeps its name, it stays until the folder is cleaned
		f.spool = spool
	}
	p := piece{f.end, size}
	f.end += size
	st.used += size
	f.readers++
	return p, nil
}

// find gives what was deposited at uri by a practice, or nil.
func (st *storage) find(uri, practice string) *stored {
	st.mu.Lock()
	defer st.mu.Unlock()
	if f := st.files[uri]; f != nil && f.practice == practice && f.committed {
		return f
	}
	return nil
}

// open reads a file; nil when nothing is there. The caller closes it.
func (st *storage) open(uri, practice string) io.ReadCloser {
	f := st.find(uri, practice)
	if f == nil {
		return nil
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if f.spool == nil {
		return nil
	}
	f.readers++
	sections := make([]io.Reader, len(f.content))
	for i, p := range f.content {
		sections[i] = io.NewSectionReader(f.spool, p.at, p.size)
	}
	return &opened{Reader: io.MultiReader(sections...), close: sync.OnceFunc(func() {
		st.mu.Lock()
		defer st.mu.Unlock()
		f.readers--
		st.release(f)
	})}
}

type opened struct {
	io.Reader
	close func()
}

func (o *opened) Close() error {
	o.close()
	return nil
}

// serveStorage answers what a link to deposit a file leads to. Faults strike it as [DepositRoute]; it knows no keys of Loop's.
func (s *Simulator) serveStorage(w http.ResponseWriter, r *http.Request) {
	uri := strings.TrimPrefix(r.URL.Path, DepositRoute+"/")
	s.storage.mu.Lock()
	f := s.storage.files[uri]
	s.storage.mu.Unlock()
	practice := ""
	if f != nil {
		practice = f.practice
	}
	id, fault := s.faults.match(r.Method, DepositRoute, practice, "")
	seq := s.arrive(r, nil, DepositRoute, "", caller{practice: practice}, id)
	leave := sync.OnceFunc(func() { s.recorder.leave(r.Method, DepositRoute) })
	defer leave()
	d := delivery{
		sim: s, w: w, r: r, fault: fault, leave: leave,
		status:  func(status int) { s.recorder.status(seq, status) },
		process: func() answer { return s.put(f, uri, r) },
	}
	d.run()
}

// put answers as Azure does to Put Blob, Put Block and Put Block List; all else is more than such a link allows.
func (s *Simulator) put(f *stored, uri string, r *http.Request) answer {
	st, query := &s.storage, r.URL.Query()
	switch {
	case f == nil || !st.opens(uri, query, s.now()): // of a wrong signature and of a late one Azure says the same
		return s.storageError(http.StatusForbidden, "AuthenticationFailed")
	case r.Method != http.MethodPut:
		return s.storageError(http.StatusForbidden, "AuthorizationPermissionMismatch")
	case r.ContentLength < 0:
		return s.storageError(http.StatusLengthRequired, "MissingContentLengthHeader")
	case r.ContentLength > maxDeposit:
		return s.storageError(http.StatusRequestEntityTooLarge, "RequestBodyTooLarge")
	}
	comp := query.Get("comp")
	if comp == "blocklist" {
		return s.commit(f, r)
	}
	block := query.Get("blockid")
	switch id, err := base64.StdEncoding.DecodeString(block); {
	case comp == "" && r.Header.Get("x-ms-blob-type") != "BlockBlob":
		return s.storageError(http.StatusBadRequest, "MissingRequiredHeader")
	case comp != "" && comp != "block", comp == "block" && (err != nil || len(id) == 0 || len(id) > 64):
		return s.storageError(http.StatusBadRequest, "InvalidQueryParameterValue")
	}
	p, sum, crc, err := st.take(f, r.Body, r.ContentLength)
	switch {
	case err == errNoRoom:
		return s.storageError(http.StatusServiceUnavailable, "ServerBusy")
	case err != nil:
		return s.storageError(http.StatusBadRequest, "IncompleteBody")
	case !agrees(r.Header.Get("Content-MD5"), sum):
		return s.storageError(http.StatusBadRequest, "Md5Mismatch")
	case !agrees(r.Header.Get("x-ms-content-crc64"), crc):
		return s.storageError(http.StatusBadRequest, "Crc64Mismatch")
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if comp == "" {
		f.content, f.blocks, f.parts, f.committed = []piece{p}, nil, nil, true
		return s.created(sum)
	}
	for other := range f.blocks {
		if len(other) != len(block) {
			return s.storageError(http.StatusBadRequest, "InvalidBlobOrBlock")
		}
	}
	if f.blocks == nil {
		f.blocks = make(map[string]piece)
	}
	f.blocks[block] = p
	return s.created(sum)
}

// commit makes a file of blocks.
func (s *Simulator) commit(f *stored, r *http.Request) answer {
	var list struct {
		Latest, Uncommitted, Committed []string
	}
	if err := xml.NewDecoder(io.LimitReader(r.Body, 8<<20)).Decode(&list); err != nil {
		return s.storageError(http.StatusBadRequest, "InvalidXmlDocument")
	}
	s.storage.mu.Lock()
	defer s.storage.mu.Unlock()
	if len(list.Uncommitted)+len(list.Committed) > 0 { // mixed lists keep an order that this reading loses
		return s.storageError(http.StatusNotImplemented, "NotImplemented")
	}
	var content []piece
	size, parts := int64(0), make(map[string]piece)
	for _, id := range list.Latest {
		p, there := f.blocks[id]
		if !there {
			if p, there = f.parts[id]; !there {
				return s.storageError(http.StatusBadRequest, "InvalidBlockList")
			}
		}
		content, parts[id] = append(content, p), p
		size += p.size
	}
	if size > maxDeposit {
		return s.storageError(http.StatusRequestEntityTooLarge, "RequestBodyTooLarge")
	}
	f.content, f.blocks, f.parts, f.committed = content, nil, parts, true
	return s.created(nil)
}

// agrees compares a checksum of the headers, if there is one.
func agrees(header string, sum []byte) bool {
	return header == "" || header == base64.StdEncoding.EncodeToString(sum)
}

func (s *Simulator) created(sum []byte) answer {
	h := s.storageHeader()
	h.Set("ETag", `"`+s.nextUUID("etag")+`"`)
	if sum != nil {
		h.Set("Content-MD5", base64.StdEncoding.EncodeToString(sum))
	}
	return answer{status: http.StatusCreated, header: h}
}

func (s *Simulator) storageError(status int, code string) answer {
	h := s.storageHeader()
	h.Set("x-ms-error-code", code)
	body := fmt.Sprintf(`<?xml version="1.0" encoding="utf-8"?><Error><Code>%s</Code><Message>Simulated.</Message></Error>`, code)
	return answer{status: status, contentType: "application/xml", header: h, body: []byte(body)}
}

func (s *Simulator) storageHeader() http.Header {
	h := make(http.Header)
	h.Set("x-ms-request-id", s.nextUUID("storage"))
	h.Set("x-ms-version", "2025-01-05")
	return h
}

// azureLink is a link into the container of [WithAzureDeposits].
func (s *Simulator) azureLink(uri string) (string, error) {
	container, err := url.Parse(s.config.azure)
	if err != nil {
		return "", err
	}
	folders := strings.Split(container.Path, "/")
	signed, err := sas.BlobSignatureValues{
		Protocol: sas.ProtocolHTTPSandHTTP, ExpiryTime: time.Now().Add(s.storage.life), ContainerName: folders[len(folders)-1], BlobName: uri,
		Permissions: (&sas.BlobPermissions{Create: true, Write: true}).String(),
	}.SignWithSharedKey(s.config.azureKey)
	if err != nil {
		return "", err
	}
	return container.JoinPath(uri).String() + "?" + signed.Encode(), nil
}

// openDeposit reads what was deposited, wherever that is.
func (s *Simulator) openDeposit(ctx context.Context, uri, practice string) io.ReadCloser {
	if s.config.azure == "" {
		return s.storage.open(uri, practice)
	}
	s.storage.mu.Lock()
	f := s.storage.files[uri]
	s.storage.mu.Unlock()
	if f == nil || f.practice != practice {
		return nil
	}
	container, err := url.Parse(s.config.azure)
	if err != nil {
		return nil
	}
	client, err := blockblob.NewClientWithSharedKeyCredential(container.JoinPath(uri).String(), s.config.azureKey, &blockblob.ClientOptions{
		ClientOptions: policy.ClientOptions{Transport: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}},
	})
	if err != nil {
		return nil
	}
	answer, err := client.DownloadStream(ctx, nil)
	if err != nil {
		return nil
	}
	return answer.Body
}
