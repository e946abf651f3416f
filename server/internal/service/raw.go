package service

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/grpc/codes"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/interceptor"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/rawdoor"
)

// Raw serves looppb.RawService.
type Raw struct {
	looppb.UnsafeRawServiceServer
	writes
	door *rawdoor.Door
}

// NewRaw returns the service; what the door does not list cannot be called.
func NewRaw(w Writes, door *rawdoor.Door) *Raw { return &Raw{writes: writes{w, rawWords}, door: door} }

const rawCallRPC = "RawService.Call"

// Call implements looppb.RawServiceServer.
func (s *Raw) Call(ctx context.Context, request *looppb.CallRequest) (*looppb.CallResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	route, err := s.route(request)
	if err != nil {
		return nil, err
	}
	interceptor.CallFrom(ctx).Route = route.Method + " " + route.Path
	if err := checkRaw(route, request); err != nil {
		return nil, err
	}
	call := cegidclient.RawCall{
		Method: route.Method, Path: route.Path, Key: route.Key, Dossier: route.CodeDossier(request.GetDossier()), Query: request.GetQuery(),
	}
	if request.GetBody() != "" {
		call.Body = []byte(request.GetBody())
	}
	if route.Write() {
		return s.write(ctx, practice, request, call)
	}
	answer, err := practice.Client.Raw.Call(ctx, call)
	if err != nil {
		return nil, err
	}
	if len(answer.Body) > maxAnswer {
		return nil, apierror.New(codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT,
			"Loop's answer is larger than the 3 MiB that fit into one: ask for less at once, with take and skip if the route has them")
	}
	return &looppb.CallResponse{HttpStatus: int32(answer.Status), Body: answer.Body}, nil
}

// route finds what the request may call.
func (s *Raw) route(request *looppb.CallRequest) (rawdoor.Route, error) {
	refuse := func(reason looppb.ErrorReason, message string) (rawdoor.Route, error) {
		return rawdoor.Route{}, apierror.New(codes.FailedPrecondition, reason, message)
	}
	if operation, wrapped := rawdoor.Wrapped(request.GetMethod(), request.GetPath()); wrapped && operation.Wrapped {
		return refuse(looppb.ErrorReason_ERROR_REASON_RAW_ROUTE_WRAPPED, "this route has an RPC: call "+strings.Join(operation.RPCs, " or "))
	} else if wrapped {
		return refuse(looppb.ErrorReason_ERROR_REASON_RAW_ROUTE_NOT_LISTED, "this route is deprecated by Loop and not to be called")
	}
	route, listed := s.door.Find(request.GetMethod(), request.GetPath())
	switch {
	case listed:
		return route, nil
	case !s.door.Open():
		return refuse(looppb.ErrorReason_ERROR_REASON_RAW_ROUTE_NOT_LISTED, "raw calls are off: the operator lists the routes that may be called under raw in the configuration")
	}
	return refuse(looppb.ErrorReason_ERROR_REASON_RAW_ROUTE_NOT_LISTED,
		"this method and path are not among the routes that the operator listed under raw in the configuration; both must be spelt as they are there")
}

// checkRaw refuses what does not fit the route, and what would reach another dossier than the policy was asked about.
func checkRaw(route rawdoor.Route, request *looppb.CallRequest) error {
	invalid := func(field, description string) error {
		return apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, field, description)
	}
	scoped := route.Scope == rawdoor.Dossier
	switch {
	case scoped && request.GetDossier() == "":
		return invalid("dossier", "this route is for a dossier: give its code")
	case !scoped && request.GetDossier() != "":
		return invalid("dossier", "this route is for the practice itself: leave the dossier out")
	case route.Write() && request.GetRequestId() == "":
		return invalid("request_id", "a write needs one: give one id per business document, the same for each attempt")
	case !route.Write() && request.GetBody() != "":
		return invalid("body", "a GET has none: leave it out")
	}
	parameter, err := route.CheckQuery(request.GetQuery(), request.GetDossier())
	field := "query." + parameter
	switch {
	case errors.Is(err, rawdoor.ErrParameter) && len(route.Query) == 0:
		return invalid(field, "the operator has listed no parameters for this route")
	case errors.Is(err, rawdoor.ErrParameter):
		return invalid(field, "the operator has not listed this parameter for the route: use "+strings.Join(route.Query, ", "))
	case err != nil:
		return errOtherDossier(field)
	case request.GetBody() == "":
		return nil
	}
	switch err := rawdoor.CheckBody(request.GetBody(), request.GetDossier()); {
	case errors.Is(err, rawdoor.ErrOtherDossier):
		return errOtherDossier("body")
	case err != nil:
		return invalid("body", "must be one JSON object or list, in which no object has a name twice")
	}
	return nil
}

func errOtherDossier(field string) error {
	const sentence = "it names a dossier in a way that is not the request's own: where a dossier is named, it must be the one of the field dossier"
	return apierror.Error{
		Code: codes.PermissionDenied, Reason: looppb.ErrorReason_ERROR_REASON_RAW_OTHER_DOSSIER, Message: field + ": " + sentence,
		Violations: []apierror.Violation{{Field: field, Description: sentence}},
	}.Err()
}

// write sends a call under the ledger.
func (s *Raw) write(ctx context.Context, practice *Practice, request *looppb.CallRequest, call cegidclient.RawCall) (*looppb.CallResponse, error) {
	submission := ledger.Submission{
		Key:    ledger.Key{Practice: request.GetPractice(), Dossier: request.GetDossier(), Collection: ledger.RawCalls, RequestID: request.GetRequestId()},
		Caller: s.caller(ctx), RPC: rawCallRPC, Format: call.Method + " " + call.Path, Metadata: request.GetMetadata(),
		Fingerprints: []ledger.Fingerprint{rawFingerprint(call)}, AllowDuplicate: request.GetAllowDuplicate(),
	}
	var answer *cegidclient.RawAnswer
	record, err := s.importer.Do(ctx, submission, func(ctx context.Context) (map[string]string, error) {
		var err error
		answer, err = practice.Client.Raw.Call(ctx, call)
		return nil, err
	}, func() {})
	if err != nil {
		return nil, s.submissionError(ctx, submission, err)
	}
	if err := s.outcomeError(record); err != nil {
		return nil, err
	}
	response := &looppb.CallResponse{State: writeState(record.State), Replayed: &record.Replayed, BodyOmitted: new(bool), Metadata: record.Metadata}
	if answer == nil {
		return response, nil
	}
	response.HttpStatus = int32(answer.Status)
	if *response.BodyOmitted = len(answer.Body) > maxAnswer; !*response.BodyOmitted {
		response.Body = answer.Body
	}
	return response, nil
}

// rawScheme is that of the fields below, in their order.
const rawScheme = 201

// rawFingerprint digests what would be sent. Blanks between the tokens of a body make no other call of it.
func rawFingerprint(call cegidclient.RawCall) ledger.Fingerprint {
	h := ledger.NewHasher(rawScheme).Text(call.Method).Text(call.Path).Text(call.Dossier).Int(len(call.Query))
	for _, name := range slices.Sorted(maps.Keys(call.Query)) {
		h.Text(name).Text(call.Query[name])
	}
	body := jsontext.Value(slices.Clone(call.Body))
	_ = body.Compact() // what passed is JSON, or empty
	return h.Bytes(body).Sum()
}
