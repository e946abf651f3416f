package cegidclient

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Call is one call of an operation on its way to Loop. Interceptors treat it as read-only and pass a copy when
// they change something.
type Call struct {
	Operation *Operation
	// Practice is set by [Client.Do]. Dossier is the dossier's code, empty or "cabinet" on practice-level routes;
	// it is for errors and diagnosis: the operation's own parameter goes into Query or Body.
	Practice, Dossier string
	Query             url.Values
	Body              []byte
	// ContentType of Body; application/json when empty.
	ContentType string
	// RefersOnly: what a write books or stores refers to journals, accounts and the like, and makes and changes none.
	RefersOnly bool
	// Attempt counts from 1 and is set by the retry interceptor.
	Attempt int

	content io.Reader // of size bytes, instead of Body: read once, by one attempt
	size    int64

	read   func(body []byte) error // understands a success; part of the call's outcome
	empty  bool                    // a 204 is a success without anything to read
	single bool                    // one attempt whatever the operation allows
	probe  bool                    // asks Loop itself: neither gate nor breaker answers instead, and single is for each subscription key
	// outlives: once begun it has its own time, whatever becomes of its caller.
	outlives bool
	pair     *pair      // secrets of the attempt
	secrets  []string   // others that the call sends
	tally    *callTally // shared by the attempts of a call
}

// whole: it is begun only while its context has all of the time that it may take.
func (c *Call) whole() bool { return c.Operation.books() && !c.outlives }

// callTally is written by the attempts of one call, which follow one another.
type callTally struct {
	attempts int
	sent     SentState
	// Of the attempt under way:
	sends   *sendCount
	passage *passage      // through the breaker; nil for a call that it does not judge
	within  time.Duration // less than an attempt usually may take; 0 for that
}

// Response is Loop's answer, without the secrets that were sent: they are taken out where it comes in.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	// Attempts counts the HTTP attempts that the call took.
	Attempts int
}

// Next is the rest of the chain.
type Next func(ctx context.Context, call *Call) (*Response, error)

// Interceptor is one step of the chain. It may answer itself, or call next once or more.
type Interceptor func(ctx context.Context, call *Call, next Next) (*Response, error)

// link is a named step; the names and their order are asserted by a test.
type link struct {
	name string
	run  Interceptor
}

// chain nests the links, the first outermost, around the last step.
func chain(links []link, last Next) Next {
	for i := len(links) - 1; i >= 0; i-- {
		run, next := links[i].run, last
		last = func(ctx context.Context, call *Call) (*Response, error) { return run(ctx, call, next) }
	}
	return last
}

// beforeSend runs the owner's hook and then the call's as the last step before bytes leave. Their errors are their
// owners' and pass as they are; nothing is sent then. What books or stores is begun only with the time for its end, of
// which the hooks may have taken some: whole is how long the call may take.
func beforeSend(hook func(context.Context, *Call) error, required bool, whole time.Duration) Interceptor {
	return func(ctx context.Context, call *Call, next Next) (*Response, error) {
		own, _ := ctx.Value(beforeSendKey{}).(func(context.Context, *Call) error)
		if required && own == nil && call.Operation.books() {
			return nil, &Error{
				Kind: KindConfiguration, Local: true, Field: "before_send",
				detail: "this client sends no write without a before-send hook of the call's own",
			}
		}
		for _, h := range []func(context.Context, *Call) error{hook, own} {
			if call.whole() && timeLeft(ctx) < whole {
				return nil, tooLate(whole)
			}
			if h == nil {
				continue
			}
			if err := h(ctx, call); err != nil {
				return nil, hookError{err}
			}
		}
		if call.whole() && timeLeft(ctx) < whole {
			return nil, tooLate(whole)
		}
		return next(ctx, call)
	}
}

type beforeSendKey struct{}

// WithBeforeSend gives the calls made with the context a hook of their own, which runs after [Config.BeforeSend] as
// the last step before the bytes of an attempt leave. Its error stops the call and comes back as it is. Make the
// context for one call: every call made with it runs the hook, and a read runs it for each attempt.
func WithBeforeSend(ctx context.Context, hook func(ctx context.Context, call *Call) error) context.Context {
	return context.WithValue(ctx, beforeSendKey{}, hook)
}

// hookError carries the hook's error past the other interceptors, whatever it wraps; Do takes it out again.
type hookError struct{ error }

// Observer receives calls, turns and attempts, for logs, metrics and traces. Events carry no dossier, which no store of
// metrics survives as a label, and nothing of a body. Implementations are called concurrently and must be quick. The context
// is that of the call: an implementation finds there what its owner put into it.
type Observer interface {
	CallDone(ctx context.Context, event CallEvent)
	// TurnDone comes before each attempt, also of one that had not to wait, and of one that was refused its turn.
	TurnDone(ctx context.Context, event TurnEvent)
	AttemptDone(ctx context.Context, event AttemptEvent)
}

// CallEvent is one finished call, retries included.
type CallEvent struct {
	Operation, Practice string
	// Outcome is "ok", or the error's kind ("error" for an error of the before-send hook).
	Outcome string
	// Local: refused here, not by Loop.
	Local    bool
	Duration time.Duration
	Attempts int
	// Status is that of Loop's last answer; 0 when none came. Said is what Loop said of itself in it.
	Status int
	Said   Said
}

// Said is what an answer of Loop's says for its support; empty for a success. Loop makes up these texts: they are clean of
// secrets and control characters, and of any length up to a few hundred bytes.
type Said struct {
	// Code is Loop's own code of an error. RequestID is its request id, or without one its instance id.
	Code, RequestID string
}

// TurnEvent is the end of a wait for a turn.
type TurnEvent struct {
	Operation, Practice string
	Class               Class
	// Attempt of the call, counted from 1.
	Attempt int
	// Outcome is "ok" for a turn, else the kind of the error: "busy", "throttled", "interrupted".
	Outcome  string
	Duration time.Duration
}

// AttemptEvent is one HTTP attempt.
type AttemptEvent struct {
	Operation, Practice string
	Class               Class
	Attempt             int
	// Status is 0 when no answer came.
	Status  int
	Outcome string
	Said    Said
	// SubscriptionKey that was sent: 0 is the primary one, 1 the secondary; -1 for none, as towards the storage of files.
	SubscriptionKey int
	// Sends counts how often the request was written. The standard transport replays a read on a connection that
	// turns out dead, which makes it 2.
	Sends    int
	Duration time.Duration
}

// said is what an error has of Loop's words.
func said(err error) Said {
	e, ok := asError(err)
	if !ok {
		return Said{}
	}
	return Said{Code: e.Code, RequestID: cmp.Or(e.RequestID, e.InstanceID)}
}

func outcome(err error) (name string, local bool) {
	if err == nil {
		return "ok", false
	}
	if e, ok := asError(err); ok {
		return e.Kind.String(), e.Local
	}
	return "error", false
}

func callMetrics(o Observer) Interceptor {
	return func(ctx context.Context, call *Call, next Next) (*Response, error) {
		start := time.Now()
		resp, err := next(ctx, call)
		if err == nil && call.read != nil && !(call.empty && resp.Status == http.StatusNoContent) {
			// Inside the measured call: a 200 that turns out a refusal is not "ok".
			if err = call.read(resp.Body); err != nil {
				err = answered(resp, err)
			}
		}
		err = markUncertain(call, resp, err)
		if o != nil {
			name, local := outcome(err)
			status := 0
			if e, ok := asError(err); ok {
				status = e.HTTPStatus
			} else if resp != nil {
				status = resp.Status
			}
			o.CallDone(ctx, CallEvent{
				Operation: call.Operation.ID, Practice: call.Practice, Outcome: name, Local: local,
				Duration: time.Since(start), Attempts: call.tally.attempts, Status: status, Said: said(err),
			})
		}
		return resp, err
	}
}

func attemptMetrics(o Observer) Interceptor {
	return func(ctx context.Context, call *Call, next Next) (*Response, error) {
		call.tally.attempts++
		start := time.Now()
		sends := new(sendCount) // of this attempt: the one before may still be written
		call.tally.sends = sends
		resp, err := next(ctx, call)
		if sends.sent() == MaybeSent || resp != nil {
			call.tally.sent = MaybeSent
		}
		if o != nil {
			name, _ := outcome(err)
			status := 0
			if resp != nil {
				status = resp.Status
			}
			subscription := -1
			if call.pair != nil {
				subscription = call.pair.index
			}
			o.AttemptDone(ctx, AttemptEvent{
				Operation: call.Operation.ID, Practice: call.Practice, Class: call.class(), Attempt: call.Attempt, Status: status,
				Outcome: name, Said: said(err), SubscriptionKey: subscription, Sends: int(sends.n.Load()), Duration: time.Since(start),
			})
		}
		return resp, err
	}
}
