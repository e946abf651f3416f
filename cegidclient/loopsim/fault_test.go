package loopsim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient/loopsim"
)

func TestStatusFaults(t *testing.T) {
	tests := map[string]struct {
		fault loopsim.Fault
		check func(*testing.T, reply)
	}{
		"429 with seconds": {
			loopsim.Fault{Status: 429, RetryAfter: 1500 * time.Millisecond},
			func(t *testing.T, got reply) {
				gatewayError(t, got, 429, "rate limit")
				if ra := got.header.Get("Retry-After"); ra != "2" {
					t.Errorf("Retry-After %q", ra)
				}
			},
		},
		"429 with a date": {
			loopsim.Fault{Status: 429, RetryAfter: time.Hour, RetryAfterDate: true},
			func(t *testing.T, got reply) {
				at, err := http.ParseTime(got.header.Get("Retry-After"))
				if wait := time.Until(at); err != nil || wait < 59*time.Minute || wait > 61*time.Minute {
					t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
				}
			},
		},
		"403 of the quota": {
			loopsim.Fault{Status: 403, Form: loopsim.FormGateway},
			func(t *testing.T, got reply) { gatewayError(t, got, 403, "quota") },
		},
		"403 of the service": {
			loopsim.Fault{Status: 403},
			func(t *testing.T, got reply) { serviceError(t, got, 403, "SimFault") },
		},
		"400 of the service with a code": {
			loopsim.Fault{Status: 400, Code: "CollaborateurBadLogin", Message: "Utilisateur inconnu."},
			func(t *testing.T, got reply) {
				serviceError(t, got, 400, "CollaborateurBadLogin")
				if got.object(t)["message"] != "Utilisateur inconnu." {
					t.Errorf("%s", got.body)
				}
			},
		},
		"401": {loopsim.Fault{Status: 401}, func(t *testing.T, got reply) { gatewayError(t, got, 401, "invalid subscription key") }},
		"404": {loopsim.Fault{Status: 404}, func(t *testing.T, got reply) { gatewayError(t, got, 404, "Resource not found") }},
		"413": {loopsim.Fault{Status: 413}, func(t *testing.T, got reply) { gatewayError(t, got, 413, "") }},
		"500": {loopsim.Fault{Status: 500}, func(t *testing.T, got reply) { serviceError(t, got, 500, "SimFault") }},
		"502": {loopsim.Fault{Status: 502}, func(t *testing.T, got reply) { gatewayError(t, got, 502, "") }},
		"503 with nothing": {
			loopsim.Fault{Status: 503, Form: loopsim.FormEmpty},
			func(t *testing.T, got reply) {
				if got.status != 503 || len(got.body) != 0 {
					t.Errorf("%d %q", got.status, got.body)
				}
			},
		},
		"504 with a body of one's own": {
			loopsim.Fault{Status: 504, Body: "délai", Header: map[string]string{"Content-Type": "text/plain", "X-Essai": "1"}},
			func(t *testing.T, got reply) {
				if got.status != 504 || string(got.body) != "délai" || got.header.Get("Content-Type") != "text/plain" || got.header.Get("X-Essai") != "1" {
					t.Errorf("%d %v %q", got.status, got.header, got.body)
				}
			},
		},
		"204": {
			loopsim.Fault{Status: 204},
			func(t *testing.T, got reply) {
				if got.status != 204 || len(got.body) != 0 {
					t.Errorf("%d %q", got.status, got.body)
				}
			},
		},
		"302 to another host": {
			loopsim.Fault{Status: 302},
			func(t *testing.T, got reply) {
				to, err := url.Parse(got.header.Get("Location"))
				if err != nil || got.status != 302 || !strings.HasSuffix(to.Hostname(), ".invalid") {
					t.Errorf("%d to %q", got.status, got.header.Get("Location"))
				}
			},
		},
		"HTML with 200": {
			loopsim.Fault{Kind: loopsim.FaultHTML},
			func(t *testing.T, got reply) {
				if got.status != 200 || !bytes.HasPrefix(got.body, []byte("<!DOCTYPE html>")) || !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
					t.Errorf("%d %v %s", got.status, got.header, got.body)
				}
			},
		},
		"HTML with 502": {
			loopsim.Fault{Kind: loopsim.FaultHTML, Status: 502},
			func(t *testing.T, got reply) {
				if got.status != 502 || !bytes.Contains(got.body, []byte("<html")) {
					t.Errorf("%d %s", got.status, got.body)
				}
			},
		},
		"nonsense": {
			loopsim.Fault{Kind: loopsim.FaultNonsense},
			func(t *testing.T, got reply) {
				if got.status != 200 || json.Valid(got.body) || !strings.HasPrefix(got.header.Get("Content-Type"), "application/json") {
					t.Errorf("%d %s", got.status, got.body)
				}
			},
		},
		"an error in a 200": {
			loopsim.Fault{Kind: loopsim.FaultErrorIn200, Message: "Aucune écriture."},
			func(t *testing.T, got reply) {
				refused, _ := got.object(t)["error"].(map[string]any)
				if got.status != 200 || refused["message"] != "Aucune écriture." || len(refused["instanceId"].(string)) != 36 {
					t.Errorf("%d %s", got.status, got.body)
				}
			},
		},
	}
	w := start(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.fault.Kind == "" {
				tt.fault.Kind = loopsim.FaultStatus
			}
			tt.fault.Times = 1
			id := w.Inject(tt.fault)
			tt.check(t, w.get("/compte", nil))
			if n := w.FaultHits(id); n != 1 {
				t.Errorf("%d hits", n)
			}
			w.get("/compte", nil).rows(t) // and then it is over
		})
	}
}

func TestBrokenConnections(t *testing.T) {
	w := start(t)
	full := w.get("/compte", url.Values{"sort": {"numero"}}).body
	tests := map[loopsim.FaultKind]struct {
		answered bool // a response arrives before the cut
		length   int64
	}{
		loopsim.FaultCutBefore:        {},
		loopsim.FaultCutAfter:         {},
		loopsim.FaultTruncated:        {true, int64(len(full))},
		loopsim.FaultTruncatedChunked: {true, -1},
	}
	for kind, tt := range tests {
		t.Run(string(kind), func(t *testing.T) {
			w.Inject(loopsim.Fault{Kind: kind, Times: 1})
			resp, err := w.client.Do(w.request(http.MethodGet, "/compte", url.Values{"codeDossier": {"CEGID001"}, "sort": {"numero"}}))
			if !tt.answered {
				if err == nil {
					resp.Body.Close()
					t.Fatalf("answered %d", resp.StatusCode)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if !errors.Is(err, io.ErrUnexpectedEOF) || len(body) == 0 || !bytes.HasPrefix(full, body) || json.Valid(body) {
				t.Errorf("%d bytes, error %v", len(body), err)
			}
			if resp.ContentLength != tt.length {
				t.Errorf("Content-Length %d, want %d", resp.ContentLength, tt.length)
			}
		})
	}
}

func TestAnOversizeBodyIsWellFormed(t *testing.T) {
	w := start(t)
	w.Inject(loopsim.Fault{Kind: loopsim.FaultOversize})
	resp, err := w.client.Do(w.request(http.MethodGet, "/compte", url.Values{"codeDossier": {"CEGID001"}}))
	must(t, err)
	defer resp.Body.Close()
	var first, last [1]byte
	_, err = io.ReadFull(resp.Body, first[:])
	must(t, err)
	n, err := io.Copy(writerFunc(func(p []byte) { copy(last[:], p[len(p)-1:]) }), resp.Body)
	must(t, err)
	if n < 32<<20 || first[0] != '[' || last[0] != ']' {
		t.Errorf("%d bytes from %q to %q", n, first, last)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

func TestSlowAnswers(t *testing.T) {
	w := start(t)
	t.Run("latency delays the answer", func(t *testing.T) {
		w.Inject(loopsim.Fault{Kind: loopsim.FaultLatency, Latency: 30 * time.Millisecond, Times: 1})
		before := time.Now()
		w.get("/compte", nil).rows(t)
		if d := time.Since(before); d < 30*time.Millisecond {
			t.Errorf("after %v", d)
		}
	})
	t.Run("a dribble is complete in the end", func(t *testing.T) {
		w.Inject(loopsim.Fault{Kind: loopsim.FaultDribble, Latency: 5 * time.Millisecond, Pieces: 4, Times: 1})
		before := time.Now()
		w.get("/compte", nil).rows(t)
		if d := time.Since(before); d < 20*time.Millisecond {
			t.Errorf("after %v", d)
		}
	})
	for name, fault := range map[string]loopsim.Fault{
		"a hang":    {Kind: loopsim.FaultHang, Times: 1},
		"latency":   {Kind: loopsim.FaultLatency, Latency: time.Hour, Times: 1},
		"a dribble": {Kind: loopsim.FaultDribble, Latency: time.Hour, Times: 1},
	} {
		t.Run(name+" ends with the client", func(t *testing.T) {
			w.Inject(fault)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			defer cancel()
			_, err := w.try(w.request(http.MethodGet, "/compte", url.Values{"codeDossier": {"CEGID001"}}).WithContext(ctx))
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
		t.Run(name+" ends with Close", func(t *testing.T) {
			w := start(t)
			w.Inject(fault)
			time.AfterFunc(20*time.Millisecond, w.Close)
			if got, err := w.try(w.request(http.MethodGet, "/compte", url.Values{"codeDossier": {"CEGID001"}})); err == nil {
				t.Errorf("answered %d", got.status)
			}
			if _, err := w.try(w.request(http.MethodGet, "/compte", nil)); err == nil {
				t.Error("answered after Close")
			}
		})
	}
}

func TestFaultsStrikeWhatTheyMatch(t *testing.T) {
	status := func(code int, f loopsim.Fault) loopsim.Fault {
		f.Kind, f.Status = loopsim.FaultStatus, code
		return f
	}
	demo := url.Values{"codeDossier": {"CEGID003"}}
	t.Run("by route, dossier and practice", func(t *testing.T) {
		w := start(t)
		w.Inject(status(501, loopsim.Fault{Method: http.MethodGet, Route: "/journal"}))
		w.Inject(status(502, loopsim.Fault{Dossier: "CEGID003"}))
		w.Inject(status(503, loopsim.Fault{Practice: "partner"}))
		w.Inject(status(504, loopsim.Fault{Route: loopsim.UnknownRoute}))
		for want, got := range map[int]reply{
			501: w.get("/journal", demo),
			502: w.get("/compte", demo),
			503: w.get("/compte", nil, asPartner),
			504: w.get("/rien", nil),
			200: w.get("/compte", nil),
		} {
			if got.status != want {
				t.Errorf("got %d, want %d", got.status, want)
			}
		}
	})
	t.Run("after Skip requests, Times times, in the order of injection", func(t *testing.T) {
		w := start(t)
		a := w.Inject(status(501, loopsim.Fault{Skip: 2, Times: 2}))
		b := w.Inject(status(502, loopsim.Fault{Skip: 1, Times: 1}))
		var got []int
		for range 6 {
			got = append(got, w.get("/compte", nil).status)
		}
		want := []int{200, 502, 501, 501, 200, 200}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("got %v, want %v", got, want)
			}
		}
		states := w.Faults()
		if states[0].ID != a || states[0].Hits != 2 || states[0].Seen != 4 || !states[0].Done() || states[1].ID != b || states[1].Seen != 2 {
			t.Errorf("%+v", states)
		}
	})
	t.Run("before the keys are looked at", func(t *testing.T) {
		w := start(t)
		w.Inject(status(503, loopsim.Fault{}))
		if got := w.get("/compte", nil, header("x-apikey", "")); got.status != 503 {
			t.Errorf("got %d", got.status)
		}
	})
	t.Run("until removed", func(t *testing.T) {
		w := start(t)
		a := w.Inject(status(503, loopsim.Fault{}))
		w.Inject(status(502, loopsim.Fault{}))
		if !w.RemoveFault(a) || w.RemoveFault(a) || w.FaultHits(a) != 0 {
			t.Error("RemoveFault")
		}
		if got := w.get("/compte", nil); got.status != 502 {
			t.Errorf("got %d", got.status)
		}
		w.ClearFaults()
		w.get("/compte", nil).rows(t)
	})
}

func TestImpossibleFaultsAreRefused(t *testing.T) {
	ok := loopsim.Fault{Kind: loopsim.FaultStatus, Status: 503}
	if err := ok.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]loopsim.Fault{
		"no kind":               {},
		"an unknown kind":       {Kind: "x"},
		"an unknown route":      {Kind: loopsim.FaultHang, Route: "/comptes"},
		"a method not served":   {Kind: loopsim.FaultHang, Route: "/compte", Method: "PUT"},
		"a negative skip":       {Kind: loopsim.FaultHang, Skip: -1},
		"a negative times":      {Kind: loopsim.FaultHang, Times: -1},
		"an endless latency":    {Kind: loopsim.FaultHang, Latency: 2 * time.Hour},
		"latency of nothing":    {Kind: loopsim.FaultLatency},
		"status without status": {Kind: loopsim.FaultStatus},
		"status 99":             {Kind: loopsim.FaultStatus, Status: 99},
		"a cut with a status":   {Kind: loopsim.FaultCutAfter, Status: 500},
		"an unknown form":       {Kind: loopsim.FaultStatus, Status: 500, Form: "x"},
		"a body with a form":    {Kind: loopsim.FaultStatus, Status: 500, Form: loopsim.FormEmpty, Body: "x"},
		"a body with a 204":     {Kind: loopsim.FaultStatus, Status: 204, Body: "x"},
		"a body on a hang":      {Kind: loopsim.FaultHang, Body: "x"},
		"a header that splits":  {Kind: loopsim.FaultStatus, Status: 500, Header: map[string]string{"X": "a\r\nb"}},
		"a header with a space": {Kind: loopsim.FaultStatus, Status: 500, Header: map[string]string{"X Y": "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := f.Validate(); !errors.Is(err, loopsim.ErrInvalid) {
				t.Errorf("got %v", err)
			}
			defer func() {
				if recover() == nil {
					t.Error("Inject took it")
				}
			}()
			loopsim.New().Inject(f)
		})
	}
}

func TestACutWithoutHijackerAborts(t *testing.T) {
	sim := loopsim.NewSandbox()
	sim.Inject(loopsim.Fault{Kind: loopsim.FaultCutBefore})
	defer func() {
		if r := recover(); r != http.ErrAbortHandler {
			t.Errorf("recovered %v", r)
		}
	}()
	sim.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/loop-api-publiques/compte", nil))
}
