package main

import (
	"errors"
	"fmt"
	"strings"

	"cegid.internal/gateway/server/internal/audit"
)

type auditCommand struct {
	Verify auditVerifyCommand `cmd:"" help:"Check that no record of an audit was changed, taken out or moved: ends with 0 if none was, with 1 and each place if one was."`
}

type auditVerifyCommand struct {
	Files []string `arg:"" type:"path" placeholder:"FILE" help:"Files of the audit, those of one server in the order in which they were written."`
	Holds string   `placeholder:"HASH" help:"Hash of a record that must be among them, as an earlier verify printed it for the end of a chain: nothing else shows whether the newest records were removed."`
}

func (c *auditVerifyCommand) Run() error {
	held := c.Holds == ""
	found, err := audit.Read(c.Files, func(r audit.Record) error {
		held = held || r.Hash == c.Holds
		return nil
	})
	if err != nil {
		return err
	}
	for _, chain := range found.Chains {
		fmt.Printf("chain %s: %d records, %d to %d, of %s to %s; ends with %s\n",
			chain.Name, chain.Records, chain.First.Sequence, chain.Last.Sequence,
			chain.First.Time.UTC().Format("2006-01-02 15:04:05"), chain.Last.Time.UTC().Format("2006-01-02 15:04:05"), chain.Last.Hash)
		if chain.First.Sequence > 1 {
			fmt.Printf("note: records 1 to %d of chain %s are in files that were not given\n", chain.First.Sequence-1, chain.Name)
		}
	}
	if found.Strange > 0 {
		fmt.Printf("note: %d lines are no records: other lines of a stream, or halves of records that a crash cut short\n", found.Strange)
	}
	if len(found.Chains) == 0 { // of an audit that was emptied nothing else tells
		return errNoAudit
	}
	if !held {
		found.Problems = append(found.Problems, "no record has the hash "+c.Holds)
	}
	if len(found.Problems) > 0 {
		return damaged(found)
	}
	return nil
}

var errNoAudit = errors.New("there is no record of an audit in these files")

// damaged is an error with each problem of an audit.
func damaged(found *audit.Audit) error {
	return fmt.Errorf("the audit is damaged:\n%s", strings.Join(found.Problems, "\n"))
}
