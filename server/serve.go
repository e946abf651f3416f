package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/app"
	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/interceptor"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/secret"
	"cegid.internal/gateway/server/internal/service"
	"cegid.internal/gateway/server/internal/telemetry"
)

type serveCommand struct {
	Config string `required:"" type:"path" placeholder:"FILE" help:"Configuration, in YAML."`
}

func (c *serveCommand) Run(ctx context.Context) error {
	set, err := load(c.Config)
	if err != nil {
		return err
	}
	log := newLog(set.config.Log.Level)
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	practices, err := set.open(telemetry.NewLoop(registry, app.CountAttempt), log)
	if err != nil {
		return err
	}
	var transport *tls.Config
	if !set.config.TLS.Off {
		if transport, err = app.LoadTLS(set.config.TLS.Certificate, set.config.TLS.Key, log); err != nil {
			return err
		}
	}
	writes, err := ledger.Open(ctx, set.config.Ledger)
	if err != nil {
		return fmt.Errorf("the ledger %s: %w", set.config.Ledger, err)
	}
	server, err := app.New(app.Config{
		GRPC: set.config.Listen.GRPC, HTTP: set.config.Listen.HTTP, Operations: set.config.Listen.Operations,
		TLS: transport, Practices: practices, Policy: set.policy, Ledger: writes,
		FirstPoll: set.config.Imports.FirstPoll, LastPoll: set.config.Imports.LastPoll, StalledPoll: set.config.Imports.StalledPoll,
		CallsPerCaller: set.config.CallsPerCaller,
		Deadlines:      interceptor.Deadlines(set.config.Deadlines),
		Drain:          set.config.Shutdown.Drain, Grace: set.config.Shutdown.Grace, Log: log, Audit: newLog(slog.LevelInfo), Registry: registry,
	})
	if err != nil {
		return errors.Join(err, writes.Close())
	}
	grpcAddress, httpAddress, operationsAddress := server.Addresses()
	log.Info("serving", "version", version(), "grpc", grpcAddress.String(), "http", httpAddress.String(),
		"operations", operationsAddress.String(), "tls", transport != nil, "practices", len(practices.All()))
	return errors.Join(server.Serve(ctx), writes.Close())
}

// settings are a configuration and its policy.
type settings struct {
	config *config.Config
	policy *policy.Policy
}

func load(path string) (*settings, error) {
	var operations []string
	for _, each := range cegidclient.Operations() {
		operations = append(operations, each.ID)
	}
	cfg, err := config.Load(path, operations)
	if err != nil {
		return nil, fmt.Errorf("the configuration is not fit to serve:\n%w", err)
	}
	grants, err := policy.Load(cfg.Policy, cfg.PracticeNames())
	if err != nil {
		return nil, fmt.Errorf("the policy is not fit to serve:\n%w", err)
	}
	return &settings{cfg, grants}, nil
}

func (s *settings) open(observer cegidclient.Observer, log *slog.Logger) (*service.Practices, error) {
	return app.OpenPractices(s.config, observer, func(ref secret.Ref, err error) {
		if err != nil {
			log.Error("a secret cannot be read again; the value before stays in use", "secret", ref.String(), "error", err.Error())
			return
		}
		log.Info("a secret was rotated", "secret", ref.String())
	})
}
