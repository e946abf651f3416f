package config

import (
	"regexp"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/rawdoor"
	yaml "cegid.internal/gateway/server/internal/strictyaml"
)

// The longest that most durations of the configuration may be.
const day = 24 * time.Hour

// A reference to a secret (package secret); what it refers to is checked when it is read.
const reference = `^\$\{(file|env):[^{}]+\}$`

// Keys declares gateway.yaml.
func Keys() yaml.Key {
	limits, retry, breaker := cegidclient.Defaults()
	return yaml.Mapping("", "The configuration of `server serve`.",
		listenKeys(),
		tlsKeys(),
		httpKeys(),
		publicKeys(),
		yaml.List("oidc", "OpenID Connect issuers whose tokens (JWT) callers may have; the policy says to which callers they belong.",
			yaml.Mapping("", "",
				yaml.Text("issuer", "The issuer, exactly as its tokens name it; https only.").Is("URL").Needed().
					Pattern(`^[Hh][Tt][Tt][Pp][Ss]?://[^?#\s]+$`),
				yaml.Text("audience", "What tokens must name as their audience.").Needed().Pattern(`^[!-~]{1,255}$`),
				yaml.Bool("allow_plain_http", false, "Lets `issuer` begin with http:// when its host is the loopback interface: for tests."),
			)).Filled(),
		loopKeys(limits, retry, breaker),
		yaml.List("practices", "The practices that are served, with those of `practices_directory`.", PracticeKeys()),
		yaml.Text("practices_directory", "Folder in which each .yaml or .yml file is one practice, with the keys of an item of `practices`. "+
			"Files that begin with a dot are ignored.").Is("path"),
		yaml.Text("policy", "File with the policy: who may do what.").Is("path").Needed(),
		yaml.Mapping("ledger", "The ledger, which records every write: a file for one server, or a PostgreSQL for several. "+
			"`server ledger init` creates it once; `serve` never does.",
			secretKey("postgres", "Connection string of PostgreSQL, which holds a password. New connections read it again.").Needed(),
		).OrText("path").Needed(),
		yaml.Int("replicas", 1, 1, 100, "How many servers use the ledger at the same time. More than one need a PostgreSQL. "+
			"Each takes its part of the `limits` of every practice, and logs when there are more servers than that."),
		yaml.Text("spool", "Folder for documents and files on their way to Loop: up to 32 at a time, `files.spool_size` in all, readable by "+
			"this user only, deleted when they are sent. Default: the system's temporary folder.").Is("path"),
		rawKeys(),
		importKeys(limits, retry),
		yaml.Mapping("files", "How files of entries are taken in.",
			yaml.Int("max_size", 256<<20, 1<<10, 1<<30, "Most bytes that a file may have."),
			yaml.Int("spool_size", 4<<30, 1<<30, 1<<40, "Most bytes that all documents and files on their way to Loop may take on the disk."),
			yaml.Duration("deposit_lifetime", day, time.Minute, 30*day,
				"How long a deposited file can be imported. How long Loop keeps one is not documented."),
			yaml.Text("loop_model", "What is assumed about Loop where its documentation does not cover a file, such as an entry with two dates: "+
				"`lenient`, that Loop takes it, which is a warning; `strict`, that Loop refuses it, which is an error.").Default("lenient").
				Words("lenient", "strict"),
		),
		yaml.Mapping("retention", "How long the ledger keeps submissions after their state last changed, in days, see docs/ledger.md; "+
			"a practice can say otherwise.", retentionKeys()...),
		policy.LimitKeys("caller_limits", "What each caller may take of the service; the policy can say otherwise for one."),
		deadlineKeys(),
		yaml.Mapping("readiness", "When `/readyz` and the health service say that the server is ready. `all`: only while it can take reads and "+
			"writes. Otherwise: while it can answer reads; `/readyz?service=writes` says whether it can take writes.",
			yaml.Duration("first_ledger", time.Minute, 0, time.Hour, "How long a server that has never reached its PostgreSQL is not ready for "+
				"reads either, so that a rollout with a wrong configuration stops. After that it serves reads, and keeps trying."),
		).OrWord("all"),
		shutdownKeys(),
		yaml.Mapping("audit", "Where the records of writes, raw calls and refused access go.",
			yaml.Text("stream", "On stderr with the log, or separately on stdout. A stream is not synced to a disk, so the server cannot detect a "+
				"ledger that was restored from a copy.").Default("stderr").Words("stderr", "stdout"),
			yaml.Text("file", "File to which records are appended, instead of `stream`. The record of a write is on the disk before the write is "+
				"sent. When the file is moved away, the server begins a new one with that name.").Is("path"),
		),
		yaml.Mapping("log", "What is logged. The audit is always written.",
			yaml.Text("level", "Lowest level that is logged.").Default("info").Words("debug", "info", "warn", "error"),
			yaml.Bool("dossiers", false, "Whether a call's line has the code of its dossier. Records of the audit have it anyway."),
		),
	).Some("practices", "practices_directory")
}

// listenKeys are the addresses of the service.
func listenKeys() yaml.Key {
	return yaml.Mapping("listen", "Where the service listens, as host:port. An empty host means every interface, port 0 any free port.",
		address("grpc", ":9090", "gRPC."),
		address("http", ":8080", "REST, documentation, health."),
		address("operations", "127.0.0.1:9091",
			"Metrics and profiles, without TLS and without authentication; profiles for peers on this machine alone."),
		yaml.Int("connections", 4096, 16, 1_000_000,
			"Connections at a time, for gRPC and for REST each. More are closed at once. Each takes a file descriptor."),
		yaml.Duration("connection_age", 30*time.Minute, time.Second, day, "Maximum age of a caller's connection, a tenth more or less. "+
			"Then it takes no new calls, and closes when the running ones have ended. So callers also find servers that were added later."),
	)
}

// tlsKeys are those of TLS on the listeners for callers.
func tlsKeys() yaml.Key {
	return yaml.Mapping("tls",
		"TLS of the gRPC and HTTP listeners. There is no default: `off` serves plaintext, behind a proxy that ends TLS.",
		yaml.Text("certificate", "File with the certificate and its intermediate certificates, in PEM.").Is("path").Needed(),
		yaml.Text("key", "File with the certificate's key, in PEM.").Is("path").Needed(),
		yaml.Text("minimum", "Oldest version of TLS. In 1.2 only cipher suites that encrypt and authenticate in one step (GCM, "+
			"ChaCha20-Poly1305), with a fresh key for each connection; no CBC.").Default("1.2").Words("1.2", "1.3"),
		yaml.Text("client_authorities", "File with the certificates of the authorities that vouch for client certificates, in PEM. "+
			"Clients may then have one, and the policy says to which caller it belongs.").Is("path"),
	).OrOff().Needed()
}

// httpKeys are those of answers over HTTP.
func httpKeys() yaml.Key {
	return yaml.Mapping("http", "How HTTP is answered.",
		yaml.Bool("compression", false, "Compresses answers of 1 KiB or more with gzip, for callers that accept it; not streams, and never for "+
			"a client with a certificate. It takes processor time and saves network traffic."),
		yaml.Duration("hsts", 365*day, 0, 2*365*day, "How long a browser that has visited this server uses only TLS for its name, "+
			"on every port (header `Strict-Transport-Security`, without subdomains). The header is sent only over this server's own TLS. "+
			"With 0 it is not sent: for a name that browsers also open in plaintext on other ports."),
		yaml.Mapping("cors",
			"Pages of other sites that may call from a browser (CORS), each with the token (JWT) of its user; see docs/browsers.md.",
			yaml.List("origins", "Their origins, exactly as browsers name them: https://app.example.com, in small letters, with a port unless it "+
				"is the scheme's own. Plain http for pages of this machine alone. Not with `tls.client_authorities`.",
				yaml.Text("", "").Pattern(originPattern)),
		),
	)
}

// publicKeys say what needs no credential.
func publicKeys() yaml.Key {
	return yaml.Mapping("public",
		"What is served without a credential. With false it is served to nobody, like a path or method that does not exist.",
		yaml.Bool("docs", true, "The pages for people: `/`, guides and reference at `/docs/`, `/openapi.json` and `/protos/`. "+
			"They describe what every caller can call. Of this installation they only show `contact`."),
		yaml.Text("contact", "Contact for a token that the page at `/` shows, such as a team and its address, or a URL.").Pattern(contactPattern),
		yaml.Bool("reflection", true, "gRPC server reflection, from which grpcurl and similar tools read the contract."),
		yaml.Bool("health", true, "`/healthz`, `/readyz` and the gRPC health service. The listener of operations answers the first two "+
			"whatever is set here, and `server healthcheck` then asks there."),
	)
}

// rawKeys are the routes of raw calls.
func rawKeys() yaml.Key {
	return yaml.List("raw", "Routes of Loop's that raw calls may use, for callers with the right raw. Without any, raw calls are off. "+
		"A route that an RPC wraps cannot be listed.", yaml.Mapping("", "",
		yaml.Text("method", "Method: GET, or one that writes, with `write: true`.").Needed().Words(rawdoor.Methods()...),
		yaml.Text("path", "Route below `loop.base_url`, letter for letter.").Needed().Pattern(`^(/[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)+$`),
		yaml.Bool("write", false, "Whether the method may change data in Loop: true for all but GET. The ledger records such calls."),
		yaml.Text("dossier", "What a call is about: a dossier, which the call names and which is sent as codeDossier (`required`); "+
			"the practice itself, as codeDossier=cabinet (`cabinet`), or without codeDossier (`none`). "+
			"The last two take a raw right on all dossiers.").
			Default("required").Words("required", "cabinet", "none"),
		yaml.Text("key", "Kind of API key that the route needs.").Default("standard").Words("standard", "advanced"),
		yaml.List("query", "Parameters of the query that a caller may give.", yaml.Text("", "").Pattern(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)),
	))
}

// shutdownKeys say how the server stops.
func shutdownKeys() yaml.Key {
	return yaml.Mapping("shutdown", "How the server stops. A write that is not yet sent after `drain` becomes NOT_SENT. "+
		"A write that is being sent then has `imports.call_limit` to end, and 30 seconds to be committed. Give the process 120 seconds before "+
		"it is killed. With other settings give it `drain`, plus the longer of `grace` and those two.",
		yaml.Duration("drain", 10*time.Second, 0, time.Hour, "How long calls are still accepted after the service has stopped being ready, "+
			"so that load balancers notice. It must be longer than a balancer takes for two failed probes. After it, watches and streams that "+
			"wait for Loop end at once."),
		yaml.Duration("grace", 20*time.Second, time.Millisecond, time.Hour,
			"How long running calls may then take. The server waits longer for a running submission."),
	)
}

// loopKeys are those of the way to Loop; a client of its own has the same defaults.
func loopKeys(limits cegidclient.Limits, retry cegidclient.RetryPolicy, breaker cegidclient.BreakerPolicy) yaml.Key {
	return yaml.Mapping("loop", "How Loop is reached.",
		yaml.Text("base_url", "Loop's gateway: scheme, host and path; https only.").Is("URL").Default(cegidclient.DefaultBaseURL).
			Pattern(`^[Hh][Tt][Tt][Pp][Ss]?://[^?#]+$`),
		yaml.Bool("allow_plain_http", false,
			"Lets `base_url` begin with http:// when its host is the loopback interface: for tests against a simulator."),
		yaml.Mapping("tra_names", "Names of the fields that tell `importTRA` where a file is, for practices with `import_tra` under "+
			"`unverified_operations`. Its documentation was not seen; the defaults are the names of the other formats.",
			fieldName("uri", "URI", "That of a deposited file."),
			fieldName("url", "URL", "That of a link; a third party's client sends `url`."),
		),
		yaml.Mapping("entry_names", "Names of the fields in Loop's answer that hold these values of a line. No documentation names them: "+
			"set them once you have seen an answer. A field that is not named here stays in `unmapped`.",
			seenName("debit", "Its debit, a number."),
			seenName("credit", "Its credit, a number."),
			seenName("date", "The date of the entry."),
		),
		subscriptionKeys("The installation's subscription keys, for the practices without their own."),
		yaml.Mapping("calls", "Calls to Loop, for each practice. A read is tried again; a write is sent once, whatever is set here.",
			yaml.Int("attempts", retry.Attempts, 1, 10, "Attempts of a read, the first included."),
			span("attempt_timeout", retry.AttemptTimeout, "Longest time of one attempt of a read."),
			span("base_delay", retry.BaseDelay, "The pause between two attempts is drawn between zero and this, doubled each time."),
			span("max_delay", retry.MaxDelay, "The doubling ends here."),
			span("throttled_delay", retry.ThrottledDelay, "Replaces `base_delay` when Loop asks to slow down."),
			span("max_retry_after", retry.MaxRetryAfter, "The longest wait that Loop may ask for within one call."),
			yaml.Int("retry_budget", int(retry.Budget), 1, 10_000,
				"Retry budget of a practice: most repeated attempts in reserve. Without one left, a failed read is not tried again."),
			yaml.Number("retry_refill", retry.BudgetPerSuccess, 0.01, 1,
				"How many attempts a success adds to the budget. In the long run, Loop gets at most 1 + this many calls for each call."),
			yaml.Int("breaker_failures", breaker.Failures, 1, 10_000, "Consecutive failures after which no calls are made for a while."),
			span("breaker_pause", breaker.OpenFor, "How long; then one call is tried, and so on."),
			span("breaker_silence", breaker.Silence, "Three reads without an answer for so long (or for twice as long as reads took lately), "+
				"and no answer to what was asked later, mean that Loop hangs: then, too, no calls are made for a while."),
			yaml.Int("page_size", limits.PageSize, 1, 1000,
				"Most items asked of Loop at once. Loop's own limit is not documented; the client learns it. Lower this if Loop refuses so many."),
			yaml.Bool("one_cap", true, "Assumes that Loop has one page limit for all lists, dossiers and practices. "+
				"A list then ends with a page that is shorter than the longest page of any list in the last hour or so, which saves a call. "+
				"This is inferred: if rows are missing at the end of lists, set `false`, and the limit is learnt for each list. "+
				"Until a longer page was seen, a short page costs one more call."),
			yaml.Int("max_answer", int(limits.SuccessBody), 1<<10, 1<<30, "Most bytes that an answer of Loop's may have."),
		),
	)
}

// importKeys are those of the way of an import.
func importKeys(limits cegidclient.Limits, retry cegidclient.RetryPolicy) yaml.Key {
	return yaml.Mapping("imports", "How imports are submitted, and how Loop is asked about them.",
		span("wait_limit", limits.Wait, "Longest time that a submission waits for its turn. One that would not have its turn by then is "+
			"refused at once (`LOOP_BUSY`), with when to come back. It bounds the waits of reads, too."),
		span("call_limit", retry.SubmissionTimeout,
			"Longest time of the call of a submission, whatever its caller's deadline is. It is begun only with all of that time."),
		span("lease", ledger.Lease, "How long a server has for an import until its outcome is known. After that, other servers treat the "+
			"import as abandoned. At least `wait_limit` and twice `call_limit`."),
		yaml.Bool("repeat_after_429", true, "Whether a submission that Loop refused with a 429 is sent again, at most twice and within "+
			"`wait_limit`. It is inferred that Loop processed nothing of it."),
		pause("first_poll", time.Second, "First pause between two questions; it grows with the age of the import."),
		pause("last_poll", 5*time.Minute, "Longest pause."),
		yaml.Duration("resubmit_after", ledger.ResubmitAfter, time.Second, ledger.MostResubmitAfter, "Age that an import must have before its "+
			"absence from Loop counts as proof that it was not booked, so that it may be sent again. Loop can take hours: "+
			"use a shorter time only with a simulator."),
		pause("stalled_poll", time.Hour, "Longest pause while asking makes no sense: after a 404, an unknown status, a revoked key."),
	)
}

// deadlineKeys are those of how long a call may take.
func deadlineKeys() yaml.Key {
	return yaml.Mapping("deadlines",
		"How long a call may take: a default for callers that set none, and a maximum for all. A default is no longer than its maximum.",
		deadline("unary_default", 30*time.Second, "Of a call without a deadline, but for writes."),
		deadline("unary_max", time.Minute, "Of any call but a write."),
		deadline("write", 90*time.Second, "Of a write, with or without a deadline of its own: at least 10 s for what is read before, "+
			"`imports.wait_limit` and `imports.call_limit`, so that its caller learns how it ends."),
		deadline("stream_default", 15*time.Minute, "Of a stream without a deadline."),
		deadline("stream_max", 30*time.Minute, "Of any stream."),
	)
}

// PracticeKeys declares a practice: an item of practices, or a file of practices_directory.
func PracticeKeys() yaml.Key {
	limits, _, _ := cegidclient.Defaults()
	return yaml.Mapping("", "A practice: an accounting firm, with its keys.",
		yaml.Text("name", "Name in this service, in requests and grants: 1 to 64 letters, digits, '.', '_' or '-'.").
			Needed().Pattern(`^[A-Za-z0-9._-]{1,64}$`).Never("-", ".", ".."),
		yaml.Text("domain", "Loop's code of the firm, which CheckStaffAccess needs; left out when it is not known. "+
			"Duplicate imports are found by this code, or without it by the API key. Set it before the first import, because entries imported "+
			"under another code or key are not compared.").Pattern(`^[!-~]{1,64}$`),
		yaml.Mapping("keys", "The practice's API keys, each as `key:secret`. The key with fewer rights that is enough for a call is used.",
			secretKey("standard", "APIKey Standard (P04448)."),
			secretKey("advanced", "APIKey Advanced (P04454)."),
		).Needed().Some("standard", "advanced"),
		subscriptionKeys("The practice's own subscription keys, instead of the installation's. One or the other is needed."),
		yaml.List("dossiers", "What ListDossiers can show, as Loop has no list of dossiers. Grants nothing: see the policy.", yaml.Mapping("", "",
			yaml.Text("code", "Code in Loop, exactly.").Needed().Pattern(`^[^\x00-\x20\x7f]{1,64}$`).Never("cabinet"),
			yaml.Text("name", "Name, for people.").Pattern(`^[\s\S]{0,200}$`),
		)),
		yaml.Mapping("limits", "Limits of the calls to Loop for this practice, for all servers together. Each of `replicas` takes its part.",
			yaml.Int("concurrency", limits.Concurrency, cegidclient.MinConcurrency, 1000, "Calls at a time, at least 3 for each server. "+
				"Each server reserves a quarter of its part (at least 1) for reads, and an eighth (at least 1) for questions about imports. "+
				"Writes and reads share the rest. While a write waits, reads take at most three fifths of the rest."),
			yaml.Number("requests_per_second", 0, 0, 10_000, "Calls per second; 0 is no limit."),
		),
		yaml.Mapping("retention", "How long the ledger keeps the practice's submissions; what is left out is as in "+
			"`retention` of the installation.", inherited(retentionKeys())...),
		yaml.List("unverified_operations",
			"Ids of operations to use although nobody has verified them against Loop; ListOperations gives the ids.", yaml.Text("", "")),
	)
}

// retentionKeys are the times of ledger.Keeping.
func retentionKeys() []yaml.Key {
	days := func(d time.Duration) int { return int(d / day) }
	return []yaml.Key{
		yaml.Int("ids_days", days(ledger.KeepOutcome), days(ledger.LeastOutcome), days(ledger.MostOutcome),
			"Days that an id, the digests of its entries and its outcome are kept: more than a year, because the file of a year brings its "+
				"January again in December."),
		yaml.Int("references_days", days(ledger.KeepContent), days(ledger.LeastContent), days(ledger.MostContent),
			"Days that document references, findings and looks into Loop are kept: a week longer than the longest `imports.resubmit_after`, "+
				"because what is UNCERTAIN is looked for by them."),
	}
}

func inherited(keys []yaml.Key) (out []yaml.Key) {
	for _, key := range keys {
		out = append(out, key.Inherited())
	}
	return out
}

// contactPattern is a line for people, of which something can be seen.
const contactPattern = `^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]{0,198}[^\s\x00-\x1f\x7f])?$`

// originPattern is what an origin looks like (RFC 6454 § 6.2). "*" and "null" are none.
const originPattern = `^(https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?|http://(localhost|127\.0\.0\.1|\[::1\]))(:[1-9][0-9]{0,4})?$`

var fieldNames = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)

func fieldName(name, otherwise, doc string) yaml.Key {
	return yaml.Text(name, doc).Default(otherwise).Pattern(fieldNames.String())
}

// seenName is the name of a field that no documentation has.
func seenName(name, doc string) yaml.Key {
	return yaml.Text(name, doc).Pattern(fieldNames.String())
}

func subscriptionKeys(doc string) yaml.Key {
	return yaml.Mapping("subscription_keys", doc,
		secretKey("primary", "The one that is used.").Needed(),
		secretKey("secondary", "The one that is tried when Loop rejects the primary."),
	)
}

func secretKey(name, doc string) yaml.Key {
	return yaml.Text(name, doc).Is("reference to a secret").Pattern(reference)
}

func address(name, otherwise, doc string) yaml.Key {
	return yaml.Text(name, doc).Is("host:port").Default(otherwise).Pattern(`^[!-.0-~]*:[0-9]+$`)
}

func span(name string, otherwise time.Duration, doc string) yaml.Key {
	return yaml.Duration(name, otherwise, time.Millisecond, time.Hour, doc)
}

func pause(name string, otherwise time.Duration, doc string) yaml.Key {
	return yaml.Duration(name, otherwise, 10*time.Millisecond, day, doc)
}

func deadline(name string, otherwise time.Duration, doc string) yaml.Key {
	return yaml.Duration(name, otherwise, time.Millisecond, day, doc)
}
