package submission

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/identity"
	"cegid.internal/gateway/server/internal/ledger"
)

// slowLoop answers after a while what it has: one booked entry, and none of another reference.
type slowLoop struct {
	booked string
	// after is how long an answer takes. Where it falls silent, those to questions after the first round never come.
	after     time.Duration
	silent    bool
	questions atomic.Int64
}

func (l *slowLoop) RoundTrip(r *http.Request) (*http.Response, error) {
	wait := time.After(l.after)
	if l.questions.Add(1) > atATime && l.silent {
		wait = nil
	}
	select {
	case <-wait:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	body := "[]"
	if strings.Contains(r.URL.RawQuery, l.booked) {
		body = `[{"objectId":"1","refPiece":"` + l.booked + `"}]`
	}
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r, ContentLength: int64(len(body)),
	}, nil
}

type everythingIsAllowed struct{}

func (everythingIsAllowed) MayRead(string, string, string) bool       { return true }
func (everythingIsAllowed) MayWrite(string, string, string) bool      { return true }
func (everythingIsAllowed) MayOperate(string, string, string) bool    { return true }
func (everythingIsAllowed) MayAdminister(string, string, string) bool { return true }

// TestASlowLookForOverlapsIsBounded: as long as what is read before a write may take, all questions together. Then nothing was
// noted and nothing sent, and the caller is told that it was Loop.
func TestASlowLookForOverlapsIsBounded(t *testing.T) {
	const control = "FA-CONTROL"
	content := cegidclient.EntryImport{}
	for i := range 12 { // several rounds of questions
		name := fmt.Sprintf("FA-%d", i)
		// Time begins at this day in a bubble.
		content.Entries = append(content.Entries, cegidclient.Entry{
			Journal: "ACH", Date: "2000-01-01", Reference: name, DocumentReference: name,
			Lines: []cegidclient.EntryLine{{Account: "60700000", Label: "Achat", Debit: "10"}, {Account: "51200000", Label: "Achat", Credit: "10"}},
		})
	}
	for _, c := range []struct {
		name   string
		after  time.Duration
		silent bool
		passes bool
	}{
		{"quick", 10 * time.Millisecond, false, true},
		{"each answer within its time", 4 * time.Second, false, false},
		{"then no answer any more", 3 * time.Second, true, false},
	} {
		for _, kind := range []ledger.Kind{ledger.KindEntries, ledger.KindFile} {
			t.Run(string(kind)+", "+c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := temporary(t)
					slow := &slowLoop{booked: control, after: c.after, silent: c.silent}
					client, err := cegidclient.New(cegidclient.Config{
						Practice: "demo", Transport: slow, Breaker: cegidclient.BreakerPolicy{Disabled: true},
						Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret("a-test-key:a-test-secret"), cegidclient.NewSecret(""), cegidclient.NewSecret("a-subscription-key"), cegidclient.NewSecret("")),
					})
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(client.Close)
					secret, err := l.IdentityKey(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					p := Practice{Name: "demo", Client: client}
					ended := func(s ledger.Submission, state ledger.State) {
						t.Helper()
						b, err := l.Begin(t.Context(), s, "before")
						if err == nil {
							err = l.Submitting(t.Context(), b.Key, 1, "before", time.Minute)
						}
						if err == nil {
							_, err = l.Settle(t.Context(), b.Key, 1, "before", ledger.Outcome{State: state})
						}
						if err != nil {
							t.Fatal(err)
						}
					}
					booked := submission(control)
					ended(booked, ledger.Succeeded)
					digested := secret.Entries(content.Entries)
					first := submission("FIRST")
					first.DocumentReferences = documentReferences(content)
					first.Digests = &ledger.Digests{Books: p.books(first.Dossier), Entries: digested}
					ended(first, ledger.Uncertain)
					time.Sleep(ledger.ResubmitAfter)

					nobody := new(loop)
					nobody.says("loop-SECOND", "1")
					w := &Writer{Ledger: l, Permissions: everythingIsAllowed{}, Sender: open(t, l, nobody, nil)}
					e := Entries{Request: Request{Key: key("SECOND"), Caller: "billing"}, Content: content, SkipPreflight: true}
					it := w.entries(p, e)
					if kind == ledger.KindFile {
						it.submission.Kind = kind
						it.check = func(ctx context.Context, s *ledger.Submission) error {
							set, err := l.KeepDigests(ctx, first.Digests.Books, "demo", "deposit", sorted(digested))
							if err != nil {
								return err
							}
							s.Digests = &ledger.Digests{Books: first.Digests.Books, Set: set}
							elsewhere, err := w.compareFile(ctx, p, s)
							if err != nil {
								return err
							}
							return elsewhere.refusal()
						}
					}
					sent := 0
					it.send = func(ctx context.Context) (string, error) {
						sent++
						return accepted(w.Sender, "SECOND")(ctx)
					}
					begun := time.Now()
					_, err = w.once(t.Context(), it)
					took := time.Since(begun)
					if slow.questions.Load() == 0 {
						t.Error("Loop was not asked")
					}
					if c.passes {
						if err != nil || sent != 1 {
							t.Errorf("%v, sent %d times", err, sent)
						}
						return
					}
					if !errors.Is(err, ErrPreparation) || took != Preparation || sent != 0 {
						t.Errorf("%v after %s, sent %d times; want %v after %s", err, took, sent, ErrPreparation, Preparation)
					}
					if _, err := l.Get(t.Context(), key("SECOND")); !errors.Is(err, ledger.ErrUnknown) {
						t.Errorf("it was noted: %v", err)
					}
				})
			})
		}
	}
}

// sorted hands digests out as a file does.
func sorted(entries []identity.Entry) iter.Seq2[identity.Entry, error] {
	return func(yield func(identity.Entry, error) bool) {
		for _, each := range entries { // one month, and no order that the comparison needs
			if !yield(each, nil) {
				return
			}
		}
	}
}
