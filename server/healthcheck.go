package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode"

	"cegid.internal/gateway/server/internal/config"
)

// sandboxAddress is where a sandbox answers over HTTP unless it was told otherwise.
const sandboxAddress = "127.0.0.1:8080"

// healthcheckCommand asks the server beside it: an image without a shell has nothing else that could.
type healthcheckCommand struct {
	Config  string        `type:"path" placeholder:"FILE" help:"Configuration that serve runs with. Without one, or where there is no such file, a sandbox is asked."`
	Address string        `placeholder:"HOST:PORT" help:"HTTP address to ask instead of the configured one, or of the sandbox's 127.0.0.1:8080."`
	Timeout time.Duration `default:"3s" help:"Longest wait for the answer (${default})."`
}

func (c *healthcheckCommand) Run(ctx context.Context) error {
	listener, note := config.HTTPListener{Address: sandboxAddress}, ""
	if c.Config != "" {
		found, err := config.LoadHTTPListener(c.Config)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			note = fmt.Sprintf(" (there is no %s, so a sandbox was asked)", c.Config)
		case err != nil:
			return err
		default:
			listener = found
		}
	}
	if c.Address != "" {
		listener.Address = c.Address
	}
	if _, port, err := net.SplitHostPort(listener.Address); err != nil || port == "0" {
		return fmt.Errorf("%q is no address to ask: give one as host:port with --address", listener.Address)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	var seen error
	for {
		err := askReady(ctx, listener)
		if seen != nil && ctx.Err() != nil {
			err = seen // more than that time was over
		}
		if errors.Is(err, errOtherCertificate) {
			seen = err
			// A server that is about to see its new certificate looks once a second.
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
				continue
			}
		}
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("%s does not answer within %s%s", listener.Address, c.Timeout, note)
		case err != nil:
			return fmt.Errorf("%s: %w%s", listener.Address, err, note)
		}
		fmt.Println("ready")
		return nil
	}
}

var errOtherCertificate = errors.New("it shows another certificate than the file that tls.certificate names")

// askReady asks an HTTP listener whether the service takes calls. It follows no redirect and uses no proxy.
func askReady(ctx context.Context, listener config.HTTPListener) error {
	url := "http://localhost/readyz"
	transport := &http.Transport{
		DisableKeepAlives: true,
		// The host of the URL is not looked up: an image without /etc/hosts may not know localhost.
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, listener.Address)
		},
	}
	if listener.Certificate != "" {
		url = "https://localhost/readyz"
		leaf, err := leafOf(listener.Certificate)
		if err != nil {
			return err
		}
		transport.TLSClientConfig = &tls.Config{
			MinVersion: tls.VersionTLS12,
			// The certificate names what callers call, not this machine's loopback, and its issuer may be unknown here. So the
			// very certificate of the file is asked for, which is stricter than any name.
			InsecureSkipVerify: true,
			VerifyConnection: func(state tls.ConnectionState) error {
				if len(state.PeerCertificates) == 0 || !bytes.Equal(state.PeerCertificates[0].Raw, leaf) {
					return errOtherCertificate
				}
				return nil
			},
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		if dialing := (*net.OpError)(nil); errors.As(err, &dialing) {
			return dialing.Err // without the address once more
		}
		return err
	}
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusServiceUnavailable:
		why, _ := io.ReadAll(io.LimitReader(response.Body, 200)) // half of a reason is one
		return fmt.Errorf("not ready: %s", strings.Map(printable, strings.TrimSpace(string(why))))
	default:
		return fmt.Errorf("it answers HTTP %d to /readyz, which this service never does: TLS differs from the configuration, "+
			"or something else listens there", response.StatusCode)
	}
}

// printable drops what is none: another program may have answered.
func printable(r rune) rune {
	if !unicode.IsPrint(r) {
		return -1
	}
	return r
}

// leafOf returns the first certificate of a PEM file, in DER: the one that is the server's own.
func leafOf(path string) ([]byte, error) {
	rest, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("tls.certificate: %w", err)
	}
	for {
		var block *pem.Block
		switch block, rest = pem.Decode(rest); {
		case block == nil:
			return nil, fmt.Errorf("tls.certificate: %s holds no certificate in PEM", path)
		case block.Type == "CERTIFICATE":
			return block.Bytes, nil
		}
	}
}
