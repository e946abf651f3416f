package cegidclient

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// WriteOutcome is what became of a call that books or stores, as far as its answer tells.
type WriteOutcome int

// The outcomes. Only after WriteRefused and WriteNotSent may the same content be sent again.
const (
	// WriteUncertain: it was sent, and what came back does not say what became of it.
	WriteUncertain WriteOutcome = iota
	// WriteAccepted: Loop took it and gave an id.
	WriteAccepted
	// WriteRefused: Loop read it and said no, so nothing was booked.
	WriteRefused
	// WriteNotSent: it never left, or it was turned away before anything looked at its content. The latter
	// is inferred from statuses that a gateway answers by itself (loop-api: C 3.1) [I].
	WriteNotSent
)

// String gives the stable name, fit for a metric label.
func (o WriteOutcome) String() string {
	switch o {
	case WriteAccepted:
		return "accepted"
	case WriteRefused:
		return "refused"
	case WriteNotSent:
		return "not_sent"
	default:
		return "uncertain"
	}
}

// OutcomeOf tells the outcome of a write from the error that the call returned, as this table does:
//
//	no error                                                              accepted
//	2xx with an error object                                              refused
//	401, 403, 404, 413, 429, without the id of an import                  not sent: turned away unread [I]
//	request headers never written: arguments, credentials, gate, limits,
//	open breaker, hook, no connection, the caller left before             not sent
//	anything else: another status (400 included), one of those five with
//	the id of an import or a body not seen whole, a web page, nonsense,
//	a cut body, a time-out, a lost connection, the caller left after      uncertain
//
// err must come from a call of this package, wrapped or not. An error without an [*Error] in it is the before-send
// hook's own, and nothing is sent after a hook's error.
func OutcomeOf(err error) WriteOutcome {
	if err == nil {
		return WriteAccepted
	}
	e, ok := asError(err)
	switch {
	case !ok:
		return WriteNotSent
	case e.Kind == KindOutcomeUnknown:
		return WriteUncertain
	case e.Sent == NotSent, turnedAway(e.HTTPStatus) && e.LoopRequestID == "" && !e.unread:
		return WriteNotSent
	case e.Kind == KindRefused && e.HTTPStatus >= 200 && e.HTTPStatus < 300:
		return WriteRefused
	default:
		return WriteUncertain
	}
}

// turnedAway lists the answers that are given before a request's content is looked at (loop-api: C 3.1, 3.4) [I]. 400 is not one
// of them. Loop documents its refusals of an import as 200, so it is unknown who answers 400, and when.
func turnedAway(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return true
	default:
		return false
	}
}

// acceptedAnyway finds the id of an import in an answer that says no: then somebody behind the gateway has taken it. Whatever
// names one counts, wherever it is: a member without a value does not.
func acceptedAnyway(header http.Header, body []byte) (id string) {
	const unnamed = "of an unknown form"
	for name, values := range header {
		if text := strings.ToLower(name + " " + strings.Join(values, " ")); strings.Contains(text, importIDMember) {
			return unnamed
		}
	}
	dec := newDecoder(body)
	for {
		token, err := dec.ReadToken()
		if err != nil {
			break
		}
		if in, length := dec.StackIndex(dec.StackDepth()); in != '{' || length%2 == 0 || token.Kind() != '"' ||
			fold(token.String()) != importIDMember {
			continue // not the name of the member
		}
		value, err := dec.ReadValue()
		if err != nil {
			return unnamed
		}
		switch text, _, ok := readText(string(value)); {
		case ok && strings.TrimSpace(text) != "":
			return clipID(strings.TrimSpace(text))
		case !ok && string(value) != "null":
			return unnamed
		}
	}
	if !jsontext.Value(body).IsValid() && strings.Contains(strings.ToLower(string(body)), importIDMember) {
		return unnamed
	}
	return ""
}

const importIDMember = "accountingimportrequestid"

func clipID(id string) string { return cleanVendorText(id[:min(len(id), maxLoopRequestID)]) }

// markUncertain gives a write whose outcome is uncertain the kind that says so. It runs outside retry and breaker, which look
// at what Loop did and not at what that means for a write.
func markUncertain(call *Call, resp *Response, err error) error {
	e, ok := err.(*Error) // not errors.As: the hook's error may wrap one, and is its owner's
	if !ok || !call.Operation.books() || call.Operation.Harmless && e.Kind == KindRefused && e.Message != "" {
		return err
	}
	out := *e
	out.Sent = max(out.Sent, call.tally.sent)
	if OutcomeOf(&out) != WriteUncertain {
		return err
	}
	if e.Kind == KindInterrupted {
		out.detail, out.err = fmt.Sprintf("the caller left before the answer came (%v)", e.err), nil
	}
	if resp != nil {
		out.HTTPStatus = resp.Status
	}
	out.Kind, out.RetryAfter = KindOutcomeUnknown, 0 // nobody is to send it again after a while
	return &out
}
