package cegidclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// sendCount counts how often the headers of a request were written, retries of the standard transport included.
type sendCount struct{ n atomic.Int32 }

func (s *sendCount) sent() SentState {
	if s.n.Load() > 0 {
		return MaybeSent
	}
	return NotSent
}

// httpStep is the last step of the chain: one HTTP request.
type httpStep struct {
	base          *url.URL
	userAgent     string
	reads, writes http.RoundTripper
	readTimeout   time.Duration
	writeTimeout  time.Duration
	successCap    int64
	errorCap      int64
}

// newReadTransport pools connections: as many idle ones as calls in flight, or each burst dials anew.
func newReadTransport(concurrency int) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          concurrency,
		MaxIdleConnsPerHost:   concurrency,
		IdleConnTimeout:       60 * time.Second,
		TLSHandshakeTimeout:   5 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// newWriteTransport dials for every request. On a pooled connection an idle close races with the request and
// leaves it unknown what became of it. HTTP/1.1 only, because the HTTP/2 transport replays by rules of its own.
func newWriteTransport() *http.Transport {
	t := newReadTransport(1)
	t.DisableKeepAlives = true
	t.ForceAttemptHTTP2 = false
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	return t
}

// send makes one attempt. With an answer that is a refusal it returns both the response and the error.
func (h *httpStep) send(ctx context.Context, call *Call) (*Response, error) {
	rt, timeout := h.writes, h.writeTimeout
	if call.Operation.Resend == ResendAlways {
		rt, timeout = h.reads, h.readTimeout
	}
	if within := call.tally.within; within > 0 {
		timeout = min(timeout, within)
	}
	if call.outlives && ctx.Err() == nil {
		ctx = context.WithoutCancel(ctx)
	}
	attempt, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	sends := call.tally.sends
	traced := httptrace.WithClientTrace(attempt, &httptrace.ClientTrace{WroteHeaders: func() { sends.n.Add(1) }})
	req, err := h.request(context.WithValue(traced, pairKey{}, call.pair), call)
	if err != nil {
		return nil, err
	}
	// RoundTrip and not http.Client: no redirect is followed, no cookie kept, and no *url.Error made, which prints
	// the whole query.
	res, err := rt.RoundTrip(req)
	redact := call.redactor()
	if err != nil {
		return nil, networkFailure(ctx, attempt, redact, err, sends.sent())
	}
	defer func() {
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, h.errorCap))
		_ = res.Body.Close()
	}()
	limit := h.errorCap
	success := res.StatusCode >= 200 && res.StatusCode < 300
	if success {
		limit = h.successCap
	}
	body, err := readBody(res, limit)
	// Here, and nowhere else, what Loop echoes of the secrets is taken out: nobody behind this line sees it.
	res.Header, body = redact.header(res.Header), redact.body(body)
	resp := &Response{Status: res.StatusCode, Header: res.Header, Body: body}
	if success && err != nil {
		if errors.Is(err, errOverCap) {
			e := badResponse(fmt.Sprintf("the answer is larger than %d bytes", limit))
			e.HTTPStatus, e.Sent = res.StatusCode, MaybeSent
			return resp, e
		}
		e := networkFailure(ctx, attempt, redact, fmt.Errorf("reading the answer: %w", err), MaybeSent)
		e.HTTPStatus = res.StatusCode
		return resp, e
	}
	practice := call.Dossier == "" || call.Dossier == PracticeDossier
	e := refusal(answer{status: res.StatusCode, header: res.Header, body: body, practice: practice}, time.Now())
	if e == nil {
		return resp, nil
	}
	if errors.Is(err, errOverCap) {
		e.Kind = overCapKind(e.Kind)
		e.detail = fmt.Sprintf("the answer is larger than %d bytes", limit)
	}
	if call.Operation.books() && turnedAway(e.HTTPStatus) {
		e.unread = err != nil
		if e.LoopRequestID = acceptedAnyway(res.Header, body); e.LoopRequestID != "" {
			e.detail = "the status says no, and the answer names an import that was taken: " + e.LoopRequestID
		}
	}
	e.tidy()
	return resp, e
}

// redactor takes out what the call sends of secrets.
func (c *Call) redactor() *redactor {
	switch {
	case c.pair == nil:
		return newRedactor(c.secrets...)
	case c.secrets == nil:
		return c.pair.redactor
	}
	return newRedactor(append(c.pair.secrets(), c.secrets...)...)
}

// overCapKind: a refusal too large to read is nonsense, unless its status alone says what happened.
func overCapKind(k Kind) Kind {
	switch k {
	case KindThrottled, KindUnavailable, KindCredentialRejected:
		return k
	default:
		return KindBadResponse
	}
}

func (h *httpStep) request(ctx context.Context, call *Call) (*http.Request, error) {
	u := *h.base
	u.Path = strings.TrimSuffix(u.Path, "/") + call.Operation.Path
	u.RawQuery = encodeQuery(call.Query)
	var body io.Reader
	size := int64(len(call.Body))
	// A plain reader: no GetBody, hence nothing that the transport could replay.
	switch {
	case call.content != nil:
		body, size = io.NopCloser(call.content), call.size
	case call.Body != nil:
		body = io.NopCloser(bytes.NewReader(call.Body))
	}
	req, err := http.NewRequestWithContext(ctx, call.Operation.Method, "", body)
	if err != nil {
		return nil, invalid("operation", "the method cannot be put into a request")
	}
	req.URL, req.Host = &u, u.Host
	if body != nil {
		req.ContentLength = size
	}
	contentType := call.ContentType
	if contentType == "" {
		contentType = "application/json" // printed "application-json" by mistake, loop-api: R 1.1
	}
	req.Header = http.Header{"Content-Type": {contentType}, "Accept": {"application/json"}, "User-Agent": {h.userAgent}}
	return req, nil
}

// encodeQuery percent-encodes everything, a blank as %20: a filter is an expression, not a form field.
func encodeQuery(q url.Values) string { return strings.ReplaceAll(q.Encode(), "+", "%20") }

// originOf gives host and port, the port always written.
func originOf(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "http":
		port = "80"
	case u.Scheme == "https":
		port = "443"
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

var errOverCap = errors.New("body over the cap")

func readBody(res *http.Response, limit int64) ([]byte, error) {
	var buf bytes.Buffer
	if n := res.ContentLength; n > 0 {
		if n > limit {
			return nil, errOverCap
		}
		body := make([]byte, n+1) // one more, to come to the end
		read, err := io.ReadFull(res.Body, body)
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF) && int64(read) == n:
			return body[:n], nil
		case err != nil:
			return body[:read], err
		}
		buf.Write(body) // there is more than was said
	}
	_, err := buf.ReadFrom(io.LimitReader(res.Body, limit+1-int64(buf.Len())))
	if int64(buf.Len()) > limit {
		return nil, errOverCap
	}
	return buf.Bytes(), err
}

// networkFailure sorts a failure without (whole) answer: the caller went away, or Loop could not be reached. The
// causes are rewritten to a text: an attempt that timed out must not look like the caller's own deadline.
func networkFailure(ctx, attempt context.Context, redact *redactor, err error, sent SentState) *Error {
	if ctx.Err() != nil {
		return interrupted(ctx, sent, nil)
	}
	e := &Error{Kind: KindUnavailable, Sent: sent}
	if attempt.Err() != nil {
		e.detail = "the attempt timed out"
		return e
	}
	e.detail = cleanVendorText(redact.text(rootOf(err)))
	return e
}

// rootOf gives an error's text without the URL that a *url.Error prints.
func rootOf(err error) string {
	for {
		wrapped, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err.Error()
		}
		err = wrapped.Err
	}
}

// tidy makes what an answer says fit to carry.
func (e *Error) tidy() {
	for _, s := range []*string{&e.Code, &e.Message, &e.RequestID, &e.InstanceID, &e.Evidence.ContentType} {
		*s = cleanVendorText(*s)
	}
}
