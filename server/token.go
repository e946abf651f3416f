package main

import (
	"fmt"

	"cegid.internal/gateway/server/internal/policy"
)

type tokenCommand struct {
	New tokenNewCommand `cmd:"" help:"Print a new token and its hash for the policy."`
}

type tokenNewCommand struct{}

func (tokenNewCommand) Run() error {
	token, hash, err := policy.NewToken()
	if err != nil {
		return err
	}
	fmt.Printf("token, for the caller alone:  %s\nhash, for token_hashes:        %s\n", token, hash)
	return nil
}
