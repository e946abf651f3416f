package main

import (
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/contract"
	"cegid.internal/gateway/server/internal/gateway"
)

// everyCall are the reasons for which any RPC can fail, noRPC those of calls that reach none.
var (
	everyCall = []looppb.ErrorReason{
		looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED,
		looppb.ErrorReason_ERROR_REASON_CALLER_UNKNOWN, looppb.ErrorReason_ERROR_REASON_CALLER_NOT_ALLOWED,
		looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT,
		looppb.ErrorReason_ERROR_REASON_ISSUER_UNAVAILABLE,
		looppb.ErrorReason_ERROR_REASON_PRACTICE_UNKNOWN,
		looppb.ErrorReason_ERROR_REASON_SHUTTING_DOWN, looppb.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED,
		looppb.ErrorReason_ERROR_REASON_CANCELLED, looppb.ErrorReason_ERROR_REASON_INTERNAL,
	}
	noRPC = []looppb.ErrorReason{
		looppb.ErrorReason_ERROR_REASON_METHOD_UNKNOWN, looppb.ErrorReason_ERROR_REASON_HTTP_METHOD_NOT_ALLOWED,
		looppb.ErrorReason_ERROR_REASON_MEDIA_TYPE_UNSUPPORTED,
	}
)

// callsLoop are the reasons for which an RPC that calls Loop can fail.
var callsLoop = []looppb.ErrorReason{
	looppb.ErrorReason_ERROR_REASON_LOOP_CREDENTIAL_REJECTED, looppb.ErrorReason_ERROR_REASON_LOOP_REFUSED,
	looppb.ErrorReason_ERROR_REASON_LOOP_QUOTA,
	looppb.ErrorReason_ERROR_REASON_LOOP_BUSY, looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE,
	looppb.ErrorReason_ERROR_REASON_LOOP_BAD_RESPONSE, looppb.ErrorReason_ERROR_REASON_OBJECT_UNKNOWN,
}

// reachesLoop says whether an RPC calls Loop and passes on what it answers. It does when it wraps an operation, but for
// those below.
var reachesLoop = map[string]bool{
	"ImportService.ValidateEntries": true,  // reads what the entries refer to
	"ImportService.WatchImport":     false, // answers from the ledger; what keeps Loop from being asked is in follow_error
	"RawService.Call":               true,  // wraps what no RPC wraps
}

// ofTheirOwn are reasons that follow from nothing but what an RPC is about.
var ofTheirOwn = map[string][]looppb.ErrorReason{
	"PracticeService.CheckStaffAccess": {looppb.ErrorReason_ERROR_REASON_DOMAIN_REQUIRED},
	"ImportService.DepositFile": {
		looppb.ErrorReason_ERROR_REASON_FILE_INVALID, looppb.ErrorReason_ERROR_REASON_FILE_TOO_LARGE, looppb.ErrorReason_ERROR_REASON_SPOOL_FULL,
		looppb.ErrorReason_ERROR_REASON_OPERATION_UNVERIFIED, looppb.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE,
	},
	"ImportService.StreamFileReport": {looppb.ErrorReason_ERROR_REASON_FILE_TOO_LARGE},
	"ImportService.ValidateFile":     {looppb.ErrorReason_ERROR_REASON_FILE_TOO_LARGE},
	"ImportService.GetDeposit":       {looppb.ErrorReason_ERROR_REASON_DEPOSIT_UNKNOWN, looppb.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE},
	"ImportService.ImportEntries":    {looppb.ErrorReason_ERROR_REASON_ENTRY_ALREADY_IMPORTED},
	"ImportService.ImportFile": {
		looppb.ErrorReason_ERROR_REASON_DEPOSIT_UNKNOWN,
		looppb.ErrorReason_ERROR_REASON_ENTRY_ALREADY_IMPORTED,
	},
	"DocumentService.StoreDocument": {
		looppb.ErrorReason_ERROR_REASON_SPOOL_FULL, looppb.ErrorReason_ERROR_REASON_DOCUMENT_EMPTY,
		looppb.ErrorReason_ERROR_REASON_DOCUMENT_TOO_LARGE, looppb.ErrorReason_ERROR_REASON_DOCUMENT_TYPE_INVALID,
	},
	"DocumentService.GetDocument": {looppb.ErrorReason_ERROR_REASON_DOCUMENT_UNKNOWN},
	"ImportService.GetImport":     {looppb.ErrorReason_ERROR_REASON_IMPORT_UNKNOWN},
	"ImportService.WatchImport":   {looppb.ErrorReason_ERROR_REASON_IMPORT_UNKNOWN},
	"ImportService.ResolveImport": {
		looppb.ErrorReason_ERROR_REASON_IMPORT_UNKNOWN, looppb.ErrorReason_ERROR_REASON_NOTHING_TO_RESOLVE,
		looppb.ErrorReason_ERROR_REASON_MAY_BE_BOOKED,
		looppb.ErrorReason_ERROR_REASON_STATED_OTHERWISE, looppb.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED,
		looppb.ErrorReason_ERROR_REASON_DUPLICATE_CONTENT,
		looppb.ErrorReason_ERROR_REASON_DOSSIER_NOT_SHARED, looppb.ErrorReason_ERROR_REASON_DEPOSIT_UNKNOWN,
		looppb.ErrorReason_ERROR_REASON_ENTRY_ALREADY_IMPORTED,
	},
	"EventService.ListEvents":   {looppb.ErrorReason_ERROR_REASON_EVENTS_FORGOTTEN, looppb.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE},
	"EventService.StreamEvents": {looppb.ErrorReason_ERROR_REASON_EVENTS_FORGOTTEN, looppb.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE},
	"RawService.Call": {
		looppb.ErrorReason_ERROR_REASON_RAW_ROUTE_NOT_LISTED, looppb.ErrorReason_ERROR_REASON_RAW_ROUTE_WRAPPED,
		looppb.ErrorReason_ERROR_REASON_RAW_OTHER_DOSSIER,
		looppb.ErrorReason_ERROR_REASON_ADVANCED_KEY_REQUIRED, looppb.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN,
	},
}

// errorsOf are the reasons for which an RPC can fail besides everyCall, in the order of their numbers. They follow from
// what a request has and from what the inventory says of the operations behind it; a test compares them with every
// failure in the conformance corpus.
func (r *reference) errorsOf(method protoreflect.MethodDescriptor) []looppb.ErrorReason {
	out := slices.Clone(ofTheirOwn[contract.Name(method)])
	add := func(when bool, reasons ...looppb.ErrorReason) {
		if when {
			out = append(out, reasons...)
		}
	}
	has := func(field protoreflect.Name) bool { return asks(method, field) }
	add(has("filter"), looppb.ErrorReason_ERROR_REASON_FILTER_UNSUPPORTED)
	add(has("order_by"), looppb.ErrorReason_ERROR_REASON_ORDER_UNSUPPORTED)
	add(has("page_token") || has("cursor"), looppb.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID)
	add(has("revision"), looppb.ErrorReason_ERROR_REASON_REVISION_STALE)

	operations := r.operations[contract.Name(method)]
	is := func(f func(cegidclient.Operation) bool) bool { return slices.ContainsFunc(operations, f) }
	loop, said := reachesLoop[contract.Name(method)]
	if !said {
		loop = len(operations) > 0
	}
	add(loop, callsLoop...)
	add(loop && has("dossier"), looppb.ErrorReason_ERROR_REASON_DOSSIER_NOT_SHARED)
	add(is(func(o cegidclient.Operation) bool { return o.Key == cegidclient.KeyAdvanced }),
		looppb.ErrorReason_ERROR_REASON_ADVANCED_KEY_REQUIRED)
	add(is(func(o cegidclient.Operation) bool { return o.Unverified }), looppb.ErrorReason_ERROR_REASON_OPERATION_UNVERIFIED)
	add(is(func(o cegidclient.Operation) bool { return o.Resend != cegidclient.ResendAlways }),
		looppb.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN)
	add(is(func(o cegidclient.Operation) bool {
		return o.Resend == cegidclient.ResendReadBack && o.Method == http.MethodPost
	}),
		looppb.ErrorReason_ERROR_REASON_OBJECT_EXISTS) // looked for by its code first

	add(has("request_id") || answers(method, "Import"), looppb.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE)
	add(has("request_id") && has("allow_duplicate"), looppb.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED,
		looppb.ErrorReason_ERROR_REASON_DUPLICATE_CONTENT)
	slices.Sort(out)
	return slices.Compact(out)
}

// asks says whether a request has a field; where the client streams, in its first message.
func asks(method protoreflect.MethodDescriptor, field protoreflect.Name) bool {
	if method.Input().Fields().ByName(field) != nil {
		return true
	}
	metadata := method.Input().Fields().ByName("metadata")
	return method.IsStreamingClient() && metadata != nil && metadata.Message().Fields().ByName(field) != nil
}

// answers says whether an RPC's answer holds messages of a type.
func answers(method protoreflect.MethodDescriptor, message protoreflect.Name) bool {
	return slices.ContainsFunc(fieldsOf(method.Output()), func(f protoreflect.FieldDescriptor) bool {
		return f.Message() != nil && f.Message().Name() == message
	})
}

// findsFaults: checks run before the RPC, and what they find is the reason. ValidateEntries answers it.
func findsFaults(method protoreflect.MethodDescriptor) bool {
	switch contract.Name(method) {
	case "ReferenceDataService.CreateJournal", "ReferenceDataService.UpdateLegalIdentity", "ImportService.ResolveImport",
		"ImportService.ImportFile":
		return true
	}
	return method.Input().Fields().ByName("entries") != nil && method.Output().Fields().ByName("findings") == nil
}

// meaning is a reason as its comment tells it.
type meaning struct {
	Code codes.Code
	HTTP int
	Text string
}

// meaningOf reads "NOT_FOUND (HTTP 404). What happened." above an enum value.
func (r *reference) meaningOf(reason looppb.ErrorReason) (out meaning, ok bool) {
	head, rest, _ := strings.Cut(r.comments[string(contract.Package.Append(protoreflect.Name(reason.String())))], ". ")
	word, aside, _ := strings.Cut(head, " ")
	if rest == "" || out.Code.UnmarshalJSON([]byte(`"`+word+`"`)) != nil {
		return out, false
	}
	out.Text, out.HTTP = rest, gateway.HTTPStatus(apierror.New(out.Code, reason, "."))
	if strings.Contains(aside, "gRPC") {
		out.Text += " " + aside
	}
	return out, true
}

// isFinding says whether a reason is the code of an accounting check, and of nothing else.
func isFinding(reason looppb.ErrorReason) bool {
	return reason != looppb.ErrorReason_ERROR_REASON_ENTRY_ALREADY_IMPORTED &&
		slices.ContainsFunc(check.Codes(), func(r check.Rule) bool { return r.Code == apierror.ReasonName(reason) })
}

// reasons are all of the contract's, in the order of their numbers.
func reasons() []looppb.ErrorReason {
	var out []looppb.ErrorReason
	values := looppb.ErrorReason(0).Descriptor().Values()
	for i := range values.Len() {
		if n := values.Get(i).Number(); n != 0 {
			out = append(out, looppb.ErrorReason(n))
		}
	}
	slices.Sort(out)
	return out
}
