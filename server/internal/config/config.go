// Package config reads the configuration of `serve`: one strict YAML file, and optionally a folder with one file per
// practice. Half a configuration is no configuration: whatever is missing, unknown or contradictory is refused, all
// of it at once.
//
// The environment is read for `${env:NAME}` in the fields that take a secret, and for nothing else: no variable
// overrides a key or supplies a default. Relative paths are relative to the folder of the file that holds them.
// testdata/gateway.yaml is a complete example.
package config

import (
	"log/slog"
	"time"

	"cegid.internal/gateway/server/internal/secret"
)

// Config is what an operator decided. It holds references to secrets, never secrets, and can be printed.
type Config struct {
	// Listen says where the service listens. YAML: listen.
	Listen Listen
	// TLS of the gRPC and HTTP listeners. YAML: tls, which must be given: `off`, or {certificate, key}.
	TLS TLS
	// Loop says how Loop is reached. YAML: loop.
	Loop Loop
	// Practices in the order of the file, then of the folder; at least one. YAML: practices, and practices_directory
	// for a folder in which each *.yaml or *.yml file is one practice, with the same keys as an item of practices.
	Practices []Practice
	// PracticesDirectory is the path of that folder, resolved; empty when there is none.
	PracticesDirectory string
	// Policy is the path of the policy file, resolved. YAML: policy, required.
	Policy string
	// Ledger is the path of the ledger, resolved: the memory of every write, made once by `server ledger init` and never
	// by serving. YAML: ledger, required.
	Ledger string
	// Imports says how imports are followed. YAML: imports.
	Imports Imports
	// CallsPerCaller is how many calls one caller may have under way, 1 to 100000. Defaults to 256. YAML:
	// calls_per_caller.
	CallsPerCaller int
	// Deadlines of calls. YAML: deadlines.
	Deadlines Deadlines
	// Shutdown says how the server stops. YAML: shutdown.
	Shutdown Shutdown
	// Log says what is logged. YAML: log.
	Log Log
}

// Listen holds addresses as host:port; an empty host means every interface, port 0 any free port.
type Listen struct {
	// GRPC defaults to ":9090". YAML: grpc.
	GRPC string
	// HTTP defaults to ":8080": REST, documentation, health. YAML: http.
	HTTP string
	// Operations defaults to "127.0.0.1:9091": metrics and profiles, without TLS and without authentication. YAML:
	// operations.
	Operations string
}

// TLS is either off or complete.
type TLS struct {
	// Off says that the operator chose plaintext, behind something that ends TLS. YAML: `tls: off`.
	Off bool
	// Certificate and Key are the paths of PEM files, resolved. They fit together. YAML: certificate, key.
	Certificate, Key string
}

// Loop says how Loop is reached.
type Loop struct {
	// BaseURL, without a slash at its end; https only. Defaults to DefaultBaseURL. YAML: base_url.
	BaseURL string
	// AllowPlainHTTP lets BaseURL begin with http:// when its host is the loopback interface. It exists for tests
	// against a simulator. Defaults to false. YAML: allow_plain_http.
	AllowPlainHTTP bool
	// SubscriptionKeys are the installation's, for the practices without their own: the primary one, then the
	// secondary one if there is one. YAML: subscription_keys, {primary, secondary}.
	SubscriptionKeys []secret.Ref
	// Calls to Loop: how long, how often. YAML: calls.
	Calls Calls
}

// Calls says how calls to Loop are made. An attempt that may be repeated is; a write never is.
type Calls struct {
	// Attempts of a read, 1 to 10. Defaults to 3. YAML: attempts.
	Attempts int
	// AttemptTimeout of one attempt of a read. Defaults to 10s. YAML: attempt_timeout.
	AttemptTimeout time.Duration
	// BaseDelay and MaxDelay bound the pause between two attempts, drawn at random; ThrottledDelay is its base after Loop
	// asked to slow down. Default to 100ms, 2s, 1s. YAML: base_delay, max_delay, throttled_delay.
	BaseDelay, MaxDelay, ThrottledDelay time.Duration
	// MaxRetryAfter caps the wait that Loop asks for. Defaults to 30s. YAML: max_retry_after.
	MaxRetryAfter time.Duration
	// RetryBudget is how many repeated attempts a practice has in hand; ten successes earn one back. Defaults to 10.
	// YAML: retry_budget.
	RetryBudget int
	// BreakerFailures in a row stop all calls of a practice for BreakerPause. Default to 10 and 10s. YAML:
	// breaker_failures, breaker_pause.
	BreakerFailures int
	BreakerPause    time.Duration
	// PageSize is the most items asked of Loop at once, 1 to 1000; its own cap is not documented, and is learnt. Defaults
	// to 1000. YAML: page_size.
	PageSize int
	// MaxAnswer is the most bytes that an answer of Loop's may have. Defaults to 32 MiB. YAML: max_answer.
	MaxAnswer int
}

// Imports says how imports are followed.
type Imports struct {
	// FirstPoll and LastPoll bound the pause between two questions to Loop how an import goes, which grows with its age.
	// Default to 1s and 5m. YAML: first_poll, last_poll.
	FirstPoll, LastPoll time.Duration
	// StalledPoll is the pause when asking makes no sense for now. Defaults to 1h. YAML: stalled_poll.
	StalledPoll time.Duration
}

// DefaultBaseURL is the production gateway (loop-api: C 1.4).
const DefaultBaseURL = "https://api.cegid.com/loop-api-publiques"

// Practice is a tenant: an accounting practice with its keys.
type Practice struct {
	// Name in this service: 1 to 64 of A-Z a-z 0-9 . _ -, unique, and not "-", "." or "..". YAML: name, required.
	Name string
	// Domain is Loop's code of the firm; empty when not given. YAML: domain.
	Domain string
	// Keys refer to the practice's API keys (YAML: keys, {standard, advanced}, at least one of them) and to the
	// subscription keys in force: the practice's own (YAML: subscription_keys) or else the installation's.
	Keys secret.Keys
	// Dossiers are what ListDossiers can show: Loop has no list of them. They grant nothing. YAML: dossiers.
	Dossiers []Dossier
	// Limits of the calls to Loop. YAML: limits.
	Limits Limits
	// UnverifiedOperations are the ids of the operations that the operator enabled although nobody verified them
	// against Loop. YAML: unverified_operations.
	UnverifiedOperations []string
}

// Dossier is a client company of a practice.
type Dossier struct {
	// Code in Loop, compared exactly. YAML: code, required.
	Code string
	// Name for people; can be empty. YAML: name.
	Name string
}

// Limits bound the calls to Loop for one practice.
type Limits struct {
	// Concurrency is how many calls run at a time, 1 to 1000. Defaults to 8. YAML: concurrency.
	Concurrency int
	// RequestsPerSecond is 0 for no limit, which is the default. YAML: requests_per_second.
	RequestsPerSecond float64
}

// Deadlines bound how long a call may take: a default for callers that set none, and a maximum for all.
type Deadlines struct {
	// UnaryDefault defaults to 30s, UnaryMax to 60s. YAML: unary_default, unary_max.
	UnaryDefault, UnaryMax time.Duration
	// StreamDefault defaults to 15m, StreamMax to 30m. YAML: stream_default, stream_max.
	StreamDefault, StreamMax time.Duration
}

// Shutdown says how the server stops.
type Shutdown struct {
	// Drain is how long it still accepts calls after it stopped being ready, so that load balancers notice. Defaults
	// to 2s. YAML: drain.
	Drain time.Duration
	// Grace is how long running calls may then take. Defaults to 20s; together with Drain it must stay below the
	// orchestrator's own limit, 30s in Kubernetes. YAML: grace.
	Grace time.Duration
}

// Log says what is logged.
type Log struct {
	// Level is debug, info, warn or error. Defaults to info. YAML: level.
	Level slog.Level
}

// PracticeNames returns the practices' names, in order.
func (c *Config) PracticeNames() []string {
	names := make([]string, 0, len(c.Practices))
	for _, p := range c.Practices {
		names = append(names, p.Name)
	}
	return names
}
