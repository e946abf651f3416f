// Package pgtest runs throw-away PostgreSQL servers for tests. They need PostgreSQL's programs, in the folder that
// LOOP_TEST_POSTGRES names (Debian: /usr/lib/postgresql/15/bin); tests skip without it.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Variable names the folder of PostgreSQL's programs.
const Variable = "LOOP_TEST_POSTGRES"

const user = "ledger"

// Server is a PostgreSQL on a Unix socket, with nothing in it.
type Server struct {
	programs, folder string
	log              *os.File
	databases        atomic.Int64

	mu    sync.Mutex
	main  *os.Process
	ended chan error
}

// New starts a server that ends with the test, which skips without Variable.
func New(t testing.TB) *Server {
	t.Helper()
	s, err := start(programs(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.remove(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Shared is a server for all tests of a package, whose TestMain runs Main. The test skips without Variable.
func Shared(t testing.TB) *Server {
	t.Helper()
	folder := programs(t)
	shared.once.Do(func() { shared.server, shared.err = start(folder) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// Main runs the tests of a package, and then ends the shared server.
type Main struct{ *testing.M }

// Run implements goleak.TestingM.
func (m Main) Run() int {
	code := m.M.Run()
	if shared.server != nil {
		if err := shared.server.remove(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return max(code, 1)
		}
	}
	return code
}

func programs(t testing.TB) string {
	t.Helper()
	folder := os.Getenv(Variable)
	if folder == "" {
		t.Skip(Variable + " does not name the folder of PostgreSQL's programs")
	}
	return folder
}

func start(programs string) (_ *Server, err error) {
	// Not a test's own folder: the path of a socket has 107 bytes at most.
	folder, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, err
	}
	s := &Server{programs: programs, folder: folder}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.remove())
		}
	}()
	if os.Getuid() == 0 { // as root, which PostgreSQL refuses
		if err := os.Chown(folder, nobody, nobody); err != nil {
			return nil, err
		}
	}
	if s.log, err = os.Create(filepath.Join(folder, "log")); err != nil {
		return nil, err
	}
	init := s.command("initdb", "-D", "data", "-U", user, "-A", "trust", "-E", "UTF8", "--no-sync")
	if out, err := init.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	// The superuser needs no password, others do: theirs is what is tested.
	access := "local all " + user + " trust\nlocal all all scram-sha-256\n"
	if err := os.WriteFile(filepath.Join(folder, "data", "pg_hba.conf"), []byte(access), 0o600); err != nil {
		return nil, err
	}
	return s, s.Start()
}

const nobody = 65534

func (s *Server) command(name string, arguments ...string) *exec.Cmd {
	command := exec.Command(filepath.Join(s.programs, name), arguments...)
	command.Dir, command.Env, command.SysProcAttr = s.folder, []string{"LC_ALL=C.UTF-8"}, attributes()
	return command
}

// Start starts a server that was stopped, and waits until it answers.
func (s *Server) Start() error {
	// Nothing is synced: what the kernel has outlives whatever the tests do.
	command := s.command("postgres", "-D", "data", "-k", s.folder, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off",
		"-c", "shared_buffers=16MB", "-c", "max_connections=200", "-c", "log_min_messages=warning")
	command.Stdout, command.Stderr = s.log, s.log
	started, ended := make(chan error), make(chan error, 1)
	go func() {
		// The child dies with this thread, which therefore must not end before it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			ended <- command.Wait()
			close(ended)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	s.mu.Lock()
	s.main, s.ended = command.Process, ended
	s.mu.Unlock()
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		err := s.execute("SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case failed := <-ended:
			return fmt.Errorf("postgres: %w\n%s", failed, s.words())
		default:
		}
		if time.Since(began) > 30*time.Second {
			return errors.Join(fmt.Errorf("postgres: %w\n%s", err, s.words()), s.Stop(syscall.SIGQUIT))
		}
	}
}

// Stop ends the server: SIGINT rolls back and closes what is open, SIGQUIT ends it as a crash does.
func (s *Server) Stop(how syscall.Signal) error {
	s.mu.Lock()
	main, ended := s.main, s.ended
	s.main = nil
	s.mu.Unlock()
	if main == nil {
		return nil
	}
	if err := main.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-ended
	return nil
}

func (s *Server) remove() error {
	err := s.Stop(syscall.SIGQUIT)
	if s.log != nil {
		err = errors.Join(err, s.log.Close())
	}
	return errors.Join(err, os.RemoveAll(s.folder))
}

func (s *Server) words() []byte {
	text, _ := os.ReadFile(s.log.Name())
	return bytes.TrimSpace(text[max(0, len(text)-2000):])
}

// Folder holds the server's socket.
func (s *Server) Folder() string { return s.folder }

// DSN is the connection string of a database.
func (s *Server) DSN(database string) string {
	return "host=" + s.folder + " user=" + user + " dbname=" + database
}

// Database makes an empty database and returns its connection string.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.databases.Add(1))
	s.Execute(t, "CREATE DATABASE "+name)
	return s.DSN(name)
}

// Execute runs a statement as the superuser, in the database postgres.
func (s *Server) Execute(t testing.TB, statement string) {
	t.Helper()
	if err := s.execute(statement); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) execute(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}
