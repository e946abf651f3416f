package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
)

// TestHealthcheck: of a running service, the way a container's engine asks.
func TestHealthcheck(t *testing.T) {
	for _, c := range []struct {
		name string
		// before the start, then after it
		prepare, do func(t *testing.T, w *world)
		fails       string
	}{
		{name: "in plaintext"},
		{name: "over TLS, by a certificate that names no loopback and whose issuer is unknown", prepare: withTLS},
		{name: "while its certificate is rotated", prepare: withTLS, do: withTLS},
		{
			name: "while the new key is there before its certificate", prepare: withTLS, do: func(t *testing.T, w *world) {
				_, key := newAuthority(t).sign(t, 3)
				w.write(t, "tls.key", key)
			},
		},
		{
			name: "while the policy is being edited", do: func(t *testing.T, w *world) { w.write(t, "policy.yaml", "callers: [") },
		},
		{
			name: "while other keys of the configuration are being edited", do: func(t *testing.T, w *world) {
				w.settings["practices"], w.settings["listne"] = "[]", "{}"
				w.config(t)
			},
		},
		{
			name: "after the secrets went away", do: func(t *testing.T, w *world) {
				testkit.OK(t, os.RemoveAll(w.path("secrets")))
			},
		},
		{
			name: "when the configuration names a certificate that it does not show", prepare: withTLS, do: func(t *testing.T, w *world) {
				certificate, key := newAuthority(t).sign(t, 3)
				w.write(t, "other.crt", certificate)
				w.write(t, "other.key", key)
				w.settings["tls"] = "{certificate: other.crt, key: other.key}"
				w.config(t)
			},
			fails: "another certificate than the file that tls.certificate names",
		},
		{
			name: "when the configuration says TLS and it speaks plaintext", do: func(t *testing.T, w *world) {
				withTLS(t, w)
				w.config(t)
			},
			fails: "does not look like a TLS handshake",
		},
		{
			name: "when the configuration says plaintext and it speaks TLS", prepare: withTLS, do: func(t *testing.T, w *world) {
				w.settings["tls"] = "off"
				w.config(t)
			},
			fails: "it answers HTTP 400 to /readyz",
		},
		{
			name: "when the configuration no longer says how", do: func(t *testing.T, w *world) {
				delete(w.settings, "tls")
				w.config(t)
			},
			fails: "gateway.yaml does not say where HTTP is answered, or with which certificate",
		},
		{
			name: "when the configuration is no YAML", do: func(t *testing.T, w *world) { w.write(t, "gateway.yaml", "listen: [") },
			fails: "this is not valid YAML",
		},
		{
			name: "when the certificate's file holds none", prepare: withTLS, do: func(t *testing.T, w *world) { w.write(t, "tls.crt", "nothing\n") },
			fails: "tls.crt holds no certificate in PEM",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.prepare != nil {
				c.prepare(t, w)
			}
			p := w.serve(t, "")
			if c.do != nil {
				c.do(t, w)
			}
			out, said, code := run(t, "healthcheck", "--config", w.path("gateway.yaml"), "--address", p.http)
			expectHealth(t, out, said, code, c.fails)
			p.stop(t)
		})
	}
}

// withTLS gives the world a certificate, or another one.
func withTLS(t *testing.T, w *world) {
	t.Helper()
	certificate, key := newAuthority(t).sign(t, time.Now().UnixNano())
	w.write(t, "tls.crt", certificate)
	w.write(t, "tls.key", key)
	w.settings["tls"] = "{certificate: tls.crt, key: tls.key}"
}

func expectHealth(t *testing.T, out, said string, code int, fails string) {
	t.Helper()
	switch {
	case fails == "" && (code != 0 || out != "ready\n" || said != ""):
		t.Errorf("code %d, saying %q and %q; want it ready", code, out, said)
	case fails != "" && (code != 1 || out != "" || !strings.Contains(said, fails) || strings.Count(said, "\n") != 1):
		t.Errorf("code %d, saying %q and %q; want 1 and one sentence with %q", code, out, said, fails)
	}
}

// TestHealthcheckAsksTheAddressOfTheConfiguration: as written there, also without a host.
func TestHealthcheckAsksTheAddressOfTheConfiguration(t *testing.T) {
	for _, c := range []struct {
		name, host string
		fails      string
	}{
		{name: "every interface", host: ""},
		{name: "every interface of IPv4", host: "0.0.0.0"},
		{name: "loopback", host: "127.0.0.1"},
		{name: "an address that nobody listens on", host: "127.0.0.2", fails: "connection refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			answers := httptest.NewServer(answersWith(http.StatusOK))
			defer answers.Close()
			_, port, _ := net.SplitHostPort(answers.Listener.Addr().String())
			w := newWorld(t)
			w.settings["listen"] = fmt.Sprintf(`{http: "%s:%s"}`, c.host, port)
			out, said, code := run(t, "healthcheck", "--config", w.config(t))
			expectHealth(t, out, said, code, c.fails)
		})
	}
	t.Run("a free port", func(t *testing.T) {
		t.Parallel()
		out, said, code := run(t, "healthcheck", "--config", newWorld(t).config(t))
		expectHealth(t, out, said, code, `"127.0.0.1:0" is no address to ask: give one as host:port with --address`)
	})
}

// TestHealthcheckAsksTheOperationsWhereHealthIsNotPublic: there in plaintext, whatever tls says.
func TestHealthcheckAsksTheOperationsWhereHealthIsNotPublic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	withTLS(t, w)
	w.settings["public"] = "{health: false}"
	p := w.serve(t, "")
	out, said, code := run(t, "healthcheck", "--config", w.path("gateway.yaml"), "--address", p.operations)
	expectHealth(t, out, said, code, "")
	_, said, code = run(t, "healthcheck", "--config", w.path("gateway.yaml"), "--address", p.http)
	expectHealth(t, "", said, code, "HTTP 400 to /readyz")
	p.stop(t)
}

// TestHealthcheckWithoutConfiguration: of a sandbox, or of what is in its place.
func TestHealthcheckWithoutConfiguration(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	testkit.OK(t, err)
	defer func() { _ = silent.Close() }()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	testkit.OK(t, err)
	_ = closed.Close()
	for _, c := range []struct {
		name    string
		handler http.Handler
		address string
		fails   string
	}{
		{name: "ready", handler: answersWith(http.StatusOK)},
		{name: "not ready", handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "the ledger\x1b does not answer\n"+strings.Repeat("x", 1000), http.StatusServiceUnavailable)
		}), fails: "not ready: the ledger does not answerxxx"},
		{name: "another program", handler: answersWith(http.StatusNotFound), fails: "it answers HTTP 404 to /readyz, which this service never does"},
		{name: "a redirect to what is ready", handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/readyz" {
				http.Redirect(w, r, "/ready", http.StatusFound)
			}
		}), fails: "it answers HTTP 302"},
		{name: "silence", address: silent.Addr().String(), fails: "does not answer within 300ms"},
		{name: "nobody", address: closed.Addr().String(), fails: "connection refused"},
		{name: "no port", address: "localhost", fails: "is no address to ask"},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := c.address
			if c.handler != nil {
				server := httptest.NewServer(c.handler)
				defer server.Close()
				address = server.Listener.Addr().String()
			}
			out, said, code := run(t, "healthcheck", "--address", address, "--timeout", "300ms")
			expectHealth(t, out, said, code, c.fails)
			// In the image, where the command names the file that serve reads.
			nowhere := t.TempDir() + "/gateway.yaml"
			out, said, code = run(t, "healthcheck", "--config", nowhere, "--address", address, "--timeout", "300ms")
			if c.fails != "" && c.name != "no port" {
				c.fails = "(there is no " + nowhere + ", so a sandbox was asked)"
			}
			expectHealth(t, out, said, code, c.fails)
		})
	}
}

// answersWith answers a client that asks the right question.
func answersWith(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/readyz" || r.Host != "localhost" {
			code = http.StatusTeapot
		}
		w.WriteHeader(code)
	})
}
