// Command server is the Cegid Loop gateway.
package main

import (
	"cmp"
	stdgzip "compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"google.golang.org/grpc/encoding/gzip"

	"cegid.internal/gateway/server/internal/diagnostics"

	_ "time/tzdata" // Europe/Paris, also in an image without zone files
)

type commands struct {
	Sandbox  sandboxCommand  `cmd:"" help:"Run the whole service with a simulated Loop inside: no account needed."`
	Serve    serveCommand    `cmd:"" help:"Run the service."`
	Check    checkCommand    `cmd:"" help:"Check a configuration, and each practice's connection to Loop: ends with 0 if all is well, 1 if serve would not start, 2 if a practice is not connected or the ledger cannot be reached now. With --as, explain what a caller may do instead: 3 if it may not."`
	Ledger   ledgerCommand   `cmd:"" help:"Make, copy and restore the ledger that serve needs."`
	Control  controlCommand  `cmd:"" help:"Control a server that runs on this machine."`
	Imports  importsCommand  `cmd:"" help:"See the state of a server's imports, and resolve those whose outcome is open."`
	Audit    auditCommand    `cmd:"" help:"Check the audit."`
	Practice practiceCommand `cmd:"" help:"Remove what is kept of a practice."`
	Config   configCommand   `cmd:"" help:"Print what a configuration can hold."`
	File     fileCommand     `cmd:"" help:"Check files of entries on this machine."`
	Token    tokenCommand    `cmd:"" help:"Make tokens for callers."`
	Version  versionCommand  `cmd:"" help:"Print the version."`

	Healthcheck healthcheckCommand `cmd:"" help:"Ask the server on this machine whether it takes calls; for containers."`
}

// release and revision name the build and its git commit, set by the linker (tools/build.sh); empty in a build from a checkout.
var release, revision string

func main() {
	// One allocation in four megabytes is enough for a profile of memory. Of half a megabyte, Go's own, a walk of the stack for each
	// was two parts in a hundred of a request.
	runtime.MemProfileRate = 4 << 20
	// Of the process, so before anything is served. A third of the work of grpc-go's own level, for answers a tenth larger.
	_ = gzip.SetLevel(stdgzip.BestSpeed)

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)

	parser := newParser(kong.BindTo(ctx, (*context.Context)(nil)))
	parsed, err := parser.Parse(os.Args[1:])
	parser.FatalIfErrorf(err)
	if err := parsed.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		code := 1
		if coded, ok := errors.AsType[interface {
			error
			ExitCode() int
		}](err); ok {
			code = coded.ExitCode()
		}
		os.Exit(code)
	}
}

func newParser(options ...kong.Option) *kong.Kong {
	return kong.Must(&commands{}, append(options,
		kong.Name("server"),
		kong.Description("Cegid Loop over gRPC and REST."),
		kong.UsageOnError(),
	)...)
}

type versionCommand struct{}

func (versionCommand) Run() error {
	fmt.Println(version())
	return nil
}

// version names this build, for people.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	build := buildOf(release, revision, info)
	return strings.TrimSpace(info.Main.Path + " " + build.Version + " " + info.GoVersion + " " + build.Revision)
}

// thisBuild names it for programs.
func thisBuild() diagnostics.Build {
	info, _ := debug.ReadBuildInfo()
	return buildOf(release, revision, info)
}

// buildOf is what the linker was told; of a build from a checkout, what go recorded.
func buildOf(release, revision string, info *debug.BuildInfo) diagnostics.Build {
	build := diagnostics.Build{Version: cmp.Or(release, "unknown"), Revision: revision}
	if release != "" || info == nil {
		return build
	}
	build.Version = cmp.Or(info.Main.Version, build.Version)
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			build.Revision = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			build.Revision += " (modified)"
		}
	}
	return build
}
