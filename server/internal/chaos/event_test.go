package chaos

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/pgtest"
	"cegid.internal/gateway/server/internal/ledger"
)

// consumerFile names the file of a consumer, which is this program run again: a line for each event that it has handled.
const consumerFile = "LOOP_CHAOS_CONSUMER"

// consume handles events until it is killed: it goes on behind the last one in its file, and passes over those that it has.
func consume(path, servers string) {
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		panic(err)
	}
	handled := map[string]bool{}
	last := ""
	for line := range strings.Lines(string(text)) {
		last = strings.TrimSuffix(line, "\n")
		handled[last] = true
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	for i := rand.IntN(2); ; i++ {
		server := strings.Split(servers, ",")[i%2]
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+server+"/v1/practices/-/events:stream", nil)
		if err != nil {
			panic(err)
		}
		request.Header.Set("Authorization", "Bearer "+tokenOf(billing))
		request.Header.Set("Accept", "text/event-stream")
		if last != "" {
			request.Header.Set("Last-Event-ID", last)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil { // it ends, or starts
			time.Sleep(20 * time.Millisecond)
			continue
		}
		id := ""
		for lines := bufio.NewScanner(response.Body); response.StatusCode == http.StatusOK && lines.Scan(); {
			if rest, is := strings.CutPrefix(lines.Text(), "id: "); is {
				id = rest
			}
			if strings.HasPrefix(lines.Text(), "data: {\"id\"") {
				if last = id; !handled[id] {
					handled[id] = true
					if _, err := file.WriteString(id + "\n"); err != nil { // one call: it is written, or not
						panic(err)
					}
				}
			}
		}
		_ = response.Body.Close()
		time.Sleep(20 * time.Millisecond)
	}
}

// TestAConsumerThatIsKilledMissesNoEvent, and handles none twice, while two servers are rolled under it, one after the other and
// again, for as long as it is killed. LOOP_CHAOS_KILLS is how often that is, at random; in every other life it handles something.
func TestAConsumerThatIsKilledMissesNoEvent(t *testing.T) {
	kills := 6
	if text := os.Getenv("LOOP_CHAOS_KILLS"); text != "" {
		if _, err := fmt.Sscan(text, &kills); err != nil {
			t.Fatal(err)
		}
	}
	dsn := pgtest.Shared(t).Database(t)
	testkit.OK(t, ledger.InitPostgres(t.Context(), func() string { return dsn }))
	loop := newLoop(t)
	servers := []*gateway{newGateway(t, loop.url, settings{ledger: dsn, replicas: 2}), newGateway(t, loop.url, settings{ledger: dsn, replicas: 2})}
	journal, err := NewJournal(filepath.Join(t.TempDir(), "journal"))
	testkit.OK(t, err)
	defer func() { _ = journal.Close() }()
	path := filepath.Join(t.TempDir(), "handled")
	start := func() *exec.Cmd {
		t.Helper()
		consumer := exec.Command(os.Args[0])
		consumer.Env = append(os.Environ(), consumerFile+"="+path, "LOOP_CHAOS_SERVERS="+servers[0].http+","+servers[1].http)
		testkit.OK(t, consumer.Start())
		return consumer
	}
	handled := func() (ids []string) {
		text, _ := os.ReadFile(path)
		return strings.Fields(string(text))
	}

	var working sync.WaitGroup
	over := make(chan struct{})
	submitted, rolled := 0, 0
	working.Go(func() {
		caller := newCaller(t, journal, billing, servers...)
		for ; ; submitted++ {
			select {
			case <-over:
				return
			case <-time.After(10 * time.Millisecond):
			}
			id := fmt.Sprint("EV-", submitted)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			caller.submit(ctx, one(loopsim.SandboxPartner, "DOSSIER_TEST", id, id), false, "") // of a server that rolls: its import may end all the same
			cancel()
		}
	})
	working.Go(func() {
		for ; ; rolled++ {
			select {
			case <-over:
				if rolled >= len(servers) {
					return
				}
			case <-time.After(300 * time.Millisecond): // in which both serve
			}
			server := servers[rolled%len(servers)]
			if err := server.terminate(); err != nil {
				t.Error(err)
				return
			}
			if err := server.start(); err != nil {
				t.Error(err)
				return
			}
		}
	})
	inTheMidst := 0
	for kill := range kills {
		before := len(handled())
		consumer := start()
		time.Sleep(time.Duration(20+rand.IntN(300)) * time.Millisecond)
		for deadline := time.Now().Add(5 * time.Second); kill%2 == 1 && len(handled()) == before && time.Now().Before(deadline); {
			time.Sleep(time.Duration(1+rand.IntN(20)) * time.Millisecond)
		}
		testkit.OK(t, consumer.Process.Signal(syscall.SIGKILL))
		_ = consumer.Wait()
		if len(handled()) > before {
			inTheMidst++
		}
	}
	close(over)
	working.Wait()
	consumer := start()
	defer func() {
		_ = consumer.Process.Signal(syscall.SIGKILL)
		_ = consumer.Wait()
	}()

	// What is there in the end, read in one go.
	l, err := ledger.OpenPostgres(t.Context(), func() string { return dsn })
	testkit.OK(t, err)
	defer func() { _ = l.Close() }()
	var all []string
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		all = nil
		open, final := map[string]bool{}, 0
		for after := ledger.Sequence(0); ; {
			events, next, err := l.Events(t.Context(), ledger.EventQuery{Limit: 1000}, after)
			testkit.OK(t, err)
			for _, e := range events {
				all = append(all, e.Sequence.String())
				switch e.Kind {
				case ledger.EventAccepted:
					open[e.RequestID] = true
				case ledger.EventFinal:
					delete(open, e.RequestID)
					final++
				}
			}
			if next == after {
				break
			}
			after = next
		}
		if len(open) == 0 && final > 0 && len(handled()) >= len(all) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d events are handled, %d imports open", len(handled()), len(all), len(open))
		}
	}
	got := handled()
	if !slices.Equal(got, all) {
		once := slices.Compact(slices.Sorted(slices.Values(got)))
		t.Errorf("%d events, handled are %d, %d of them once: in order, each is once", len(all), len(got), len(once))
	}
	if inTheMidst < kills/4 {
		t.Errorf("of %d lives of the consumer, %d handled something", kills, inTheMidst)
	}
	t.Logf("%d imports, %d events, a consumer killed %d times, %d of them after it had handled something, servers rolled %d times", submitted, len(all), kills, inTheMidst, rolled)
}
