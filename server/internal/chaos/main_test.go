package chaos

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"cegid.internal/gateway/internal/testkit/pgtest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(consumerFile); path != "" { // see TestAConsumerThatIsKilledMissesNoEvent
		consume(path, os.Getenv("LOOP_CHAOS_SERVERS"))
	}
	goleak.VerifyTestMain(pgtest.Main{M: m}, goleak.Cleanup(func(code int) {
		if built.folder != "" {
			_ = os.RemoveAll(built.folder)
		}
		os.Exit(code)
	}))
}

// built is the real program, made once for all tests.
var built struct {
	once         sync.Once
	folder, path string
	err          error
}

// program returns the path of the server.
func program(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.err = noticeSources(); built.err != nil {
			return
		}
		if built.folder, built.err = os.MkdirTemp("", "chaos"); built.err != nil {
			return
		}
		built.path = filepath.Join(built.folder, "server")
		arguments := []string{"build", "-buildvcs=false", "-o", built.path}
		if underRace {
			arguments = append(arguments, "-race")
		}
		build := exec.Command("go", append(arguments, ".")...)
		build.Dir = filepath.Join("..", "..")
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// noticeSources looks at every source of the server: go test answers from its cache unless a file has changed that the
// test itself has looked at, and the compiler's work is not the test's.
func noticeSources() error {
	root := filepath.Join("..", "..", "..")
	for _, folder := range []string{"server", "cegidclient", "gen"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".sql") {
				return err
			}
			_, err = os.Stat(path)
			return err
		})
		if err != nil {
			return err
		}
	}
	_, err := os.Stat(filepath.Join(root, "go.mod"))
	return err
}
