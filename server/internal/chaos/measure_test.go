//go:build files || weather || overload

package chaos

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
)

// stream deposits a file while it is made.
func (f *fixture) stream(ctx context.Context, practice, dossier string, file io.Reader) (*looppb.FileDeposit, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	stream, err := f.open(ctx, practice, dossier, "fec", nil)
	if err != nil {
		return nil, err
	}
	for {
		piece := make([]byte, 64<<10)
		n, ended := io.ReadFull(file, piece)
		if n > 0 {
			if err := stream.Send(&looppb.DepositFileRequest{Piece: &looppb.DepositFileRequest_Data{Data: piece[:n]}}); errors.Is(err, io.EOF) {
				break // it has answered
			} else if err != nil {
				return nil, err
			}
		}
		if ended != nil {
			break
		}
	}
	answer, err := stream.CloseAndRecv()
	return answer.GetDeposit(), err
}

// memory is the most that the server's process has had at a time, in bytes; resident is what it has.
func (g *gateway) memory() int   { g.t.Helper(); return g.sizeOf("VmHWM:") }
func (g *gateway) resident() int { g.t.Helper(); return g.sizeOf("VmRSS:") }

// anonymous is what it has without the pages of files.
func (g *gateway) anonymous() int { g.t.Helper(); return g.sizeOf("RssAnon:") }

// sizeOf is a line of what the system says of the server's process, in bytes.
func (g *gateway) sizeOf(name string) int {
	g.t.Helper()
	size, err := g.size(name)
	testkit.OK(g.t, err)
	return size
}

func (g *gateway) size(name string) (int, error) {
	g.mu.Lock()
	pid := g.process.Pid
	g.mu.Unlock()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), name); ok {
			kib, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(text, "kB")))
			return kib << 10, err
		}
	}
	return 0, errors.New("the system does not say how much memory the server has")
}

// cpu is the time of processors that the server's process has taken, in seconds.
func (g *gateway) cpu() float64 {
	g.t.Helper()
	g.mu.Lock()
	pid := g.process.Pid
	g.mu.Unlock()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	testkit.OK(g.t, err)
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks float64
	for _, field := range fields[11:13] { // of the user and of the system, 100 a second
		n, err := strconv.ParseFloat(field, 64)
		testkit.OK(g.t, err)
		ticks += n
	}
	return ticks / 100
}
