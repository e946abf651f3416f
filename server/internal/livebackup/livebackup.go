// Package livebackup copies a ledger in a file while a server uses it. The server listens on a socket beside the ledger, which
// its own user alone, and root, may open; a client there is answered with a copy.
package livebackup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"cegid.internal/gateway/server/internal/ledger"
)

// socketOf is the socket of a ledger.
func socketOf(path string) string { return path + ".socket" }

// longestSocket is what the path of a socket may have everywhere (unix(7)).
const longestSocket = 103

// ErrNoServer: no server listens for backups of the ledger.
var ErrNoServer = errors.New("no server answers at the socket of the ledger")

// half is the file that a copy is made as, in a folder of its own beside the ledger.
const half = "copy.db"

// halvesOf begins the names of these folders: none that somebody would give a backup.
func halvesOf(path string) string { return "." + filepath.Base(path) + ".half-" }

// sweep removes what a server that was killed has left of copies, and nothing that is not such a folder.
func sweep(path string) error {
	folder := filepath.Dir(path)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), halvesOf(path)) {
			continue
		}
		left := filepath.Join(folder, entry.Name())
		for _, name := range []string{half, half + "-wal", half + "-shm", half + "-journal"} {
			if err := os.Remove(filepath.Join(left, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if err := os.Remove(left); err != nil {
			return err
		}
	}
	return nil
}

// Server answers those who want a copy.
type Server struct {
	ledger *ledger.Ledger
	log    *slog.Logger
	http   http.Server
	one    sync.Mutex // a copy at a time
}

// Start listens beside a ledger; nil, and no error, where it is no file.
func Start(l *ledger.Ledger, log *slog.Logger) (*Server, error) {
	if l.File() == "" {
		return nil, nil
	}
	socket := socketOf(l.File())
	if len(socket) > longestSocket {
		return nil, fmt.Errorf("%s is longer than a socket's path may be", socket)
	}
	// Of a server that was killed: the ledger is this process's.
	if info, err := os.Lstat(socket); err == nil && info.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("%s is no socket, and is not replaced", socket)
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := sweep(l.File()); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: private}
	listener, err := config.Listen(context.Background(), "unix", socket)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s := &Server{ledger: l, log: log}
	s.http = http.Server{
		Handler: http.HandlerFunc(s.answer), ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("backups of the ledger are not possible any more", "error", err.Error())
		}
	}()
	return s, nil
}

// Close ends it, with a copy that is being made.
func (s *Server) Close() error {
	if s == nil {
		return nil
	}
	err := s.http.Close()
	s.one.Lock() // until nothing of a copy is left
	return err
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/backup" {
		http.NotFound(w, r)
		return
	}
	s.one.Lock()
	defer s.one.Unlock()
	if r.Context().Err() != nil {
		return
	}
	began := time.Now()
	size, err := s.send(r.Context(), w)
	if err != nil {
		s.log.Error("a backup of the ledger failed", "error", err.Error())
		if size > 0 { // more must not pass for the rest of it
			panic(http.ErrAbortHandler)
		}
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.log.Info("the ledger was backed up", "bytes", size, "seconds", time.Since(began).Seconds())
}

// send makes a copy beside the ledger, where there is room for one, and lets the asker have it.
func (s *Server) send(ctx context.Context, w http.ResponseWriter) (size int64, err error) {
	folder, err := os.MkdirTemp(filepath.Dir(s.ledger.File()), halvesOf(s.ledger.File())+"*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	path := filepath.Join(folder, half)
	if err := s.ledger.Copy(ctx, path); err != nil {
		return 0, err
	}
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	w.Header().Set("Content-Length", fmt.Sprint(info.Size()))
	return io.Copy(w, file)
}

// Fetch writes a copy of the ledger at path, which a server uses, to a file that does not exist. Errors: ErrNoServer,
// ledger.ErrExists.
func Fetch(ctx context.Context, path, to string) (err error) {
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", socketOf(path))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoServer, err)
		}
		return conn, nil
	}}}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://ledger/backup", nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
		return fmt.Errorf("the server says: %s", text)
	}
	file, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("ledger %s: %w", to, ledger.ErrExists)
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(file, response.Body) // of the length that was promised, or an error
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = errors.Join(ledger.Look(to), ledger.SyncFolder(to))
	}
	if err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}
