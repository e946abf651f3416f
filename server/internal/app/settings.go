package app

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/authn"
	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/inforce"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/smallfile"
	"cegid.internal/gateway/server/internal/strictyaml"
	"cegid.internal/gateway/server/internal/telemetry"
)

// Settings are a configuration and its policy.
type Settings struct {
	Config *config.Config
	Policy *policy.Policy
}

// LoadSettings reads the configuration at path and all that it refers to.
func LoadSettings(path string) (*Settings, error) {
	var operations []string
	for _, operation := range cegidclient.Operations() {
		operations = append(operations, operation.ID)
	}
	cfg, err := config.Load(path, operations)
	if err != nil {
		return nil, fmt.Errorf("the configuration is not fit to serve:\n%w", err)
	}
	grants, err := policy.Load(cfg.Policy, cfg.Installation())
	if err != nil {
		return nil, fmt.Errorf("the policy is not fit to serve:\n%w", err)
	}
	return &Settings{cfg, grants}, nil
}

// Issuers returns the verifiers of a configuration's issuers; they fetch nothing yet.
func Issuers(from []config.Issuer, log *slog.Logger) (issuers authn.Issuers, err error) {
	for _, c := range from {
		issuer, err := authn.NewIssuer(authn.IssuerConfig{URL: c.URL, Audience: c.Audience, AllowPlainHTTP: c.AllowPlainHTTP, Log: log})
		if err != nil {
			return nil, err
		}
		issuers = append(issuers, issuer)
	}
	return issuers, nil
}

// lookEvery is how often the files are looked at. They are polled because a watch on a file never fires when Kubernetes
// swaps the symlink above it.
const lookEvery = time.Second

// Reloader keeps a running service in step with its configuration, practices and policy. What is not fit to serve is
// refused as it would be at the start, and what was in force before stays in force.
type Reloader struct {
	path    string
	tenants *Tenants
	policy  *policy.Policy // the service's, whose rules are replaced
	hasten  func(practice string)
	log     *slog.Logger

	current *config.Config
	applied digest // what the files held when current was read
	seen    digest // what they held at the last look
	problem string // why they are not in force

	failed  prometheus.Gauge
	changed prometheus.Gauge

	// follow are told what was in force and what is.
	follow []func(before, now *config.Config)
	asked  chan chan<- reloaded
	shown  atomic.Pointer[Shown]
}

// reloaded is what came of reading the files when somebody asked for it.
type reloaded struct {
	changes []string
	err     error
}

// NewReloader returns a reloader of what was loaded from path. hasten receives each practice that is new or changed.
func NewReloader(path string, from *Settings, tenants *Tenants, hasten func(practice string), registry *prometheus.Registry,
	log *slog.Logger,
) *Reloader {
	r := &Reloader{
		path: path, tenants: tenants, policy: from.Policy, hasten: hasten, log: log, current: from.Config,
		asked: make(chan chan<- reloaded),
		failed: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "config_reload_failed", Help: "1 while the configuration, a practice or the policy on disk is not fit to serve and the one " +
				"before stays in force. Over servers: max.",
		}),
		changed: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "config_reload_timestamp_seconds", Help: "When the configuration in force was read, in Unix time. Over servers: max.",
		}),
	}
	r.changed.SetToCurrentTime()
	registry.MustRegister(r.failed, r.changed)
	r.shown.Store(show(from))
	telemetry.RegisterInForce(registry, func() (string, string) { return r.InForce().ConfigHash, r.InForce().PolicyHash })
	return r
}

// Shown is what is in force, as people may see it: without secrets, tokens, identities and dossiers.
type Shown struct {
	ConfigHash string            `json:"config_hash"`
	PolicyHash string            `json:"policy_hash"`
	Config     map[string]string `json:"config"`
	Policy     map[string]string `json:"policy"`

	config, policy []inforce.Entry
}

func show(set *Settings) *Shown {
	s := &Shown{config: set.Config.InForce(), policy: set.Policy.InForce()}
	s.ConfigHash, s.PolicyHash = inforce.Hash(s.config), inforce.Hash(s.policy)
	s.Config, s.Policy = inforce.Shown(s.config), inforce.Shown(s.policy)
	return s
}

// LogInForce tells what the server begins with, by which it is known again.
func LogInForce(log *slog.Logger, set *Settings) {
	shown := show(set)
	log.Info("the configuration is in force", "config_hash", shown.ConfigHash, "policy_hash", shown.PolicyHash)
}

// InForce is what the files say that were read last, and were fit.
func (r *Reloader) InForce() *Shown { return r.shown.Load() }

// OnReload has a function told of what was in force and what is. It is called before Watch.
func (r *Reloader) OnReload(follow func(before, now *config.Config)) {
	r.follow = append(r.follow, follow)
}

// Reload reads the files at once, without waiting until they have stopped changing, and says what has changed. It waits for Watch.
func (r *Reloader) Reload(ctx context.Context) (changes []string, err error) {
	answer := make(chan reloaded, 1)
	select {
	case r.asked <- answer:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	done := <-answer
	return done.changes, done.err
}

// Watch looks at the files until ctx ends.
func (r *Reloader) Watch(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case answer := <-r.asked:
			before := r.shown.Load()
			r.seen = digestOf(r.path, r.current)
			err := r.apply(r.seen)
			r.report(err)
			answer <- reloaded{r.shown.Load().since(before), err}
		case <-ticker.C:
			r.look()
		}
	}
}

// since tells what is other than before.
func (s *Shown) since(before *Shown) []string {
	return append(inforce.Changes(before.config, s.config), inforce.Changes(before.policy, s.policy)...)
}

// look applies what the files hold once it has not changed between two looks: half of a file can be well formed. What
// was refused is tried at each look, since what it lacks may be another file, such as a secret.
func (r *Reloader) look() {
	now := digestOf(r.path, r.current)
	unchanged := now == r.seen
	r.seen = now
	switch {
	case now == r.applied:
		r.report(nil)
	case unchanged:
		r.report(r.apply(now))
	}
}

func (r *Reloader) apply(now digest) error {
	next, err := LoadSettings(r.path)
	if err != nil {
		return err
	}
	changed, removed, err := r.tenants.Apply(next.Config)
	if err != nil {
		return err
	}
	before := r.current
	r.current, r.applied = next.Config, now
	if before.Policy != next.Config.Policy || before.PracticesDirectory != next.Config.PracticesDirectory {
		r.applied = digest{} // that was of other files: the next look finds theirs
	}
	was, is := r.shown.Load(), show(next)
	r.shown.Store(is)
	follow := func() {
		for _, apply := range r.follow {
			apply(before, next.Config)
		}
	}
	if next.Config.Log.Level < before.Log.Level { // at whichever level the line below is written
		follow()
	} else {
		defer follow()
	}
	if changes := is.since(was); len(changes) > 0 || len(changed)+len(removed) > 0 || !r.policy.Equal(next.Policy) {
		r.policy.Replace(next.Policy)
		r.log.Info("the configuration was reloaded", "practices", len(next.Config.Practices), "changed", changed, "removed", removed, "callers",
			len(next.Policy.Callers()),
			"changes", changes, "config_hash", is.ConfigHash, "policy_hash", is.PolicyHash)
		r.changed.SetToCurrentTime()
		WarnOfSameBooks(r.log, r.tenants.Practices())
		WarnOfIdleGrants(r.log, r.policy)
	}
	if keys := coldKeys(before, next.Config); len(keys) > 0 {
		r.log.Warn("the configuration has changes that need a restart", "keys", keys)
	}
	for _, practice := range changed {
		r.hasten(practice)
	}
	return nil
}

// report tells of each problem once.
func (r *Reloader) report(err error) {
	problem := ""
	r.failed.Set(0)
	if err != nil {
		problem = err.Error()
		r.failed.Set(1)
	}
	switch {
	case problem != "" && problem != r.problem:
		r.log.Error("the configuration was not reloaded; the one before stays in force", "error", problem)
	case problem == "" && r.problem != "":
		r.log.Info("the configuration on disk is fit to serve again")
	}
	r.problem = problem
}

// coldKeys are the keys whose values differ and are read at the start alone.
func coldKeys(a, b *config.Config) (keys []string) {
	hot := []string{"Loop", "Practices", "PracticesDirectory", "Policy", "Retention", "CallerLimits", "Replicas"}
	levelled := *a
	levelled.Log.Level = b.Log.Level
	before, after := reflect.ValueOf(levelled), reflect.ValueOf(*b)
	for i := range before.NumField() {
		name := before.Type().Field(i).Name
		if !slices.Contains(hot, name) && !reflect.DeepEqual(before.Field(i).Interface(), after.Field(i).Interface()) {
			keys = append(keys, inforce.Key(name))
		}
	}
	return keys
}

// digest is a hash of what files hold.
type digest [sha256.Size]byte

// digestOf reads the files of a configuration: its own, the policy and those of the practices. Secrets and certificates
// are looked at by those who use them.
func digestOf(path string, cfg *config.Config) (d digest) {
	files := []string{path, cfg.Policy}
	if cfg.PracticesDirectory != "" {
		entries, _ := os.ReadDir(cfg.PracticesDirectory) // loading says what is wrong with it
		for _, entry := range entries {
			if !strings.HasPrefix(entry.Name(), ".") {
				files = append(files, filepath.Join(cfg.PracticesDirectory, entry.Name()))
			}
		}
	}
	sum := sha256.New()
	for _, file := range files {
		// What is not read, a named pipe for one, loading refuses; a reader that waits here would end all reloading.
		content, err := smallfile.Read(file, strictyaml.MaxBytes)
		fmt.Fprintf(sum, "%q %d %v\n", file, len(content), err)
		sum.Write(content)
	}
	return digest(sum.Sum(nil))
}
