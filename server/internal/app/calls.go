package app

import (
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/interceptor"
)

// callsOf finds the calls of a caller, as the contract shows them.
func callsOf(calls *interceptor.Calls) func(caller, id string) []*looppb.Call {
	return func(caller, id string) (out []*looppb.Call) {
		for _, record := range calls.Find(caller, id) {
			call := &looppb.Call{
				CallId: record.RequestID, TraceId: record.Trace, Method: record.Method, Practice: record.Practice, Dossier: record.Dossier,
				StartTime: timestamppb.New(record.Began), Duration: durationpb.New(record.Took), Code: record.Code.String(),
				Transport: record.Transport, Peer: record.Peer, UserAgent: record.UserAgent, IdentityKind: record.By, Identity: record.Identity,
				LoopAttempts: new(int32(record.Attempts)), LoopStatus: new(int32(record.Said.Status)),
				LoopCode: record.Said.Code, LoopRequestId: record.Said.RequestID,
				WaitDuration: durationpb.New(record.Turn), LoopDuration: durationpb.New(record.Loop), LedgerDuration: durationpb.New(record.Ledger),
			}
			if record.Reason != looppb.ErrorReason_ERROR_REASON_UNSPECIFIED {
				call.Reason = apierror.ReasonName(record.Reason)
			}
			out = append(out, call)
		}
		return out
	}
}
