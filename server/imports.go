package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/smallfile"
)

// importsCommand looks at imports of a server that runs, and resolves those whose outcome is open. It is a caller like others: the
// policy says what its token or certificate may do.
type importsCommand struct {
	List     importsListCommand     `cmd:"" help:"List imports, the latest first: all that are UNCERTAIN unless states are given. Needs the right to operate or to read."`
	Show     importsShowCommand     `cmd:"" help:"Show an import. Needs the right to operate or to read."`
	Check    importsCheckCommand    `cmd:"" help:"Look for an import in Loop. Needs the right to operate, or to write."`
	Confirm  importsConfirmCommand  `cmd:"" help:"State the outcome of an import. Booked needs the right to operate, or to write; not booked needs administer too."`
	Resubmit importsResubmitCommand `cmd:"" help:"Send an import again that Loop does not show, from the file that holds what was sent. Needs write and administer."`
}

// serverAddress is a server to call, and how.
type serverAddress struct {
	Server      string        `default:"127.0.0.1:9090" placeholder:"HOST:PORT" help:"gRPC listener of the server (${default})."`
	Plaintext   bool          `help:"Call without TLS, where the server has tls: off."`
	Authorities string        `type:"existingfile" placeholder:"FILE" help:"Authorities that vouch for the server, in PEM; the system's unless given."`
	TokenFile   string        `type:"existingfile" placeholder:"FILE" help:"File that holds the caller's token; without it the variable LOOP_GATEWAY_TOKEN has it."`
	Certificate string        `type:"existingfile" placeholder:"FILE" help:"The caller's certificate, in PEM, instead of a token; with --key."`
	Key         string        `type:"existingfile" placeholder:"FILE" help:"Key of --certificate."`
	JSON        bool          `help:"Print what the server answers, as JSON: of a list, an import a line."`
	Timeout     time.Duration `default:"2m" help:"Longest wait for an answer (${default})."`
}

// call does something with the server.
func (a serverAddress) call(ctx context.Context, do func(context.Context, looppb.ImportServiceClient) error) error {
	transport, err := a.credentials()
	if err != nil {
		return err
	}
	token, err := a.token()
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient(a.Server, grpc.WithTransportCredentials(transport), grpc.WithUserAgent("server-imports"),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(16<<20)))
	if err != nil {
		return fmt.Errorf("%q is no address: give one as host:port", a.Server)
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	err = do(ctx, looppb.NewImportServiceClient(conn))
	if said, ok := status.FromError(err); err != nil && ok {
		if strings.Contains(said.Message(), "first record does not look like a TLS handshake") { // as crypto/tls says it
			return fmt.Errorf("%s speaks no TLS: if it has tls: off, add --plaintext", a.Server)
		}
		return fmt.Errorf("%s: %s", said.Code(), strings.Map(printable, said.Message()))
	}
	return err
}

func (a serverAddress) token() (string, error) {
	switch {
	case a.TokenFile != "":
		text, err := smallfile.Read(a.TokenFile, 64<<10)
		return strings.TrimSpace(string(text)), err
	case a.Certificate != "":
		return "", nil
	}
	if token := os.Getenv("LOOP_GATEWAY_TOKEN"); token != "" {
		return token, nil
	}
	return "", errors.New("the caller is unknown: set LOOP_GATEWAY_TOKEN, or give --token-file, or --certificate and --key")
}

func (a serverAddress) credentials() (credentials.TransportCredentials, error) {
	if a.Plaintext {
		if a.Certificate != "" || a.Authorities != "" {
			return nil, errors.New("--plaintext has no certificates: leave it out, or them")
		}
		return insecure.NewCredentials(), nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.Authorities != "" {
		text, err := smallfile.Read(a.Authorities, 1<<20)
		if err != nil {
			return nil, err
		}
		if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", a.Authorities)
		}
	}
	if a.Certificate != "" || a.Key != "" {
		pair, err := tls.LoadX509KeyPair(a.Certificate, a.Key)
		if err != nil {
			return nil, errors.New("--certificate and --key do not fit, or are not in PEM")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(config), nil
}

type importsListCommand struct {
	serverAddress
	Practice string   `default:"-" placeholder:"NAME" help:"Practice; - for all of them (${default})."`
	Dossier  string   `default:"-" placeholder:"CODE" help:"Dossier; - for all of them (${default})."`
	State    []string `default:"UNCERTAIN" placeholder:"STATE" help:"States, such as UNCERTAIN,FAILED,WAITING; ALL for each (${default})."`
	Most     int      `default:"1000" help:"Most imports to list (${default})."`
}

// Validate implements kong.Validatable.
func (c *importsListCommand) Validate() error {
	if c.Most < 1 {
		return errors.New("--most must be 1 or more")
	}
	return nil
}

func (c *importsListCommand) Run(ctx context.Context) error {
	request := &looppb.ListImportsRequest{Practice: c.Practice, Dossier: c.Dossier}
	for _, name := range c.State {
		if strings.EqualFold(name, "all") {
			request.States = nil
			break
		}
		state, known := looppb.ImportState_value["IMPORT_STATE_"+strings.ToUpper(name)]
		if !known || state == 0 {
			return fmt.Errorf("%q is no state of an import", name)
		}
		request.States = append(request.States, looppb.ImportState(state))
	}
	return c.call(ctx, func(ctx context.Context, client looppb.ImportServiceClient) error {
		var all []*looppb.Import
		for {
			request.PageSize = int32(min(c.Most-len(all), 500))
			page, err := client.ListImports(ctx, request)
			if err != nil {
				return err
			}
			all = append(all, page.GetImports()...)
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" || len(all) >= c.Most {
				break
			}
		}
		if request.PageToken != "" {
			defer fmt.Fprintf(os.Stderr, "there are more: --most %d\n", 2*c.Most)
		}
		if c.JSON {
			for _, record := range all {
				if err := printJSON(record); err != nil {
					return err
				}
			}
			return nil
		}
		table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "IMPORT\tSTATE\tAGE\tCALLER\tREASON")
		for _, record := range all {
			age := time.Since(record.GetCreateTime().AsTime()).Round(time.Second)
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", placeOf(record), stateName(record), age, record.GetCaller(), reasonOfImport(record))
		}
		return table.Flush()
	})
}

// importPlace names an import.
type importPlace struct {
	Import string `arg:"" placeholder:"PRACTICE/DOSSIER/ID" help:"Practice, dossier and request id of the import, as list shows them."`
}

// parts of the name. The dossier may hold a slash; the others may not.
func (p importPlace) parts() (practice, dossier, id string, err error) {
	practice, rest, ok := strings.Cut(p.Import, "/")
	at := strings.LastIndexByte(rest, '/')
	if !ok || at < 1 || practice == "" || at == len(rest)-1 {
		return "", "", "", fmt.Errorf("%q names no import: give it as PRACTICE/DOSSIER/ID", p.Import)
	}
	return practice, rest[:at], rest[at+1:], nil
}

type importsShowCommand struct {
	serverAddress
	importPlace
}

func (c *importsShowCommand) Run(ctx context.Context) error {
	practice, dossier, id, err := c.parts()
	if err != nil {
		return err
	}
	return c.call(ctx, func(ctx context.Context, client looppb.ImportServiceClient) error {
		got, err := client.GetImport(ctx, &looppb.GetImportRequest{Practice: practice, Dossier: dossier, RequestId: id})
		if err != nil {
			return err
		}
		return c.show(got.GetImportRecord())
	})
}

// resolve has a server do something about an import, and shows what came of it.
func (a serverAddress) resolve(ctx context.Context, place importPlace, request *looppb.ResolveImportRequest) (err error) {
	if request.Practice, request.Dossier, request.RequestId, err = place.parts(); err != nil {
		return err
	}
	return a.call(ctx, func(ctx context.Context, client looppb.ImportServiceClient) error {
		done, err := client.ResolveImport(ctx, request)
		if err != nil {
			return err
		}
		if done.GetReplayed() {
			fmt.Fprintln(os.Stderr, "the same was said, or sent, before: nothing was done now")
		}
		return a.show(done.GetImportRecord())
	})
}

type importsCheckCommand struct {
	serverAddress
	importPlace
}

func (c *importsCheckCommand) Run(ctx context.Context) error {
	look := &looppb.ResolveImportRequest_Check{Check: &looppb.CheckImport{}}
	return c.resolve(ctx, c.importPlace, &looppb.ResolveImportRequest{Action: look})
}

type importsConfirmCommand struct {
	serverAddress
	importPlace
	Booked    bool   `xor:"outcome" required:"" help:"It is in Loop's books."`
	NotBooked bool   `xor:"outcome" required:"" help:"It is not, and will not be: its caller may send it again."`
	Note      string `placeholder:"TEXT" help:"The reason, for people who read it later; needed unless a look whose search works has shown it."`
}

func (c *importsConfirmCommand) Run(ctx context.Context) error {
	word := &looppb.ConfirmImport{Outcome: looppb.StatedOutcome_STATED_OUTCOME_BOOKED, Note: c.Note}
	if c.NotBooked {
		word.Outcome = looppb.StatedOutcome_STATED_OUTCOME_NOT_BOOKED
	}
	stated := &looppb.ResolveImportRequest_Confirm{Confirm: word}
	return c.resolve(ctx, c.importPlace, &looppb.ResolveImportRequest{Action: stated})
}

type importsResubmitCommand struct {
	serverAddress
	importPlace
	From           string `required:"" type:"existingfile" placeholder:"FILE" help:"What was sent then, in JSON: the request of ImportEntries or ImportFile."`
	AllowDuplicate bool   `help:"Also if the same content was imported under another id within 30 days."`
}

func (c *importsResubmitCommand) Run(ctx context.Context) error {
	text, err := smallfile.Read(c.From, 64<<20)
	if err != nil {
		return err
	}
	again := &looppb.ResubmitImport{AllowDuplicate: c.AllowDuplicate}
	var entries looppb.ImportEntriesRequest
	var file looppb.ImportFileRequest
	switch {
	case protojson.Unmarshal(text, &entries) == nil && len(entries.GetEntries()) > 0:
		again.Payload = &looppb.ResubmitImport_Entries{
			Entries: &looppb.ResubmittedEntries{Options: entries.GetOptions(), Entries: entries.GetEntries()},
		}
	case protojson.Unmarshal(text, &file) == nil && (file.GetDepositId() != "" || file.GetUrl() != ""):
		once := &looppb.ResubmittedFile{Format: file.GetFormat(), Model: file.GetModel(), Siret: file.GetSiret()}
		if once.Source = (&looppb.ResubmittedFile_DepositId{DepositId: file.GetDepositId()}); file.GetUrl() != "" {
			once.Source = &looppb.ResubmittedFile_Url{Url: file.GetUrl()}
		}
		again.Payload = &looppb.ResubmitImport_File{File: once}
	default: // its error would quote the file
		return fmt.Errorf("%s holds no request of ImportEntries or ImportFile in JSON", c.From)
	}
	resubmit := &looppb.ResolveImportRequest_Resubmit{Resubmit: again}
	return c.resolve(ctx, c.importPlace, &looppb.ResolveImportRequest{Action: resubmit})
}

// show prints an import: what it is, why, and what to do.
func (a serverAddress) show(i *looppb.Import) error {
	if a.JSON {
		return printJSON(i)
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	row := func(name, text string) {
		if text != "" {
			_, _ = fmt.Fprintf(table, "%s\t%s\n", name, strings.Map(printable, text))
		}
	}
	at := func(name string, t interface{ AsTime() time.Time }) { row(name, t.AsTime().UTC().Format(time.RFC3339)) }
	row("import", placeOf(i))
	row("state", stateName(i))
	row("reason", reasonOfImport(i))
	row("message", i.GetError().GetMessage())
	row("Loop says", i.GetError().GetLoopMessage())
	row("caller", i.GetCaller())
	row("attempt", fmt.Sprint(i.GetAttempt()))
	row("Loop's id", i.GetLoopRequestId())
	at("received", i.GetCreateTime())
	at("changed", i.GetUpdateTime())
	row("following", i.GetFollowError())
	if len(i.GetDocumentReferences()) > 0 {
		row("references", strings.Join(i.GetDocumentReferences(), ", "))
	}
	if totals := i.GetTotals(); totals != nil {
		row("totals", fmt.Sprintf("%d entries, %s debit", totals.GetEntries(), totals.GetDebit()))
	}
	if evidence := i.GetResolution().GetEvidence(); evidence != nil {
		verdict := strings.TrimPrefix(evidence.GetVerdict().String(), "IMPORT_VERDICT_")
		if doubt := evidence.GetDoubt(); doubt != looppb.ImportDoubt_IMPORT_DOUBT_UNSPECIFIED {
			verdict += ", " + strings.TrimPrefix(doubt.String(), "IMPORT_DOUBT_")
		}
		row("evidence", verdict)
		row("", evidence.GetMessage())
		row("looked by", evidence.GetCaller())
	}
	if word := i.GetResolution().GetStatement(); word != nil {
		row("stated", strings.TrimPrefix(word.GetOutcome().String(), "STATED_OUTCOME_")+" by "+word.GetCaller()+" "+word.GetNote())
	}
	for _, late := range i.GetResolution().GetLateAnswers() {
		row("late answer", strings.TrimPrefix(late.GetState().String(), "IMPORT_STATE_")+" "+late.GetMessage()+": compare it with the books")
	}
	return table.Flush()
}

func placeOf(i *looppb.Import) string {
	return i.GetPractice() + "/" + i.GetDossier() + "/" + i.GetRequestId()
}

func stateName(i *looppb.Import) string {
	return strings.TrimPrefix(i.GetState().String(), "IMPORT_STATE_")
}

// reasonOfImport is why it has its state.
func reasonOfImport(i *looppb.Import) string {
	if reason := i.GetError().GetReason(); reason != "" {
		return reason
	}
	return i.GetFollowError()
}

// printJSON prints a message as a line.
func printJSON(message proto.Message) error {
	text, err := protojson.Marshal(message)
	if err == nil {
		_, err = fmt.Println(string(text))
	}
	return err
}
