package main

import (
	"context"
	"fmt"

	"cegid.internal/gateway/server/internal/ledger"
)

type ledgerCommand struct {
	Init   ledgerInitCommand   `cmd:"" help:"Make an empty ledger, once. Never in place of a lost one: it would forget what was sent."`
	Backup ledgerBackupCommand `cmd:"" help:"Copy a ledger while no server uses it."`
}

type ledgerInitCommand struct {
	Ledger string `required:"" type:"path" placeholder:"FILE" help:"File to make: the one that the configuration names."`
}

func (c *ledgerInitCommand) Run(ctx context.Context) error {
	if err := ledger.Init(ctx, c.Ledger); err != nil {
		return err
	}
	fmt.Println("made", c.Ledger)
	return nil
}

type ledgerBackupCommand struct {
	Ledger string `required:"" type:"path" placeholder:"FILE" help:"Ledger to copy: the one that the configuration names."`
	To     string `required:"" type:"path" placeholder:"FILE" help:"File to make."`
}

func (c *ledgerBackupCommand) Run(ctx context.Context) error {
	submissions, err := ledger.Backup(ctx, c.Ledger, c.To)
	if err != nil {
		return err
	}
	fmt.Printf("copied %d submissions to %s\n", submissions, c.To)
	return nil
}
