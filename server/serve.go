package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"cegid.internal/gateway/server/internal/app"
	"cegid.internal/gateway/server/internal/audit"
	"cegid.internal/gateway/server/internal/authn"
	"cegid.internal/gateway/server/internal/interceptor"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/livebackup"
	"cegid.internal/gateway/server/internal/secret"
	"cegid.internal/gateway/server/internal/telemetry"
)

type serveCommand struct {
	Config string `required:"" type:"path" placeholder:"FILE" help:"Configuration, in YAML."`
}

func (c *serveCommand) Run(ctx context.Context) error {
	// Elsewhere it means to read the configuration again, which happens by itself; its default would be a crash.
	signal.Ignore(syscall.SIGHUP)
	set, err := app.LoadSettings(c.Config)
	if err != nil {
		return err
	}
	cfg := set.Config
	var level slog.LevelVar
	level.Set(cfg.Log.Level)
	log := newLog(&level)
	memory := fitMemory(memlimit.FromCgroup, log)
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	telemetry.RegisterBuild(registry, thisBuild().Version, thisBuild().Revision, runtime.Version())
	exported, err := telemetry.Export(ctx, registry, thisBuild().Version, log)
	if err != nil {
		return err
	}
	defer func() {
		if err := exported.Close(); err != nil {
			log.Warn("the last traces or metrics could not be sent", "error", err.Error())
		}
	}()
	// The sender of a server that is being made reads the secrets below already.
	var serving atomic.Pointer[app.Server]
	tenants, err := app.NewTenants(cfg, telemetry.NewLoop(registry, app.OfCall{}, telemetry.Spans{Tracer: exported.TracerOf()}), func(practice string, ref secret.Ref, err error) {
		if err != nil {
			log.Error("a secret cannot be read again; the value before stays in use", "practice", practice, "secret", ref.String(), "error", err.Error())
			return
		}
		log.Info("a secret was rotated", "practice", practice, "secret", ref.String())
		if server := serving.Load(); server != nil { // a new one hastens all
			server.Hasten(practice)
		}
	}, app.LogBreaker(log))
	if err != nil {
		return err
	}
	app.WarnOfSameBooks(log, tenants.Practices())
	app.WarnOfIdleGrants(log, set.Policy)
	var transport *tls.Config
	var authorities authn.Authorities
	var ends func() map[string]time.Time
	if !cfg.TLS.Off {
		if transport, authorities, ends, err = app.LoadTLS(cfg.TLS, log); err != nil {
			return err
		}
	}
	issuers, err := app.Issuers(cfg.OIDC, log)
	if err != nil {
		return err
	}
	records, err := audit.Open(cfg.Audit, log, registry)
	if err != nil {
		return err
	}
	defer records.Close()
	writes, err := openLedger(ctx, cfg, log, ledger.WithAudited(records.Commit()), ledger.WithKeeping(tenants.Keeping))
	if err != nil {
		return err
	}
	records.Number(writes.Commit)
	if !records.Durable() {
		log.Warn("the audit goes to a stream, which a crash cuts short: a ledger that was put back from a copy is not noticed; set audit.file")
	}
	server, err := app.New(app.Config{
		GRPC: cfg.Listen.GRPC, HTTP: cfg.Listen.HTTP, Operations: cfg.Listen.Operations, Connections: cfg.Listen.Connections, ConnectionAge: cfg.Listen.ConnectionAge,
		TLS: transport, Authorities: authorities, CertificateEnds: ends, Web: cfg.HTTP, Closed: cfg.Closed, Contact: cfg.Contact, Build: thisBuild(), Issuers: issuers, Practices: tenants.Practices(), Gate: tenants.Gate(), Replicas: cfg.Replicas, Policy: set.Policy, Ledger: writes, Spool: cfg.Spool, Files: cfg.Files, Raw: cfg.Raw,
		WaitLimit: cfg.Imports.WaitLimit, CallLimit: cfg.Imports.CallLimit, RepeatAfter429: cfg.Imports.RepeatAfter429,
		FirstPoll: cfg.Imports.FirstPoll, LastPoll: cfg.Imports.LastPoll, StalledPoll: cfg.Imports.StalledPoll,
		Deadlines: interceptor.Deadlines(cfg.Deadlines), Readiness: cfg.Readiness, Memory: memory,
		Drain: cfg.Shutdown.Drain, Grace: cfg.Shutdown.Grace, Log: log, LogLevel: &level, LogDossiers: cfg.Log.Dossiers, Audit: records.Logger, Ahead: records.Ahead, Registry: registry, Tracer: exported.TracerOf(),
	})
	if err != nil {
		return errors.Join(err, writes.Close())
	}
	backups, err := livebackup.Start(writes, log)
	if err != nil {
		log.Warn("the ledger cannot be backed up while this server runs", "error", err.Error())
	}
	serving.Store(server)
	grpcAddress, httpAddress, operationsAddress := server.Addresses()
	log.Info("serving", "version", version(), "grpc", grpcAddress.String(), "http", httpAddress.String(),
		"operations", operationsAddress.String(), "tls", transport != nil, "practices", len(cfg.Practices))
	app.LogInForce(log, set)
	watching, stop := context.WithCancel(ctx)
	var reloads sync.WaitGroup
	reloader := app.NewReloader(c.Config, set, tenants, server.Hasten, registry, log)
	server.Follow(reloader)
	reloads.Go(func() { reloader.Watch(watching) })
	err = server.Serve(ctx)
	stop()
	reloads.Wait()
	return errors.Join(err, backups.Close(), writes.Close())
}
