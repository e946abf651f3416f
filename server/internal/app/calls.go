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
		for _, each := range calls.Find(caller, id) {
			call := &looppb.Call{
				CallId: each.RequestID, TraceId: each.Trace, Method: each.Method, Practice: each.Practice, Dossier: each.Dossier,
				StartTime: timestamppb.New(each.Began), Duration: durationpb.New(each.Took), Code: each.Code.String(),
				Transport: each.Transport, Peer: each.Peer, UserAgent: each.UserAgent, IdentityKind: each.By, Identity: each.Identity,
				LoopAttempts: new(int32(each.Attempts)), LoopStatus: new(int32(each.Said.Status)),
				LoopCode: each.Said.Code, LoopRequestId: each.Said.RequestID,
				WaitDuration: durationpb.New(each.Turn), LoopDuration: durationpb.New(each.Loop), LedgerDuration: durationpb.New(each.Ledger),
			}
			if each.Reason != looppb.ErrorReason_ERROR_REASON_UNSPECIFIED {
				call.Reason = apierror.ReasonName(each.Reason)
			}
			out = append(out, call)
		}
		return out
	}
}
