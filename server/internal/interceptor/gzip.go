package interceptor

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/gzip" // registers what answers are compressed with

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
)

const (
	// MaxMessage bounds a request, over gRPC and REST alike, in bytes; a compressed one after it was inflated, too.
	MaxMessage = 8 << 20
	// maxRatio is how many times its size a message may grow by inflating, once it is larger than inflatedFreely. Imports
	// grow to 5 or 20 times; deflate can make 1,000 times of what somebody prepared.
	maxRatio       = 100
	inflatedFreely = 1 << 20
	// inflatedOfCaller and inflatedOfAll bound the inflated messages that a server holds at a time, in bytes: each as long as
	// its call, or until the next message of its stream. They cost their sender little, unlike those that are sent as they are.
	// A server with little memory has less for them.
	inflatedOfCaller = 64 << 20
	inflatedOfAll    = 256 << 20
)

// deflated is the decompressor of our servers, and leaves messages as they are: it is not told whose they are. What it
// returns begins with gzipMagic, as no message does, and the codec inflates it for a caller.
type deflated struct{}

var gzipMagic = []byte{0x1f, 0x8b} // in protobuf, a field of the wire type 7, which does not exist

func (deflated) Type() string { return gzip.Name }

func (deflated) Do(r io.Reader) ([]byte, error) {
	var message bytes.Buffer
	if sized, ok := r.(interface{ Remaining() int }); ok {
		message.Grow(sized.Remaining() + bytes.MinRead)
	}
	if _, err := message.ReadFrom(r); err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(message.Bytes(), gzipMagic) {
		return gzipMagic, nil // which cannot be inflated; of an error, grpc-go would tell the caller in words of its own
	}
	return message.Bytes(), nil
}

// withDeflated makes a server hand compressed messages to its codec.
func withDeflated() grpc.ServerOption {
	//nolint:staticcheck // deprecated; what is registered instead serves all servers and clients of the process, and without limits
	return grpc.RPCDecompressor(deflated{})
}

var (
	errNotGzip  = errors.New("not gzip")
	errInflated = apierror.New(codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT,
		"the message is larger than this service takes once it is inflated: send less at once")
	errRatio = apierror.New(codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED,
		"the message inflates to more than 100 times its size: send it uncompressed")
	errCompressed = apierror.New(codes.Unimplemented, looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED,
		"compressed messages are not understood here: send it uncompressed")
	errManyInflated = apierror.Error{
		Code: codes.ResourceExhausted, Reason: looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT, RetryAfter: time.Second,
		Message: "the compressed messages under way are as large as they may be together: wait for some to end, or send this one uncompressed",
	}.Err()
)

// inflate returns what gzip made smaller; beside an error, as much of it as was inflated. Memory is claimed before it is taken.
func inflate(zipped []byte, claim func(bytes int) error) (message []byte, err error) {
	in, err := encoding.GetCompressor(gzip.Name).Decompress(bytes.NewReader(zipped))
	if err != nil {
		return nil, errNotGzip
	}
	if pooled, ok := in.(io.Closer); ok {
		defer func() { _ = pooled.Close() }()
	}
	most, beyond := max(inflatedFreely, maxRatio*len(zipped)), errRatio
	if most >= MaxMessage {
		most, beyond = MaxMessage, errInflated
	}
	// Its last bytes tell the size, if they are true; deflate makes no more of it than 1,032 times. One more byte is room to
	// learn that it has ended.
	room := min(int(binary.LittleEndian.Uint32(zipped[len(zipped)-4:])), most, 1032*len(zipped)) + 1
	for {
		if len(message) == cap(message) {
			if err := claim(room - cap(message)); err != nil {
				return message, err
			}
			message = append(make([]byte, 0, room), message...)
			room = min(2*room+bytes.MinRead, most+1)
		}
		n, err := in.Read(message[len(message):cap(message)])
		message = message[:len(message)+n]
		switch {
		case len(message) > most:
			return message, beyond
		case errors.Is(err, io.EOF):
			return message, nil
		case err != nil:
			return message, errNotGzip
		}
	}
}

// inflate inflates a message of a caller's. A stranger's stays as it is.
func (a *arrival) inflate(ctx context.Context, zipped []byte) ([]byte, error) {
	who, err := a.door.callers.identify(ctx)
	if nobody, ok := errors.AsType[unknown](err); ok {
		return nil, nobody.answer
	}
	if err != nil {
		return nil, err
	}
	return inflate(zipped, func(bytes int) error { return a.claim(who.caller, bytes) })
}

// claim takes memory for a call, as far as its caller and all of them may have it.
func (a *arrival) claim(caller string, bytes int) error {
	d := a.door
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case a.ended:
		return context.Canceled
	case d.inflated[caller]+bytes > d.memory.share(inflatedOfCaller, 16), d.allInflated+bytes > d.memory.share(inflatedOfAll, 8):
		return errManyInflated
	}
	d.inflated[caller] += bytes
	d.allInflated += bytes
	a.caller = caller
	a.claimed += bytes
	return nil
}

// release gives back what was claimed for the messages so far. Only the last one has the end of the call.
func (a *arrival) release(ended bool) {
	d := a.door
	d.mu.Lock()
	a.ended = a.ended || ended
	if a.claimed > 0 {
		d.allInflated -= a.claimed
		if d.inflated[a.caller] -= a.claimed; d.inflated[a.caller] == 0 {
			delete(d.inflated, a.caller)
		}
		a.claimed = 0
	}
	memory := a.memory
	d.mu.Unlock()
	if ended {
		memory.leave()
	}
}

// sentIn is the compression that a call names for its messages; each of them may be sent as it is all the same.
func sentIn(ctx context.Context) string {
	if of, ok := grpc.ServerTransportStreamFromContext(ctx).(interface{ RecvCompress() string }); ok {
		return of.RecvCompress()
	}
	return ""
}
