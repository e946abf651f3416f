package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/submission"
	"cegid.internal/gateway/server/internal/wording"
)

// slow gives pieces with a pause before each, for ever.
type slow struct {
	ctx   context.Context
	pause time.Duration
	piece []byte
}

func (s *slow) Context() context.Context { return s.ctx }

func (s *slow) Recv() (*looppb.StoreDocumentRequest, error) {
	select {
	case <-time.After(s.pause):
		return &looppb.StoreDocumentRequest{Piece: &looppb.StoreDocumentRequest_Data{Data: s.piece}}, nil
	case <-s.ctx.Done():
		return nil, s.ctx.Err()
	}
}

func ignore([]byte) error { return nil }

// TestNobodyWaitsWithoutEndForAFile: neither for its next piece, nor for one that keeps dripping.
func TestNobodyWaitsWithoutEndForAFile(t *testing.T) {
	for name, c := range map[string]struct {
		pause, most time.Duration
		piece       string
	}{
		"stalled":                {time.Hour, uploadStall, "%PDF-"},
		"dripping":               {uploadStall - time.Second, documentLimit, "%PDF-"},
		"dripping, with nothing": {time.Second, documentLimit, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel() // as the end of the call does
				begun := time.Now()
				err := receive(&slow{ctx, c.pause, []byte(c.piece)}, documentLimit, ignore)
				if apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED || time.Since(begun) != c.most {
					t.Errorf("%v after %s; want the end after %s", err, time.Since(begun), c.most)
				}
				cancel()
				synctest.Wait()
			})
		})
	}
}

func TestACallerWhoLeavesEndsTheUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := receive(&slow{ctx, time.Minute, nil}, documentLimit, ignore); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		synctest.Wait()
	})
}

// parts gives a file in parts, then its end.
type parts struct {
	ctx  context.Context
	rest [][]byte
}

func (p *parts) Context() context.Context { return p.ctx }

func (p *parts) Recv() (*looppb.StoreDocumentRequest, error) {
	if len(p.rest) == 0 {
		return nil, io.EOF
	}
	next := p.rest[0]
	p.rest = p.rest[1:]
	return &looppb.StoreDocumentRequest{Piece: &looppb.StoreDocumentRequest_Data{Data: next}}, nil
}

func TestADiskThatIsFullEndsTheUpload(t *testing.T) {
	for err, want := range map[error]looppb.ErrorReason{
		fmt.Errorf("%w: no space left on device", submission.ErrNoRoom): looppb.ErrorReason_ERROR_REASON_SPOOL_FULL,
		errors.New("input/output error"):                                looppb.ErrorReason_ERROR_REASON_UNSPECIFIED,
	} {
		got := receive(&parts{t.Context(), [][]byte{[]byte("%PDF-1.7")}}, documentLimit, func([]byte) error { return err })
		if got = wording.Of(t.Context(), got, nil); got == nil || apierror.ReasonOf(got) != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}
