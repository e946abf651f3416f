package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// edge is a figure that is no ratio of two requests.
type edge struct {
	what     string
	measured float64
	most     float64
	unit     string
}

const (
	starts       = 9
	firsts       = 50
	imports      = 20
	connections  = 4096
	slowAccounts = 100_000
	slowPage     = 100
	slowAnswer   = 20 * time.Millisecond
	rested       = 3 * time.Second
)

// edges measures how the server starts and rests, what idle connections take, a long list of a slow Loop, and the largest import.
func (b *bench) edges(binary string) error {
	var err error
	if b.upstream, err = b.child("upstream"); err != nil {
		return err
	}
	b.token = "bench-edges"
	var out []edge
	for _, measure := range []func(string) ([]edge, error){b.beginnings, b.crowd, b.longList, b.largestImport} {
		measured, err := measure(binary)
		if err != nil {
			return err
		}
		out = append(out, measured...)
	}
	fmt.Print("| | measured | goal, at most |\n| --- | --- | --- |\n")
	for _, edge := range out {
		fmt.Printf("| %s | %.4g %s | %.4g %[3]s |\n", edge.what, edge.measured, edge.unit, edge.most)
	}
	return nil
}

// beginnings starts the server some times, and leaves the last one alone for a while.
func (b *bench) beginnings(binary string) ([]edge, error) {
	var took []float64
	var resting float64
	for i := range starts {
		p, began, err := b.launch(binary, "start"+strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		for {
			if response, err := http.Get("http://" + p.at.HTTP + "/readyz"); err == nil {
				_ = response.Body.Close()
				if response.StatusCode == http.StatusOK {
					break
				}
			}
			if time.Since(began) > time.Minute {
				return nil, fmt.Errorf("%s does not answer: %s", p.name, b.said(p.name))
			}
			time.Sleep(time.Millisecond)
		}
		took = append(took, float64(time.Since(began))/1e6)
		if i == starts-1 {
			time.Sleep(rested)
			resting = p.resident()
		}
		p.kill()
	}
	return []edge{
		{"from the program's start to `/readyz`, median of " + strconv.Itoa(starts), median(took), 200, "ms"},
		{"resident memory at rest", resting, 40, "MiB"},
	}, nil
}

// crowd opens connections of gRPC that ask nothing.
func (b *bench) crowd(binary string) ([]edge, error) {
	p, err := b.serve(binary, "crowded")
	if err != nil {
		return nil, err
	}
	defer p.kill()
	for range connections {
		conn, err := net.Dial("tcp", p.at.GRPC)
		if err != nil {
			return nil, err
		}
		defer func() { _ = conn.Close() }()
		// The preface of HTTP/2 and empty settings; the server answers with its own.
		if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(conn, make([]byte, 9)); err != nil {
			return nil, fmt.Errorf("a connection that asks nothing: %w", err)
		}
	}
	time.Sleep(rested)
	return []edge{{fmt.Sprintf("resident memory beside %d idle connections", connections), p.resident(), 200, "MiB"}}, nil
}

// longList reads a long list of a Loop that takes its time and gives short pages.
func (b *bench) longList(binary string) ([]edge, error) {
	slow := &bench{dir: filepath.Join(b.dir, "slow"), callers: 1}
	defer slow.stop()
	if err := os.Mkdir(slow.dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if slow.upstream, err = slow.child("upstream", slowAnswer.String(), strconv.Itoa(slowPage)); err != nil {
		return nil, err
	}
	if err := slow.startServer(binary); err != nil {
		return nil, err
	}
	var alone []float64
	query := fmt.Sprintf("/compte?codeDossier=%s&skip=0&take=%d", dossierOf(slowAccounts), slowPage)
	page := overHTTP("", "http://"+slow.upstream.at.HTTP+query)
	for range firsts {
		began := time.Now()
		if _, err := page(context.Background()); err != nil {
			return nil, err
		}
		alone = append(alone, float64(time.Since(began))/1e6)
	}
	var first []float64
	var whole float64
	for i := range firsts {
		one, all, err := slow.stream(i == firsts-1)
		if err != nil {
			return nil, err
		}
		first, whole = append(first, one), all
	}
	sequential := median(alone) * slowAccounts / slowPage
	return []edge{
		{fmt.Sprintf("the first of %d accounts, 100 a page and 20 ms each, after Loop's own answer, median of %d",
			slowAccounts, firsts), median(first) - median(alone), 5, "ms"},
		{"all of them ÷ one page after another", whole / sequential, .27, ""},
		{"most memory meanwhile", slow.server.peak(), 64, "MiB"},
	}, nil
}

// stream reads a stream to its first message, or to its end, and says after how many milliseconds each came.
func (b *bench) stream(toItsEnd bool) (first, whole float64, err error) {
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+b.token))
	defer cancel()
	began := time.Now()
	stream, err := looppb.NewReferenceDataServiceClient(b.serverConn).StreamAccounts(ctx, &looppb.StreamAccountsRequest{
		Practice: "demo", Dossier: dossierOf(slowAccounts),
	})
	if err != nil {
		return 0, 0, err
	}
	total := 0
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, 0, err
		}
		if total += len(message.GetAccounts()); first == 0 && total > 0 {
			if first = float64(time.Since(began)) / 1e6; !toItsEnd {
				return first, 0, nil
			}
		}
	}
	if total != slowAccounts {
		return 0, 0, fmt.Errorf("the stream had %d accounts of %d", total, slowAccounts)
	}
	return first, float64(time.Since(began)) / 1e6, nil
}

// largestImport sends the most entries that an import may have. What Loop's answer takes of the processor is in the figure, and is
// little.
func (b *bench) largestImport(binary string) ([]edge, error) {
	p, err := b.serve(binary, "importing")
	if err != nil {
		return nil, err
	}
	defer p.kill()
	conn, err := grpc.NewClient(p.at.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	client := looppb.NewImportServiceClient(conn)
	number := 0
	send := func(ctx context.Context) (int, error) {
		number++
		answer, err := client.ImportEntries(metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+b.token), importOf(number, 1000))
		if err == nil && answer.GetImportRecord().GetLoopRequestId() == "" {
			err = fmt.Errorf("the import is not Loop's: %v", answer.GetImportRecord().GetState())
		}
		return 1, err
	}
	var took []float64
	for range imports {
		before := p.cpu()
		if _, err := send(context.Background()); err != nil {
			return nil, err
		}
		took = append(took, float64(p.cpu()-before)/1e6)
	}
	if b.profiles != "" {
		one := &bench{callers: 1}
		if err := one.profile(target{name: "import", peer: p, ask: send}, filepath.Join(b.profiles, "import.pprof")); err != nil {
			return nil, err
		}
	}
	return []edge{{fmt.Sprintf("processor time of an import of 1,000 entries and 2,000 lines, without preflight, median of %d",
		imports), median(took), 15, "ms"}}, nil
}

// importOf is an import of so many entries, which no other has.
func importOf(number, entries int) *looppb.ImportEntriesRequest {
	request := &looppb.ImportEntriesRequest{
		Practice: "demo", Dossier: dossierOf(1000), RequestId: fmt.Sprintf("bench-%d", number),
		Options: &looppb.ImportOptions{SkipPreflight: true},
	}
	for i := range entries {
		amount := fmt.Sprintf("%d.%02d", 100+i+1000*(number/100), number%100)
		request.Entries = append(request.Entries, &looppb.Entry{
			Journal: "VE", Date: time.Date(2026, 1, 1+i%300, 0, 0, 0, 0, time.UTC).Format(time.DateOnly),
			Reference: fmt.Sprintf("F%d-%04d", number, i), DocumentReference: fmt.Sprintf("F%d-%04d", number, i),
			Lines: []*looppb.EntryLine{
				{Account: "41100000", Label: "Facture " + strconv.Itoa(i), Side: &looppb.EntryLine_Debit{Debit: amount}},
				{Account: "70600000", Label: "Facture " + strconv.Itoa(i), Side: &looppb.EntryLine_Credit{Credit: amount}},
			},
		})
	}
	return request
}

// resident is the memory that a peer has now, in MiB.
func (p *peer) resident() float64 { return p.status("VmRSS:") }
