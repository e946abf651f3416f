package telemetry

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/cegidclient"
)

// TestLabelsHaveABound: operation, outcome and status alone, which are few.
func TestLabelsHaveABound(t *testing.T) {
	registry := prometheus.NewRegistry()
	heard := 0
	loop := NewLoop(registry, func(context.Context, cegidclient.AttemptEvent) { heard++ })
	loop.CallDone(t.Context(), cegidclient.CallEvent{Operation: "list_accounts", Outcome: "ok", Duration: time.Second})
	loop.AttemptDone(t.Context(), cegidclient.AttemptEvent{Operation: "list_accounts", Outcome: "ok", Status: 200})
	NewLoop(prometheus.NewRegistry(), nil).AttemptDone(t.Context(), cegidclient.AttemptEvent{})
	families, err := registry.Gather()
	if err != nil || len(families) != 3 {
		t.Fatalf("%d metrics, %v", len(families), err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if name := label.GetName(); name != "operation" && name != "outcome" && name != "status" {
					t.Errorf("%s has the label %s", family.GetName(), name)
				}
			}
		}
	}
	if heard != 1 {
		t.Errorf("the attempt was heard of %d times", heard)
	}
}
