package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/app"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/service"
)

type checkCommand struct {
	Config  string        `required:"" type:"path" placeholder:"FILE" help:"Configuration, in YAML."`
	Offline bool          `help:"Do not call Loop."`
	Timeout time.Duration `default:"15s" help:"Longest wait for one connection (${default})."`
}

func (c *checkCommand) Run(ctx context.Context) error {
	set, err := app.LoadSettings(c.Config)
	if err != nil {
		return err
	}
	if _, err := os.Stat(set.Config.Ledger); err != nil {
		return fmt.Errorf("the ledger: %w", ledger.ErrMissing)
	}
	tenants, err := app.NewTenants(set.Config, nil, nil)
	if err != nil {
		return err
	}
	practices := tenants.Practices()
	defer practices.Close()
	fmt.Printf("configuration and policy: fine, %d practices, %d callers\n", len(practices.All()), len(set.Policy.Callers()))
	if c.Offline {
		return nil
	}
	failed := 0
	for _, practice := range practices.All() {
		connected, err := c.practice(ctx, os.Stdout, practice)
		if err != nil {
			return err
		}
		if !connected {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d practices are not connected", failed, len(practices.All()))
	}
	return nil
}

// practice tries each key of a practice on its first dossier.
func (c *checkCommand) practice(ctx context.Context, out io.Writer, practice *service.Practice) (connected bool, err error) {
	if len(practice.Dossiers) == 0 {
		_, err := fmt.Fprintf(out, "%s: not tried: Loop has no call without a dossier; list one under dossiers\n", practice.Name)
		return false, err
	}
	connected = true
	for _, each := range []struct {
		has  bool
		kind looppb.KeyKind
		name string
	}{
		{practice.HasStandard, looppb.KeyKind_KEY_KIND_STANDARD, "standard"},
		{practice.HasAdvanced, looppb.KeyKind_KEY_KIND_ADVANCED, "advanced"},
	} {
		if !each.has {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, c.Timeout)
		found, err := practice.CheckConnection(ctx, practice.Dossiers[0].Code, each.kind, time.Now)
		cancel()
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			connected = false
			_, _ = fmt.Fprintf(out, "%s, %s key: no answer within %s\n", practice.Name, each.name, c.Timeout)
			continue
		case err != nil:
			return false, err
		}
		connected = connected && found.GetCause() == looppb.ConnectionCause_CONNECTION_CAUSE_CONNECTED
		if err := report(out, practice.Name, each.name, found); err != nil {
			return false, err
		}
	}
	return connected, nil
}

func report(out io.Writer, practice, key string, found *looppb.CheckConnectionResponse) error {
	text := fmt.Sprintf("%s, %s key: %s\n", practice, key, found.GetSummary())
	if status := found.GetEvidence().GetHttpStatus(); status != 0 && len(found.GetCures()) > 0 {
		text += fmt.Sprintf("  Loop answered HTTP %d %s %s\n", status, found.GetEvidence().GetLoopCode(), found.GetEvidence().GetLoopMessage())
	}
	if detail := found.GetEvidence().GetDetail(); detail != "" {
		text += "  " + detail + "\n"
	}
	for i, cure := range found.GetCures() {
		text += fmt.Sprintf("  %d. %s\n", i+1, cure)
	}
	_, err := io.WriteString(out, text)
	return err
}
