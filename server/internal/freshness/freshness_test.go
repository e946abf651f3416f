package freshness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"cegid.internal/gateway/cegidclient"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// text is a value of a weight of its own.
type text struct {
	says   string
	weighs int
}

func (t text) Weight() int { return t.weighs }

var key = Key{Practice: "demo", Dossier: "CEGID001", Operation: "list", Query: "a"}

// reader counts how often Loop is asked, and answers what it is told to.
type reader struct {
	calls atomic.Int64
	err   error
}

func (r *reader) read(context.Context) (Value, error) {
	n := r.calls.Add(1)
	if r.err != nil {
		return nil, r.err
	}
	return text{says: fmt.Sprint("answer ", n)}, nil
}

func ask(t *testing.T, s *Store, of Key, want Want, r *reader) Found {
	t.Helper()
	found, err := s.Read(t.Context(), of, want, r.read)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestNothingIsKeptThatNobodyAsksFor(t *testing.T) {
	s, r := New(Config{}), &reader{}
	for n := range 2 {
		found := ask(t, s, key, Want{}, r)
		if found.How != Miss || r.calls.Load() != int64(n+1) {
			t.Errorf("read %d: %+v after %d calls", n, found, r.calls.Load())
		}
	}
	if got := s.kept.EstimatedSize(); got != 0 {
		t.Errorf("%d answers are kept", got)
	}
}

func TestAnAnswerIsGivenWhileItIsYoungEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := New(Config{}), &reader{}
		want := Want{MaxAge: 30 * time.Second}
		for _, step := range []struct {
			pass time.Duration
			want Want
			how  How
			age  time.Duration
			says string
		}{
			{0, want, Miss, 0, "answer 1"},
			{30 * time.Second, want, Hit, 30 * time.Second, "answer 1"},
			{0, Want{MaxAge: 29 * time.Second}, Miss, 0, "answer 2"},
			{10 * time.Second, Want{}, Miss, 0, "answer 3"},
			{10 * time.Second, want, Hit, 20 * time.Second, "answer 2"},
			{0, Want{MaxAge: time.Hour}, Hit, 20 * time.Second, "answer 2"}, // and is kept for longer from then on
			{30 * time.Minute, Want{MaxAge: time.Hour}, Hit, 30*time.Minute + 20*time.Second, "answer 2"},
			{time.Hour, Want{MaxAge: time.Hour}, Miss, 0, "answer 4"},
		} {
			time.Sleep(step.pass)
			found := ask(t, s, key, step.want, r)
			if found.How != step.how || found.Age != step.age || found.Value.(text).says != step.says {
				t.Errorf("%+v: %+v", step, found)
			}
		}
	})
}

// TestWhatLastsNoLongerIsGone: a caller who accepts half a minute has nothing kept for longer.
func TestWhatLastsNoLongerIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := New(Config{}), &reader{}
		ask(t, s, key, Want{MaxAge: 10 * time.Second, StaleIfError: 20 * time.Second}, r)
		for _, step := range []struct {
			pass time.Duration
			kept int
		}{{29 * time.Second, 1}, {3 * time.Second, 0}} {
			time.Sleep(step.pass)
			if got, bytes := s.Kept(); got != step.kept || (bytes > 0) != (got > 0) {
				t.Errorf("after %s %d are kept, of %d bytes", step.pass, got, bytes)
			}
		}
	})
}

// TestWhatTellsReadsApart: each part of a key, and nobody is answered with another's.
func TestWhatTellsReadsApart(t *testing.T) {
	s, r := New(Config{}), &reader{}
	want := Want{MaxAge: time.Hour}
	ask(t, s, key, want, r)
	for name, change := range map[string]func(*Key){
		"practice": func(k *Key) { k.Practice = "partner" }, "domain": func(k *Key) { k.Domain = "other" },
		"secrets": func(k *Key) { k.Credentials[0] = 1 }, "dossier": func(k *Key) { k.Dossier = "CEGID003" },
		"operation": func(k *Key) { k.Operation = "get" }, "query": func(k *Key) { k.Query = "b" },
	} {
		other := key
		change(&other)
		if found := ask(t, s, other, want, r); found.How != Miss {
			t.Errorf("another %s: %+v", name, found)
		}
	}
	if found := ask(t, s, key, want, r); found.How != Hit || found.Value.(text).says != "answer 1" {
		t.Errorf("the first one: %+v", found)
	}
}

// failure is an error of Loop's.
func failure(kind cegidclient.Kind, status int) error {
	return fmt.Errorf("a handler says: %w", &cegidclient.Error{Kind: kind, HTTPStatus: status})
}

// refused is the error that a real client makes of an answer.
func refused(t *testing.T, status int) error {
	t.Helper()
	loop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer loop.Close()
	client, err := cegidclient.New(cegidclient.Config{
		BaseURL: loop.URL, AllowPlainHTTP: true, Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret("a:b"), cegidclient.Secret{}, cegidclient.NewSecret("c")),
		Retry: cegidclient.RetryPolicy{Attempts: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = client.Accounts.List(t.Context(), "CEGID001", cegidclient.ListOptions{})
	return err
}

func TestAnOlderAnswerComesWhenLoopDoesNotAnswer(t *testing.T) {
	unanswered := map[string]error{
		"5xx": refused(t, 503), "429": refused(t, 429), "a wrapped one": failure(cegidclient.KindUnavailable, 500),
	}
	for name, err := range unanswered {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, r := New(Config{}), &reader{}
				want := Want{MaxAge: 10 * time.Second, StaleIfError: time.Minute}
				ask(t, s, key, want, r)
				r.err = err
				time.Sleep(70 * time.Second)
				if found := ask(t, s, key, want, r); found.How != Stale || found.Age != 70*time.Second || !errors.Is(found.Because, err) {
					t.Errorf("got %+v", found)
				}
				if _, got := s.Read(t.Context(), key, Want{MaxAge: 10 * time.Second}, r.read); !errors.Is(got, err) {
					t.Errorf("who accepts none is told %v", got)
				}
				if _, got := s.Read(t.Context(), key, Want{StaleIfError: time.Minute}, r.read); !errors.Is(got, err) {
					t.Errorf("who accepts one that is less old is told %v", got)
				}
				time.Sleep(time.Second)
				if _, got := s.Read(t.Context(), key, want, r.read); !errors.Is(got, err) {
					t.Errorf("once it is too old: %v", got)
				}
			})
		})
	}
}

// TestStripesAreTheSameInEachProcess: else one process in some hundreds forgets one dossier with another, and its tests fail.
func TestStripesAreTheSameInEachProcess(t *testing.T) {
	got := map[uint64]string{}
	for _, dossier := range []string{"", "CEGID001", "CEGID003", cegidclient.PracticeDossier} {
		for _, reference := range []bool{true, false} {
			at, of := stripe("demo", dossier, reference), fmt.Sprint(dossier, " ", reference)
			if other, taken := got[at]; taken {
				t.Errorf("%q and %q have one in common", of, other)
			}
			got[at] = of
		}
	}
	if got[602] != "CEGID001 true" {
		t.Errorf("another process had CEGID001 in stripe 602; here are %v", got)
	}
}

// TestARefusalForgetsAndIsTold: also what is kept of other questions, as far as the refusal is about them.
func TestARefusalForgetsAndIsTold(t *testing.T) {
	sibling, other := key, key
	sibling.Query, other.Dossier = "b", "CEGID003"
	for name, c := range map[string]struct {
		err                  error
		own, sibling, others bool // are kept
	}{
		"401":                             {refused(t, 401), false, false, false},
		"403":                             {refused(t, 403), false, false, true},
		"404":                             {refused(t, 404), false, false, true},
		"a dossier that is not shared":    {failure(cegidclient.KindDossierNotShared, 403), false, false, true},
		"no such thing in a list":         {failure(cegidclient.KindNotFound, 0), false, true, true},
		"an answer that is none":          {failure(cegidclient.KindBadResponse, 200), true, true, true},
		"a refusal of what was asked":     {failure(cegidclient.KindRefused, 400), true, true, true},
		"no turn, by our own limits":      {&cegidclient.Error{Kind: cegidclient.KindBusy, Local: true}, true, true, true},
		"a key that the practice has not": {cegidclient.MissingKey(cegidclient.KeyAdvanced), true, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, r := New(Config{}), &reader{}
			want := Want{MaxAge: time.Nanosecond, StaleIfError: time.Hour}
			for _, each := range []Key{key, sibling, other} {
				ask(t, s, each, want, r)
			}
			r.err = c.err
			if _, err := s.Read(t.Context(), key, want, r.read); !errors.Is(err, c.err) {
				t.Errorf("told %v", err)
			}
			r.err = failure(cegidclient.KindUnavailable, 503)
			for of, kept := range map[Key]bool{key: c.own, sibling: c.sibling, other: c.others} {
				if _, err := s.Read(t.Context(), of, want, r.read); (err == nil) != kept {
					t.Errorf("%s %s: %v; want it kept: %t", of.Dossier, of.Query, err, kept)
				}
			}
		})
	}
}

func TestAWriteForgetsWhatItTouches(t *testing.T) {
	s, r := New(Config{Books: func(string) string { return "the same" }}), &reader{}
	other, elsewhere, own := key, key, key
	other.Practice, elsewhere.Dossier, own.Dossier = "second", "CEGID003", ""
	all := []Key{key, other, elsewhere, own}
	want := Want{MaxAge: time.Hour}
	for _, c := range []struct {
		name    string
		dossier string
		kept    map[int]bool
	}{
		{"a dossier, of all that book into it", "CEGID001", map[int]bool{2: true, 3: true}},
		{"in another letter case", "cegid001", map[int]bool{2: true, 3: true}},
		{"the practice itself", cegidclient.PracticeDossier, map[int]bool{0: true, 1: true, 2: true}},
		{"unknown", "", nil},
	} {
		for _, each := range all {
			ask(t, s, each, want, r)
		}
		s.Changed("demo", c.dossier)
		for i, each := range all {
			if _, kept := s.kept.GetIfPresent(s.at(each)); kept != c.kept[i] {
				t.Errorf("%s: %s %q is kept: %t", c.name, each.Practice, each.Dossier, kept)
			}
		}
		if got := s.kept.EstimatedSize(); got != len(c.kept) {
			t.Errorf("%s: %d are kept; want %d", c.name, got, len(c.kept))
		}
	}
}

// TestEntriesLeaveTheReferenceDataAlone, be they sent or ended by Loop, unless it makes what they refer to. Other writes do not.
func TestEntriesLeaveTheReferenceDataAlone(t *testing.T) {
	reference := key
	reference.Reference = true
	const ended = "" // of an import, by Loop
	type step struct {
		operation, dossier string
		refersOnly         bool
		kept, data         bool
	}
	for name, steps := range map[string][]step{
		"entries":                    {{"import_entries", "cegid001", true, false, true}, {ended, "CEGID001", true, false, true}},
		"entries elsewhere":          {{"import_entries", "CEGID003", true, true, true}, {ended, "CEGID003", true, true, true}},
		"entries that make accounts": {{"import_entries", "CEGID001", false, false, false}, {ended, "cegid001", true, false, false}},
		"a file":                     {{"import_fec", "CEGID001", false, false, false}, {ended, "CEGID001", true, false, false}},
		"a document":                 {{"store_document", "CEGID001", true, false, true}},
		"an account, and entries":    {{"create_account", "CEGID001", false, false, false}, {"import_entries", "CEGID001", true, false, true}, {ended, "CEGID001", true, false, true}},
		"of no dossier":              {{"import_entries", "", true, false, false}, {ended, "", true, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := cegidclient.Config{Practice: "demo"}
			s, r := New(Config{}), &reader{}
			s.Follow(&cfg)
			for n, each := range steps {
				ask(t, s, key, Want{MaxAge: time.Hour}, r)
				ask(t, s, reference, Want{MaxAge: time.Hour}, r)
				if each.operation == ended {
					s.Booked("demo", each.dossier)
				} else {
					op, known := cegidclient.OperationByID(each.operation)
					if !known {
						t.Fatal(each.operation)
					}
					if err := cfg.BeforeSend(t.Context(), &cegidclient.Call{Operation: &op, Dossier: each.dossier, RefersOnly: each.refersOnly}); err != nil {
						t.Fatal(err)
					}
				}
				if _, kept := s.kept.GetIfPresent(s.at(key)); kept != each.kept {
					t.Errorf("step %d: the answer is kept: %t", n, kept)
				}
				if _, kept := s.kept.GetIfPresent(s.at(reference)); kept != each.data {
					t.Errorf("step %d: the reference data is kept: %t", n, kept)
				}
			}
		})
	}
}

// TestWhatIsReadWhileItIsWrittenIsNotKept: nor joined by who asks afterwards.
func TestWhatIsReadWhileItIsWrittenIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := New(Config{}), &reader{}
		want := Want{MaxAge: time.Hour}
		slow := func(ctx context.Context) (Value, error) {
			time.Sleep(time.Second)
			return text{says: "before"}, nil
		}
		go func() {
			if found, err := s.Read(t.Context(), key, want, slow); err != nil || found.Value.(text).says != "before" {
				t.Errorf("%+v, %v", found, err)
			}
		}()
		synctest.Wait()
		s.Changed("demo", "CEGID001")
		if found := ask(t, s, key, want, r); found.How != Miss || found.Value.(text).says != "answer 1" {
			t.Errorf("who asks after the write: %+v", found)
		}
		time.Sleep(2 * time.Second)
		if found := ask(t, s, key, want, r); found.How != Hit || found.Value.(text).says != "answer 1" {
			t.Errorf("later: %+v", found)
		}
	})
}

func TestAHundredAtOnceAreOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{})
		var calls, first atomic.Int64
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				found, err := s.Read(t.Context(), key, Want{MaxAge: time.Second}, func(context.Context) (Value, error) {
					calls.Add(1)
					time.Sleep(time.Second)
					return text{says: "one"}, nil
				})
				if err != nil || found.Value.(text).says != "one" || found.Age != time.Second {
					t.Errorf("%+v, %v", found, err)
				}
				if found.How == Miss {
					first.Add(1)
				}
			})
		}
		all.Wait()
		if calls.Load() != 1 || first.Load() != 1 {
			t.Errorf("%d calls, by %d", calls.Load(), first.Load())
		}
	})
}

// hanging is a way to Loop on which the first request has no answer.
type hanging struct{ requests atomic.Int64 }

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	if h.requests.Add(1) == 1 {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: http.StatusNotFound, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// TestACallThatHangsHasTheTimeOfAnAttempt, for the caller who came first and left, and for those who came later.
func TestACallThatHangsHasTheTimeOfAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, way := New(Config{}), &hanging{}
		client, err := cegidclient.New(cegidclient.Config{
			Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret("a:b"), cegidclient.Secret{}, cegidclient.NewSecret("c")),
			Transport:   way, Retry: cegidclient.RetryPolicy{AttemptTimeout: 10 * time.Second},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		ask := func(lasts time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), lasts)
			defer cancel()
			_, err := s.Read(ctx, key, Want{MaxAge: time.Minute}, func(ctx context.Context) (Value, error) {
				_, err := client.Accounts.List(ctx, "CEGID001", cegidclient.ListOptions{})
				return nil, err
			})
			return err
		}
		begun := time.Now()
		go func() {
			if err := ask(5 * time.Second); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the first: %v", err)
			}
		}()
		time.Sleep(time.Second)
		var told *cegidclient.Error
		if err := ask(time.Hour); !errors.As(err, &told) || told.HTTPStatus != http.StatusNotFound || way.requests.Load() != 2 {
			t.Errorf("the second: %v, after %d requests", err, way.requests.Load())
		}
		if took := time.Since(begun); took < 10*time.Second || took > 15*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// TestNobodyWaitsForACallThatHasLongBeenUnderWay: nor for one that is older than the answer may be. The later of two answers is kept,
// whichever comes first, and as long as either is wanted.
func TestNobodyWaitsForACallThatHasLongBeenUnderWay(t *testing.T) {
	for name, c := range map[string]struct {
		want  Want
		after time.Duration
		joins bool
	}{
		"at once":                     {Want{MaxAge: time.Hour}, JoinWithin, true},
		"later":                       {Want{MaxAge: time.Hour}, JoinWithin + 1, false},
		"within its age":              {Want{MaxAge: time.Second}, time.Second, true},
		"beyond it":                   {Want{MaxAge: time.Second, StaleIfError: time.Hour}, time.Second + 1, false},
		"one that lasts":              {Want{MaxAge: time.Minute, Lasting: true}, time.Minute, true},
		"one that has lasted so long": {Want{MaxAge: time.Minute, Lasting: true}, time.Minute + 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, r := New(Config{}), &reader{}
				go func() {
					found, err := s.Read(t.Context(), key, Want{MaxAge: 2 * time.Hour}, func(context.Context) (Value, error) {
						time.Sleep(90 * time.Second)
						return text{says: "slow"}, nil
					})
					if err != nil || found.Value.(text).says != "slow" || found.How != Miss {
						t.Errorf("the first: %+v, %v", found, err)
					}
				}()
				time.Sleep(c.after)
				says, how := "answer 1", Miss
				if c.joins {
					says, how = "slow", Shared
				}
				if found := ask(t, s, key, c.want, r); found.How != how || found.Value.(text).says != says {
					t.Errorf("%+v", found)
				}
				time.Sleep(100 * time.Minute)
				if found := ask(t, s, key, Want{MaxAge: 2 * time.Hour}, r); found.How != Hit || found.Value.(text).says != says {
					t.Errorf("afterwards: %+v", found)
				}
			})
		})
	}
}

// TestWhoWantsLessTakesNothingFromWhoWantsMore: a newer answer is there as long as the older one was wanted.
func TestWhoWantsLessTakesNothingFromWhoWantsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := New(Config{}), &reader{}
		outage := Want{StaleIfError: time.Hour}
		ask(t, s, key, outage, r)
		time.Sleep(time.Minute)
		ask(t, s, key, Want{MaxAge: time.Second}, r)
		time.Sleep(time.Minute)
		r.err = failure(cegidclient.KindUnavailable, 503)
		if found := ask(t, s, key, outage, r); found.How != Stale || found.Value.(text).says != "answer 2" || found.Age != time.Minute {
			t.Errorf("%+v", found)
		}
		time.Sleep(time.Hour)
		if n, _ := s.Kept(); n != 0 {
			t.Errorf("%d are kept for longer than anybody wanted", n)
		}
	})
}

// TestALeaderWhoLeavesHarmsNobody: the read goes on with the time of those who stay, and ends with the last.
func TestALeaderWhoLeavesHarmsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{})
		type who struct{}
		var under atomic.Int64
		read := func(ctx context.Context) (Value, error) {
			under.Add(1)
			defer under.Add(-1)
			if ctx.Value(who{}) != "first" {
				t.Error("it has another's values")
			}
			select {
			case <-time.After(time.Minute):
				return text{says: "here"}, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		want := Want{MaxAge: time.Minute}
		first, leave := context.WithTimeout(context.WithValue(t.Context(), who{}, "first"), time.Second)
		defer leave()
		second, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		go func() {
			time.Sleep(time.Millisecond)
			found, err := s.Read(second, key, want, read)
			if err != nil || found.How != Shared {
				t.Errorf("who stays: %+v, %v", found, err)
			}
		}()
		if _, err := s.Read(first, key, want, read); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who leaves: %v", err)
		}
		synctest.Wait()
		if under.Load() != 1 {
			t.Errorf("%d reads are under way", under.Load())
		}
		time.Sleep(2 * time.Minute)

		// Nobody stays.
		first, leave = context.WithCancel(context.WithValue(t.Context(), who{}, "first"))
		go func() { time.Sleep(time.Second); leave() }()
		if _, err := s.Read(first, key, want, read); !errors.Is(err, context.Canceled) {
			t.Errorf("the only one: %v", err)
		}
		synctest.Wait()
		if under.Load() != 0 || len(s.flights) != 0 {
			t.Errorf("%d reads are under way, %d known", under.Load(), len(s.flights))
		}
	})
}

// TestWhoWaitsNoLongerTakesAnOlderAnswer: Loop has not answered in time. Who gives up wants none.
func TestWhoWaitsNoLongerTakesAnOlderAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := New(Config{}), &reader{}
		want := Want{MaxAge: time.Second, StaleIfError: time.Hour}
		ask(t, s, key, want, r)
		time.Sleep(time.Minute)
		hangs := func(ctx context.Context) (Value, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		hurried, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if found, err := s.Read(hurried, key, want, hangs); err != nil || found.How != Stale || found.Age != 61*time.Second {
			t.Errorf("%+v, %v", found, err)
		}
		gone, leave := context.WithCancel(t.Context())
		go func() { time.Sleep(time.Second); leave() }()
		if _, err := s.Read(gone, key, want, hangs); !errors.Is(err, context.Canceled) {
			t.Errorf("who gives up: %v", err)
		}
	})
}

// TestALastingReadOutlivesThoseWhoWait: and is joined by who comes again.
func TestALastingReadOutlivesThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{})
		var calls atomic.Int64
		read := func(ctx context.Context) (Value, error) {
			calls.Add(1)
			time.Sleep(time.Minute)
			return text{says: "here"}, ctx.Err()
		}
		want := Want{MaxAge: time.Hour, Lasting: true}
		hurried, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Read(hurried, key, want, read); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if found, err := s.Read(t.Context(), key, want, read); err != nil || found.How != Shared || calls.Load() != 1 {
			t.Errorf("%+v, %v after %d calls", found, err, calls.Load())
		}
	})
}

func TestAPanicIsAnError(t *testing.T) {
	s := New(Config{})
	if _, err := s.Read(t.Context(), key, Want{}, func(context.Context) (Value, error) { panic("secret") }); err == nil || err.Error() != "a read panicked: string" {
		t.Errorf("got %v", err)
	}
}

// TestWhatIsKeptIsBoundedByBytes: one that is larger than all is its caller's, and not kept.
func TestWhatIsKeptIsBoundedByBytes(t *testing.T) {
	s := New(Config{})
	const memory = 160 << 20
	s.Within(memory)
	most := uint64(memory / partOfMemory)
	for i := range 100 {
		of := key
		of.Query = fmt.Sprint(i)
		if _, err := s.Read(t.Context(), of, Want{MaxAge: time.Hour}, func(context.Context) (Value, error) {
			return text{weighs: int(most) / 10}, nil
		}); err != nil {
			t.Fatal(err)
		}
		if got := s.kept.WeightedSize(); got > most {
			t.Fatalf("after %d: %d bytes; %d is the most", i, got, most)
		}
	}
	if got := s.kept.EstimatedSize(); got < 5 || got > 9 {
		t.Errorf("%d answers of a tenth are kept", got)
	}
	large := key
	large.Query = "large"
	found, err := s.Read(t.Context(), large, Want{MaxAge: time.Hour}, func(context.Context) (Value, error) { return text{weighs: maxBytes}, nil })
	if err != nil || found.Value == nil {
		t.Errorf("one that is too large: %+v, %v", found, err)
	}
	if got := s.kept.WeightedSize(); got > most {
		t.Errorf("with one that is too large: %d bytes", got)
	}
}

// growing is a value that grows.
type growing struct{ weight atomic.Int64 }

func (g *growing) Weight() int { return int(g.weight.Load()) }

func TestWhatGrowsIsWeighedAgain(t *testing.T) {
	s := New(Config{})
	value := &growing{}
	want := Want{MaxAge: time.Hour}
	if _, err := s.Read(t.Context(), key, want, func(context.Context) (Value, error) { return value, nil }); err != nil {
		t.Fatal(err)
	}
	before := s.kept.WeightedSize()
	value.weight.Store(10_000)
	s.Grown(key, value)
	if got := s.kept.WeightedSize(); got != before+10_000 {
		t.Errorf("it weighs %d, and weighed %d", got, before)
	}
	s.Changed("demo", "CEGID001")
	s.Grown(key, value) // it is gone, and stays so
	if got := s.kept.WeightedSize(); got != 0 {
		t.Errorf("%d bytes are kept of nothing", got)
	}
}

func TestWhatIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := New(Config{}), &reader{}
		want := Want{MaxAge: time.Second, StaleIfError: time.Hour}
		ask(t, s, key, want, r)
		ask(t, s, key, want, r)
		time.Sleep(time.Minute)
		r.err = failure(cegidclient.KindUnavailable, 503)
		ask(t, s, key, want, r)
		if got := s.Counts(); !maps.Equal(got, map[How]uint64{Hit: 1, Miss: 1, Stale: 1, Shared: 0}) {
			t.Errorf("got %v", got)
		}
	})
}
