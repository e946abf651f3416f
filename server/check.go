package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/app"
	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/diagnostics"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/secret"
	"cegid.internal/gateway/server/internal/tenant"
)

type checkCommand struct {
	Config  string        `required:"" type:"path" placeholder:"FILE" help:"Configuration, in YAML."`
	Offline bool          `help:"Call neither Loop nor issuers, nor a database."`
	Timeout time.Duration `default:"15s" help:"Longest wait for one connection (${default})."`

	As       string `placeholder:"CALLER" help:"Say what this caller of the policy may do, and by which grant, instead of trying connections."`
	Practice string `placeholder:"PRACTICE" help:"With --as: in this practice."`
	Dossier  string `placeholder:"DOSSIER" help:"With --as: on this dossier; without it, on the practice itself."`
	Right    string `placeholder:"RIGHT" help:"With --as: with this right; all of them unless given: read, write, practice, raw, administer, operate."`
	RPC      string `name:"rpc" placeholder:"SERVICE.METHOD" help:"With --as: with this method, such as ImportService.ImportEntries."`
}

// Validate refuses half a question.
func (c *checkCommand) Validate() error {
	switch {
	case c.As != "" && c.Practice == "":
		return errors.New("--as needs --practice")
	case c.As == "" && c.Practice+c.Dossier+c.Right+c.RPC != "":
		return errors.New("--practice, --dossier, --right and --rpc need --as")
	case c.Right != "" && c.RPC != "":
		return errors.New("--right and --rpc both say what is asked; keep one")
	case c.Right != "" && !slices.ContainsFunc(policy.Rights(), func(r policy.Right) bool { return r.String() == c.Right }):
		return errors.New("--right must be one of read, write, practice, raw, administer, operate")
	}
	return nil
}

func (c *checkCommand) Run(ctx context.Context) error {
	set, err := app.LoadSettings(c.Config)
	if err != nil {
		return err
	}
	if c.As != "" {
		return c.explain(os.Stdout, set)
	}
	note, away, err := c.ledger(ctx, set.Config.Ledger)
	if err != nil {
		return err
	}
	tenants, err := app.NewTenants(set.Config, nil, nil, nil)
	if err != nil {
		return err
	}
	practices := tenants.Practices()
	defer practices.Close()
	fmt.Printf("configuration and policy: fine, %d practices, %d callers\n", len(practices.All()), len(set.Policy.Callers()))
	fmt.Print(ending(set.Config.TLS), idle(set), note)
	for _, text := range app.Notes(set.Config) {
		fmt.Println("note:", text)
	}
	if !c.Offline {
		if err := c.issuers(ctx, os.Stdout, set.Config.OIDC); err != nil {
			return err
		}
	}
	halves := map[string]string{} // of keys, to the practice that has it
	failed := 0
	for _, practice := range practices.All() {
		if !c.Offline {
			connected, err := c.practice(ctx, os.Stdout, practice)
			if err != nil {
				return err
			}
			if !connected {
				failed++
			}
		}
		i := slices.IndexFunc(set.Config.Practices, func(p config.Practice) bool { return p.Name == practice.Name })
		keys, err := secret.NewKeyring(set.Config.Practices[i].Keys, nil)
		if err != nil {
			return fmt.Errorf("practice %s: %w", practice.Name, err)
		}
		fmt.Println(inLoopHub(set.Config.Practices[i], keys))
		for _, kind := range []cegidclient.KeyKind{cegidclient.KeyStandard, cegidclient.KeyAdvanced} {
			half := keys.PublicHalf(kind)
			if other, shared := halves[half]; shared && half != "" && other != practice.Name {
				fmt.Printf("note: the practices %s and %s have the key %s in common: a document that came in through one is not "+
					"recognised in the other\n", other, practice.Name, half)
				continue
			}
			halves[half] = practice.Name
		}
	}
	for _, names := range practices.SameBooks() {
		fmt.Printf("note: the practices %s book into the same books, by their domain or key: what is imported for one is refused for another\n",
			strings.Join(names, " and "))
	}
	fmt.Println(app.Reachable(set.Config))
	if failed > 0 || away {
		return notConnected{failed, len(practices.All()), away}
	}
	return nil
}

// ledger looks for the ledger, and changes nothing there. A database that is away now is no fault of the configuration: serve would
// start, for reads.
func (c *checkCommand) ledger(ctx context.Context, at config.Ledger) (note string, away bool, err error) {
	if at.File != "" {
		err := ledger.Look(at.File)
		if err == nil {
			err = ledger.CheckWritable(at.File)
		}
		if err == nil {
			err = ledger.CheckMode(at.File)
		}
		if err != nil {
			return "", false, fmt.Errorf("ledger %s: %w", at.File, err)
		}
		return "", false, nil
	}
	if c.Offline {
		return "", false, nil
	}
	dsn, err := at.Postgres.Read()
	if err != nil {
		return "", false, fmt.Errorf("ledger: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	note, err = schemaNote(ctx, dsn.Reveal)
	if ledger.Unreachable(err) {
		return fmt.Sprintf("note: the ledger in the database of %s cannot be looked at now, and serve would start for reads alone: %s\n",
			at.Postgres, err), true, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("ledger in the database of %s: %w", at.Postgres, err)
	}
	return note, false, nil
}

// issuers asks each for its keys. One that does not answer is no reason not to start: its tokens wait.
func (c *checkCommand) issuers(ctx context.Context, out io.Writer, from []config.Issuer) error {
	issuers, err := app.Issuers(from, nil)
	if err != nil {
		return err
	}
	for _, issuer := range issuers {
		asking, cancel := context.WithTimeout(ctx, c.Timeout)
		text := "its keys can be fetched"
		if err := issuer.Check(asking); err != nil {
			text = "note: its tokens would be answered with ISSUER_UNAVAILABLE: " + err.Error()
		}
		cancel()
		if _, err := fmt.Fprintf(out, "issuer %s: %s\n", issuer.URL(), text); err != nil {
			return err
		}
	}
	return nil
}

// notConnected ends check with a code of its own: the files are fit to serve.
type notConnected struct {
	failed, of int
	ledger     bool
}

func (e notConnected) Error() string {
	var all []string
	if e.failed > 0 {
		all = append(all, fmt.Sprintf("%d of %d practices are not connected", e.failed, e.of))
	}
	if e.ledger {
		all = append(all, "the ledger cannot be reached")
	}
	return strings.Join(all, ", and ")
}

func (notConnected) ExitCode() int { return 2 }

// ending warns of a certificate that ends soon, or has ended, or lacks its issuer's: serve takes it all the same.
func ending(files config.TLS) string {
	if files.Off {
		return ""
	}
	pair, err := tls.LoadX509KeyPair(files.Certificate, files.Key)
	if err != nil { // it was read a moment ago
		return fmt.Sprintf("note: the certificate has changed meanwhile: %s\n", err)
	}
	const soon = 14 * 24 * time.Hour
	end, notes := pair.Leaf.NotAfter, ""
	switch left := time.Until(end); {
	case left <= 0:
		notes = fmt.Sprintf("note: the certificate ended on %s, and callers refuse it; replace it\n", end.Format(time.DateOnly))
	case left < soon:
		notes = fmt.Sprintf("note: the certificate ends on %s; replace it before\n", end.Format(time.DateOnly))
	}
	if err := app.Incomplete(&pair); err != nil {
		notes += fmt.Sprintf("note: callers may refuse the certificate: %s\n", err)
	}
	return notes
}

// idle names the callers and practices that no grant has.
func idle(set *app.Settings) string {
	var out strings.Builder
	served := map[string]bool{}
	for _, caller := range set.Policy.Callers() {
		known := false
		for _, practice := range set.Config.Practices {
			if set.Policy.Known(caller, practice.Name) {
				known, served[practice.Name] = true, true
			}
		}
		if !known {
			fmt.Fprintf(&out, "note: the caller %s has no grant, and may do nothing\n", caller)
		}
	}
	for _, place := range set.Policy.Idle() {
		fmt.Fprintf(&out, "note: %s: the configuration has no practice of this name, and the grant gives nothing there; names are exact\n", place)
	}
	for _, practice := range set.Config.Practices {
		if !served[practice.Name] {
			fmt.Fprintf(&out, "note: no grant is on the practice %s, and nobody may use it\n", practice.Name)
		}
	}
	return out.String()
}

// inLoopHub says in one sentence what the practice's administrator clicks in LoopHub (loop-api: C 1.2; the name of the
// generic application is third-party knowledge).
func inLoopHub(practice config.Practice, keys *secret.Keyring) string {
	var halves []string
	for _, kind := range []cegidclient.KeyKind{cegidclient.KeyStandard, cegidclient.KeyAdvanced} {
		if keys.Has(kind) {
			halves = append(halves, fmt.Sprintf("%s (%s)", keys.PublicHalf(kind), kind))
		}
	}
	const most = 5
	dossiers := "each dossier to be used"
	var codes []string
	for _, dossier := range practice.Dossiers {
		codes = append(codes, dossier.Code)
	}
	if more := len(codes) - most; more > 0 {
		codes = append(codes[:most], fmt.Sprintf("%d more", more))
	}
	if len(codes) > 0 {
		dossiers += ", here " + strings.Join(codes, ", ")
	}
	return fmt.Sprintf("%s, in LoopHub: an administrator of the practice activates the key %s under the application of your vendor, "+
		"or \"Cegid Loop APIs Standard\" where that is not listed, and attaches to it %s.",
		practice.Name, strings.Join(halves, " and the key "), dossiers)
}

// practice tries each key of a practice on its first dossier. One without dossiers is fit to serve all the same: connected is that
// nothing is known to be wrong.
func (c *checkCommand) practice(ctx context.Context, out io.Writer, practice *tenant.Practice) (connected bool, err error) {
	if len(practice.Dossiers) == 0 {
		_, err := fmt.Fprintf(out, "note: %s: its keys can be read; they were not tried, because Loop has no call without a dossier: "+
			"list one under dossiers\n", practice.Name)
		return true, err
	}
	connected = true
	for _, key := range []struct {
		has  bool
		kind looppb.KeyKind
		name string
	}{
		{practice.HasStandard, looppb.KeyKind_KEY_KIND_STANDARD, "standard"},
		{practice.HasAdvanced, looppb.KeyKind_KEY_KIND_ADVANCED, "advanced"},
	} {
		if !key.has {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, c.Timeout)
		found, err := diagnostics.CheckConnection(ctx, practice, practice.Dossiers[0].Code, key.kind, time.Now)
		cancel()
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			connected = false
			_, _ = fmt.Fprintf(out, "%s, %s key: no answer within %s\n", practice.Name, key.name, c.Timeout)
			continue
		case err != nil:
			return false, err
		}
		connected = connected && found.GetCause() == looppb.ConnectionCause_CONNECTION_CAUSE_CONNECTED
		if err := report(out, practice.Name, key.name, found); err != nil {
			return false, err
		}
	}
	return connected, nil
}

func report(out io.Writer, practice, key string, found *looppb.CheckConnectionResponse) error {
	text := fmt.Sprintf("%s, %s key: %s\n", practice, key, found.GetSummary())
	if status := found.GetEvidence().GetHttpStatus(); status != 0 && found.GetCause() != looppb.ConnectionCause_CONNECTION_CAUSE_CONNECTED {
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
