package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"cegid.internal/gateway/cegidclient"
)

// session is one run of the suite.
type session struct {
	cfg      Config
	client   *cegidclient.Client
	gate     *cegidclient.Gate
	vocab    *vocabulary
	requests atomic.Int64
	// shared is what one probe reads and others look at.
	shared  map[string]*answer
	headers map[string]bool
	written map[string]string // what the import of a test entry wrote, by what it is
}

func newSession(cfg Config) (*session, error) {
	s := &session{
		cfg: cfg, gate: cegidclient.NewGate(), shared: map[string]*answer{}, headers: map[string]bool{},
	}
	secrets := []string{cfg.Dossier, cfg.Unattached}
	for _, pair := range append([]cegidclient.Secret{cfg.Standard, cfg.Advanced}, cfg.SubscriptionKeys...) {
		key, secret, _ := strings.Cut(pair.Reveal(), ":")
		secrets = append(secrets, key, secret)
	}
	s.vocab = newVocabulary(secrets...)
	for _, list := range lists() {
		for _, f := range list.fields {
			s.vocab.known[f.name] = true
		}
	}
	for _, name := range []string{
		"data", "error", "errors", "success", "status", "objectId", "description", // envelopes, references
		"statusCode", "code", "message", "name", "stack", "id", "requestId", "instanceId", // error objects (loop-api: C 3.1 to 3.3)
		"accountingImportRequestId", "depositUrl", "uri",
	} {
		s.vocab.known[name] = true
	}
	var err error
	s.client, err = s.open(cfg.Standard, cfg.Advanced, cfg.SubscriptionKeys...)
	return s, err
}

// open builds a client. Breaker and retry budget are out of the way: a filter that Loop does not take may well answer 500.
func (s *session) open(standard, advanced cegidclient.Secret, subscriptionKeys ...cegidclient.Secret) (*cegidclient.Client, error) {
	base, err := url.Parse(s.cfg.BaseURL)
	if err != nil {
		return nil, errors.New("the base URL cannot be read")
	}
	return cegidclient.New(cegidclient.Config{
		BaseURL: s.cfg.BaseURL, AllowPlainHTTP: isLoopback(base), Practice: "contract", Gate: s.gate, Observer: s,
		Credentials: cegidclient.StaticCredentials(standard, advanced, subscriptionKeys...),
		Limits:      cegidclient.Limits{Concurrency: cegidclient.MinConcurrency, RatePerSecond: s.cfg.PerSecond, Burst: 1},
		Retry:       cegidclient.RetryPolicy{AttemptTimeout: 30 * time.Second},
		Breaker:     cegidclient.BreakerPolicy{Disabled: true},
		UserAgent:   "cegidclient-contract",
	})
}

// CallDone implements [cegidclient.Observer].
func (*session) CallDone(context.Context, cegidclient.CallEvent) {}

// TurnDone implements [cegidclient.Observer].
func (s *session) TurnDone(context.Context, cegidclient.TurnEvent) {}

// AttemptDone implements [cegidclient.Observer].
func (s *session) AttemptDone(context.Context, cegidclient.AttemptEvent) { s.requests.Add(1) }

// answer is what came back.
type answer struct {
	status int
	err    *cegidclient.Error // the client's view of it; nil for a success
	root   any                // nil when the body is no JSON
}

// operation finds an entry of the inventory.
func operation(id string) cegidclient.Operation {
	op, ok := cegidclient.OperationByID(id)
	if !ok {
		panic("contract: the inventory has no " + id)
	}
	return op
}

// get asks once, without retry, unless Loop could not be asked at all.
func (s *session) get(ctx context.Context, client *cegidclient.Client, op cegidclient.Operation, query url.Values) *answer {
	dossier := query.Get("codeDossier")
	return s.do(ctx, client, &cegidclient.Call{Operation: &op, Dossier: dossier, Query: query})
}

func (s *session) do(ctx context.Context, client *cegidclient.Client, call *cegidclient.Call) *answer {
	ask := func() *answer {
		out := &answer{}
		response, err := client.Do(cegidclient.Once(ctx), call)
		if err != nil && !errors.As(err, &out.err) {
			out.err = &cegidclient.Error{Kind: cegidclient.KindInterrupted}
		}
		if response != nil {
			out.status = response.Status
			dec := json.NewDecoder(bytes.NewReader(response.Body))
			dec.UseNumber()
			if dec.Decode(&out.root) != nil {
				out.root = nil
			}
			s.vocab.learn(out.root)
			for name := range response.Header {
				s.headers[name] = true
			}
		}
		return out
	}
	out := ask()
	for range 3 { // throttled, or no connection: the question is still open
		again := call.Operation.Resend == cegidclient.ResendAlways && out.err != nil &&
			(out.err.Kind == cegidclient.KindThrottled || out.status == 0 && out.err.Kind == cegidclient.KindUnavailable)
		if !again || pause(ctx, max(time.Second, min(out.err.RetryAfter, time.Minute))) != nil {
			break
		}
		out = ask()
	}
	return out
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// dossierOf is what an operation takes for a dossier.
func (s *session) dossierOf(op cegidclient.Operation) string {
	if op.Key == cegidclient.KeyAdvanced {
		return cegidclient.PracticeDossier
	}
	return s.cfg.Dossier
}

// list asks a list route; more are query parameters by name, in pairs.
func (s *session) list(ctx context.Context, id string, more ...string) *answer {
	op := operation(id)
	query := url.Values{"codeDossier": {s.dossierOf(op)}}
	for i := 0; i < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	key := id + "?" + query.Encode()
	if s.shared[key] == nil {
		s.shared[key] = s.get(ctx, s.client, op, query)
	}
	return s.shared[key]
}

// forget makes list ask again.
func (s *session) forget(id string, more ...string) {
	query := url.Values{"codeDossier": {s.cfg.Dossier}}
	for i := 0; i < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	delete(s.shared, id+"?"+query.Encode())
}

// rows are the objects of a list answer, whatever surrounds them, and what that is.
func (a *answer) rows() (objects []any, envelope word) {
	if !a.ok() {
		return nil, "none"
	}
	switch root := a.root.(type) {
	case []any:
		return root, "bare list"
	case map[string]any:
		if data, ok := root["data"].([]any); ok {
			return data, "list in data"
		}
		return []any{root}, "one object"
	}
	return nil, "no JSON"
}

// ok: a success that is no refusal in disguise.
func (a *answer) ok() bool {
	if a.err != nil {
		return false
	}
	root, isObject := a.root.(map[string]any)
	return a.root != nil && (!isObject || root["error"] == nil)
}

// told is the answer as far as it may be told.
func (a *answer) told() Seen {
	out := Seen{"status": count(a.status)}
	if a.err != nil {
		out["kind"] = word(a.err.Kind.String())
		if a.err.Evidence.Wording != cegidclient.WordingNone {
			out["wording of the gateway"] = word(a.err.Evidence.Wording)
		}
		if a.err.RetryAfter > 0 {
			out["retry-after seconds"] = count(a.err.RetryAfter / time.Second)
		}
		if a.err.Evidence.HTML {
			out["web page"] = flag(true)
		}
	}
	return out
}

// withObject adds the members of an error object.
func (s *session) withObject(seen Seen, a *answer) Seen {
	if root, ok := a.root.(map[string]any); ok {
		seen["members"] = shapeOf([]any{root}).tell(s.vocab)
	}
	return seen
}

func (seen Seen) with(name string, value safe) Seen {
	out := maps.Clone(seen)
	out[name] = value
	return out
}

// text is a member of an object, as a text.
func text(object any, member string) string {
	members, _ := object.(map[string]any)
	switch x := members[member].(type) {
	case string:
		return x
	case json.Number:
		return x.String()
	}
	return ""
}

// column is a member's texts over a list.
func column(objects []any, member string) []string {
	var out []string
	for _, object := range objects {
		out = append(out, text(object, member))
	}
	return out
}

func itoa(n int) string { return strconv.Itoa(n) }

func sorted(list []string) bool { return slices.IsSorted(list) }

// why says why an answer that is no success decides nothing.
func (a *answer) why() string {
	if a.err == nil {
		return "the answer is no list"
	}
	return fmt.Sprintf("the read failed: HTTP %d, %s", a.status, a.err.Kind.String())
}
