package main

import (
	"context"
	"errors"
	"log/slog"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"cegid.internal/gateway/server/internal/app"
	"cegid.internal/gateway/server/internal/audit"
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
	loop := telemetry.NewLoop(registry, app.OfCall{}, exported.Spans())
	tenants, err := openTenants(set, loop, log, func(practice string) {
		if server := serving.Load(); server != nil { // a new one hastens all
			server.Hasten(practice)
		}
	})
	if err != nil {
		return err
	}
	transport, authorities, ends, err := app.LoadTLS(cfg.TLS, log)
	if err != nil {
		return err
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
	writes, err := openLedger(ctx, cfg, log, registry, ledger.WithAudited(records.Commit()), ledger.WithKeeping(tenants.Keeping))
	if err != nil {
		return err
	}
	records.Number(writes.Commit)
	if !records.Durable() {
		log.Warn("the audit goes to a stream, which a crash cuts short: a ledger that was put back from a copy is not noticed; set audit.file")
	}
	server, err := app.New(app.Config{
		Settings: *set, TLS: transport, Authorities: authorities, CertificateEnds: ends, Issuers: issuers,
		Practices: tenants.Practices(), Gate: tenants.Gate(), Freshness: tenants.Freshness(), Ledger: writes, Memory: memory,
		Build: thisBuild(), Log: log, LogLevel: &level, Audit: records.Logger, Ahead: records.Ahead, Registry: registry,
		Spans: exported.Spans(),
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
	log.Info("who reaches this server", "what", app.Reachable(cfg), "notes", app.Notes(cfg))
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

// openTenants opens the practices of a configuration; rotated receives one whose secret has changed.
func openTenants(set *app.Settings, loop *telemetry.Loop, log *slog.Logger, rotated func(practice string)) (*app.Tenants, error) {
	tenants, err := app.NewTenants(set.Config, loop, func(practice string, ref secret.Ref, err error) {
		if err != nil {
			log.Error("a secret cannot be read again; the value before stays in use", "practice", practice, "secret", ref.String(), "error",
				err.Error())
			return
		}
		log.Info("a secret was rotated", "practice", practice, "secret", ref.String())
		rotated(practice)
	}, app.LogBreaker(log))
	if err != nil {
		return nil, err
	}
	app.WarnOfSameBooks(log, tenants.Practices())
	app.WarnOfIdleGrants(log, set.Policy)
	return tenants, nil
}
