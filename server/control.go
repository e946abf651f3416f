package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"cegid.internal/gateway/server/internal/app"
)

// controlCommand directs a server that runs on this machine, by its listener of operations.
type controlCommand struct {
	Config   controlConfigCommand `cmd:"" help:"Show the configuration and the policy that are in force, without secrets."`
	LogLevel controlLevelCommand  `cmd:"" help:"Show the level of the log, or change it until the configuration's changes or the server ends."`
	Reload   controlReloadCommand `cmd:"" help:"Read the configuration again at once, and say what has changed."`
	Drain    controlDrainCommand  `cmd:"" help:"Report the server as not ready, so that balancers send it no more calls; it answers calls that still come."`
	Undrain  controlReadyCommand  `cmd:"" help:"End the drain: the server may be ready again."`
}

type controlConfigCommand struct{ operationsAddress }

func (c *controlConfigCommand) Run(ctx context.Context) error {
	return c.say(ctx, http.MethodGet, app.ConfigPath, "")
}

type controlLevelCommand struct {
	operationsAddress
	Level string `arg:"" default:"-" enum:"-,debug,info,warn,error" help:"debug, info, warn or error; without it, the level is shown."`
}

func (c *controlLevelCommand) Run(ctx context.Context) error {
	if c.Level == "-" {
		return c.say(ctx, http.MethodGet, app.LogLevelPath, "")
	}
	return c.say(ctx, http.MethodPut, app.LogLevelPath, c.Level)
}

type controlReloadCommand struct{ operationsAddress }

func (c *controlReloadCommand) Run(ctx context.Context) error {
	return c.say(ctx, http.MethodPost, app.ReloadPath, "")
}

type controlDrainCommand struct{ operationsAddress }

func (c *controlDrainCommand) Run(ctx context.Context) error {
	return c.say(ctx, http.MethodPut, app.DrainPath, "")
}

type controlReadyCommand struct{ operationsAddress }

func (c *controlReadyCommand) Run(ctx context.Context) error {
	return c.say(ctx, http.MethodDelete, app.DrainPath, "")
}

// operationsAddress is where a server on this machine is directed.
type operationsAddress struct {
	Address string        `default:"127.0.0.1:9091" placeholder:"HOST:PORT" help:"Listener of operations of the server, on this machine: listen.operations of its configuration (${default})."`
	Timeout time.Duration `default:"30s" help:"Longest wait for the answer (${default})."`
}

// say prints what the server answers.
func (c operationsAddress) say(ctx context.Context, method, path, body string) error {
	text, err := c.ask(ctx, method, path, body)
	if err == nil {
		fmt.Print(text)
	}
	return err
}

func (c operationsAddress) ask(ctx context.Context, method, path, body string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+c.Address+path, strings.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("%q is no address: give one as host:port", c.Address)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return "", fmt.Errorf("no server answers at %s: %w", c.Address, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return "", fmt.Errorf("%s breaks off: %w", c.Address, err)
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers HTTP %d: %s", c.Address, response.StatusCode,
			strings.Map(printable, strings.TrimSpace(string(text[:min(len(text), 4000)]))))
	}
	return string(text), nil
}
