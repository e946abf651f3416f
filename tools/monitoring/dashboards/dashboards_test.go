// Package dashboards holds the dashboards of deploy/monitoring to Grafana's own description of them.
package dashboards

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// TestDashboardsAreValid by the schema, which knows no other fields; and what it does not say: panels have ids and places of their own, and
// ask the Prometheus that is chosen.
func TestDashboardsAreValid(t *testing.T) {
	runtime := cog.NewRuntime()
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterPanelcfgVariant(table.VariantConfig())
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	files, err := filepath.Glob("../../../deploy/monitoring/*.json")
	if err != nil || len(files) != 2 {
		t.Fatalf("there are the dashboards %v: %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var strict, board dashboard.Dashboard //nolint:staticcheck // of the schema that older Grafanas read, too
		var wrong cog.BuildErrors             // of which the library returns an empty list where all is well, and leaves panels out
		if err := strict.UnmarshalJSONStrict(text); err != nil && (!errors.As(err, &wrong) || len(wrong) > 0) {
			t.Errorf("%s: %v", file, err)
		}
		if err := json.Unmarshal(text, &board); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := board.Validate(); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		ids, taken, asked := map[uint32]bool{}, map[[2]uint32]bool{}, 0
		for _, each := range board.Panels {
			switch {
			case each.RowPanel != nil:
				each := each.RowPanel
				if ids[each.Id] {
					t.Errorf("%s: there are two panels %d", file, each.Id)
				}
				ids[each.Id] = true
			case each.Panel != nil:
				asked += panel(t, file, each.Panel, ids, taken)
			}
		}
		if asked < 15 {
			t.Errorf("%s: only %d queries were looked at", file, asked)
		}
	}
}

// panel returns how many queries it has.
func panel(t *testing.T, file string, p *dashboard.Panel, ids map[uint32]bool, taken map[[2]uint32]bool) int {
	t.Helper()
	if p.Id == nil || p.Title == nil || p.GridPos == nil || len(p.Targets) == 0 {
		t.Fatalf("%s: a panel lacks id, title, place or query: %+v", file, p)
	}
	if ids[*p.Id] {
		t.Errorf("%s: there are two panels %d", file, *p.Id)
	}
	ids[*p.Id] = true
	if p.GridPos.X+p.GridPos.W > 24 {
		t.Errorf("%s: %s is beyond the edge", file, *p.Title)
	}
	for x := range p.GridPos.W {
		for y := range p.GridPos.H {
			at := [2]uint32{p.GridPos.X + x, p.GridPos.Y + y}
			if taken[at] {
				t.Fatalf("%s: %s lies on another panel", file, *p.Title)
			}
			taken[at] = true
		}
	}
	for _, target := range p.Targets {
		query, ok := target.(*prometheus.Dataquery)
		if !ok || query.Expr == "" || query.Datasource == nil || query.Datasource.Uid == nil || *query.Datasource.Uid != "${datasource}" {
			t.Errorf("%s: %s has a query that is none for the chosen Prometheus: %T %+v", file, *p.Title, target, target)
		}
	}
	return len(p.Targets)
}
