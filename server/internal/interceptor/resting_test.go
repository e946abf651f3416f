package interceptor

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/policy"
)

const (
	streamAccounts = "/cegid.loop.v1.ReferenceDataService/StreamAccounts"
	watchImport    = "/cegid.loop.v1.ImportService/WatchImport"
	watchHealth    = "/grpc.health.v1.Health/Watch"
	reflect        = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
)

// silent is a stream whose caller says one thing, and no more until the handler has returned.
type silent struct {
	ctx   context.Context
	asked bool

	mu   sync.Mutex
	sent []proto.Message
}

func (*silent) SetHeader(metadata.MD) error  { return nil }
func (*silent) SendHeader(metadata.MD) error { return nil }
func (*silent) SetTrailer(metadata.MD)       {}
func (s *silent) Context() context.Context   { return s.ctx }

func (s *silent) RecvMsg(any) error {
	if !s.asked {
		s.asked = true
		return nil
	}
	<-s.ctx.Done()
	return s.ctx.Err()
}

func (s *silent) SendMsg(message any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, message.(proto.Message))
	return nil
}

// rests runs a stream behind the interceptor and the mapper of errors.
func rests(t *testing.T, method string, draining context.Context, handler func(grpc.ServerStream) error) (sent []proto.Message, err error) {
	t.Helper()
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp() // as grpc-go does with the end of the handler
	access := map[string]policy.Access{streamAccounts: {Right: policy.Read}, watchImport: {Right: policy.Read}}
	inner := &silent{ctx: context.WithValue(ctx, callKey{}, &Call{})}
	mapper := mapErrors(slog.New(slog.DiscardHandler))
	info := &grpc.StreamServerInfo{FullMethod: method, IsServerStream: true, IsClientStream: method == reflect}
	err = restingStreams(access, draining).Stream(nil, inner, info, func(server any, stream grpc.ServerStream) error {
		return mapper.Stream(server, stream, info, func(_ any, stream grpc.ServerStream) error { return handler(stream) })
	})
	inner.mu.Lock()
	defer inner.mu.Unlock()
	return inner.sent, err
}

// wait is a handler that waits for Loop, once it has its request.
func wait(lasts time.Duration) func(grpc.ServerStream) error {
	return func(stream grpc.ServerStream) error {
		if err := stream.RecvMsg(nil); err != nil {
			return err
		}
		select {
		case <-stream.Context().Done():
			return stream.Context().Err()
		case <-time.After(lasts):
			return stream.SendMsg(&looppb.StreamAccountsResponse{Accounts: []*looppb.Account{{Number: "1"}}})
		}
	}
}

func TestAStreamThatWaitsShowsThatItLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent, err := rests(t, streamAccounts, t.Context(), wait(50*time.Second))
		if err != nil || len(sent) != 4 {
			t.Fatalf("%d messages, %v; want one at 15, 30 and 45 s, and one of Loop's", len(sent), err)
		}
		for i, each := range sent {
			if accounts := each.(*looppb.StreamAccountsResponse).GetAccounts(); (len(accounts) == 0) != (i < 3) {
				t.Errorf("message %d: %v", i, accounts)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) { // which has its own, with the import in it
		if sent, err := rests(t, watchImport, t.Context(), wait(50*time.Second)); err != nil || len(sent) != 1 {
			t.Errorf("a watch: %d messages, %v", len(sent), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		sent, err := rests(t, streamAccounts, t.Context(), func(grpc.ServerStream) error {
			time.Sleep(time.Minute)
			return apierror.New(codes.PermissionDenied, looppb.ErrorReason_ERROR_REASON_CALLER_NOT_ALLOWED, "")
		})
		if len(sent) != 0 || status.Code(err) != codes.PermissionDenied {
			t.Errorf("before its request was read it sent %v, and ended with %v", sent, err)
		}
	})
}

func TestTheEndOfTheServerEndsStreamsThatWait(t *testing.T) {
	for _, method := range []string{streamAccounts, watchImport} {
		synctest.Test(t, func(t *testing.T) {
			draining, drain := context.WithCancel(t.Context())
			time.AfterFunc(40*time.Second, drain)
			begun := time.Now()
			_, err := rests(t, method, draining, wait(time.Hour))
			if apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_SHUTTING_DOWN || !saysResume(err) || apierror.RetryAfterOf(err) == 0 {
				t.Errorf("%s ends with %v; want word to resume", method, err)
			}
			if took := time.Since(begun); took > 41*time.Second {
				t.Errorf("%s ended %s after the end of the server", method, took-40*time.Second)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		draining, drain := context.WithCancel(t.Context())
		drain()
		_, err := rests(t, streamAccounts, draining, func(stream grpc.ServerStream) error {
			for range 20 {
				time.Sleep(500 * time.Millisecond)
				if err := errors.Join(stream.Context().Err(), stream.SendMsg(&looppb.StreamAccountsResponse{})); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("a stream that sends ended with %v", err)
		}
	})
}

func saysResume(err error) bool {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetMetadata()["resume"] == "true" {
			return true
		}
	}
	return false
}

func TestTheEndOfTheServerIsNoErrorOfAProbe(t *testing.T) {
	for _, method := range []string{watchHealth, reflect} {
		synctest.Test(t, func(t *testing.T) {
			draining, drain := context.WithCancel(t.Context())
			time.AfterFunc(time.Minute, drain)
			begun := time.Now()
			sent, err := rests(t, method, draining, func(stream grpc.ServerStream) error {
				for {
					if err := stream.RecvMsg(nil); err != nil { // the second time it waits for its caller
						return status.Error(codes.Canceled, "ended")
					}
				}
			})
			if err != nil || len(sent) != 0 || time.Since(begun) != time.Minute {
				t.Errorf("%s: %v after %s", method, err, time.Since(begun))
			}
		})
	}
}
