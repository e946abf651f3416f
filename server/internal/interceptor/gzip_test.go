package interceptor

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math/rand"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	grpcgzip "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/policy"
)

func zip(t *testing.T, parts ...[]byte) []byte { return zipAt(t, gzip.DefaultCompression, parts...) }

func zipAt(t *testing.T, level int, parts ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, level)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// noise does not compress.
func noise(n int) []byte {
	out := make([]byte, n)
	_, _ = rand.New(rand.NewSource(1)).Read(out)
	return out
}

func TestInflatingIsBounded(t *testing.T) {
	const mib = 1 << 20
	// 40 kB and a little may become four million bytes.
	steep := func(zeros int) []byte { return zip(t, noise(40_000), make([]byte, zeros)) }
	stored := func(n int) []byte { return zipAt(t, gzip.NoCompression, noise(n)) }
	few := zip(t, make([]byte, mib))
	say := func(zipped []byte, size uint32) []byte {
		out := bytes.Clone(zipped)
		binary.LittleEndian.PutUint32(out[len(out)-4:], size)
		return out
	}
	sum := func(zipped []byte) []byte {
		out := bytes.Clone(zipped)
		out[len(out)-5] ^= 1
		return out
	}
	for _, c := range []struct {
		name   string
		zipped []byte
		want   int
		err    error
	}{
		{"nothing", zip(t), 0, nil},
		{"a text", zip(t, []byte("some text")), 9, nil},
		{"a megabyte, however steep", few, mib, nil},
		{"one byte more", zip(t, make([]byte, mib+1)), 0, errRatio},
		{"a bomb of 32 MiB", zip(t, make([]byte, 32*mib)), 0, errRatio},
		{"nearly 100 times", steep(3_900_000), 3_940_000, nil},
		{"more than 100 times", steep(4_500_000), 0, errRatio},
		{"as large as a message may be", stored(MaxMessage), MaxMessage, nil},
		{"one byte more than that", stored(MaxMessage + 1), 0, errInflated},
		{"in two members", slices.Concat(zip(t, []byte("some ")), zip(t, []byte("text"))), 9, nil},
		{"members that are bombs together", bytes.Repeat(few, 9), 0, errRatio},
		{"that says to be smaller", say(few, 1), 0, errNotGzip},
		{"that says to be larger", say(few, 4e9), 0, errNotGzip},
		{"cut short", few[:len(few)-20], 0, errNotGzip},
		{"with another sum", sum(few), 0, errNotGzip},
		{"a head alone", gzipMagic, 0, errNotGzip},
		{"with something behind it", append(bytes.Clone(few), "more"...), 0, errNotGzip},
	} {
		claimed := 0
		message, err := inflate(c.zipped, func(n int) error {
			if n <= 0 {
				t.Errorf("%s: a claim of %d", c.name, n)
			}
			claimed += n
			return nil
		})
		if !errors.Is(err, c.err) || err == nil && len(message) != c.want {
			t.Errorf("%s, %d bytes: %d, %v; want %d, %v", c.name, len(c.zipped), len(message), err, c.want, c.err)
		}
		if most := max(mib, min(MaxMessage, 100*len(c.zipped))) + 1; cap(message) > claimed || claimed > most {
			t.Errorf("%s: %d bytes of memory, %d claimed; at most %d", c.name, cap(message), claimed, most)
		}
	}
	no := errors.New("no")
	if message, err := inflate(few, func(int) error { return no }); !errors.Is(err, no) || cap(message) > 0 {
		t.Errorf("against a claim: %d bytes, %v", cap(message), err)
	}
}

// TestInflatedBytesAreCounted: of each caller, and of all, for as long as somebody may hold them.
func TestInflatedBytesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := doorOf(t)
		enter := func() (a *arrival, leave func()) {
			ctx, cancel := context.WithCancel(t.Context())
			ctx, err := d.tap(ctx, &tap.Info{FullMethodName: "/s/Read"})
			if err != nil {
				t.Fatal(err)
			}
			a = arrivalOf(ctx)
			a.here() // its message is: nobody who arrives may ask for its place
			return a, cancel
		}
		var leaves []func()
		for _, caller := range []string{"a", "b", "c", "d"} {
			for range inflatedOfCaller / MaxMessage {
				a, leave := enter()
				leaves = append(leaves, leave)
				if err := a.claim(caller, MaxMessage); err != nil {
					t.Fatal(caller, err)
				}
			}
			a, leave := enter()
			if err := a.claim(caller, 1); refusedFor(err) != time.Second {
				t.Errorf("%s beyond its bytes: %v", caller, err)
			}
			leave()
		}
		late, leave := enter()
		if err := late.claim("e", 1); refusedFor(err) != time.Second {
			t.Errorf("beyond those of all: %v", err)
		}
		leaves[0]()
		synctest.Wait()
		if err := late.claim("a", MaxMessage); err != nil {
			t.Errorf("after a call ended: %v", err)
		}
		late.release(false) // with the next message of its stream
		if err := late.claim("a", MaxMessage); err != nil {
			t.Errorf("the next message: %v", err)
		}
		for _, each := range append(leaves, leave) {
			each()
		}
		synctest.Wait()
		if err := late.claim("a", 1); !errors.Is(err, context.Canceled) {
			t.Errorf("after its end: %v", err)
		}
		if d.allInflated != 0 || len(d.inflated) != 0 {
			t.Errorf("%d bytes are left, of %v", d.allInflated, d.inflated)
		}
	})
}

// seen is what a client learns of the compression of answers.
type seen struct {
	encoding atomic.Value
	smaller  atomic.Bool
}

func (*seen) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (*seen) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*seen) HandleConn(context.Context, stats.ConnStats)                       {}
func (s *seen) HandleRPC(_ context.Context, event stats.RPCStats) {
	switch event := event.(type) {
	case *stats.Begin:
		s.encoding.Store("")
		s.smaller.Store(false)
	case *stats.InHeader:
		s.encoding.Store(event.Compression)
	case *stats.InPayload:
		s.smaller.Store(event.CompressedLength < event.Length)
	}
}

// longAnswers is a service whose answers can be compressed.
type longAnswers struct {
	looppb.UnimplementedReferenceDataServiceServer
	looppb.UnimplementedDocumentServiceServer
	during func()
	asked  atomic.Int64
}

func (l *longAnswers) ListAccounts(context.Context, *looppb.ListAccountsRequest) (*looppb.ListAccountsResponse, error) {
	l.asked.Add(1)
	if l.during != nil {
		l.during()
	}
	return &looppb.ListAccountsResponse{NextPageToken: strings.Repeat("x", 10_000)}, nil
}

func (l *longAnswers) StreamAccounts(_ *looppb.StreamAccountsRequest, stream grpc.ServerStreamingServer[looppb.StreamAccountsResponse]) error {
	l.asked.Add(1)
	return stream.Send(&looppb.StreamAccountsResponse{Accounts: []*looppb.Account{{Number: strings.Repeat("x", 10_000)}}})
}

func (l *longAnswers) StoreDocument(stream grpc.ClientStreamingServer[looppb.StoreDocumentRequest, looppb.StoreDocumentResponse]) error {
	for {
		_, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(&looppb.StoreDocumentResponse{})
		}
		if err != nil {
			return err
		}
		if l.during != nil {
			l.during()
		}
	}
}

const (
	accountsRPC, accountsStreamRPC = looppb.ReferenceDataService_ListAccounts_FullMethodName, looppb.ReferenceDataService_StreamAccounts_FullMethodName
	uploadRPC                      = looppb.DocumentService_StoreDocument_FullMethodName
)

// compressing serves a service as the application does, and connects to it.
func compressing(t *testing.T, service *longAnswers, limits string, options ...grpc.DialOption) (conn *grpc.ClientConn, door *Door, client *seen) {
	t.Helper()
	return compressingWithin(t, service, limits, nil, options...)
}

func compressingWithin(t *testing.T, service *longAnswers, limits string, memory *Memory, options ...grpc.DialOption) (conn *grpc.ClientConn, door *Door, client *seen) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	grants := limited(t, limits)
	minute := Deadlines{UnaryDefault: time.Minute, UnaryMax: time.Minute, StreamDefault: time.Minute, StreamMax: time.Minute}
	door = NewDoor(Identities{Policy: grants}, func(context.Context) []string { return nil }, memory)
	chain := Chain(Config{
		Log: quiet, Lines: NewLines(quiet, false, nil, prometheus.NewRegistry()), Audit: quiet, Refusals: NewRefusals(quiet, prometheus.NewRegistry()), Metrics: NewMetrics(prometheus.NewRegistry()), Deadlines: minute, Limits: NewLimits(grants), Memory: memory,
		Callers: door.Callers(), Access: map[string]policy.Access{accountsRPC: {Right: policy.Read}, accountsStreamRPC: {Right: policy.Read}, uploadRPC: {Right: policy.Write}},
		Validator: anything{}, Draining: t.Context(), Shutdown: t.Context(),
	})
	server := grpc.NewServer(append(ServerOptions(chain), append(door.Options(), grpc.MaxRecvMsgSize(MaxMessage))...)...)
	looppb.RegisterReferenceDataServiceServer(door.Guard(server), service)
	looppb.RegisterDocumentServiceServer(door.Guard(server), service)
	grpc_health_v1.RegisterHealthServer(door.Guard(server), health.NewServer())
	listener := bufconn.Listen(1 << 16)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	client = &seen{}
	conn, err := grpc.NewClient("passthrough:///x", append(options, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithStatsHandler(client),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, door, client
}

var zipped = grpc.UseCompressor(grpcgzip.Name)

// TestAnswersAreCompressedWhereTheMessageWas: and not because a client could take them so, which all of grpc-go's say.
func TestAnswersAreCompressedWhereTheMessageWas(t *testing.T) {
	conn, _, client := compressing(t, &longAnswers{}, "")
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer quiet")
	accounts := looppb.NewReferenceDataServiceClient(conn)
	for _, c := range []struct {
		name     string
		filter   string
		options  []grpc.CallOption
		encoding string
	}{
		{"compressed", strings.Repeat("x", 5000), []grpc.CallOption{zipped}, grpcgzip.Name},
		{"a small one", "x", []grpc.CallOption{zipped}, grpcgzip.Name},
		{"not compressed", strings.Repeat("x", 5000), nil, ""},
	} {
		request := &looppb.ListAccountsRequest{Practice: "demo", Dossier: "D1", Filter: c.filter}
		answer, err := accounts.ListAccounts(ctx, request, c.options...)
		if err != nil || len(answer.GetNextPageToken()) != 10_000 {
			t.Errorf("%s: %v", c.name, err)
		}
		if encoding, smaller := client.encoding.Load(), client.smaller.Load(); encoding != c.encoding || smaller != (c.encoding != "") {
			t.Errorf("%s: the answer's encoding is %q, it is smaller: %t", c.name, encoding, smaller)
		}
		stream, err := accounts.StreamAccounts(ctx, &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "D1", Filter: c.filter}, c.options...)
		if err != nil {
			t.Fatal(err)
		}
		if page, err := stream.Recv(); err != nil || len(page.GetAccounts()) != 1 {
			t.Errorf("%s, on a stream: %v", c.name, err)
		}
		if encoding, smaller := client.encoding.Load(), client.smaller.Load(); encoding != c.encoding || smaller != (c.encoding != "") {
			t.Errorf("%s, on a stream: the answer's encoding is %q, it is smaller: %t", c.name, encoding, smaller)
		}
	}
	// What names gzip and sends a message as it is, because gzip would not make it smaller. grpc-go does so with an empty one.
	if err := conn.Invoke(ctx, accountsRPC, []byte{}, nil, zipped, grpc.ForceCodec(raw{})); err != nil {
		t.Error(err)
	}
	if encoding, smaller := client.encoding.Load(), client.smaller.Load(); encoding == grpcgzip.Name || smaller {
		t.Errorf("a message as it is: the answer's encoding is %q", encoding)
	}
}

// asItIs makes a client send bytes as if it had compressed them.
type asItIs struct{}

func (asItIs) Do(w io.Writer, message []byte) error {
	_, err := w.Write(message)
	return err
}

func (asItIs) Type() string { return grpcgzip.Name }

// TestWhatIsNotInflated: a stranger's messages, whatever is in them, and bombs of callers; each is told why.
func TestWhatIsNotInflated(t *testing.T) {
	service := &longAnswers{}
	conn, door, _ := compressing(t, service, "")
	good, err := proto.Marshal(someRequest)
	if err != nil {
		t.Fatal(err)
	}
	bomb := bytes.Repeat([]byte{0x2a, 0}, 4_000_000)
	const unknown, malformed = looppb.ErrorReason_ERROR_REASON_CALLER_UNKNOWN, looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED
	const limit = looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT
	checkRPC := grpc_health_v1.Health_Check_FullMethodName
	for _, c := range []struct {
		name, token, method string
		message             []byte
		want                codes.Code
		reason              looppb.ErrorReason
		says                string
	}{
		{"a caller's", "quiet", accountsRPC, good, codes.OK, 0, ""},
		{"a caller's bomb", "quiet", accountsRPC, bomb, codes.InvalidArgument, malformed, "100 times"},
		{"a caller's noise", "quiet", accountsRPC, noise(100_000), codes.InvalidArgument, malformed, "contract"},
		{"a caller's that is too large once inflated", "quiet", accountsRPC, append(noise(200_000), make([]byte, MaxMessage)...), codes.ResourceExhausted, limit, "inflated"},
		{"a caller's that is no message", "quiet", accountsRPC, []byte{0xff}, codes.InvalidArgument, malformed, "contract"},
		{"a stranger's", "stranger", accountsRPC, good, codes.Unauthenticated, unknown, "token"},
		{"a stranger's bomb", "stranger", accountsRPC, bomb, codes.Unauthenticated, unknown, "token"},
		{"a stranger's to a public method", "stranger", checkRPC, []byte{0x0a, 0}, codes.Unauthenticated, unknown, "token"},
		{"a stranger's bomb to a public method", "stranger", checkRPC, bomb, codes.Unauthenticated, unknown, "token"},
		{"a caller's to a public method", "quiet", checkRPC, []byte{0x0a, 0}, codes.OK, 0, ""},
		{"a caller's bomb to a public method", "quiet", checkRPC, bomb, codes.InvalidArgument, malformed, "100 times"},
	} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+c.token)
		before := service.asked.Load()
		err := conn.Invoke(ctx, c.method, c.message, nil, grpc.ForceCodec(raw{}), zipped)
		reached := service.asked.Load() > before
		if status.Code(err) != c.want || apierror.ReasonOf(err) != c.reason || !strings.Contains(status.Convert(err).Message(), c.says) || reached != (err == nil && c.method == accountsRPC) {
			t.Errorf("%s: %v; the service is reached: %t", c.name, err, reached)
		}
		streamed := map[string]string{accountsRPC: accountsStreamRPC, checkRPC: grpc_health_v1.Health_Watch_FullMethodName}[c.method]
		ctx, cancel := context.WithCancel(ctx)
		stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, streamed, grpc.ForceCodec(raw{}), zipped)
		if err == nil {
			_ = stream.SendMsg(c.message) // its answer may be on its way
			_ = stream.CloseSend()
			err = stream.RecvMsg(nil)
		}
		cancel()
		if status.Code(err) != c.want || apierror.ReasonOf(err) != c.reason || !strings.Contains(status.Convert(err).Message(), c.says) {
			t.Errorf("%s, on a stream: %v", c.name, err)
		}
	}
	nothingLeft(t, door)
}

// nothingLeft waits until a door holds nothing for calls that have ended.
func nothingLeft(t *testing.T, door *Door) {
	t.Helper()
	left := func() int {
		door.mu.Lock()
		defer door.mu.Unlock()
		return door.allInflated + len(door.inflated)
	}
	for patience := time.Now().Add(time.Minute); left() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(patience) {
			t.Fatalf("%d are left", left())
		}
	}
}

// TestWhatIsSaidToBeGzip and is not, and what is gzip and is not said to be.
func TestWhatIsSaidToBeGzip(t *testing.T) {
	good, err := proto.Marshal(someRequest)
	if err != nil {
		t.Fatal(err)
	}
	//nolint:staticcheck // deprecated; what is registered would compress
	said, _, _ := compressing(t, &longAnswers{}, "", grpc.WithCompressor(asItIs{}))
	unsaid, _, _ := compressing(t, &longAnswers{}, "")
	whole := zip(t, good)
	for _, c := range []struct {
		name    string
		conn    *grpc.ClientConn
		message []byte
		want    codes.Code
	}{
		{"gzip that is said to be", said, whole, codes.OK},
		{"a message that is said to be gzip", said, good, codes.InvalidArgument},
		{"gzip that is cut short", said, whole[:len(whole)-4], codes.InvalidArgument},
		{"gzip that nobody speaks of", unsaid, whole, codes.InvalidArgument},
		{"gzip in gzip", said, zip(t, whole), codes.InvalidArgument},
	} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer quiet")
		if err := c.conn.Invoke(ctx, accountsRPC, c.message, nil, grpc.ForceCodec(raw{})); status.Code(err) != c.want ||
			err != nil && apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestTheGatewaysServerInflatesNothing: its calls come by no door, and the gateway compresses none.
func TestTheGatewaysServerInflatesNothing(t *testing.T) {
	c := &carrier{into: &looppb.ListAccountsRequest{}, zippable: true}
	if err := boundedCodec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(zip(t, []byte{0x0a, 0}))}, c); err != nil || !errors.Is(c.err, errCompressed) {
		t.Errorf("it answers %v, %v", err, c.err)
	}
}

// TestInflatedBytesAreHeldByCalls: as long as the call, or the message of a stream.
func TestInflatedBytesAreHeldByCalls(t *testing.T) {
	service := &longAnswers{}
	conn, door, _ := compressing(t, service, "")
	var held atomic.Int64
	service.during = func() {
		door.mu.Lock()
		defer door.mu.Unlock()
		held.Store(int64(door.inflated["quiet"]))
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer quiet")
	const size = 100_000
	if _, err := looppb.NewReferenceDataServiceClient(conn).ListAccounts(ctx, &looppb.ListAccountsRequest{Practice: "demo", Dossier: "D1", Filter: strings.Repeat("x", size)}, zipped); err != nil {
		t.Fatal(err)
	}
	if n := held.Load(); n < size || n > size+1000 {
		t.Errorf("a call of %d bytes holds %d", size, n)
	}
	nothingLeft(t, door)
	stream, err := looppb.NewDocumentServiceClient(conn).StoreDocument(ctx, zipped)
	if err != nil {
		t.Fatal(err)
	}
	about := &looppb.StoreDocumentRequest{Piece: &looppb.StoreDocumentRequest_Metadata{Metadata: &looppb.DocumentMetadata{Practice: "demo", Dossier: "D1"}}}
	if err := stream.Send(about); err != nil {
		t.Fatal(err)
	}
	for range inflatedOfCaller/size + 1 { // more than may be held at a time
		if err := stream.Send(&looppb.StoreDocumentRequest{Piece: &looppb.StoreDocumentRequest_Data{Data: make([]byte, size)}}); err != nil {
			break
		}
	}
	if _, err := stream.CloseAndRecv(); err != nil {
		t.Errorf("an upload in pieces: %v", err)
	}
	if n := held.Load(); n < size || n > 2*size {
		t.Errorf("a piece of %d bytes holds %d", size, n)
	}
	nothingLeft(t, door)
}

// TestInflatedBytesAreCharged: to whom they cost little, whether a message was made of them or not.
func TestInflatedBytesAreCharged(t *testing.T) {
	for _, c := range []struct {
		name    string
		message []byte
		want    codes.Code
	}{
		{"a message", append([]byte{0xa2, 0x06, 0xe0, 0xa7, 0x12}, make([]byte, 300_000)...), codes.OK},
		{"a bomb", make([]byte, 8_000_000), codes.InvalidArgument},
		{"what is no message", bytes.Repeat([]byte{0xff}, 1_000_000), codes.InvalidArgument},
	} {
		for _, method := range []string{accountsRPC, accountsStreamRPC} {
			conn, _, _ := compressing(t, &longAnswers{}, "bytes_per_second: 100000")
			ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer noisy")
			call := func(message []byte) error {
				stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method, grpc.ForceCodec(raw{}), zipped)
				if err == nil {
					_ = stream.SendMsg(message) // its answer may be on its way
					_ = stream.CloseSend()
					err = stream.RecvMsg(nil)
				}
				return err
			}
			start := time.Now()
			if err := call(c.message); status.Code(err) != c.want {
				t.Fatalf("%s, %s: %v", c.name, method, err)
			}
			// A stream that goes on has waited already.
			if waited, wait := time.Since(start), refusedFor(call([]byte{})); waited+wait < time.Second {
				t.Errorf("%s, %s: it took %s, and the next call is to wait %s", c.name, method, waited, wait)
			}
		}
	}
}
