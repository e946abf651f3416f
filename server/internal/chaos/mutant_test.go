//go:build life

package chaos

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"cegid.internal/gateway/internal/testkit"
)

// mutantLimit is how much processor time a mutant may live for: a life keeps one core busy.
const mutantLimit = 10 * time.Minute

// TestEachMutantIsFound: each patch of testdata/mutants puts a fault into the server, and lives of it are lived until one
// fails. The one that failed is lived again. As many mutants live at once as there are cores.
//
//	LOOP_MUTANT          a regular expression: those mutants alone
//	LOOP_MUTANT_REPLAYS  how often a life that failed is lived again, 2 unless given
func TestEachMutantIsFound(t *testing.T) {
	only := regexp.MustCompile(os.Getenv("LOOP_MUTANT"))
	replays := number(t, "LOOP_MUTANT_REPLAYS", 2)
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	var again, replayed int
	var mu sync.Mutex
	t.Cleanup(func() { // when all have ended
		_ = table.Flush()
		t.Logf("\n| mutant | seeds | imports | seconds | fails again | by |\n%s%d of %d lives that failed did so again", text.String(), again, replayed)
	})
	for _, patch := range mutants(t) {
		name := strings.TrimSuffix(filepath.Base(patch), ".patch")
		if !only.MatchString(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := mutant(t, patch)
			var took time.Duration
			for seed := 1; took < mutantLimit; seed++ {
				rule, spent := lived(t, program, seed)
				took += spent
				if rule == "" {
					continue
				}
				failed := 0
				for range replays {
					if rule, _ := lived(t, program, seed); rule != "" {
						failed++
					}
				}
				line := fmt.Sprintf("| %s\t| %d\t| %d\t| %.0f\t| %d of %d\t| %s\t|", strings.ReplaceAll(name, "-", " "), seed, seed*perLife, took.Seconds(), failed, replays, rule)
				t.Log(line)
				mu.Lock()
				defer mu.Unlock()
				again, replayed = again+failed, replayed+replays
				_, _ = fmt.Fprintln(table, line)
				return
			}
			t.Errorf("nobody has found it within %s", mutantLimit)
		})
	}
}

// mutant builds this test of a server with a fault.
func mutant(t *testing.T, patch string) (program string) {
	t.Helper()
	folder := t.TempDir()
	replace := patched(t, folder, patch)
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "overlay.json"), overlay, 0o600)
	}
	testkit.OK(t, err)
	program = filepath.Join(folder, "life.test")
	build := exec.Command("go", "test", "-c", "-tags", "life", "-overlay", filepath.Join(folder, "overlay.json"), "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

var complained = regexp.MustCompile(`life_test\.go:\d+: ([a-zA-Z_ ]+): [A-Z0-9-]*: `)

// lived lives a life, and returns the first rule that was broken, empty when none was, and the processor time that it took.
func lived(t *testing.T, program string, seed int) (rule string, took time.Duration) {
	t.Helper()
	life := exec.CommandContext(t.Context(), program, "-test.run", "^TestASeedIsALife$", "-test.v", "-test.timeout", "30m")
	life.Env = append(os.Environ(), "LOOP_LIFE_SEED="+strconv.Itoa(seed), "LOOP_LIFE_IMPORTS=1")
	out, err := life.CombinedOutput()
	took = life.ProcessState.UserTime() + life.ProcessState.SystemTime()
	if err == nil {
		return "", took
	}
	found := complained.FindSubmatch(out)
	if found == nil {
		t.Fatalf("it failed, and no rule was broken: %s", out[:min(len(out), 2000)])
	}
	return string(found[1]), took
}
