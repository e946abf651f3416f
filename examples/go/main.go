// Command sample does what a program does with the service: sample pages|stream|import ID|watch ID|error|deadline.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/gen"
	loopv1 "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, words []string) error {
	c, err := connect()
	if err != nil {
		return err
	}
	defer func() { _ = c.conn.Close() }()
	if token := os.Getenv("LOOP_TOKEN"); token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	id := ""
	if len(words) == 2 {
		id = words[1]
	}
	switch strings.Join(words[:min(len(words), 1)], "") {
	case "pages":
		return c.pages(ctx)
	case "stream":
		return c.stream(ctx)
	case "import":
		return c.importOne(ctx, id)
	case "watch":
		return c.watch(ctx, id)
	case "error":
		return c.mistake(ctx)
	case "deadline":
		return c.deadline(ctx)
	}
	return errors.New("pages, stream, import ID, watch ID, error or deadline")
}

// caller has a connection, and knows which dossier it is about.
type caller struct {
	conn              *grpc.ClientConn
	data              loopv1.ReferenceDataServiceClient
	imports           loopv1.ImportServiceClient
	practice, dossier string
}

// connect connects as the environment says: without TLS to the sandbox, or with a private authority.
func connect() (*caller, error) {
	transport := insecure.NewCredentials()
	if authority := os.Getenv("LOOP_AUTHORITY"); authority != "" {
		pem, err := os.ReadFile(authority)
		if err != nil {
			return nil, err
		}
		settings := &tls.Config{RootCAs: x509.NewCertPool()}
		if !settings.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", authority)
		}
		if chain := os.Getenv("LOOP_CERTIFICATE"); chain != "" {
			own, err := tls.LoadX509KeyPair(chain, os.Getenv("LOOP_KEY"))
			if err != nil {
				return nil, err
			}
			settings.Certificates = []tls.Certificate{own}
		}
		transport = credentials.NewTLS(settings)
	}
	conn, err := grpc.NewClient(env("LOOP_ADDRESS", "localhost:9090"),
		grpc.WithTransportCredentials(transport), grpc.WithDefaultServiceConfig(gen.ServiceConfig)) // repeats what may be repeated
	if err != nil {
		return nil, err
	}
	return &caller{
		conn, loopv1.NewReferenceDataServiceClient(conn), loopv1.NewImportServiceClient(conn),
		env("LOOP_PRACTICE", "demo"), env("LOOP_DOSSIER", "CEGID001"),
	}, nil
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// invoice is the import of a purchase invoice. Its number is the id, the same for each attempt.
func (c *caller) invoice(number, total string) *loopv1.ImportEntriesRequest {
	return &loopv1.ImportEntriesRequest{
		Practice: c.practice, Dossier: c.dossier, RequestId: number,
		Entries: []*loopv1.Entry{{
			Journal: "ACH", Date: "2026-03-15", Reference: number, DocumentReference: number,
			Lines: []*loopv1.EntryLine{
				{Account: "60700000", Label: "Achat", Side: &loopv1.EntryLine_Debit{Debit: "100.00"}},
				{Account: "44566000", Label: "TVA 20 %", Side: &loopv1.EntryLine_Debit{Debit: "20.00"}},
				{Account: "40100000", ThirdParty: "FEXEMPLE", Label: "Fournisseur", Side: &loopv1.EntryLine_Credit{Credit: total}},
			},
		}},
	}
}

// comeBack says how long to wait until a call may be repeated, if it may: as long as the service says, or for pause.
func comeBack(err error, pause time.Duration) (time.Duration, bool) {
	said, reason := status.Convert(err), ""
	for _, detail := range said.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			reason = detail.Reason
		case *errdetails.RetryInfo:
			pause = detail.RetryDelay.AsDuration()
		}
	}
	switch said.Code() {
	case codes.Unavailable:
		return pause, true
	case codes.ResourceExhausted: // without a reason it is the message that is too large
		return pause, reason != ""
	}
	return 0, false
}

// wait waits, unless the context ends before.
func wait(ctx context.Context, pause time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < pause {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

// submit imports, and repeats with the same id until there is an answer, as long as the context lives.
func (c *caller) submit(ctx context.Context, request *loopv1.ImportEntriesRequest) (*loopv1.ImportEntriesResponse, error) {
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		answer, err := c.imports.ImportEntries(ctx, request)
		if err == nil {
			return answer, nil
		}
		if after, again := comeBack(err, pause/2+rand.N(pause/2)); !again || !wait(ctx, after) {
			return nil, err
		}
	}
}

// follow tells each state of an import once, until it is final, through lost connections and restarts.
func (c *caller) follow(ctx context.Context, id string, tell func(state string)) error {
	var last loopv1.ImportState
	for {
		err := c.watchOnce(ctx, id, func(state loopv1.ImportState) {
			if state != last {
				last = state
				tell(strings.TrimPrefix(state.String(), "IMPORT_STATE_"))
			}
		})
		if last > loopv1.ImportState_IMPORT_STATE_RUNNING {
			return nil
		}
		if err == nil {
			continue // a watch ends after ten minutes
		}
		if after, again := comeBack(err, 500*time.Millisecond); !again || !wait(ctx, after) {
			return err
		}
	}
}

func (c *caller) watchOnce(ctx context.Context, id string, tell func(loopv1.ImportState)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watch, err := c.imports.WatchImport(ctx, &loopv1.WatchImportRequest{Practice: c.practice, Dossier: c.dossier, RequestId: id})
	if err != nil {
		return err
	}
	for {
		answer, err := watch.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		tell(answer.GetImportRecord().GetState())
	}
}

// pages lists accounts, twenty in a page; the token of a page asks for the next one.
func (c *caller) pages(ctx context.Context) error {
	var numbers []string
	request := &loopv1.ListAccountsRequest{Practice: c.practice, Dossier: c.dossier, PageSize: 20}
	for {
		page, err := c.data.ListAccounts(ctx, request)
		if err != nil {
			return err
		}
		for _, account := range page.GetAccounts() {
			numbers = append(numbers, account.GetNumber())
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			break
		}
	}
	fmt.Printf("pages: %d accounts, %s to %s\n", len(numbers), numbers[0], numbers[len(numbers)-1])
	return nil
}

// stream streams all accounts. A stream that was cut has no place to go on from: it begins anew.
func (c *caller) stream(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		count, err := c.countAccounts(ctx)
		if err == nil {
			fmt.Printf("stream: %d accounts\n", count)
			return nil
		}
		if _, again := comeBack(err, 0); !again || attempt == 5 {
			return err
		}
		fmt.Println("stream: cut, begun anew")
	}
}

func (c *caller) countAccounts(ctx context.Context) (count int, err error) {
	stream, err := c.data.StreamAccounts(ctx, &loopv1.StreamAccountsRequest{Practice: c.practice, Dossier: c.dossier})
	if err != nil {
		return 0, err
	}
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return count, nil
		}
		if err != nil {
			return 0, err
		}
		count += len(answer.GetAccounts())
	}
}

// importOne imports an invoice, which is booked once, however often this runs.
func (c *caller) importOne(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	answer, err := c.submit(ctx, c.invoice(id, "120.00"))
	if err != nil {
		return err
	}
	fmt.Printf("import %s: %s\n", id, map[bool]string{true: "replayed", false: "sent"}[answer.GetReplayed()])
	var last string
	if err := c.follow(ctx, id, func(state string) { last = state }); err != nil {
		return err
	}
	fmt.Printf("import %s: %s\n", id, last)
	if answer, err = c.submit(ctx, c.invoice(id, "120.00")); err != nil {
		return err
	}
	if answer.GetReplayed() {
		fmt.Printf("import %s: replayed\n", id)
	}
	return nil
}

// watch imports an invoice and follows it, through restarts of the service.
func (c *caller) watch(ctx context.Context, id string) error {
	if _, err := c.submit(ctx, c.invoice(id, "120.00")); err != nil {
		return err
	}
	return c.follow(ctx, id, func(state string) { fmt.Printf("watch %s: %s\n", id, state) })
}

// mistake reads an error: a reason for the program, a sentence for the accountant, and what to do.
func (c *caller) mistake(ctx context.Context) error {
	_, err := c.submit(ctx, c.invoice("FA-6", "119.00"))
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			fmt.Printf("error: %s\n", detail.GetReason())
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				fmt.Printf("error: at %s\nerror: %s\n", violation.GetField(), violation.GetLocalizedMessage().GetMessage())
			}
		}
	}
	if _, again := comeBack(err, 0); again {
		fmt.Println("error: repeat it")
	} else {
		fmt.Println("error: correct it")
	}
	return nil
}

// deadline waits one second and no longer.
func (c *caller) deadline(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := c.data.ListJournals(ctx, &loopv1.ListJournalsRequest{Practice: c.practice, Dossier: c.dossier})
	if status.Code(err) == codes.DeadlineExceeded {
		fmt.Println("deadline: DEADLINE_EXCEEDED")
		return nil
	}
	return err
}
