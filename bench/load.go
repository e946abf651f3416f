package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// target is one way to ask a peer.
type target struct {
	name string
	peer *peer
	ask  func(context.Context) (bytes int, err error)
	// least is the fewest bytes of a right answer: an error must not pass for a fast one.
	least int
}

// sample is what a peer took in a round.
type sample struct {
	cpu      time.Duration // of the peer, for one request
	p50      time.Duration
	rate     float64 // requests a second
	mallocs  float64 // for one request; 0 where nobody counts them
	requests int
}

func (t target) once(ctx context.Context) error {
	n, err := t.ask(ctx)
	if err == nil && n < t.least {
		err = fmt.Errorf("the answer has %d bytes, at least %d were expected", n, t.least)
	}
	return err
}

// warm asks until a peer has its connections.
func (t target) warm(callers int) error {
	_, err := t.during(callers, 300*time.Millisecond)
	return err
}

// during has callers ask for a while, and returns how long each request took.
func (t target) during(callers int, limit time.Duration) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit+time.Minute)
	defer cancel()
	until := time.Now().Add(limit)
	var (
		mu    sync.Mutex
		took  []time.Duration
		fault error
		all   sync.WaitGroup
	)
	for range callers {
		all.Go(func() {
			var mine []time.Duration
			for {
				began := time.Now()
				if !began.Before(until) {
					break
				}
				if err := t.once(ctx); err != nil {
					mu.Lock()
					fault = errors.Join(fault, err)
					mu.Unlock()
					return
				}
				mine = append(mine, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
		})
	}
	all.Wait()
	return took, fault
}

// measure asks for a moment first, which is not counted.
func (t target) measure(callers int, limit time.Duration) (sample, error) {
	if _, err := t.during(callers, 150*time.Millisecond); err != nil {
		return sample{}, err
	}
	mallocs := t.peer.mallocs() // first: to gather metrics takes milliseconds, which are no request's
	before, began := t.peer.cpu(), time.Now()
	took, err := t.during(callers, limit)
	if err != nil {
		return sample{}, err
	}
	n := len(took)
	if n == 0 {
		return sample{}, errors.New("nothing was answered in time")
	}
	used, elapsed := t.peer.cpu()-before, time.Since(began)
	slices.Sort(took)
	out := sample{cpu: used / time.Duration(n), p50: took[n/2], rate: float64(n) / elapsed.Seconds(), requests: n}
	if after := t.peer.mallocs(); after > 0 {
		out.mallocs = (after - mallocs) / float64(n)
	}
	return out, nil
}

// cpu is the processor time of a peer's threads so far.
func (p *peer) cpu() (total time.Duration) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.pid))
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // it has just ended
		}
		first, _, _ := strings.Cut(string(text), " ")
		n, _ := strconv.ParseInt(first, 10, 64)
		total += time.Duration(n)
	}
	return total
}

// peak is the most memory that a peer has had, in MiB.
func (p *peer) peak() float64 { return p.status("VmHWM:") }

// status is a figure of /proc/PID/status that is in kB, in MiB.
func (p *peer) status(name string) float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	for line := range strings.SplitSeq(string(text), "\n") {
		if rest, is := strings.CutPrefix(line, name); is {
			n, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
			return n / 1024
		}
	}
	return 0
}

// mallocs is how many objects a peer has allocated so far, as its metrics say; 0 without any.
func (p *peer) mallocs() float64 {
	if p.metrics == "" {
		return 0
	}
	text, _ := get(p.metrics)
	for line := range strings.SplitSeq(string(text), "\n") {
		if rest, is := strings.CutPrefix(line, mallocsMetric+" "); is {
			n, _ := strconv.ParseFloat(rest, 64)
			return n
		}
	}
	return 0
}

const mallocsMetric = "go_memstats_mallocs_total"

func loadOfMachine() string {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// overHTTP asks for addresses in turn and reads each answer to its end.
func overHTTP(token string, addresses ...string) func(context.Context) (int, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}
	var turn atomic.Uint64
	return func(ctx context.Context) (int, error) {
		address := addresses[turn.Add(1)%uint64(len(addresses))]
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return 0, err
		}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := client.Do(request)
		if err != nil {
			return 0, err
		}
		defer func() { _ = response.Body.Close() }()
		n, err := io.Copy(io.Discard, response.Body)
		if err == nil && response.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s answered %s", address, response.Status)
		}
		return int(n), err
	}
}

// overGRPC calls a method with requests in turn and counts the bytes of its answers, without making messages of them.
func overGRPC[M proto.Message](conn *grpc.ClientConn, method, token string, streams bool,
	requests ...M,
) func(context.Context) (int, error) {
	var turn atomic.Uint64
	var messages [][]byte
	var wrong error
	for _, request := range requests {
		message, err := proto.Marshal(request)
		messages, wrong = append(messages, message), errors.Join(wrong, err)
	}
	return func(ctx context.Context) (int, error) {
		if wrong != nil {
			return 0, wrong
		}
		message := messages[turn.Add(1)%uint64(len(messages))]
		if token != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
		}
		var counted int
		if !streams {
			err := conn.Invoke(ctx, method, &message, &counted, grpc.ForceCodecV2(counting{}), grpc.MaxCallRecvMsgSize(64<<20))
			return counted, err
		}
		stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method, grpc.ForceCodecV2(counting{}),
			grpc.MaxCallRecvMsgSize(64<<20))
		if err != nil {
			return 0, err
		}
		if err := errors.Join(stream.SendMsg(&message), stream.CloseSend()); err != nil {
			return 0, err
		}
		for {
			var size int
			switch err := stream.RecvMsg(&size); {
			case errors.Is(err, io.EOF):
				return counted, nil
			case err != nil:
				return counted, err
			}
			counted += size
		}
	}
}

// counting is a codec that makes nothing of what it is given.
type counting struct{}

var _ encoding.CodecV2 = counting{}

func (counting) Name() string { return "proto" }

func (counting) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(bytes.Clone(*v.(*[]byte)))}, nil
}

func (counting) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*int) = data.Len()
	return nil
}

// pagesOf asks several times, one after another, as a client that follows page tokens does.
func pagesOf(page func(context.Context) (int, error), pages int) func(context.Context) (int, error) {
	return func(ctx context.Context) (total int, err error) {
		for range pages {
			n, err := page(ctx)
			if err != nil {
				return total, err
			}
			total += n
		}
		return total, nil
	}
}
