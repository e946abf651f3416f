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
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/authn"
	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/config/strictyaml"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/smallfile"
)

// Settings are a configuration and its policy.
type Settings struct {
	Config *config.Config
	Policy *policy.Policy
}

// LoadSettings reads the configuration at path and all that it refers to.
func LoadSettings(path string) (*Settings, error) {
	var operations []string
	for _, each := range cegidclient.Operations() {
		operations = append(operations, each.ID)
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
	for _, each := range from {
		issuer, err := authn.NewIssuer(authn.IssuerConfig{URL: each.URL, Audience: each.Audience, AllowPlainHTTP: each.AllowPlainHTTP, Log: log})
		if err != nil {
			return nil, err
		}
		issuers = append(issuers, issuer)
	}
	return issuers, nil
}

// lookEvery is how often the files are looked at. They are polled because a watch on a file never fires when Kubernetes
// swaps the symlink above it (pitfall 26).
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
}

// NewReloader returns a reloader of what was loaded from path. hasten is told of each practice that is new or changed.
func NewReloader(path string, from *Settings, tenants *Tenants, hasten func(practice string), registry *prometheus.Registry, log *slog.Logger) *Reloader {
	r := &Reloader{
		path: path, tenants: tenants, policy: from.Policy, hasten: hasten, log: log, current: from.Config,
		failed: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "config_reload_failed", Help: "1 while the configuration, a practice or the policy on disk is not fit to serve and the one before stays in force.",
		}),
		changed: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "config_reload_timestamp_seconds", Help: "When the configuration in force was read, in Unix time.",
		}),
	}
	r.changed.SetToCurrentTime()
	registry.MustRegister(r.failed, r.changed)
	return r
}

// Watch looks at the files until ctx ends.
func (r *Reloader) Watch(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.look()
		}
	}
}

// look applies what the files hold once it has not changed between two looks: half of a file can be well formed. What
// was refused is tried at each look, since what it lacks may be another file, such as a secret.
func (r *Reloader) look() {
	now := digestOf(r.path, r.current)
	settled := now == r.seen
	r.seen = now
	switch {
	case now == r.applied:
		r.report(nil)
	case settled:
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
	if len(changed)+len(removed) > 0 || !r.policy.Equal(next.Policy) {
		r.policy.Replace(next.Policy)
		r.log.Info("the configuration was reloaded", "practices", len(next.Config.Practices), "changed", changed, "removed", removed, "callers", len(next.Policy.Callers()))
		r.changed.SetToCurrentTime()
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
	hot := []string{"Loop", "Practices", "PracticesDirectory", "Policy", "CallerLimits"}
	before, after := reflect.ValueOf(*a), reflect.ValueOf(*b)
	for i := range before.NumField() {
		name := before.Type().Field(i).Name
		if !slices.Contains(hot, name) && !reflect.DeepEqual(before.Field(i).Interface(), after.Field(i).Interface()) {
			keys = append(keys, key(name))
		}
	}
	return keys
}

// key is the YAML key of a field: CallerLimits is caller_limits.
func key(field string) string {
	var b strings.Builder
	for i, c := range field {
		if i > 0 && unicode.IsUpper(c) && unicode.IsLower(rune(field[i-1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

// digest stands for what files hold.
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
