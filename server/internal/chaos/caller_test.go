package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/gen"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// caller is an application: it calls as the published service config says, and writes down all that it is told.
type caller struct {
	name    string
	journal *Journal
	conn    *grpc.ClientConn
	imports looppb.ImportServiceClient
	rest    []string // addresses of the servers, which take turns
	turn    atomic.Int64
	web     *http.Client
	sends   *sends
}

// sends counts what the channel made of the calls.
type sends struct{ attempts atomic.Int64 }

func (s *sends) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (s *sends) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (s *sends) HandleConn(context.Context, stats.ConnStats)                       {}
func (s *sends) HandleRPC(_ context.Context, event stats.RPCStats) {
	if _, ok := event.(*stats.Begin); ok {
		s.attempts.Add(1)
	}
}

func newCaller(t *testing.T, journal *Journal, name string, servers ...*gateway) *caller {
	t.Helper()
	c := &caller{
		name: name, journal: journal, sends: &sends{},
		web: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
	addresses := manual.NewBuilderWithScheme("servers")
	var state resolver.State
	for _, g := range servers {
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: g.grpc}}})
		c.rest = append(c.rest, "http://"+g.http)
	}
	addresses.InitialState(state)
	var err error
	c.conn, err = grpc.NewClient("servers:///all",
		grpc.WithResolvers(addresses),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		// As published; and one server after the other.
		grpc.WithDefaultServiceConfig(strings.Replace(gen.ServiceConfig, "{", `{"loadBalancingConfig": [{"round_robin": {}}], `, 1)),
		grpc.WithStatsHandler(c.sends),
		// A server that restarts is back within a second; the default waits for up to two minutes.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 500 * time.Millisecond},
			MinConnectTimeout: time.Second,
		}))
	if err != nil {
		t.Fatal(err)
	}
	c.imports = looppb.NewImportServiceClient(c.conn)
	t.Cleanup(func() {
		_ = c.conn.Close()
		c.web.CloseIdleConnections()
	})
	return c
}

func (c *caller) authorized(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+tokenOf(c.name))
}

// word is what a call ended with: an import, or an error.
type word struct {
	Event
	found *looppb.Import
	retry time.Duration // RetryInfo
}

// passing says that the same call may succeed later: what a sensible application repeats, with the same request_id.
func (w word) passing() bool {
	switch w.Code {
	case "UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "CANCELLED":
		return true
	}
	return false
}

func wordOf(found *looppb.Import, err error) word {
	if err == nil {
		w := word{Event: Event{State: stateName(found.GetState()), Loop: found.GetLoopRequestId()}, found: found}
		if evidence := found.GetResolution().GetEvidence(); evidence != nil {
			w.Verdict = evidence.GetVerdict().String()[len("IMPORT_VERDICT_"):]
			if evidence.GetDoubt() != 0 {
				w.Doubt = evidence.GetDoubt().String()[len("IMPORT_DOUBT_"):]
			}
		}
		return w
	}
	s := status.Convert(err)
	w := word{Event: Event{Code: codeName(s.Code()), Text: s.Message()}}
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			w.Reason, w.State = d.GetReason(), d.GetMetadata()["state"]
			if w.Reason == "ENTRY_ALREADY_IMPORTED" {
				w.State, w.Saw = "", d.GetMetadata()["doubt"] // both are of the other import
			}
		case *errdetails.RetryInfo:
			w.retry = d.GetRetryDelay().AsDuration()
			w.Retry = w.retry.Seconds()
		}
	}
	return w
}

func stateName(state looppb.ImportState) string { return state.String()[len("IMPORT_STATE_"):] }

// codeName is the code as the protocol spells it.
func codeName(code codes.Code) string {
	switch code {
	case codes.Canceled:
		return "CANCELLED"
	case codes.Unknown:
		return "UNKNOWN"
	case codes.InvalidArgument:
		return "INVALID_ARGUMENT"
	case codes.DeadlineExceeded:
		return "DEADLINE_EXCEEDED"
	case codes.NotFound:
		return "NOT_FOUND"
	case codes.AlreadyExists:
		return "ALREADY_EXISTS"
	case codes.ResourceExhausted:
		return "RESOURCE_EXHAUSTED"
	case codes.Unavailable:
		return "UNAVAILABLE"
	case codes.FailedPrecondition:
		return "FAILED_PRECONDITION"
	default:
		return code.String()
	}
}

// call makes a call and writes down what was asked and told.
func (c *caller) call(asked Event, do func() (*looppb.Import, error)) word {
	asked.Kind, asked.Call, asked.Caller = Asked, c.journal.NextCall(), c.name
	c.journal.Add(asked)
	w := wordOf(do())
	c.told(asked, w)
	return w
}

func (c *caller) told(asked Event, w word) {
	e := w.Event
	e.Kind, e.ID, e.Call, e.Caller, e.Method, e.Via, e.Last = Told, asked.ID, asked.Call, asked.Caller, asked.Method, asked.Via, asked.Last
	c.journal.Add(e)
}

// submit calls ImportEntries once. expect is the reason that the call must end with, if it is not to succeed.
func (c *caller) submit(ctx context.Context, request *looppb.ImportEntriesRequest, overREST bool, expect string) word {
	asked := Event{ID: request.GetRequestId(), Method: "ImportEntries", Via: "grpc", Expect: expect}
	if overREST {
		asked.Via = "rest"
	}
	return c.call(asked, func() (*looppb.Import, error) {
		if !overREST {
			response, err := c.imports.ImportEntries(c.authorized(ctx), request)
			return response.GetImportRecord(), err
		}
		body := proto.CloneOf(request)
		body.Practice, body.Dossier, body.RequestId = "", "", ""
		var response looppb.ImportEntriesResponse
		err := c.overREST(ctx, http.MethodPost, fmt.Sprintf("/v1/practices/%s/dossiers/%s/imports", request.GetPractice(), request.GetDossier()),
			http.Header{"Idempotency-Key": {request.GetRequestId()}}, body, &response)
		return response.GetImportRecord(), err
	})
}

// get calls GetImport.
func (c *caller) get(ctx context.Context, practice, dossier, id string, overREST, last bool) word {
	asked := Event{ID: id, Method: "GetImport", Via: "grpc", Last: last}
	if overREST {
		asked.Via = "rest"
	}
	return c.call(asked, func() (*looppb.Import, error) {
		var response looppb.GetImportResponse
		if overREST {
			err := c.overREST(ctx, http.MethodGet, "/v1/practices/"+practice+"/dossiers/"+dossier+"/imports/"+id, nil, nil, &response)
			return response.GetImportRecord(), err
		}
		got, err := c.imports.GetImport(c.authorized(ctx), &looppb.GetImportRequest{Practice: practice, Dossier: dossier, RequestId: id})
		return got.GetImportRecord(), err
	})
}

// look calls ResolveImport to look for the import in Loop.
func (c *caller) look(ctx context.Context, practice, dossier, id string, overREST bool) word {
	request := &looppb.ResolveImportRequest{Practice: practice, Dossier: dossier, RequestId: id, Action: &looppb.ResolveImportRequest_Check{Check: &looppb.CheckImport{}}}
	return c.resolve(ctx, request, overREST)
}

// resolve calls ResolveImport.
func (c *caller) resolve(ctx context.Context, request *looppb.ResolveImportRequest, overREST bool) word {
	asked := Event{ID: request.GetRequestId(), Method: "ResolveImport", Via: "grpc"}
	if overREST {
		asked.Via = "rest"
	}
	return c.call(asked, func() (*looppb.Import, error) {
		if !overREST {
			got, err := c.imports.ResolveImport(c.authorized(ctx), request)
			return got.GetImportRecord(), err
		}
		body := proto.CloneOf(request)
		body.Practice, body.Dossier, body.RequestId = "", "", ""
		var response looppb.ResolveImportResponse
		err := c.overREST(ctx, http.MethodPost, fmt.Sprintf("/v1/practices/%s/dossiers/%s/imports/%s:resolve", request.GetPractice(), request.GetDossier(), request.GetRequestId()), nil, body, &response)
		return response.GetImportRecord(), err
	})
}

// watch calls WatchImport, and returns its last word.
func (c *caller) watch(ctx context.Context, practice, dossier, id string) word {
	asked := Event{Kind: Asked, ID: id, Call: c.journal.NextCall(), Caller: c.name, Method: "WatchImport", Via: "grpc"}
	c.journal.Add(asked)
	stream, err := c.imports.WatchImport(c.authorized(ctx), &looppb.WatchImportRequest{Practice: practice, Dossier: dossier, RequestId: id})
	var last word
	for err == nil {
		var message *looppb.WatchImportResponse
		if message, err = stream.Recv(); err == nil {
			last = wordOf(message.GetImportRecord(), nil)
			c.told(asked, last)
		}
	}
	if !errors.Is(err, io.EOF) {
		last = wordOf(nil, err)
		c.told(asked, last)
	}
	return last
}

// overREST makes a call over REST. What breaks on the way is UNAVAILABLE, as over gRPC.
func (c *caller) overREST(ctx context.Context, method, path string, header http.Header, in, out proto.Message) error {
	var body io.Reader
	if in != nil {
		text, err := protojson.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.rest[int(c.turn.Add(1))%len(c.rest)]+path, body)
	if err != nil {
		return err
	}
	if header != nil {
		request.Header = header
	}
	request.Header.Set("Authorization", "Bearer "+tokenOf(c.name))
	request.Header.Set("Content-Type", "application/json")
	if deadline, ok := ctx.Deadline(); ok {
		request.Header.Set("Grpc-Timeout", strconv.FormatInt(max(1, time.Until(deadline).Milliseconds()), 10)+"m")
	}
	broken := func(err error) error {
		if ctx.Err() != nil {
			return status.FromContextError(ctx.Err()).Err()
		}
		return status.Error(codes.Unavailable, err.Error())
	}
	response, err := c.web.Do(request)
	if err != nil {
		return broken(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return broken(err)
	}
	if response.StatusCode == http.StatusOK {
		return protojson.Unmarshal(text, out)
	}
	var s rpcstatus.Status
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, &s); err != nil { // the reason is at the top, too
		return fmt.Errorf("HTTP %d, not a google.rpc.Status: %s", response.StatusCode, text)
	}
	return status.FromProto(&s).Err()
}

// entries are a purchase of an amount, in whole euro; the document reference is how it is found again.
func entries(reference, document string, euros int) []*looppb.Entry {
	debit := func(account, amount string) *looppb.EntryLine {
		return &looppb.EntryLine{Account: account, Label: "Achat " + document, Side: &looppb.EntryLine_Debit{Debit: amount}}
	}
	credit := &looppb.EntryLine{
		Account: "40100000", ThirdParty: "FEXEMPLE", Label: "Achat " + document, DueDate: "2026-04-30",
		Side: &looppb.EntryLine_Credit{Credit: strconv.Itoa(euros) + ".20"},
	}
	return []*looppb.Entry{{
		Journal: "ACH", Date: "2026-03-15", Reference: reference, DocumentReference: document,
		Lines: []*looppb.EntryLine{debit("60700000", amountOf(euros)), debit("44566000", "0.20"), credit},
	}}
}

// amountOf is the amount of the first line, as the simulator shows it.
func amountOf(euros int) string { return strconv.Itoa(euros) + ".00" }
