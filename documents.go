// Package gateway is the repository itself, as far as the server shows it: its documents, and the files that they lead to. It
// is here because an embedded file cannot lie above its package.
package gateway

import "embed"

// Documents are guides and reference in Markdown, and examples, below their paths in the repository.
//
//go:embed README.md CONTRIBUTING.md SECURITY.md docs cegidclient/README.md clients/python/README.md clients/typescript/README.md
//go:embed deploy/README.md deploy/*.yaml examples/*.json examples/*.pdf examples/*.txt examples/serve
//go:embed examples/curl/README.md examples/curl/sample.sh examples/java/README.md examples/java/pom.xml examples/java/src
//go:embed examples/python/README.md examples/python/*.py examples/rust/README.md examples/rust/build.rs examples/rust/src
//go:embed examples/typescript/README.md examples/typescript/sample.ts
var Documents embed.FS
