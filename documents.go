// Package gateway is the repository itself, as far as the server shows it: its documents, and the files that they lead to. It
// stands here because an embedded file cannot lie above its package.
package gateway

import "embed"

// Documents are guides and reference in Markdown, and examples, below their paths in the repository.
//
//go:embed README.md CONTRIBUTING.md SECURITY.md docs cegidclient/README.md deploy/README.md deploy/*.yaml examples/*.json examples/*.pdf examples/*.txt examples/serve
var Documents embed.FS
