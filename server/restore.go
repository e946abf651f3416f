package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"text/tabwriter"

	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/recall"
)

type ledgerRestoreCommand struct {
	Ledger   string   `required:"" xor:"where" type:"path" placeholder:"FILE" help:"The ledger that was put back from a copy: the one that the configuration names."`
	Postgres string   `required:"" xor:"where" placeholder:"REFERENCE" help:"Or where the connection string of its PostgreSQL is, as in the configuration."`
	Audit    []string `required:"" xor:"audit" type:"path" sep:"none" placeholder:"FILE" help:"File of the audit: all that were written since the copy was made, of each server in their order. May be given several times."`
	Damaged  bool     `help:"Go on with an audit in which records are missing or changed: the writes in them stay forgotten."`
	NoAudit  bool     `required:"" xor:"audit" help:"Go on without any audit: all that was sent since the copy was made stays forgotten, and its callers must not send it again."`
}

func (c *ledgerRestoreCommand) Run(ctx context.Context) (err error) {
	l, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	commit, _, err := l.NewestCommit(ctx)
	if err != nil {
		return err
	}
	sent, newest, err := c.read(commit)
	if err != nil {
		return err
	}
	done, err := l.Restore(ctx, sent, newest)
	if err != nil {
		return err
	}
	return reportRestored(done)
}

func (c *ledgerRestoreCommand) open(ctx context.Context) (*ledger.Ledger, error) {
	if c.Ledger != "" {
		return ledger.Open(ctx, c.Ledger)
	}
	dsn, err := postgresOf(c.Postgres)
	if err != nil {
		return nil, err
	}
	return ledger.OpenPostgres(ctx, dsn)
}

// read returns what the audit knows to have been sent, and the newest commit that it knows of.
func (c *ledgerRestoreCommand) read(commit int64) (sent []ledger.Sent, newest int64, err error) {
	sent, found, err := recall.Sent(c.Audit)
	if err != nil {
		return nil, 0, err
	}
	begins := int64(math.MaxInt64)
	for _, chain := range found.Chains {
		newest, begins = max(newest, chain.Last.Commit), min(begins, chain.Begins())
		if chain.First.Sequence > 1 && chain.First.Commit > commit {
			found.Problems = append(found.Problems, fmt.Sprintf("chain %s begins with record %d, and the ledger may have forgotten what is before "+
				"it: also give the file before", chain.Name, chain.First.Sequence))
		}
	}
	if len(found.Chains) > 0 && begins > commit {
		found.Problems = append(found.Problems, fmt.Sprintf("the ledger is at commit %d, and these files tell of nothing before commit %d: "+
			"give the files before, too", commit, begins))
	}
	switch {
	case len(found.Problems) > 0 && !c.Damaged:
		return nil, 0, damaged(found)
	case len(found.Chains) == 0 && !c.NoAudit:
		return nil, 0, errNoAudit
	}
	return sent, newest, nil
}

// reportRestored lists what is UNCERTAIN now.
func reportRestored(done ledger.Restored) error {
	fmt.Printf("the ledger knew %d of the writes of the audit; %d that it had forgotten are UNCERTAIN now. It may be used again\n",
		done.Known, len(done.Forgotten))
	if len(done.Forgotten) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PRACTICE\tDOSSIER\tCOLLECTION\tREQUEST_ID\tATTEMPT\tCALLER\tSENT\tENTRIES\tDEBIT\tLOOP_REQUEST_ID")
	for _, r := range done.Forgotten {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%d\t%s\t%s\n", r.Practice, r.Dossier, r.Collection, r.RequestID, r.Attempt, r.Caller,
			r.Submitted.UTC().Format("2006-01-02 15:04:05"), r.Totals.Entries, r.Totals.Debit, r.LoopRequestID)
	}
	return table.Flush()
}
