package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/server/internal/app"
	"cegid.internal/gateway/server/internal/audit"
	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/ledger"
)

type practiceCommand struct {
	Remove practiceRemoveCommand `cmd:"" help:"Remove a practice that is no longer in the configuration: show what is kept of it, or with --do export its records, erase what can identify people, and record that in the audit."`
}

type practiceRemoveCommand struct {
	Config    string `required:"" type:"path" placeholder:"FILE" help:"Configuration of the server, which does not run if its ledger is a file."`
	Practice  string `required:"" placeholder:"NAME" help:"Its name in the previous configuration."`
	Export    string `type:"path" placeholder:"FILE" help:"File to make with a record for each write, a line of JSON each. --do needs it."`
	By        string `placeholder:"NAME" help:"Who signs it off, for the audit. --do needs it."`
	Uncertain bool   `help:"Also while writes are UNCERTAIN: only the export then has what they could be found by in Loop."`
	Audit     string `type:"path" placeholder:"FILE" help:"File of an audit of its own, where a server that runs writes to that of the configuration."`
	Do        bool   `help:"Do it."`
}

func (c *practiceRemoveCommand) Run(ctx context.Context) (err error) {
	set, err := app.LoadSettings(c.Config)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(set.Config.Practices, func(p config.Practice) bool { return p.Name == c.Practice }) {
		return errors.New("the configuration has this practice: take it out first, so that nothing new is sent for it")
	}
	log := newLog(slog.LevelWarn)
	l, err := openLedger(ctx, set.Config, log, prometheus.NewRegistry())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := l.Held(ctx); err != nil {
		return err
	}
	remains, err := l.Remains(ctx, c.Practice)
	if err != nil {
		return err
	}
	fmt.Printf("practice %s: %d writes, %d deposits\n", c.Practice, remains.Submissions(), remains.Deposits)
	for _, state := range ledger.States() {
		if n := remains.States[state]; n > 0 {
			fmt.Printf("  %d are %s\n", n, state)
		}
	}
	switch uncertain := remains.States[ledger.Uncertain]; {
	case remains.Submissions() == 0 && remains.Deposits == 0:
		return errors.New("the ledger has nothing of a practice of this name; letter case counts")
	case remains.NotFinal() > 0:
		return fmt.Errorf("%d writes are not final: put the practice back, and wait until Loop has said what became of them", remains.NotFinal())
	case uncertain > 0 && !c.Uncertain:
		return fmt.Errorf("%d writes are UNCERTAIN: put the practice back and resolve them, or say --uncertain", uncertain)
	case !c.Do:
		fmt.Println("to be done with --do, --export FILE and --by NAME: all of it is exported; references, file names, findings, metadata, " +
			"notes and Loop's sentences are erased; ids, digests, totals and states stay for their time")
		return nil
	case c.Export == "" || c.By == "":
		return errors.New("--do needs --export FILE, for what is erased, and --by NAME, who signs it off")
	}
	at := set.Config.Audit
	if c.Audit != "" {
		at = config.Audit{File: c.Audit}
	}
	if at.File == "" {
		return errors.New("the audit of the configuration is a stream: name a file for the record of this with --audit")
	}
	records, err := audit.Open(at, log, prometheus.NewRegistry())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	records.Number(l.Commit)
	return c.do(ctx, l, records, remains)
}

func (c *practiceRemoveCommand) do(ctx context.Context, l *ledger.Ledger, records *audit.Sink, remains ledger.Remains) error {
	exported, sum, err := c.export(ctx, l)
	if err != nil {
		return err
	}
	if err := l.Erase(ctx, c.Practice); err != nil {
		return err
	}
	summary := []slog.Attr{
		slog.String("event", "practice_removed"), slog.String("practice", c.Practice), slog.String("signed_off_by", c.By),
		slog.Int("writes", remains.Submissions()), slog.Int("deposits", remains.Deposits), slog.Int("exported", exported),
		slog.String("export_sha256", sum),
	}
	for _, state := range ledger.States() {
		if n := remains.States[state]; n > 0 {
			summary = append(summary, slog.Int(string(state), n))
		}
	}
	if err := records.Ahead(ctx, summary...); err != nil {
		return fmt.Errorf("it is erased, and the audit does not have it: %w; repeat the command with another --export", err)
	}
	fmt.Printf("exported %d writes to %s (SHA-256 %s), and erased what can name people\n", exported, c.Export, sum)
	return nil
}

// export writes a line for each write, then one for each deposit, durably.
func (c *practiceRemoveCommand) export(ctx context.Context, l *ledger.Ledger) (n int, sum string, err error) {
	file, err := os.OpenFile(c.Export, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return 0, "", fmt.Errorf("%s is there already, and is not replaced", c.Export)
	}
	if err != nil {
		return 0, "", err
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil { // half of one must not pass for an export
			err = errors.Join(err, os.Remove(c.Export))
		}
	}()
	hash := sha256.New()
	out := bufio.NewWriter(io.MultiWriter(file, hash))
	lines := json.NewEncoder(out)
	err = l.Each(ctx, c.Practice, func(r ledger.Record) error {
		n++
		return lines.Encode(exportOf(r))
	})
	if err == nil {
		err = l.EachDeposit(ctx, c.Practice, func(d ledger.Deposit) error { return lines.Encode(exportedDeposit{depositOf(d)}) })
	}
	if err = errors.Join(err, out.Flush(), file.Sync(), ledger.SyncFolder(c.Export)); err != nil { // else a crash takes its name away
		return 0, "", err
	}
	return n, fmt.Sprintf("%x", hash.Sum(nil)), nil
}

// exportedWrite is a line of an export.
type exportedWrite struct {
	Practice           string             `json:"practice"`
	Dossier            string             `json:"dossier"`
	Collection         string             `json:"collection"`
	RequestID          string             `json:"request_id"`
	Attempt            int                `json:"attempt"`
	State              string             `json:"state"`
	Caller             string             `json:"caller"`
	Kind               string             `json:"kind"`
	Format             string             `json:"format,omitempty"`
	Content            string             `json:"content"`
	Entries            int                `json:"entries"`
	Lines              int                `json:"lines"`
	Debit              string             `json:"debit,omitempty"`
	Credit             string             `json:"credit,omitempty"`
	FirstDate          string             `json:"first_date,omitempty"`
	LastDate           string             `json:"last_date,omitempty"`
	DocumentReferences []string           `json:"document_references,omitempty"`
	Metadata           map[string]string  `json:"metadata,omitempty"`
	File               *ledger.File       `json:"file,omitempty"`
	LoopRequestID      string             `json:"loop_request_id,omitempty"`
	LoopIDs            map[string]string  `json:"loop_ids,omitempty"`
	Findings           []check.Finding    `json:"findings,omitempty"`
	Error              *ledger.Failure    `json:"error,omitempty"`
	FollowError        string             `json:"follow_error,omitempty"`
	Evidence           *ledger.Evidence   `json:"evidence,omitempty"`
	Resolution         *ledger.Resolution `json:"resolution,omitempty"`
	Created            time.Time          `json:"created"`
	Received           time.Time          `json:"received"`
	Submitted          time.Time          `json:"submitted,omitzero"`
	Updated            time.Time          `json:"updated"`
	Finished           time.Time          `json:"finished,omitzero"`
}

func exportOf(r ledger.Record) exportedWrite {
	return exportedWrite{
		Practice: r.Practice, Dossier: r.Dossier, Collection: string(r.Collection), RequestID: r.RequestID, Attempt: r.Attempt,
		State:  string(r.State),
		Caller: r.Caller, Kind: string(r.Kind), Format: r.Format, Content: r.Fingerprint.String(), Entries: r.Totals.Entries,
		Lines: r.Totals.Lines,
		Debit: r.Totals.Debit, Credit: r.Totals.Credit, FirstDate: r.Totals.FirstDate, LastDate: r.Totals.LastDate,
		DocumentReferences: r.DocumentReferences, Metadata: r.Metadata, File: r.File, LoopRequestID: r.LoopRequestID, LoopIDs: r.LoopIDs,
		Findings: r.Findings, Error: r.Error, FollowError: r.FollowError, Evidence: r.Evidence, Resolution: r.Resolution,
		Created: r.Created, Received: r.Received, Submitted: r.Submitted, Updated: r.Updated, Finished: r.Finished,
	}
}

// exportedDeposit is a line of an export, of a file that was deposited.
type exportedDeposit struct {
	Deposit deposited `json:"deposit"`
}

type deposited struct {
	ID       string            `json:"id"`
	Practice string            `json:"practice"`
	Dossier  string            `json:"dossier"`
	Caller   string            `json:"caller"`
	Format   string            `json:"format"`
	FileName string            `json:"file_name"`
	SHA256   string            `json:"sha256"`
	Size     int64             `json:"size"`
	URI      string            `json:"uri"`
	Entries  int               `json:"entries"`
	Lines    int               `json:"lines"`
	Debit    string            `json:"debit,omitempty"`
	Credit   string            `json:"credit,omitempty"`
	Report   ledger.FileReport `json:"report"`
	Created  time.Time         `json:"created"`
	Expires  time.Time         `json:"expires"`
}

func depositOf(d ledger.Deposit) deposited {
	return deposited{
		ID: d.ID, Practice: d.Practice, Dossier: d.Dossier, Caller: d.Caller, Format: d.Format, FileName: d.FileName,
		SHA256: fmt.Sprintf("%x", d.Digest),
		Size:   d.Size, URI: d.URI, Entries: d.Totals.Entries, Lines: d.Totals.Lines, Debit: d.Totals.Debit, Credit: d.Totals.Credit,
		Report: d.Report, Created: d.Created, Expires: d.Expires,
	}
}
