// Package examples holds files to start from; `server config example` prints those of serve.
package examples

import _ "embed"

// What serve reads.
var (
	//go:embed serve/gateway.yaml
	Gateway []byte
	//go:embed serve/practices/partner.yaml
	Practice []byte
	//go:embed serve/policy.yaml
	Policy []byte
)
