// Package sandbox is the whole service with a simulated Loop inside: no account, no secret, nothing to install.
package sandbox

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"text/template"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/server/internal/app"
	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/diagnostics"
	"cegid.internal/gateway/server/internal/freshness"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/rawdoor"
	"cegid.internal/gateway/server/internal/site"
	"cegid.internal/gateway/server/internal/telemetry"
	"cegid.internal/gateway/server/internal/tenant"
)

// Caller is the name under which every token passes.
const Caller = "sandbox"

// Config of a sandbox. The zero value, with addresses, is a good one.
type Config struct {
	// Host to listen on; loopback unless the user names another.
	Host string
	// Ports; 0 takes any free one.
	GRPCPort, HTTPPort, OperationsPort, SimulatorPort int
	// SimulatorHost is where the simulated Loop and its page listen; loopback unless the user names another.
	SimulatorHost string
	// Token that callers must send; empty: any token, but with TLS one that is made for this sandbox.
	Token string
	// TLS is a folder for what callers need: the certificate of an authority that is made for this sandbox, and the token. Without a
	// folder the sandbox serves plaintext.
	TLS string
	Log *slog.Logger
	// Build is what this program tells callers and monitoring about itself.
	Build diagnostics.Build
	// Origins are those whose pages may call from a browser.
	Origins []string
	// Policy replaces that of the sandbox, for tests.
	Policy *policy.Policy
	// Tune changes the clients' configuration, for tests.
	Tune func(*cegidclient.Config)
	// Deadlines and Grace default to those of serve.
	Deadlines    config.Deadlines
	Drain, Grace time.Duration
	// Ledger to use instead of a temporary one; its owner closes it.
	Ledger *ledger.Ledger
	// Raw are the routes that raw calls may use; nil is those that the simulator has for it, which Loop has not.
	Raw []rawdoor.Route
	// Spool is the folder for files under way; Files how they are taken in. Both default to those of serve.
	Spool string
	Files config.Files
	// FirstPoll is the first pause before Loop is asked how an import goes; the simulator is quick.
	FirstPoll time.Duration
	// ResubmitAfter is how old an import must be before its absence from Loop says that it was not booked; the simulator
	// works in no time. Default 10 s. A given Ledger has its own.
	ResubmitAfter time.Duration
	// NoRepeatAfter429 leaves what Loop turned away with a 429 to its caller.
	NoRepeatAfter429 bool
}

// Sandbox is a running sandbox.
type Sandbox struct {
	// Simulator is the Loop inside.
	Simulator *loopsim.Simulator
	// Server is the service.
	Server *app.Server
	// SimulatorAddress is where the simulator listens.
	SimulatorAddress string

	simulator  *http.Server
	configured *tenant.Practices
	listener   net.Listener
	// folder for callers, which other sandboxes are kept from; nil without TLS.
	folder *folder
	// token that callers must send, if there is one.
	token string
	// ledger is the temporary one, which ends with the sandbox; nil if it was given.
	ledger *ledger.Ledger
}

// New binds the listeners; Run serves.
func New(cfg Config) (_ *Sandbox, err error) {
	for _, origin := range cfg.Origins {
		if !config.IsOrigin(origin) {
			return nil, fmt.Errorf("%q is no origin as browsers name it: http://localhost:3000, https://app.example.com", origin)
		}
	}
	if cfg.ResubmitAfter == 0 {
		cfg.ResubmitAfter = 10 * time.Second
	}
	if cfg.Raw == nil {
		cfg.Raw = []rawdoor.Route{
			{Method: http.MethodGet, Path: "/simNotes", Key: cegidclient.KeyStandard, Query: []string{"take"}},
			{Method: http.MethodPost, Path: "/simNotes", Key: cegidclient.KeyStandard},
			{Method: http.MethodGet, Path: "/simCabinetNotes", Key: cegidclient.KeyAdvanced, Scope: rawdoor.Practice, Query: []string{"take"}},
		}
	}
	// The simulator stays on loopback wherever the service listens, unless it is sent elsewhere: its page has no password.
	listener, err := net.Listen("tcp", net.JoinHostPort(cmp.Or(cfg.SimulatorHost, "127.0.0.1"), strconv.Itoa(cfg.SimulatorPort)))
	if err != nil {
		return nil, fmt.Errorf("the simulator's listener: %w; stop what has the address, or give another as --simulator", err)
	}
	var s *Sandbox
	options := []loopsim.Option{loopsim.WithLoopModel(cfg.Files.LoopModel), loopsim.WhenDue(func() { s.askNow() })}
	if isLoopback(listener.Addr()) {
		options = append(options, loopsim.WithLoopback())
	}
	s = &Sandbox{
		Simulator:        loopsim.NewSandbox(options...),
		SimulatorAddress: listener.Addr().String(),
		listener:         listener,
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, listener.Close(), s.closeLedger(), s.folder.Close())
		}
	}()
	transport, authority, err := s.openTLS(&cfg)
	if err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	s.token = cfg.Token
	if cfg.Policy == nil {
		cfg.Policy = policy.AllowAll(Caller, cfg.Token)
	}
	if cfg.Ledger == nil {
		if s.ledger, err = ledger.Temporary(context.Background(), nil, ledger.WithResubmitAfter(cfg.ResubmitAfter)); err != nil {
			return nil, err
		}
		cfg.Ledger = s.ledger
	}
	s.simulator = &http.Server{
		Handler: s.Simulator, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}

	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	kept := freshness.New(freshness.Config{})
	practices, err := s.practices(cfg, telemetry.NewLoop(registry, app.OfCall{}), kept)
	if err != nil {
		return nil, err
	}
	s.configured = practices
	s.Server, err = app.New(app.Config{
		Settings: app.Settings{Config: cfg.settings(), Policy: cfg.Policy},
		TLS:      transport,
		Sandbox:  s.described,
		Build:    cfg.Build, Practices: practices, Freshness: kept, Ledger: cfg.Ledger, Log: cfg.Log, Registry: registry,
	})
	if err != nil {
		return nil, err
	}
	if s.folder != nil { // not before all listeners are bound: what an earlier sandbox left is good until this one serves
		if err := s.folder.fill(authority, cfg.Token); err != nil {
			s.Server.Close()
			return nil, fmt.Errorf("TLS: %w", err)
		}
	}
	return s, nil
}

// openTLS takes the folder for callers, and makes a token where none is given. Nothing is written yet. Without a folder, TLS is off.
func (s *Sandbox) openTLS(cfg *Config) (transport *tls.Config, authority []byte, err error) {
	if cfg.TLS == "" {
		return nil, nil, nil
	}
	if s.folder, err = takeFolder(cfg.TLS); err != nil {
		return nil, nil, err
	}
	if cfg.Token == "" {
		if cfg.Token, _, err = policy.NewToken(); err != nil {
			return nil, nil, err
		}
	}
	return ofAuthority(cfg.Host)
}

// settings are those of serve, for this machine and a Loop that is quick.
func (cfg Config) settings() *config.Config {
	at := func(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
	out := config.Default()
	out.Listen = config.Listen{
		GRPC: at(cfg.Host, cfg.GRPCPort), HTTP: at(cfg.Host, cfg.HTTPPort),
		Operations: at("127.0.0.1", cfg.OperationsPort),
	}
	out.HTTP = config.HTTP{Compression: true, Origins: cfg.Origins}
	out.Spool, out.Raw = cfg.Spool, cfg.Raw
	out.Shutdown = config.Shutdown{Drain: cfg.Drain, Grace: cfg.Grace}
	out.Imports.RepeatAfter429, out.Imports.FirstPoll = !cfg.NoRepeatAfter429, cmp.Or(cfg.FirstPoll, 50*time.Millisecond)
	out.Deadlines, out.Files = cmp.Or(cfg.Deadlines, out.Deadlines), cmp.Or(cfg.Files, out.Files)
	return out
}

// practices are those of the simulator's world.
func (s *Sandbox) practices(cfg Config, observer cegidclient.Observer, kept *freshness.Store) (*tenant.Practices, error) {
	gate := cegidclient.NewGate()
	var unverified []string // all: the simulator has the shapes that this service believes in
	for _, operation := range cegidclient.Operations() {
		if operation.Unverified {
			unverified = append(unverified, operation.ID)
		}
	}
	open := func(practice *tenant.Practice, standard, advanced string) (*tenant.Practice, error) {
		settings := cegidclient.Config{
			BaseURL: "http://" + s.simulatorHere() + s.Simulator.BasePath(), AllowPlainHTTP: true,
			Practice: practice.Name, Gate: gate, Observer: observer,
			RequireHookForWrites: true, Unverified: unverified,
			Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret(standard), cegidclient.NewSecret(advanced),
				cegidclient.NewSecret(loopsim.SandboxSubscriptionPrimary), cegidclient.NewSecret(loopsim.SandboxSubscriptionSecondary)),
		}
		kept.Follow(&settings)
		if cfg.Tune != nil {
			cfg.Tune(&settings)
		}
		var err error
		practice.Client, err = cegidclient.New(settings)
		practice.HasStandard, practice.HasAdvanced, practice.PlainLinks = standard != "", advanced != "", true
		return practice, err
	}
	demo, err := open(&tenant.Practice{Name: loopsim.SandboxDemo, Domain: loopsim.SandboxDemoDomain, Dossiers: []tenant.Dossier{
		{Code: "CEGID001", Name: "Boulangerie Exemple"}, {Code: "CEGID003", Name: "Menuiserie Exemple"},
	}}, "", loopsim.SandboxDemoAPIKey)
	if err != nil {
		return nil, err
	}
	partner, err := open(&tenant.Practice{Name: loopsim.SandboxPartner, Domain: loopsim.SandboxPartnerDomain, Dossiers: []tenant.Dossier{
		{Code: "DOSSIER_TEST", Name: "Dossier de test"}, {Code: loopsim.SandboxLargeDossier, Name: "10 000 comptes"},
	}}, loopsim.SandboxPartnerAPIKey, "")
	if err != nil {
		return nil, err
	}
	return tenant.NewPractices(demo, partner), nil
}

// askNow has the service ask for what the simulator has just made due.
func (s *Sandbox) askNow() {
	for _, practice := range s.configured.All() {
		s.Server.AskNow(practice.Name)
	}
}

// isLoopback tells whether only this machine reaches an address.
func isLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// simulatorHere is the simulator's address as the service calls it: on loopback, to which AllowPlainHTTP is bound. A listener on
// one address of the machine alone is reached there.
func (s *Sandbox) simulatorHere() string {
	if tcp, ok := s.listener.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
	}
	return s.SimulatorAddress
}

// described is what the page at / tells: what is in the sandbox, and where.
func (s *Sandbox) described() site.Sandbox {
	grpcAddress, _, _ := s.Server.Addresses()
	out := site.Sandbox{GRPC: grpcAddress.String(), Token: s.token != "", Folder: s.folder.Path(), Simulator: s.SimulatorAddress}
	for _, configured := range s.configured.All() {
		practice := site.Practice{Name: configured.Name, Key: "Standard"}
		if configured.HasAdvanced {
			practice.Key = "Advanced"
		}
		for _, dossier := range configured.Dossiers {
			practice.Dossiers = append(practice.Dossiers, site.Dossier{Code: dossier.Code, Name: dossier.Name, Note: notes[dossier.Code]})
		}
		out.Practices = append(out.Practices, practice)
	}
	return out
}

// notes say what the dossiers are good for.
var notes = map[string]string{
	"CEGID001": "first calls: a chart of accounts, journals, no entries yet", loopsim.SandboxBookedDossier: "reading: the year 2026 is booked",
	"DOSSIER_TEST": "imports under a Standard key", loopsim.SandboxLargeDossier: "pages and streams: ten thousand accounts",
}

// Run serves until ctx ends.
func (s *Sandbox) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.simulator.Serve(s.listener) }()
	err := s.Server.Serve(ctx)
	s.Simulator.Close() // first: Shutdown would wait for the answers that faults hold back
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if s.simulator.Shutdown(grace) != nil {
		_ = s.simulator.Close()
	}
	if failed := <-served; !errors.Is(failed, http.ErrServerClosed) {
		err = errors.Join(err, failed)
	}
	return errors.Join(err, s.closeLedger(), s.folder.Close())
}

func (s *Sandbox) closeLedger() error {
	if s.ledger == nil {
		return nil
	}
	return s.ledger.Close()
}

var welcome = template.Must(template.New("").Parse(`
  Cegid Loop gateway, SANDBOX: a simulated Loop, fake keys, {{if .Folder}}TLS, and a token.{{else if .Token}}and the token given by --token.{{else}}and ANY bearer token passes.{{end}}
{{- if not .Loopback}}
  Warning: it listens beyond this machine. Everyone who reaches it can use it.{{end}}

  gRPC   {{.GRPC}}        REST  {{.Scheme}}://{{.HTTP}}        start here  {{.Scheme}}://{{.HTTP}}/
{{- if .Folder}}
  Token      {{.Bearer}}  (also in {{.Folder}}/token)
  Authority  {{.Folder}}/authority.pem  (made at this start, for localhost and the name of this machine){{end}}
  Loop   http://{{.Simulator}}/_sim/  (what the simulator holds, and what it was asked)

  Practices: demo (Advanced key; CEGID001, CEGID003), partner (Standard key; DOSSIER_TEST, BIG00001)

  Try:
    curl {{if .Folder}}--cacert {{.Folder}}/authority.pem {{end}}-H 'Authorization: Bearer {{.Bearer}}' '{{.Scheme}}://{{.HTTP}}/v1/practices/demo/dossiers/CEGID001/journals'
    grpcurl {{if .Folder}}-cacert {{.Folder}}/authority.pem{{else}}-plaintext{{end}} -H 'authorization: Bearer {{.Bearer}}' -d '{"practice":"demo","dossier":"CEGID001","page_size":3}' \
      {{.GRPC}} cegid.loop.v1.ReferenceDataService/ListAccounts

`))

// Welcome prints what there is and what to try.
func (s *Sandbox) Welcome(out io.Writer) error {
	grpcAddress, httpAddress, _ := s.Server.Addresses()
	scheme := "http"
	if s.folder != nil {
		scheme = "https"
	}
	return welcome.Execute(out, map[string]any{
		"GRPC": grpcAddress, "HTTP": httpAddress, "Simulator": s.simulatorHere(), "Scheme": scheme, "Folder": s.folder.Path(),
		"Token": s.token != "", "Bearer": cmp.Or(s.token, "anything"), "Loopback": isLoopback(httpAddress) && isLoopback(s.listener.Addr()),
	})
}
