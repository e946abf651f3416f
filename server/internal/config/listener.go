package config

import (
	"fmt"
	"os"
	"path/filepath"

	"cegid.internal/gateway/server/internal/strictyaml"
)

// HTTPListener is what somebody on the same machine needs in order to ask a server over HTTP.
type HTTPListener struct {
	// Address as host:port; an empty host is this machine.
	Address string
	// Certificate is the path of the certificate that the listener shows; empty when it speaks plaintext.
	Certificate string
}

// LoadHTTPListener reads where the configuration at path has probes answered over HTTP, and nothing else of it: a server that runs
// is not ill because somebody is changing files that it has read. The error is fs.ErrNotExist when there is no file.
func LoadHTTPListener(path string) (HTTPListener, error) {
	if _, err := os.Stat(path); err != nil {
		return HTTPListener{}, err
	}
	report := &strictyaml.Report{}
	root, ok := strictyaml.ReadFile(path, Keys(), report)
	if !ok {
		return HTTPListener{}, report.Err()
	}
	// Every other problem stays in the report: the next start will tell.
	top, _ := root.Fields()
	l := loader{report: report}
	listen, tls := l.listen(top.Get("listen")), l.tlsFiles(top.Get("tls"), filepath.Dir(path))
	if closed(top.Get("public")).Health && listen.Operations != "" {
		return HTTPListener{Address: listen.Operations}, nil
	}
	if listen.HTTP == "" || !tls.Off && tls.Certificate == "" {
		return HTTPListener{}, fmt.Errorf("%s does not say where HTTP is answered, or with which certificate; see: "+
			"server check --offline --config %s", path, path)
	}
	return HTTPListener{Address: listen.HTTP, Certificate: tls.Certificate}, nil
}
