package interceptor

import (
	"context"
	"testing"
	"time"

	"cegid.internal/gateway/server/internal/policy"
)

// TestAWriteHasTheTimeToHearHowItEnds: by default and at most, whatever other calls have; a shorter deadline stays, but for the time of
// the last word.
func TestAWriteHasTheTimeToHearHowItEnds(t *testing.T) {
	limits := Deadlines{UnaryDefault: 30 * time.Second, UnaryMax: time.Minute, Write: 90 * time.Second, StreamDefault: 15 * time.Minute, StreamMax: 30 * time.Minute}
	access := map[string]policy.Access{"/s/Read": {Right: policy.Read}, "/s/Write": {Right: policy.Write}, "/s/Raw": {Right: policy.Raw}}
	old := limits
	old.Write = 0
	for _, c := range []struct {
		method string
		limits Deadlines
		asked  time.Duration
		want   time.Duration
	}{
		{"/s/Read", limits, 0, 30 * time.Second},
		{"/s/Read", limits, time.Hour, time.Minute},
		{"/s/Write", limits, 0, 90 * time.Second},
		{"/s/Write", limits, time.Hour, 90 * time.Second},
		{"/s/Write", limits, 5 * time.Second, 5 * time.Second},
		{"/s/Raw", limits, 0, 90 * time.Second},
		{"/s/Write", old, 0, time.Minute},
	} {
		ctx, cancel := t.Context(), func() {}
		if c.asked > 0 {
			ctx, cancel = context.WithTimeout(ctx, c.asked)
		}
		outer := ctx
		_, err := call(ctx, []Named{clampDeadline(c.limits, access, t.Context())}, c.method, nil, func(ctx context.Context, _ any) (any, error) {
			deadline, ok := ctx.Deadline()
			if callers, has := outer.Deadline(); has && !deadline.Before(callers) {
				t.Errorf("%s, asked for %s: it has no time for its last word", c.method, c.asked)
			}
			if left := time.Until(deadline); !ok || left > c.want || left < c.want-time.Second {
				t.Errorf("%s, asked for %s: %s; want %s", c.method, c.asked, left, c.want)
			}
			return nil, nil
		})
		cancel()
		if err != nil {
			t.Error(err)
		}
	}
}
