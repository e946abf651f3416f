package service

import (
	"context"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/listing"
	"cegid.internal/gateway/server/internal/submission"
	"cegid.internal/gateway/server/internal/wording"
)

// Raw serves looppb.RawService.
type Raw struct {
	looppb.UnsafeRawServiceServer
	Writes
}

// NewRaw returns the service.
func NewRaw(w Writes) *Raw { return &Raw{Writes: w} }

// Call implements looppb.RawServiceServer.
func (s *Raw) Call(ctx context.Context, request *looppb.CallRequest) (*looppb.CallResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	done, err := s.writer.CallRaw(ctx, practice.Writing(), submission.RawCall{
		Request: s.request(ctx, request, ledger.RawCalls), Method: request.GetMethod(), Path: request.GetPath(), Query: request.GetQuery(),
		Body: request.GetBody(),
	})
	switch {
	case err != nil:
		return nil, s.told(ctx, err)
	case done.Result != nil:
		return rawWritten(done), nil
	case len(done.Answer.Body) > listing.MaxAnswer:
		return nil, wording.Error(wording.RawAnswer)
	}
	return &looppb.CallResponse{HttpStatus: int32(done.Answer.Status), Body: done.Answer.Body}, nil
}

func rawWritten(done submission.RawResult) *looppb.CallResponse {
	out := &looppb.CallResponse{
		State: writeStates[done.Result.State], Replayed: &done.Result.Replayed, BodyOmitted: new(bool), Metadata: done.Result.Metadata,
	}
	if done.Answer == nil {
		return out
	}
	out.HttpStatus = int32(done.Answer.Status)
	if *out.BodyOmitted = len(done.Answer.Body) > listing.MaxAnswer; !*out.BodyOmitted {
		out.Body = done.Answer.Body
	}
	return out
}
