package main

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient/loopsim"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name      string
		do        func(t *testing.T, w *world)
		arguments []string
		code      int
		says      []string // on standard output
		fails     string   // on standard error
		calls     bool
	}{
		{name: "all is well", says: []string{"configuration and policy: fine, 1 practices, 1 callers", "demo, advanced key: "}, calls: true},
		{name: "offline", arguments: []string{"--offline"}, says: []string{"fine"}},
		{name: "offline, while Loop refuses the key", do: func(t *testing.T, w *world) { w.SetSubscriptionKeys("", "") }, arguments: []string{"--offline"}, says: []string{"fine"}},
		{
			name: "the subscription key is refused", do: func(_ *testing.T, w *world) { w.SetSubscriptionKeys("x", "y") },
			code: 1, says: []string{"demo, advanced key: ", "HTTP 401", "  1. "}, fails: "1 of 1 practices are not connected", calls: true,
		},
		{
			name: "the dossier is not attached", do: func(t *testing.T, w *world) {
				if err := w.SetAttached("demo", loopsim.Advanced, dossier, false); err != nil {
					t.Fatal(err)
				}
			},
			code: 1, says: []string{"HTTP 403", "LoopHub", "  1. "}, fails: "not connected", calls: true,
		},
		{
			name: "Loop is down", do: func(_ *testing.T, w *world) { w.Inject(loopsim.Fault{Kind: loopsim.FaultStatus, Status: 503}) },
			code: 1, says: []string{"HTTP 503"}, fails: "not connected", calls: true,
		},
		{
			name: "Loop does not answer", do: func(_ *testing.T, w *world) { w.Inject(loopsim.Fault{Kind: loopsim.FaultHang}) }, arguments: []string{"--timeout", "300ms"},
			code: 1, says: []string{"demo, advanced key: "}, fails: "not connected", calls: true,
		},
		{
			name: "a practice without dossiers", do: func(_ *testing.T, w *world) {
				w.settings["practices"] = strings.ReplaceAll(w.settings["practices"], ", dossiers: [{code: CEGID001}]", "")
			},
			code: 1, says: []string{"not tried", "list one under dossiers"}, fails: "not connected",
		},
		{name: "no ledger", do: func(_ *testing.T, w *world) { _ = os.Remove(w.path("ledger.db")) }, code: 1, fails: "server ledger init"},
		{name: "a misspelt configuration", do: func(_ *testing.T, w *world) { w.settings["listne"] = "{}" }, code: 1, fails: "is not known here; the keys are listen,"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.do != nil {
				c.do(t, w)
			}
			out, said, code := run(t, append([]string{"check", "--config", w.config(t)}, c.arguments...)...)
			if code != c.code || !strings.Contains(said, c.fails) || (c.fails == "") != (said == "") {
				t.Errorf("code %d, saying %q; want %d, saying %q", code, said, c.code, c.fails)
			}
			for _, each := range c.says {
				if !strings.Contains(out, each) {
					t.Errorf("it says %q; want %q", out, each)
				}
			}
			if (w.Count("") > 0) != c.calls {
				t.Errorf("Loop was called %d times", w.Count(""))
			}
			if strings.Contains(out+said, "sandbox-subscription") || strings.Contains(out+said, "sandbox-demo") {
				t.Errorf("it shows a secret: %s %s", out, said)
			}
		})
	}
}

func TestLedgerInit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if out, said, code := run(t, "ledger", "init", "--ledger", w.path("other.db")); code != 0 || said != "" || !strings.Contains(out, "other.db") {
		t.Errorf("code %d: %q, %q", code, out, said)
	}
	info, err := os.Stat(w.path("other.db"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	before, _ := os.ReadFile(w.path("other.db"))
	if _, said, code := run(t, "ledger", "init", "--ledger", w.path("other.db")); code == 0 || !strings.Contains(said, "never replaced") {
		t.Errorf("a second time: code %d, %q", code, said)
	}
	if after, _ := os.ReadFile(w.path("other.db")); string(after) != string(before) {
		t.Error("it was touched")
	}
	if _, said, code := run(t, "ledger", "init", "--ledger", w.path("nowhere/other.db")); code == 0 || said == "" {
		t.Errorf("in a folder that is not there: code %d, %q", code, said)
	}
	w.settings["ledger"] = "other.db"
	w.serve(t, "").stop(t)
}

// TestANewTokenWorks: its hash goes into the policy, and it opens the door.
func TestANewTokenWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out, said, code := run(t, "token", "new")
	found := regexp.MustCompile(`(?m)^token, for the caller alone: +(\S+)\nhash, for token_hashes: +(sha256:[0-9a-f]{64})$`).FindStringSubmatch(out)
	if code != 0 || said != "" || found == nil {
		t.Fatalf("code %d: %q, %q", code, out, said)
	}
	if again, _, _ := run(t, "token", "new"); again == out {
		t.Error("it makes the same one twice")
	}
	w.policy(t, found[2])
	p := w.serve(t, "")
	web := &http.Client{Transport: &http.Transport{}}
	defer web.CloseIdleConnections()
	for token, want := range map[string]int{found[1]: 200, found[2]: 401, w.token: 401, found[1] + "x": 401} {
		if code, text := ask(t, web, "GET", "http://"+p.http+accounts, token, ""); code != want {
			t.Errorf("HTTP %d %s; want %d", code, text, want)
		}
	}
	web.CloseIdleConnections()
	p.stop(t)
}
