package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"time"

	"google.golang.org/grpc/grpclog"

	"cegid.internal/gateway/server/internal/sandbox"
)

type sandboxCommand struct {
	Listen          string   `default:"127.0.0.1" placeholder:"HOST" help:"Address to listen on: this machine alone unless you name another."`
	Grpc            int      `default:"9090" placeholder:"PORT" help:"Port for gRPC (${default}); 0 takes any free one."`
	HTTP            int      `default:"8080" name:"http" placeholder:"PORT" help:"Port for REST and documentation (${default})."`
	Operations      int      `default:"9091" placeholder:"PORT" help:"Port for metrics, on loopback (${default})."`
	Simulator       int      `default:"8089" placeholder:"PORT" help:"Port of the simulated Loop and its page /_sim/ (${default})."`
	SimulatorListen string   `default:"127.0.0.1" placeholder:"HOST" help:"Address that the simulated Loop listens on: this machine alone unless you name another, such as 0.0.0.0 in a container. Its page has no password."`
	Token           string   `placeholder:"TOKEN" help:"Token that callers must send; without it any token passes."`
	TLS             string   `name:"tls" type:"path" placeholder:"FOLDER" help:"Serve with TLS. What callers need is written into FOLDER: authority.pem, the certificate of an authority that is made at each start, and token, the token that they must send."`
	Origin          []string `placeholder:"ORIGIN" help:"Origin whose pages may call from a browser, such as http://localhost:3000; may be repeated. None by default."`
	Log             string   `default:"warn" enum:"debug,info,warn,error" help:"Log level (${default}): ${enum}."`
}

func (c *sandboxCommand) Run(ctx context.Context) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log)); err != nil {
		return err
	}
	s, err := sandbox.New(sandbox.Config{
		Host: c.Listen, GRPCPort: c.Grpc, HTTPPort: c.HTTP, OperationsPort: c.Operations, SimulatorPort: c.Simulator,
		SimulatorHost: c.SimulatorListen,
		Token:         c.Token, TLS: c.TLS, Origins: c.Origin, Log: newLog(level), Grace: 5 * time.Second, Build: thisBuild(),
	})
	if err != nil {
		return err
	}
	if err := s.Welcome(os.Stdout); err != nil {
		return err
	}
	return s.Run(ctx)
}

// newLog writes JSON to standard error: standard output is for people. What gRPC has to say of itself goes there too.
func newLog(level slog.Leveler) *slog.Logger {
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	errors := slog.NewLogLogger(log.With("from", "grpc").Handler(), slog.LevelDebug).Writer() // clients' broken connections, mostly
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, errors))
	return log
}
