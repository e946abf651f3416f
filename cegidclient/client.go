package cegidclient

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// DefaultBaseURL is Loop's gateway (loop-api: C 1.4).
const DefaultBaseURL = "https://api.cegid.com/loop-api-publiques"

// PracticeDossier is the pseudo-dossier that means the practice itself (loop-api: C 1.5): that of the lists of its
// offices, work groups, staff, engagements and activities.
const PracticeDossier = "cabinet"

func isNoDossier(dossier string) bool {
	return dossier == "" || strings.EqualFold(dossier, PracticeDossier)
}

// Config describes a client: one practice behind one base URL. Zero values are the defaults.
type Config struct {
	// BaseURL of Loop; [DefaultBaseURL] when empty. Anything but https is refused unless AllowPlainHTTP is set,
	// which is for simulators and tests; so are the links to deposit files at and to import them from.
	BaseURL        string
	AllowPlainHTTP bool
	// Practice is the caller's name for the tenant. It labels errors and keys the gate; Loop never sees it.
	Practice string
	// Credentials is required.
	Credentials CredentialSource
	// Gate is shared by the clients of one installation; nil makes one of the client's own.
	Gate    *Gate
	Limits  Limits
	Retry   RetryPolicy
	Breaker BreakerPolicy
	// Observer receives calls; nil for none.
	Observer Observer
	// BeforeSend runs as the last step before the bytes of an attempt leave. Its error stops the call and comes
	// back as it is.
	BeforeSend func(ctx context.Context, call *Call) error
	// Ended receives each call when it is over, with its error if it has one; nil for none. Like an Observer it is called
	// concurrently and must be quick.
	Ended func(call *Call, err error)
	// RequireHookForWrites refuses a call that books or stores (Resend "never") unless [WithBeforeSend] gave it a hook:
	// for an owner whose ledger must know of every write.
	RequireHookForWrites bool
	// Unverified lists the ids of unverified operations of the inventory that the owner allows: those whose methods say
	// so. [Client.Do] does not ask.
	Unverified []string
	// TRANames are the names that importTRA takes; zero for URI and URL.
	TRANames TRANames
	// EntryNames are the names of fields of entries that no documentation has; zero for none.
	EntryNames EntryNames
	UserAgent  string
	// Transport replaces all transports, that of uploads too, for tests. It must honour net/http/httptrace, on which [Error.Sent] rests.
	Transport http.RoundTripper
}

// Limits bound what a client asks of Loop and takes from it. Zero values are the defaults.
type Limits struct {
	// Concurrency is the number of attempts under way, [MinConcurrency] at least; default 8. A quarter of them is kept for
	// reads and an eighth for questions what became of an import; writes and reads share the rest, of which reads take three
	// fifths at most while a write waits.
	Concurrency int
	// Wait is the longest that an attempt waits for its turn. Default 20 s. One that would wait longer, or beyond its
	// context's deadline, is refused at once, as [KindBusy] or, because of the rate or of a 429, [KindThrottled].
	Wait time.Duration
	// RatePerSecond and Burst are a rate limit; none by default, as Loop publishes no quota.
	RatePerSecond float64
	Burst         int
	// PageSize is the most asked of Loop in one page. Default 1000. Loop's own cap is undocumented and learnt.
	PageSize int
	// CapPerRoute has each list route learn that cap for itself. Else all that page alike are taken to have one [I], so that
	// a page of one route, whosever it was, says that a shorter page of another is its last.
	CapPerRoute bool
	// SuccessBody and ErrorBody are the most bytes read of an answer. Default 32 MiB and 64 KiB.
	SuccessBody, ErrorBody int64
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.Concurrency, 8)
	setDefault(&l.Wait, 20*time.Second)
	setDefault(&l.PageSize, 1000)
	setDefault(&l.SuccessBody, 32<<20)
	setDefault(&l.ErrorBody, 64<<10)
	return l
}

// Defaults are what a client goes by whose configuration says nothing.
func Defaults() (Limits, RetryPolicy, BreakerPolicy) {
	retry := RetryPolicy{}.withDefaults()
	return Limits{}.withDefaults(), retry, BreakerPolicy{}.withDefaults(retry.AttemptTimeout)
}

// Client calls Loop for one practice. It is safe for concurrent use.
type Client struct {
	// Accounts is the chart of accounts of a dossier.
	Accounts *AccountService
	// Journals are the journals of a dossier.
	Journals *JournalService
	// Customers, Suppliers, Employees and OtherThirdParties are the third parties of a dossier, a route of Loop's each.
	Customers, Suppliers, Employees, OtherThirdParties *Lister[ThirdParty]
	// Sections, VATCodes and the others are further lists of a dossier. Sections are the analytic ones: Loop has no route for axes,
	// and those that have a section can be told from its Axis (loop-api: R 5).
	Sections       *Lister[Section]
	VATCodes       *Lister[VATCode]
	Establishments *Lister[Establishment]
	// LegalIdentity is that of a dossier's company.
	LegalIdentity *LegalIdentityService
	// Entries are those that a dossier holds.
	Entries *EntryService
	// Offices, WorkGroups, Staff, Engagements and Activities are those of the practice itself, under [PracticeDossier]. They need
	// its Advanced key. Loop lists Activities only with an equality on [ActivityEngagementLetterID] in the filter.
	Offices     *Lister[Office]
	WorkGroups  *Lister[WorkGroup]
	Staff       *StaffService
	Engagements *Lister[Engagement]
	Activities  *Lister[MissionActivity]
	// Changes is Loop's change feed.
	Changes *ChangeFeedService
	// Imports sends entries and follows what becomes of them.
	Imports *ImportService
	// Files deposits files and has Loop import them.
	Files *FileService
	// Documents hands documents to the accounting robot.
	Documents *DocumentService
	// Raw calls routes that have no method here.
	Raw *RawService

	practice   string
	limits     Limits
	unverified []string
	links      []link
	pages      func(*Operation) *pageKnowledge
	admission  *admission
	brakes     *brakes
	run        Next
	ended      func(*Call, error)
	identity   func(context.Context) (Identity, error)
	idle       []interface{ CloseIdleConnections() }
}

// New checks the configuration and builds a client. It does not call Loop.
func New(cfg Config) (*Client, error) {
	base, err := parseBaseURL(cfg.BaseURL, cfg.AllowPlainHTTP)
	if err != nil {
		return nil, err
	}
	if cfg.Credentials == nil {
		return nil, &Error{Kind: KindConfiguration, Field: "credentials", detail: "no credential source"}
	}
	limits, retry := cfg.Limits.withDefaults(), cfg.Retry.withDefaults()
	if limits.Concurrency < MinConcurrency {
		return nil, &Error{Kind: KindConfiguration, Field: "limits.concurrency", detail: fmt.Sprintf("%d is fewer than a place for each kind "+
			"of call, which makes %d", limits.Concurrency, MinConcurrency)}
	}
	if which, why := cfg.EntryNames.Wrong(); which != "" {
		return nil, &Error{Kind: KindConfiguration, Field: "entry_names." + which, detail: why}
	}
	gate := cfg.Gate
	if gate == nil {
		gate = NewGate()
	}
	c := &Client{
		practice: cfg.Practice, limits: limits, unverified: slices.Clone(cfg.Unverified), brakes: &brakes{}, ended: cfg.Ended,
		identity: func(ctx context.Context) (Identity, error) {
			return identityOf(ctx, cfg.Credentials, cfg.Practice, base.String())
		},
	}
	c.pages = func(op *Operation) *pageKnowledge {
		key := pageKey{base: base.String()}
		if limits.CapPerRoute {
			key.route = op.Path
		}
		return gate.pagesOf(key)
	}
	c.admission = gate.admission(cfg.Practice, limits, [classes]time.Duration{
		ClassRead: retry.AttemptTimeout, ClassWrite: retry.SubmissionTimeout, ClassPoll: retry.AttemptTimeout,
	})
	step := &httpStep{
		base: base, userAgent: cfg.UserAgent,
		readTimeout: retry.AttemptTimeout, writeTimeout: retry.SubmissionTimeout,
		successCap: limits.SuccessBody, errorCap: limits.ErrorBody,
	}
	if step.userAgent == "" {
		step.userAgent = "cegidclient"
	}
	reads, writes, uploads := cfg.Transport, cfg.Transport, cfg.Transport
	if cfg.Transport == nil {
		r, w, u := newReadTransport(limits.Concurrency), newWriteTransport(), newReadTransport(limits.Concurrency)
		reads, writes, uploads = r, w, u
		c.idle = append(c.idle, r, w, u)
	}
	step.reads = credentialTransport{base: reads, scheme: base.Scheme, origin: originOf(base)}
	step.writes = credentialTransport{base: writes, scheme: base.Scheme, origin: originOf(base)}

	retrier := newRetrier(retry, &keyring{source: cfg.Credentials}, c.brakes)
	breaker := newBreaker(cfg.Breaker, retry.AttemptTimeout, limits.Concurrency, c.brakes)
	c.brakes.retries, c.brakes.subscriptionKey = retrier.budget.left, retrier.keys.inUse
	c.links = []link{
		{"call metrics", callMetrics(cfg.Observer)},
		{"retry", retrier.intercept},
		{"circuit breaker", breaker.intercept},
		{"admission", c.admission.interceptor(c.brakes, cfg.Observer)},
		{"breaker's watch", breaker.watch},
		{"before-send hook", beforeSend(cfg.BeforeSend, cfg.RequireHookForWrites, retry.SubmissionTimeout)},
		{"attempt metrics", attemptMetrics(cfg.Observer)},
	}
	c.run = chain(c.links, step.send)
	c.openServices(&cfg, uploadSettings{
		transport: uploads, retry: retry, observer: cfg.Observer, practice: cfg.Practice, userAgent: step.userAgent,
		block: uploadBlock,
	})
	return c, nil
}

// openServices makes a service of each kind of thing that Loop has.
func (c *Client) openServices(cfg *Config, uploads uploadSettings) {
	c.Accounts = newAccountService(c)
	c.Journals = newJournalService(c)
	c.Sections = new(newLister[Section](c, "list_analytic_sections", SectionCode))
	c.Customers = newThirdParties(c, "list_customers", ThirdPartyCustomer)
	c.Suppliers = newThirdParties(c, "list_suppliers", ThirdPartySupplier)
	c.Employees = newThirdParties(c, "list_employees", ThirdPartyEmployee)
	c.OtherThirdParties = newThirdParties(c, "list_other_third_parties", ThirdPartyOther)
	c.VATCodes = new(newLister[VATCode](c, "list_vat_codes", VATCodeCode))
	c.Establishments = new(newLister[Establishment](c, "list_establishments", EstablishmentObjectID))
	c.LegalIdentity = newLegalIdentityService(c)
	c.Entries = newEntryService(c, cfg.EntryNames)
	c.Offices = new(newLister[Office](c, "list_offices", OfficeCode))
	c.WorkGroups = new(newLister[WorkGroup](c, "list_work_groups", WorkGroupCode))
	c.Staff = newStaffService(c)
	c.Engagements = new(newLister[Engagement](c, "list_engagements", EngagementObjectID))
	c.Activities = newActivities(c)
	c.Changes = newChangeFeedService(c)
	c.Imports = newImportService(c)
	c.Files = newFileService(c, cfg, uploads)
	c.Documents = newDocumentService(c)
	c.Raw = &RawService{c}
}

func parseBaseURL(raw string, allowPlain bool) (*url.URL, error) {
	refuse := func(why string) error {
		return &Error{Kind: KindConfiguration, Field: "base_url", detail: "base URL: " + why}
	}
	if raw == "" {
		raw = DefaultBaseURL
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "":
		return nil, refuse("not an absolute URL")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, refuse("user, query and fragment have no place in it")
	case u.Scheme == "https", u.Scheme == "http" && allowPlain:
		return u, nil
	case u.Scheme == "http":
		return nil, refuse("must be https, because requests carry the practice's keys; for a simulator on this machine, set AllowPlainHTTP")
	default:
		return nil, refuse("must be https")
	}
}

// Close closes idle connections. Calls under way are not disturbed.
func (c *Client) Close() {
	for _, t := range c.idle {
		t.CloseIdleConnections()
	}
}

// PollPlaces is how many questions what became of an import the practice may have under way; one more waits for its turn.
func (c *Client) PollPlaces() int { return c.admission.places(ClassPoll) }

// Do sends one call through the chain. It is the way for operations without a method of their own.
//
// A refusal by Loop comes as an [*Error], with the response beside it when there was one. A success is any 2xx that
// is not a web page: an import that Loop refuses also answers 200, so the caller reads the body. An operation that books
// or stores is classified as [WriteOutcome] says.
func (c *Client) Do(ctx context.Context, call *Call) (*Response, error) {
	if call == nil || call.Operation == nil {
		return nil, invalid("operation", "no operation")
	}
	op := call.Operation
	if !strings.HasPrefix(op.Path, "/") || strings.ContainsAny(op.Path, "?#%\\") || strings.Contains(op.Path, "..") || op.Method == "" {
		return nil, c.annotate(call, invalid("operation", "its route is unknown or cannot be sent"), nil)
	}
	this := *call
	if _, once := ctx.Value(onceKey{}).(bool); once {
		this.single = true
	}
	this.Practice, this.Attempt, this.pair, this.tally = c.practice, 0, nil, new(callTally)
	resp, err := c.run(ctx, &this)
	if err != nil {
		err = c.annotate(&this, err, this.tally)
	}
	if c.ended != nil {
		c.ended(&this, err)
	}
	if err != nil {
		return resp, err
	}
	resp.Attempts = this.tally.attempts
	return resp, nil
}

// annotate says where an error happened, on a copy: a credential source may hand out one value again and again.
func (c *Client) annotate(call *Call, err error, tally *callTally) error {
	if h, ok := err.(hookError); ok {
		return h.error
	}
	e, ok := err.(*Error)
	if !ok {
		return err
	}
	out := *e
	out.Operation, out.Practice, out.Dossier = call.Operation.ID, c.practice, call.Dossier
	if tally != nil {
		out.Attempts = tally.attempts
		out.Sent = max(out.Sent, tally.sent)
	}
	return &out
}

// Identity tells, as long as it stays the same, that the practice, Loop's address and the secrets do. It says nothing of the secrets.
func (c *Client) Identity(ctx context.Context) (Identity, error) { return c.identity(ctx) }

type onceKey struct{}

// Once makes the calls with a context end after one attempt: for who comes again anyway, in his own time.
func Once(ctx context.Context) context.Context { return context.WithValue(ctx, onceKey{}, true) }

// Probe makes one attempt to read one account of a dossier with a key of the given kind and returns what was seen: nil, or an
// [*Error] whose status, code and evidence say what is wrong. No retry, and neither gate nor breaker in its way.
//
// It begins with the primary subscription key, whichever is in use, and tries the secondary one only when Loop rejects that
// (401). subscriptionKey is the one that was answered: 0 the primary, 1 the secondary after the primary was rejected.
func (c *Client) Probe(ctx context.Context, dossier string, kind KeyKind) (subscriptionKey int, err error) {
	l := &c.Accounts.Lister
	op := *l.op
	op.Key = kind
	call := &Call{Operation: &op, Dossier: dossier, single: true, probe: true, read: func(body []byte) error {
		_, err := l.plan.readList(body)
		return err
	}}
	q, err := l.query(dossier, ListOptions{})
	if err != nil {
		return 0, c.annotate(call, err, nil)
	}
	q.Set("skip", "0")
	q.Set("take", "1")
	call.Query = q
	resp, err := c.Do(ctx, call)
	attempts := 0
	if e, ok := asError(err); ok {
		attempts = e.Attempts
	} else if resp != nil {
		attempts = resp.Attempts
	}
	return max(attempts-1, 0), err
}

// answered notes on a reading error which answer was read.
func answered(resp *Response, err error) error {
	if e, ok := err.(*Error); ok {
		e.HTTPStatus, e.Sent = resp.Status, MaybeSent
		e.tidy()
	}
	return err
}

// String names the client without its insides.
func (c *Client) String() string { return fmt.Sprintf("cegidclient.Client(%s)", c.practice) }
