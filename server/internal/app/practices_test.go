package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient"
)

// TestTheNamesOfATRAReachLoop: also when they change without a restart.
func TestTheNamesOfATRAReachLoop(t *testing.T) {
	var sent []byte
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { sent, _ = io.ReadAll(r.Body) }))
	t.Cleanup(upstream.Close)
	i := install(t)
	i.write("practices/one.yaml", strings.Replace(practiceFile("one", "one"), "keys:", "unverified_operations: [import_tra], keys:", 1))
	for _, name := range []string{"lien", "fichier"} {
		i.write("gateway.yaml", strings.Replace(gatewayFile, "loop: {", fmt.Sprintf("loop: {base_url: %q, allow_plain_http: true, tra_names: {uri: %s}, ", upstream.URL, name), 1))
		i.looks(2)
		ctx := cegidclient.WithBeforeSend(t.Context(), func(context.Context, *cegidclient.Call) error { return nil })
		_, err := i.client("one").Files.ImportTRA(ctx, "D", cegidclient.FileImport{URI: "u"})
		if want := `{"codeIbs":"D","` + name + `":"u"}`; string(sent) != want {
			t.Errorf("Loop was sent %s; want %s (%v)", sent, want, err)
		}
	}
}
