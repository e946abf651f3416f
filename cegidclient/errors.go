package cegidclient

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Kind says what happened and therefore whose move it is. A Kind is also an error, so that
// errors.Is(err, cegidclient.ErrThrottled) works on everything that this package returns.
type Kind int

// The kinds. The comment says what leads to it and what helps.
const (
	// KindUnknown is never returned by a call.
	KindUnknown Kind = iota
	// KindRefused: Loop understood and said no (HTTP 400 or another 4xx with its object, or 200 with an error
	// object). Message is Loop's sentence, in French.
	KindRefused
	// KindCredentialRejected: Loop or its gateway does not accept the keys (401; 403 on a practice-level route).
	// Evidence.Wording tells which of the two.
	KindCredentialRejected
	// KindDossierNotShared: 403 on a dossier. Inferred (loop-api: C 1.2, 3.4): in LoopHub the key is not activated
	// or the dossier is not ticked.
	KindDossierNotShared
	// KindThrottled: 429, a quota answer of the gateway, or (Local) our own gate. RetryAfter where known.
	KindThrottled
	// KindUnavailable: 5xx, network failure, an attempt that timed out, a cut body, or (Local) the open breaker.
	KindUnavailable
	// KindBadResponse: HTML, nonsense, a redirect, a body over the cap, or a resource without its identity.
	KindBadResponse
	// KindRouteUnknown: the gateway does not declare this path and verb.
	KindRouteUnknown
	// KindNotFound: any other 404.
	KindNotFound
	// KindAdvancedKeyRequired: the operation needs an Advanced key and the source has none. Loop was not called.
	KindAdvancedKeyRequired
	// KindInvalidArgument: the caller's argument, named by Field. Loop was not called.
	KindInvalidArgument
	// KindConfiguration: the credentials could not be had or cannot be sent. Loop was not called.
	KindConfiguration
	// KindInterrupted: the caller's context ended. errors.Is finds context.Canceled or context.DeadlineExceeded,
	// and Last is what Loop had said before.
	KindInterrupted
	// KindOutcomeUnknown: a write was sent, and its outcome is unknown. Sending it again may book it twice.
	// Status and evidence say what came back. errors.Is finds no context error here even when the caller's context
	// ended the wait: that the outcome is unknown matters more.
	KindOutcomeUnknown
	// KindUnverified: what would have to be sent is inferred, and [Config.Unverified] does not allow it. Operation
	// names the entry of the inventory to allow. Loop was not called.
	KindUnverified
	// KindExists: Loop has an object of that number or code already, so none was created. Field names the argument.
	KindExists
	// KindStale: the object is not at the given revision any more.
	KindStale
	// KindLinkRefused: the storage does not open to the link that Loop gave to deposit a file at, or not any more: ask for
	// another.
	KindLinkRefused
	// KindBusy (Local): it would not have had its turn in time, or too little time was left for a whole call. Loop was not
	// called. RetryAfter says when to come back.
	KindBusy
)

// The sentinels of errors.Is.
const (
	ErrRefused             = KindRefused
	ErrCredentialRejected  = KindCredentialRejected
	ErrDossierNotShared    = KindDossierNotShared
	ErrThrottled           = KindThrottled
	ErrUnavailable         = KindUnavailable
	ErrBadResponse         = KindBadResponse
	ErrRouteUnknown        = KindRouteUnknown
	ErrNotFound            = KindNotFound
	ErrAdvancedKeyRequired = KindAdvancedKeyRequired
	ErrInvalidArgument     = KindInvalidArgument
	ErrConfiguration       = KindConfiguration
	ErrInterrupted         = KindInterrupted
	ErrOutcomeUnknown      = KindOutcomeUnknown
	ErrUnverified          = KindUnverified
	ErrExists              = KindExists
	ErrStale               = KindStale
	ErrLinkRefused         = KindLinkRefused
	ErrBusy                = KindBusy
)

// String gives the stable name, fit for a metric label. The name of KindUnknown is "unknown".
func (k Kind) String() string {
	switch k {
	case KindRefused:
		return "refused"
	case KindCredentialRejected:
		return "credential_rejected"
	case KindDossierNotShared:
		return "dossier_not_shared"
	case KindThrottled:
		return "throttled"
	case KindUnavailable:
		return "unavailable"
	case KindBadResponse:
		return "bad_response"
	case KindRouteUnknown:
		return "route_unknown"
	case KindNotFound:
		return "not_found"
	case KindAdvancedKeyRequired:
		return "advanced_key_required"
	case KindInvalidArgument:
		return "invalid_argument"
	case KindConfiguration:
		return "configuration"
	case KindInterrupted:
		return "interrupted"
	case KindOutcomeUnknown:
		return "outcome_unknown"
	case KindUnverified:
		return "unverified"
	case KindExists:
		return "exists"
	case KindStale:
		return "stale"
	case KindLinkRefused:
		return "link_refused"
	case KindBusy:
		return "busy"
	default:
		return "unknown"
	}
}

// Kinds returns every kind that a call returns.
func Kinds() []Kind {
	var out []Kind
	for k := KindUnknown + 1; k.String() != KindUnknown.String(); k++ {
		out = append(out, k)
	}
	return out
}

// Error makes a Kind usable as a sentinel.
func (k Kind) Error() string { return "cegidclient: " + strings.ReplaceAll(k.String(), "_", " ") }

// StopReason is why a call is not tried once more.
type StopReason string

// The reasons; none where another attempt would not have helped, or where the call may be made once only.
const (
	StoppedByAttempts StopReason = "attempts" // all that the policy allows were made
	StoppedByBudget   StopReason = "budget"   // too many calls had to be repeated lately
	StoppedByDeadline StopReason = "deadline" // the pause before the next one would not have ended in time
	StoppedByTurn     StopReason = "turn"     // it would not have had its turn in time
	StoppedByBreaker  StopReason = "breaker"  // calls are paused
)

// SentState says whether a request can have reached Loop.
type SentState int

const (
	// NotSent: no request line and headers were ever written. Loop cannot have acted.
	NotSent SentState = iota
	// MaybeSent: they were written, whatever came back.
	MaybeSent
)

func (s SentState) String() string {
	if s == MaybeSent {
		return "maybe sent"
	}
	return "not sent"
}

// Wording is a phrase of the gateway (Azure API Management) recognised in an error body. Those phrases are
// Microsoft's defaults, not stated by Cegid (loop-api: C 3.1): evidence, not proof.
type Wording string

// The phrases.
const (
	WordingNone             Wording = ""
	WordingSubscriptionKey  Wording = "subscription_key"
	WordingQuota            Wording = "quota"
	WordingRateLimit        Wording = "rate_limit"
	WordingResourceNotFound Wording = "resource_not_found"
)

// Evidence is what was seen, for diagnosis.
type Evidence struct {
	// Wording is the gateway phrase in the body, if one was recognised.
	Wording Wording
	// ContentType is the media type of the answer.
	ContentType string
	// HTML reports that the body was a web page.
	HTML bool
}

// Error is the one error type of this package. The text never holds a secret, a URL query, the dossier or a
// request body.
type Error struct {
	Kind Kind
	// Operation is the id in the inventory, e.g. list_accounts.
	Operation         string
	Practice, Dossier string
	// HTTPStatus is 0 when no answer came.
	HTTPStatus int
	// Code, Message, RequestID and InstanceID are Loop's own (loop-api: C 3.2, 3.3). Secrets that an answer
	// echoes are taken out.
	Code, Message, RequestID, InstanceID string
	// RetryAfter is 0 when no delay is known.
	RetryAfter time.Duration
	// Attempts counts the HTTP attempts of the call.
	Attempts int
	// NoMore says why a call that may be repeated was not tried once more, although that might have helped.
	NoMore StopReason
	// Local: decided here (gate, breaker, limits, arguments), not by Loop.
	Local bool
	Sent  SentState
	// Field names the argument (KindInvalidArgument, KindExists, KindNotFound) or Loop's field (KindBadResponse) at fault.
	Field    string
	Evidence Evidence
	// Last is Loop's last answer when the caller's context ended the call.
	Last *Error
	// LoopRequestID is the id of an import that an answer to a write carries although its status says no.
	LoopRequestID string

	detail string // our words
	err    error
	unread bool // of the answer to a write not all was seen
}

// Error gives one line for a log.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.Error())
	if e.Operation != "" {
		b.WriteString(" on " + e.Operation)
	}
	if e.HTTPStatus != 0 {
		b.WriteString(", HTTP " + strconv.Itoa(e.HTTPStatus))
	}
	for _, part := range []string{e.detail, e.Code, e.Message} {
		if part != "" {
			b.WriteString(": " + part)
		}
	}
	if e.err != nil {
		b.WriteString(": " + e.err.Error())
	}
	if e.RequestID != "" {
		b.WriteString(" (request " + e.RequestID + ")")
	} else if e.InstanceID != "" {
		b.WriteString(" (instance " + e.InstanceID + ")")
	}
	if e.RetryAfter > 0 {
		b.WriteString(", retry after " + e.RetryAfter.String())
	}
	if e.Last != nil {
		b.WriteString("; before that: " + e.Last.Error())
	}
	return b.String()
}

// Detail gives this package's own words on what is wrong, without Loop's.
func (e *Error) Detail() string { return e.detail }

// Is matches the kind's sentinel.
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind
}

// Unwrap gives the cause: the context's error, or what a credential source returned.
func (e *Error) Unwrap() error { return e.err }

// Unanswered tells whether it was Loop that gave no answer: a time-out, a connection that failed, a 429 or a quota that is used up,
// a 5xx, or calls that are paused after those.
func Unanswered(err error) bool {
	e, ok := asError(err)
	return ok && (e.Kind == KindUnavailable || e.Kind == KindThrottled && e.detail != overRate)
}

func asError(err error) (*Error, bool) { return errors.AsType[*Error](err) }

func invalid(field, detail string) *Error {
	return &Error{Kind: KindInvalidArgument, Local: true, Field: field, detail: detail}
}

func badResponse(detail string) *Error { return &Error{Kind: KindBadResponse, detail: detail} }

// interrupted is the error of a call whose caller went away.
func interrupted(ctx context.Context, sent SentState, last *Error) *Error {
	return &Error{Kind: KindInterrupted, Sent: sent, Last: last, err: ctx.Err()}
}

// answer is what the table of refusals looks at.
type answer struct {
	status   int
	header   http.Header
	body     []byte
	practice bool // a practice-level route: no dossier in it
}

// refusal is the table: what an answer that is not a success means. It returns nil for a usable 2xx.
//
//	2xx that is a web page            bad response
//	3xx                               bad response (redirects are never followed)
//	401                               credential rejected
//	403 quota wording or Retry-After  throttled
//	403 web page                      bad response
//	403 practice level                credential rejected
//	403 dossier                       dossier not shared [I]
//	404 gateway wording               route unknown
//	404 web page                      bad response
//	404                               not found
//	413                               refused
//	429                               throttled
//	other 4xx, JSON object            refused
//	other 4xx                         bad response
//	5xx                               unavailable
func refusal(a answer, now time.Time) *Error {
	contentType, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	e := &Error{HTTPStatus: a.status, Sent: MaybeSent}
	e.Evidence.ContentType = strings.ToLower(strings.TrimSpace(contentType))
	e.Evidence.HTML = e.Evidence.ContentType == "text/html" || looksLikeMarkup(a.body)
	if a.status >= 200 && a.status < 300 {
		if !e.Evidence.HTML {
			return nil
		}
		e.Kind, e.detail = KindBadResponse, "a web page came where JSON was expected"
		return e
	}
	object := false
	if !e.Evidence.HTML {
		object = readRefusal(a.body, e)
	}
	e.Evidence.Wording = wordingOf(e.Message)
	e.RetryAfter = retryAfter(a.header, now)
	switch {
	case a.status < 400:
		e.Kind, e.detail = KindBadResponse, "a redirect, which is never followed"
	case a.status >= 500:
		e.Kind = KindUnavailable
	case a.status == http.StatusTooManyRequests:
		e.Kind = KindThrottled
	case a.status == http.StatusUnauthorized:
		e.Kind = KindCredentialRejected
	case a.status == http.StatusForbidden && (e.RetryAfter > 0 || e.Code == "" && e.Evidence.Wording == WordingQuota):
		e.Kind = KindThrottled
	case a.status == http.StatusRequestEntityTooLarge:
		// Loop's gateway says so, or a proxy before it: the sender must send less.
		e.Kind, e.detail = KindRefused, "the request is larger than Loop takes"
	case e.Evidence.HTML:
		e.Kind, e.detail = KindBadResponse, "a web page came where JSON was expected"
	case a.status == http.StatusForbidden && a.practice:
		e.Kind = KindCredentialRejected
	case a.status == http.StatusForbidden:
		e.Kind = KindDossierNotShared
	case a.status == http.StatusNotFound && e.Code == "" && e.Evidence.Wording == WordingResourceNotFound:
		e.Kind = KindRouteUnknown
	case a.status == http.StatusNotFound:
		e.Kind = KindNotFound
	case object:
		e.Kind = KindRefused
	default:
		e.Kind, e.detail = KindBadResponse, "a refusal without Loop's error object"
	}
	return e
}

// wordingOf recognises the gateway's default phrases (loop-api: C 3.1).
func wordingOf(message string) Wording {
	m := strings.ToLower(message)
	switch {
	case strings.Contains(m, "subscription key"):
		return WordingSubscriptionKey
	case strings.Contains(m, "quota"):
		return WordingQuota
	case strings.Contains(m, "rate limit"):
		return WordingRateLimit
	case strings.Contains(m, "resource not found"):
		return WordingResourceNotFound
	default:
		return WordingNone
	}
}

// LanguageOf is the language of a sentence that Loop's side answered, as a language tag: Loop writes French, but its gateway
// writes Microsoft's English defaults, and some of its servers the names of HTTP statuses (loop-api: C 3.1).
func LanguageOf(message string) string {
	m := strings.ToLower(strings.TrimRight(message, ". "))
	if strings.ContainsFunc(m, func(r rune) bool { return r >= utf8.RuneSelf }) { // accents
		return "fr"
	}
	inName := func(r rune) bool { return r == '_' || unicode.IsLetter(r) } // due_date is no word of either language
	for word := range strings.FieldsFuncSeq(m, func(r rune) bool { return !inName(r) }) {
		if slices.Contains(englishWords, word) {
			return "en"
		}
	}
	for status := 400; status < 600; status++ {
		if name := http.StatusText(status); name != "" && strings.ToLower(name) == m {
			return "en"
		}
	}
	return "fr"
}

// englishWords are of sentences that are English: no French one has them.
var englishWords = []string{
	"the", "is", "was", "were", "not", "does", "has", "have", "been", "must", "cannot", "with", "of", "to", "out",
	"denied", "key", "error", "failed", "found", "invalid", "missing", "required", "unknown",
}

// maxRetryAfter keeps an absurd header from overflowing a duration.
const maxRetryAfter = 366 * 24 * time.Hour

// retryAfter reads seconds or an HTTP date (RFC 9110, 10.2.3); 0 when absent, past or unreadable.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if strings.Trim(v, "0123456789") == "" {
		seconds, err := strconv.ParseInt(v, 10, 64)
		if err != nil || seconds > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	t, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	return min(max(t.Sub(now), 0), maxRetryAfter)
}

const maxVendorText = 1000

// cleanVendorText makes a text of Loop's safe to carry: no control characters, no URL query (deposit links are
// secrets), bounded.
func cleanVendorText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	s = dropURLQueries(s)
	if len(s) > maxVendorText {
		s = strings.ToValidUTF8(s[:maxVendorText], "") + "…"
	}
	return strings.TrimSpace(s)
}

// dropURLQueries cuts what follows the '?' of every URL or path in a text, up to the next blank or quote, also where they are
// percent-encoded, however often. A question mark that ends a sentence stays.
func dropURLQueries(s string) string {
	var b strings.Builder
	for {
		mark := queryMark.FindStringIndex(s)
		if mark == nil {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:mark[1]])
		s = s[mark[1]:]
		end := strings.IndexAny(s, " \"'<>)")
		if end < 0 {
			end = len(s)
		}
		if queryPart.MatchString(s[:end]) {
			b.WriteString("…")
			s = s[end:]
		}
	}
}

var (
	queryMark = regexp.MustCompile(`(?i)\?|%(25)*3F`)
	queryPart = regexp.MustCompile(`(?i)[=&]|%(25)*(3D|26)`)
)
