package pgtest

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// What a client sends to begin and to commit a transaction.
const (
	begin  = "begin"
	Commit = "Q\x00\x00\x00\x0bcommit\x00"
)

// Treatment is what becomes of what a client sends.
type Treatment int

// The treatments.
const (
	Pass Treatment = iota
	// Swallow it, and all that follows on the connection: a dead network.
	Swallow
	// CutBefore breaks the connection off instead of passing it on.
	CutBefore
	// CutAfter breaks the connection off once the server has answered, without passing that on.
	CutAfter
)

// Wire is a way to a server on which things go wrong.
type Wire struct {
	server *Server
	folder string

	mu       sync.Mutex
	decision Decision
}

// Decision says what becomes of what is sent; transaction is what the same connection has sent in its transaction, that included.
type Decision func(sent, transaction []byte) Treatment

const socket = ".s.PGSQL.5432"

// NewWire makes a way to a server.
func NewWire(t testing.TB, server *Server) *Wire {
	t.Helper()
	folder, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	w := &Wire{server: server, folder: folder}
	Listen(t, "unix", filepath.Join(folder, socket), w.serve)
	return w
}

// DSN leads a connection string of the server over the wire.
func (w *Wire) DSN(dsn string) string { return strings.Replace(dsn, w.server.folder, w.folder, 1) }

// Does decides from now on what becomes of what is sent.
func (w *Wire) Does(decision Decision) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.decision = decision
}

// Once treats the first that holds a text.
func Once(text string, treatment Treatment) Decision {
	return once(func(sent, _ []byte) bool { return bytes.Contains(sent, []byte(text)) }, treatment)
}

// CommitOf treats the first commit of a transaction in which a text was sent: others go on committing meanwhile.
func CommitOf(text string, treatment Treatment) Decision {
	return once(func(sent, transaction []byte) bool {
		return bytes.Contains(sent, []byte(Commit)) && bytes.Contains(transaction, []byte(text))
	}, treatment)
}

func once(is func(sent, transaction []byte) bool, treatment Treatment) Decision {
	done := false
	return func(sent, transaction []byte) Treatment {
		if done || !is(sent, transaction) {
			return Pass
		}
		done = true
		return treatment
	}
}

func (w *Wire) decide(sent, transaction []byte) Treatment {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.decision == nil {
		return Pass
	}
	return w.decision(sent, transaction)
}

func (w *Wire) serve(client net.Conn) {
	upstream, err := net.Dial("unix", filepath.Join(w.server.folder, socket))
	if err != nil {
		return
	}
	var mu sync.Mutex
	last := Pass
	var answering sync.WaitGroup
	defer answering.Wait()
	defer upstream.Close()
	answering.Go(func() {
		buffer := make([]byte, 64<<10)
		for {
			n, err := upstream.Read(buffer)
			mu.Lock()
			treatment := last
			mu.Unlock()
			if treatment == CutAfter {
				_ = client.Close()
			}
			if treatment != Pass || err != nil {
				return
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	})
	buffer := make([]byte, 64<<10)
	var transaction []byte
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		if bytes.Contains(buffer[:n], []byte(begin)) {
			transaction = nil
		}
		transaction = append(transaction, buffer[:n]...)
		treatment := w.decide(buffer[:n], transaction)
		mu.Lock()
		if last == Swallow {
			treatment = Swallow
		}
		last = treatment
		mu.Unlock()
		switch treatment {
		case Swallow:
			continue
		case CutBefore:
			return
		}
		if _, err := upstream.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// Listen serves each connection of a listener until the test ends, and returns its address.
func Listen(t testing.TB, network, address string, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			serving.Go(func() { defer conn.Close(); serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for _, conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		serving.Wait()
	})
	return listener.Addr().String()
}
