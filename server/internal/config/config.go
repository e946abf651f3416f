// Package config reads the configuration of `serve`: one strict YAML file, and optionally a folder with one file per
// practice. Half a configuration is no configuration: whatever is missing, unknown or contradictory is refused, all
// of it at once.
//
// The environment is read for `${env:NAME}` in the fields that take a secret, and for nothing else: no variable
// overrides a key or supplies a default. Relative paths are relative to the folder of the file that holds them.
//
// Keys declares the keys with their defaults and bounds, from which the schema and docs/configuration.md are made;
// examples/serve/gateway.yaml is a complete example.
package config

import (
	"log/slog"
	"time"

	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/rawdoor"
	"cegid.internal/gateway/server/internal/secret"
)

// Config is what an operator decided, under the names of the keys. It holds references to secrets, never secrets, and
// can be printed.
type Config struct {
	Listen Listen
	TLS    TLS
	HTTP   HTTP
	Closed Closed
	// Contact is the person or team that a stranger is told to ask for a token.
	Contact string
	// OIDC are the issuers whose tokens are believed.
	OIDC []Issuer
	Loop Loop
	// Practices in the order of the file, then of the folder; at least one.
	Practices []Practice
	// PracticesDirectory is the path of that folder, resolved; empty when there is none.
	PracticesDirectory string
	// Policy is a path, resolved.
	Policy string
	Ledger Ledger
	// Replicas is how many servers use the ledger, and share the limits of each practice.
	Replicas int
	// Spool is a folder, resolved; empty for the system's temporary one.
	Spool string
	// Raw lists the routes that raw calls may use.
	Raw     []rawdoor.Route
	Imports Imports
	Files   Files
	// Retention is that of practices which say nothing else, and of those which are no longer here.
	Retention ledger.Keeping
	// CallerLimits are those of callers that the policy gives no others.
	CallerLimits policy.Limits
	Deadlines    Deadlines
	Readiness    Readiness
	Shutdown     Shutdown
	Audit        Audit
	Log          Log
}

// Listen holds addresses as host:port; an empty host means every interface, port 0 any free port.
type Listen struct {
	GRPC, HTTP, Operations string
	// Connections at a time, of gRPC and HTTP each, and about how old they become.
	Connections   int
	ConnectionAge time.Duration
}

// TLS is either off or complete.
type TLS struct {
	// Off says that the operator chose plaintext.
	Off bool
	// Certificate and Key are the paths of PEM files, resolved. They fit together.
	Certificate, Key string
	// ClientAuthorities is the path of the authorities of client certificates, resolved; empty without.
	ClientAuthorities string
	// Minimum is the oldest version that is spoken, such as tls.VersionTLS12.
	Minimum uint16
}

// HTTP says how HTTP is answered.
type HTTP struct {
	Compression bool
	// HSTS is how long browsers are told, over TLS, to come by TLS alone; 0 tells them nothing.
	HSTS time.Duration
	// Origins are those whose pages may call, as browsers name them; none together with TLS.ClientAuthorities.
	Origins []string
}

// Closed names what usually answers without a credential, and does not answer here.
type Closed struct{ Docs, Reflection, Health bool }

// Issuer is an OpenID Connect issuer.
type Issuer struct {
	// URL as its tokens name it; https unless AllowPlainHTTP.
	URL, Audience  string
	AllowPlainHTTP bool
}

// Loop says how Loop is reached.
type Loop struct {
	// BaseURL, without a slash at its end; https unless AllowPlainHTTP.
	BaseURL        string
	AllowPlainHTTP bool
	// SubscriptionKeys are the installation's, for the practices without their own: the primary one, then the
	// secondary one if there is one.
	SubscriptionKeys []secret.Ref
	TRANames         TRANames
	EntryNames       EntryNames
	Calls            Calls
}

// TRANames are what importTRA calls the two ways to a file.
type TRANames struct{ URI, URL string }

// EntryNames are what Loop calls the fields of entries that no documentation names; empty ones are not known.
type EntryNames struct{ Debit, Credit, Date string }

// Calls says how calls to Loop are made. An attempt that may be repeated is; a write never is.
type Calls struct {
	Attempts                            int
	AttemptTimeout                      time.Duration
	BaseDelay, MaxDelay, ThrottledDelay time.Duration
	MaxRetryAfter                       time.Duration
	RetryBudget                         int
	RetryRefill                         float64
	BreakerFailures                     int
	BreakerPause, BreakerSilence        time.Duration
	PageSize                            int
	OneCap                              bool
	// MaxAnswer is in bytes.
	MaxAnswer int
}

// Ledger says where the memory of every write is: one of the two.
type Ledger struct {
	// File is a path, resolved.
	File string
	// Postgres refers to a connection string.
	Postgres secret.Ref
}

// Imports says how imports are submitted and followed.
type Imports struct {
	WaitLimit, CallLimit, Lease      time.Duration
	RepeatAfter429                   bool
	FirstPoll, LastPoll, StalledPoll time.Duration
	ResubmitAfter                    time.Duration
}

// Files says how files of entries are taken in.
type Files struct {
	// MaxSize of a file, and SpoolSize of all documents and files under way, in bytes.
	MaxSize, SpoolSize int64
	DepositLifetime    time.Duration
	// LoopModel is what is assumed of Loop where nothing is known.
	LoopModel filecheck.LoopModel
}

// Practice is a tenant: an accounting practice with its keys.
type Practice struct {
	// Name in this service, unique.
	Name string
	// Domain is Loop's code of the firm, which CheckStaffAccess needs; empty when not given.
	Domain string
	// Keys refer to the practice's API keys, at least one, and to the subscription keys in force: its own or else the
	// installation's.
	Keys secret.Keys
	// Dossiers grant nothing.
	Dossiers []Dossier
	Limits   Limits
	// Retention is whole: what the practice does not say is the installation's.
	Retention ledger.Keeping
	// UnverifiedOperations are ids of operations.
	UnverifiedOperations []string
}

// Dossier is a client company of a practice.
type Dossier struct {
	// Code in Loop, compared exactly.
	Code string
	// Name for people; can be empty.
	Name string
}

// Limits bound the calls to Loop for one practice, of all servers together.
type Limits struct {
	Concurrency int
	// RequestsPerSecond is 0 for no limit.
	RequestsPerSecond float64
}

// Of is the part of one of so many servers that share them.
func (l Limits) Of(replicas int) Limits {
	replicas = max(1, replicas)
	return Limits{Concurrency: l.Concurrency / replicas, RequestsPerSecond: l.RequestsPerSecond / float64(replicas)}
}

// Deadlines bound how long a call may take: a default for callers that set none, and a maximum for all. That of writes is
// both.
type Deadlines struct {
	UnaryDefault, UnaryMax, Write, StreamDefault, StreamMax time.Duration
}

// Preparation is what a write's deadline leaves for what is read before it.
const Preparation = 10 * time.Second

// Readiness says when the server is ready.
type Readiness struct {
	// All has reads wait for the ledger as long as it does not answer.
	All bool
	// FirstLedger is how long they wait for it at the start, at most.
	FirstLedger time.Duration
}

// Shutdown says how the server stops.
type Shutdown struct {
	Drain, Grace time.Duration
}

// Audit says where its records go.
type Audit struct {
	// Stdout says that they go there instead of standard error.
	Stdout bool
	// File that they go to instead, resolved; empty without.
	File string
}

// Log says what is logged.
type Log struct {
	Level slog.Level
	// Dossiers says whether the line of a call has the code of its dossier.
	Dossiers bool
}

// PracticeNames returns the practices' names, in order.
func (c *Config) PracticeNames() []string {
	names := make([]string, 0, len(c.Practices))
	for _, p := range c.Practices {
		names = append(names, p.Name)
	}
	return names
}

// Installation is what a policy of this configuration can speak of.
func (c *Config) Installation() policy.Installation {
	in := policy.Installation{Practices: c.PracticeNames(), Certificates: c.TLS.ClientAuthorities != "", Limits: c.CallerLimits}
	for _, issuer := range c.OIDC {
		in.Issuers = append(in.Issuers, issuer.URL)
	}
	return in
}
