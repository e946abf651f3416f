package diagnostics

import (
	"context"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// FindCalls implements looppb.DiagnosticsServiceServer.
func (s *Service) FindCalls(ctx context.Context, request *looppb.FindCallsRequest) (*looppb.FindCallsResponse, error) {
	if _, err := s.practices.Get(request.GetPractice()); err != nil {
		return nil, err
	}
	response := &looppb.FindCallsResponse{}
	for _, call := range s.calls(s.caller(ctx), request.GetCallId()) {
		switch call.GetPractice() {
		case request.GetPractice(), "", "-", "[invalid]":
			response.Calls = append(response.Calls, call)
		}
	}
	return response, nil
}
