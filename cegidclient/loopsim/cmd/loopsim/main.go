// Command loopsim serves the simulated Loop API with the sandbox world.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"cegid.internal/gateway/cegidclient/loopsim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "loopsim:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("loopsim", flag.ContinueOnError)
	flags.SetOutput(stderr)
	listen := flags.String("listen", "127.0.0.1:8089", "`address` to listen on; port 0 takes a free one")
	pageCap := flags.Int("page-cap", 100, "most `rows` that a list answers at once, 0 for no cap")
	importDelay := flags.Duration("import-delay", 150*time.Millisecond, "`time` that an import waits, and then runs, before it is booked")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *pageCap < 0 {
		return fmt.Errorf("--page-cap %d is negative", *pageCap)
	}
	if *importDelay < 0 {
		return fmt.Errorf("--import-delay %v is negative", *importDelay)
	}

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", *listen)
	if err != nil {
		return err
	}
	options := []loopsim.Option{loopsim.WithPageCap(*pageCap), loopsim.WithImportDelays(*importDelay, *importDelay)}
	tcp, ok := listener.Addr().(*net.TCPAddr)
	loopback := ok && tcp.IP.IsLoopback()
	if loopback {
		options = append(options, loopsim.WithLoopback())
	}
	sim := loopsim.NewSandbox(options...)
	server := &http.Server{
		Handler:           sim,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(stderr, "loopsim: ", 0),
	}
	announce(stdout, "http://"+listener.Addr().String(), sim.BasePath(), loopback)

	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		sim.Close()
		return err
	case <-ctx.Done():
	}
	sim.Close() // first: Shutdown waits for the answers that faults hold back
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		_ = server.Close()
	}
	<-served
	return nil
}

func announce(w io.Writer, origin, basePath string, loopback bool) {
	fmt.Fprintf(w, `Simulated Loop API   %s%s/
Inspection page      %s/_sim/

Subscription keys    %s
                     %s
Practice %-11s %-47s (Advanced)  CEGID001, CEGID003
Practice %-11s %-47s (Standard)  DOSSIER_TEST, %s

`, origin, basePath, origin,
		loopsim.SandboxSubscriptionPrimary, loopsim.SandboxSubscriptionSecondary,
		loopsim.SandboxDemo, loopsim.SandboxDemoAPIKey,
		loopsim.SandboxPartner, loopsim.SandboxPartnerAPIKey, loopsim.SandboxLargeDossier)
	for _, r := range loopsim.Routes() {
		query := "?codeDossier=…"
		switch r.Path {
		case "/importJson", "/importFEC", "/importTRA", "/importPerso", "/checkCollaborateurAccess", "/partialInit":
			query = ""
		case "/AgenceCabinet", "/groupe", "/CollaborateurCabinet", "/engagement":
			query = "?codeDossier=cabinet"
		case "/giActivitesMission":
			query = "?codeDossier=cabinet&filter=…"
		case "/getFileUrlDeposit":
			query = "?filename=…"
		case "/getImportStatus":
			query = "?accountingImportRequestId=…"
		case "/EcritureComptable":
			query += "&filter=…"
		}
		fmt.Fprintf(w, "%-6s %s%s%s\n", r.Method, basePath, r.Path, query)
	}
	fmt.Fprintf(w, `
curl -H 'Ocp-Apim-Subscription-Key: %s' -H 'x-apikey: %s' '%s%s/compte?codeDossier=CEGID001&take=2'
`, loopsim.SandboxSubscriptionPrimary, loopsim.SandboxDemoAPIKey, origin, basePath)
	if !loopback {
		fmt.Fprint(w, "\nNot a loopback address: everyone who reaches it can use and reset the simulator.\n")
	}
}
