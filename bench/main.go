// Command bench measures what the service takes of the processor beside others that do less, all in one run, and prints a
// Markdown table (docs/performance.md, "The price of a request").
//
//	go run ./bench           a few minutes
//	go run ./bench -short    less than one
//	go run ./bench -edges    how the server starts, rests, streams a long list and takes a large import
//
// The peers are processes of their own on this machine: an upstream that answers accounts as Loop documents them; nginx and
// Go's ReverseProxy, which add the two headers and copy bytes; a service as the handbook of grpc-gateway has it; and the
// server that is built of this tree, with its token, policy, log, metrics and ledger.
//
// All live at once and are asked in turn, the order reversed in each second round. What counts is the ratio of two within a
// round: a machine that others use slows both. Processor time is the scheduler's account of a peer's threads.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		if serve, is := children[os.Args[1]]; is {
			if err := serve(os.Args[2:]); err != nil {
				fail(err)
			}
			return
		}
	}
	var (
		short    = flag.Bool("short", false, "few and short rounds: figures to look at, not to quote")
		rounds   = flag.Int("rounds", 5, "rounds of each cell")
		duration = flag.Duration("time", time.Second, "how long a peer is asked in a round")
		enforce  = flag.Bool("enforce", false, "fail where even the best round misses a goal")
		binary   = flag.String("server", "", "the server to measure; built of this tree without it")
		profile  = flag.String("profile", "", "a folder for profiles of the server, one of each cell and way, taken after its rounds")
		only     = flag.String("only", "", "measure cells of this name alone: 1, 100, 1000 or stream")
		edges    = flag.Bool("edges", false,
			"measure, instead of the peers, how the server starts, rests, streams a long list and takes a large import")
		traces = flag.Bool("traces", false,
			"measure, instead of the peers, the server beside another one that sends traces of one call in a hundred")
	)
	flag.Parse()
	if *short {
		*rounds, *duration = 3, 250*time.Millisecond
	}
	missed, err := run(*binary, *only, *profile, *rounds, *duration, *traces, *edges)
	if err != nil {
		fail(err)
	}
	if *enforce && missed > 0 {
		fail(fmt.Errorf("%d goals were missed in the best round, too", missed))
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

// run measures all cells and prints the tables.
func run(binary, only, profile string, rounds int, duration time.Duration, traces, edges bool) (missed int, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &bench{dir: dir, callers: 16, rounds: rounds, duration: duration, profiles: profile, traces: traces}
	defer b.stop()
	if binary == "" {
		binary = filepath.Join(dir, "server")
		if err := b.build(binary); err != nil {
			return 0, err
		}
	}
	if edges {
		return 0, b.edges(binary)
	}
	if err := b.start(binary); err != nil {
		return 0, err
	}
	load := loadOfMachine()
	var cells []cell
	for _, items := range []int{1, 100, 1000} {
		name := fmt.Sprint(items)
		if only != "" && only != name {
			continue
		}
		measured, err := b.cell(name, b.unary(items))
		if err != nil {
			return 0, err
		}
		cells = append(cells, measured)
	}
	if !traces && only == "" || only == "stream" {
		measured, err := b.cell("stream", b.streams())
		if err != nil {
			return 0, err
		}
		cells = append(cells, measured)
	}
	missed = report(os.Stdout, cells, b.peers, fmt.Sprintf("%d rounds of %s, %d callers, load of the machine %s before",
		rounds, duration, b.callers, load))
	return missed, nil
}

// cell asks the targets in turn, for as many rounds as are wanted.
func (b *bench) cell(name string, targets []target) (cell, error) {
	out := cell{name: name, samples: map[string][]sample{}}
	for _, target := range targets { // connections, caches and what is learnt of pages
		if err := target.warm(b.callers); err != nil {
			return cell{}, fmt.Errorf("%s, %s items: %w", target.name, name, err)
		}
	}
	for round := range b.rounds {
		order := slices.Clone(targets)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, target := range order {
			got, err := target.measure(b.callers, b.duration)
			if err != nil {
				return cell{}, fmt.Errorf("%s, %s items: %w", target.name, name, err)
			}
			out.samples[target.name] = append(out.samples[target.name], got)
		}
	}
	if b.profiles != "" {
		for _, target := range targets {
			if target.peer != b.server {
				continue
			}
			if err := b.profile(target, filepath.Join(b.profiles, strings.ReplaceAll(target.name+" "+name, " ", "-")+".pprof")); err != nil {
				return cell{}, err
			}
		}
	}
	for _, target := range targets {
		out.order = append(out.order, target.name)
	}
	return out, nil
}

// profile asks for a while and keeps what the server spends its time on.
func (b *bench) profile(t target, path string) error {
	const long = 5 * time.Second
	asked := make(chan error, 1)
	go func() {
		_, err := t.during(b.callers, long+time.Second)
		asked <- err
	}()
	text, err := get(fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", strings.TrimSuffix(t.peer.metrics, "/metrics"), int(long.Seconds())))
	allocated, err2 := get(strings.TrimSuffix(t.peer.metrics, "/metrics") + "/debug/pprof/allocs")
	return errors.Join(err, err2, <-asked, os.WriteFile(path, text, 0o600), os.WriteFile(path+".allocs", allocated, 0o600))
}

func get(address string) ([]byte, error) {
	response, err := http.Get(address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	return io.ReadAll(response.Body)
}
