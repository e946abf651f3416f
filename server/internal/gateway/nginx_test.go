package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
)

const watch = "/v1/practices/demo/dossiers/CEGID001/imports/FA-1:watch"

// TestNginxPassesAWatchOn: with its defaults, nginx delivers the first line while the second does not exist. A second server
// of the same nginx, which is told to overlook X-Accel-Buffering, shows that it would hold it back.
func TestNginxPassesAWatchOn(t *testing.T) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			t.Skip("there is no nginx here")
		}
	}
	over := make(chan struct{})
	var begun sync.Map // of streams, by their contexts
	f := serve(t, &upstream{next: func(ctx context.Context, reply proto.Message) error {
		if _, again := begun.LoadOrStore(ctx, true); !again {
			reply.(*looppb.WatchImportResponse).ImportRecord = &looppb.Import{RequestId: "FA-1"}
			return nil
		}
		select {
		case <-over:
		case <-ctx.Done():
		}
		return io.EOF
	}}, nil, nil)
	plain, overlooking := freeAddress(t), freeAddress(t)
	startNginx(t, program, fmt.Sprintf(`
		server { listen %s; location / { proxy_pass %s; } }
		server { listen %s; location / { proxy_pass %s; proxy_ignore_headers X-Accel-Buffering; } }`, plain, f.URL, overlooking, f.URL), plain)

	if line, err := firstLine(t, plain, patient); err != nil || !strings.Contains(line, "FA-1") {
		t.Errorf("through nginx: %q, %v", line, err)
	}
	if line, err := firstLine(t, overlooking, time.Second); err == nil {
		t.Errorf("this nginx holds nothing back, so that the test sees nothing: %q", line)
	}
	close(over)
}

// firstLine asks for a watch, and returns its first line if it comes in time.
func firstLine(t *testing.T, address string, limit time.Duration) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+watch, nil)
	testkit.OK(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	return bufio.NewReader(response.Body).ReadString('\n')
}

// startNginx runs nginx with these servers until the test ends.
func startNginx(t *testing.T, program, servers, address string) {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "nginx.conf")
	var temporary strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temporary, "%s_temp_path %s;\n", kind, filepath.Join(dir, kind))
	}
	text := fmt.Sprintf("daemon off; master_process off; pid %s; error_log stderr;\nevents {}\nhttp { access_log off; %s %s }\n",
		filepath.Join(dir, "pid"), temporary.String(), servers)
	testkit.OK(t, os.WriteFile(config, []byte(text), 0o600))
	said := &testkit.Log{}
	nginx := exec.Command(program, "-c", config, "-p", dir)
	nginx.Stderr = said
	testkit.OK(t, nginx.Start())
	t.Cleanup(func() {
		_ = nginx.Process.Kill()
		_ = nginx.Wait()
	})
	for end := time.Now().Add(patient); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("nginx does not listen: %s", said)
		}
	}
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	testkit.OK(t, err)
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}
