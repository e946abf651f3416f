package cegidclient

import (
	"context"
	"io"
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestAReplayIsSentOnceWithItsDays(t *testing.T) {
	ask := ReplayQuery{EntityID: "be3d28ac-8034-4f35-a3f4-6d3335c338f7", SubscriptionID: "1234567890123", Days: 3}
	var sent string
	c, w := testClient(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		sent = r.Method + " " + r.URL.Path + " " + string(text)
		reply(200, `{"message":"Démarré","domain":"LOOP","codeIbs":"D000123456","depuis":"hier"}`)(w, r)
	})
	got, err := c.Changes.Replay(t.Context(), ask)
	if err != nil || *got.Message != "Démarré" || *got.Domain != "LOOP" || *got.Dossier != "D000123456" || !maps.Equal(got.Unmapped, Unmapped{"depuis": `"hier"`}) {
		t.Errorf("%+v, %v", got, err)
	}
	if sent != `POST /loop-api-publiques/partialInit {"key":"be3d28ac-8034-4f35-a3f4-6d3335c338f7","subscriptionId":"1234567890123","numberOfDays":3}` {
		t.Error(sent)
	}
	before := w.requests.Load()
	for field, q := range map[string]ReplayQuery{
		"entity_id": {SubscriptionID: "s", Days: 1}, "subscription_id": {EntityID: "e", Days: 1}, "number_of_days": {EntityID: "e", SubscriptionID: "s", Days: 21},
	} {
		_, err := c.Changes.Replay(t.Context(), q)
		if e, _ := asError(err); e == nil || e.Kind != KindInvalidArgument || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := c.Changes.Replay(t.Context(), ReplayQuery{EntityID: "e", SubscriptionID: "s"}); err == nil || w.requests.Load() != before {
		t.Errorf("no days: %v after %d requests", err, w.requests.Load()-before)
	}
	for _, tc := range []struct {
		name, body string
		status     int
		outcome    WriteOutcome
	}{
		{"an error in a 200", `{"error":{"instanceId":"i","message":"non"}}`, 200, WriteRefused},
		{"an error object of a service in a 200", `{"statusCode":400,"code":"X","message":"non"}`, 200, WriteUncertain},
		{"nothing", `{}`, 200, WriteUncertain},
		{"a web page", `<html></html>`, 200, WriteUncertain},
		{"400", `{"statusCode":400,"code":"X","message":"non"}`, 400, WriteUncertain},
		{"503", `{}`, 503, WriteUncertain},
		{"401", `{"statusCode":401,"message":"non"}`, 401, WriteNotSent},
		{"429", `{"statusCode":429,"message":"rate limit"}`, 429, WriteNotSent},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, w := testClient(t, reply(tc.status, tc.body))
			if _, err := c.Changes.Replay(t.Context(), ask); err == nil || OutcomeOf(err) != tc.outcome || w.requests.Load() != 1 {
				t.Errorf("%s after %d requests: %v", OutcomeOf(err), w.requests.Load(), err)
			}
		})
	}
}

func TestNothingOfAnAnswerIsLost(t *testing.T) {
	t.Run("replay", losesNothing[Replay])
	t.Run("staff access", func(t *testing.T) {
		got, err := decodeOne[StaffAccess](t, `{"accessAllowed":false,"depuis":2.50}`)
		if err != nil || *got.Allowed || got.Unmapped["depuis"] != "2.50" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestAReplayOutlivesItsCaller: what is begun with little time left has its own.
func TestAReplayOutlivesItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := testClient(t, slowly(5*time.Second, `{"message":"Démarré","domain":"LOOP","codeIbs":"D000123456"}`))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Changes.Replay(ctx, ReplayQuery{EntityID: "a", SubscriptionID: "b", Days: 1}); err != nil || w.requests.Load() != 1 {
			t.Error(err)
		}
		if _, err := c.Changes.Replay(ctx, ReplayQuery{EntityID: "a", SubscriptionID: "b", Days: 1}); OutcomeOf(err) != WriteNotSent || w.requests.Load() != 1 {
			t.Errorf("one that has not begun: %v", err)
		}
	})
}
