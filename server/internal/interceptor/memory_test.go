package interceptor

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/policy"
)

func TestMemoryIsDividedByTheLimit(t *testing.T) {
	access := map[string]policy.Access{}
	for _, method := range []string{
		looppb.ImportService_DepositFile_FullMethodName, looppb.ImportService_ValidateFile_FullMethodName, looppb.ReferenceDataService_ListAccounts_FullMethodName,
		looppb.ReferenceDataService_StreamAccounts_FullMethodName, looppb.EventService_StreamEvents_FullMethodName, looppb.ImportService_ImportEntries_FullMethodName,
	} {
		access[method] = policy.Access{}
	}
	if NewMemory(math.MaxInt64, access) != nil || NewMemory(0, access) != nil {
		t.Error("without a limit there is a bound")
	}
	m := NewMemory(104<<20, access)
	for method, want := range map[string]int64{
		looppb.ImportService_DepositFile_FullMethodName: ofFile, looppb.ImportService_ValidateFile_FullMethodName: ofFile,
		looppb.ReferenceDataService_ListAccounts_FullMethodName: ofAnswer, looppb.ReferenceDataService_StreamAccounts_FullMethodName: ofAnswer,
		looppb.EventService_StreamEvents_FullMethodName: ofCall, looppb.ImportService_ImportEntries_FullMethodName: ofCall,
	} {
		if m.method[method] != want {
			t.Errorf("%s takes %d bytes; want %d", method, m.method[method], want)
		}
	}
	if sum := m.calls.most + m.bodies.most + m.arriving; sum > (104<<20-idleMemory)*2/3 {
		t.Errorf("calls may have %d bytes: too little is left for the collector", sum)
	}
	// The largest import of plain lines, with 1,000 entries and 5,000 lines, fits a container of 128 MiB.
	held, err := m.request(t.Context(), looppb.ImportService_ImportEntries_FullMethodName, "a", 1<<20, 133_000)
	if err != nil {
		t.Error(err)
	}
	held.leave()
	for _, c := range []struct {
		memory           *Memory
		most, part, want int
	}{{nil, 256 << 20, 8, 256 << 20}, {m, 256 << 20, 8, 13 << 20}, {m, 64 << 20, 16, MaxMessage + 1}} {
		if got := c.memory.share(c.most, c.part); got != c.want {
			t.Errorf("a share of %d is %d; want %d", c.most, got, c.want)
		}
	}
}

// TestCallsWaitForMemory: those of who has least come first, and who waits too long is told to come back.
func TestCallsWaitForMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(100)
		ended := make(chan string, 10)
		take := func(name, caller string, bytes int64, raw int) {
			go func() {
				c, err := r.take(t.Context(), caller, bytes, raw)
				if err != nil {
					name += " refused"
				}
				ended <- name
				time.Sleep(time.Second)
				c.leave()
			}()
			synctest.Wait()
		}
		next := func() string {
			select {
			case name := <-ended:
				return name
			case <-time.After(time.Minute):
				return "nobody"
			}
		}
		greedy, err := r.take(t.Context(), "greedy", 75, 0)
		testkit.OK(t, err)
		if _, err := r.try("greedy", 10); refusedFor(err) != time.Second {
			t.Errorf("one caller has all: %v", err)
		}
		if _, err := r.take(t.Context(), "greedy", 101, 0); refusedFor(err) != 0 {
			t.Errorf("more than there is: %v", err)
		}
		take("greedy's second", "greedy", 50, 0)
		take("another's first", "another", 50, 0)
		take("another's small one", "another", 5, 0)
		if len(ended) != 0 {
			t.Errorf("%s did not wait: a small call must not pass a large one for ever", <-ended)
		}
		greedy.leave()
		synctest.Wait()
		if a, b := next(), next(); a+b != "another's firstgreedy's second" && a+b != "greedy's secondanother's first" {
			t.Errorf("first came %s and %s", a, b)
		}
		if name := next(); name != "another's small one" {
			t.Errorf("then %s", name)
		}
		time.Sleep(2 * time.Second)

		all, err := r.take(t.Context(), "greedy", 100, 0)
		testkit.OK(t, err)
		began := time.Now()
		take("late", "another", 1, 20)
		if _, err := r.take(t.Context(), "another", 1, 20); refusedFor(err) != time.Second || time.Since(began) > 0 {
			t.Errorf("more waits than there is memory for: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := r.take(ctx, "another", 1, 1); refusedFor(err) != time.Second || time.Since(began) != 5*time.Second {
			t.Errorf("after %s of a call with 10 s: %v", time.Since(began), err)
		}
		if name := next(); name != "late refused" || time.Since(began) != memoryWait {
			t.Errorf("after %s: %s", time.Since(began), name)
		}
		all.hold() // what goes on without its call
		all.leave()
		if r.free != 0 {
			t.Error("it was given back while somebody had it")
		}
		r.press(true)
		all.leave()
		first, err := r.take(t.Context(), "another", 1, 0)
		if err != nil || r.free != 99 {
			t.Fatalf("one at a time: %v", err)
		}
		if _, err := r.try("third", 1); refusedFor(err) != time.Second {
			t.Errorf("a second one under pressure: %v", err)
		}
		r.press(false)
		second, err := r.try("third", 1)
		if err != nil {
			t.Error(err)
		}
		ctx, giveUp := context.WithCancel(t.Context())
		giveUp()
		if _, err := r.take(ctx, "third", 99, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller that left: %v", err)
		}
		first.leave()
		second.leave()
		time.Sleep(2 * time.Second)
		if r.free != 100 || len(r.held) != 0 || len(r.waiting) != 0 || r.raw != 0 {
			t.Errorf("%d are free, held %v, %d wait with %d bytes", r.free, r.held, len(r.waiting), r.raw)
		}
	})
}

func TestMemoryIsWatched(t *testing.T) {
	m := NewMemory(100<<20, nil)
	for _, used := range []int64{80 << 20, 70 << 20} {
		m.look(used)
		if want := used > 75<<20; m.calls.pressed != want || m.bodies.pressed != want {
			t.Errorf("with %d bytes in use: %t, %t", used, m.calls.pressed, m.bodies.pressed)
		}
	}
}

func TestABodyIsAsLongAsThereIsMemory(t *testing.T) {
	var none *Memory
	if may, _, err := none.body(t.Context(), "a", -1, MaxMessage); may != MaxMessage || err != nil {
		t.Errorf("without a limit %d: %v", may, err)
	}
	m := NewMemory(104<<20, nil) // 13 MiB for bodies
	may, held, err := m.body(t.Context(), "a", 1<<20, MaxMessage)
	if err != nil || may != MaxMessage || m.bodies.most-m.bodies.free != timesBody<<20 {
		t.Errorf("a MiB: %d, %v, %d held", may, err, m.bodies.most-m.bodies.free)
	}
	held.leave()
	may, held, err = m.body(t.Context(), "a", -1, MaxMessage)
	if err != nil || may != m.bodies.most/2/timesBody {
		t.Errorf("of unknown length: %d, %v", may, err)
	}
	held.leave()
	if _, _, err := m.body(t.Context(), "a", MaxMessage, MaxMessage); refusedFor(err) != 0 {
		t.Errorf("more than there is: %v", err)
	}
	piece, err := m.message("a", 4<<20)
	if err != nil || m.calls.most-m.calls.free != 8<<20 {
		t.Errorf("a long message of a stream: %v", err)
	}
	piece.leave()
	if piece, err := m.message("a", freeOfCharge); piece != nil || err != nil {
		t.Errorf("a short one: %v", err)
	}
}

// TestAnUploadGoesOnWhileOthersWait: it has begun, and would begin anew.
func TestAnUploadGoesOnWhileOthersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(104<<20, map[string]policy.Access{uploadRPC: {}})
		piece := func(when string, fits bool) {
			t.Helper()
			held, err := m.message("a", 1<<20)
			if (err == nil) != fits {
				t.Errorf("a piece of 1 MiB %s: %v", when, err)
			}
			held.leave()
		}
		upload, err := m.stream(t.Context(), uploadRPC, "a")
		testkit.OK(t, err)
		m.calls.press(true)
		piece("under pressure, while nobody else is at work", true)
		m.calls.press(false)
		go func() {
			held, err := m.calls.take(t.Context(), "b", m.calls.most, 0)
			if err != nil {
				t.Error(err)
			}
			held.leave()
		}()
		synctest.Wait()
		piece("while another caller waits", true)
		upload.leave()
		synctest.Wait()
		other, err := m.calls.try("b", 1)
		testkit.OK(t, err)
		m.calls.press(true)
		piece("under pressure, while another caller is at work", false)
		other.leave()
	})
}

// TestWhatArrivesIsBounded: a connection is read no further while there is no memory, until others give theirs back, or the oldest
// arrival gives way.
func TestWhatArrivesIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gave := 0
		var p *arrivingPool
		var first *[]byte
		p = newArrivingPool(64<<10, func() bool {
			if gave++; gave == 1 {
				p.Put(first)
			}
			return gave == 1
		})
		first = p.Get(32 << 10)
		second := p.Get(32 << 10)
		if small := p.Get(100); len(*small) != 100 {
			t.Error("a small one waits")
		}
		began := time.Now()
		go func() {
			time.Sleep(500 * time.Millisecond)
			p.Put(second)
		}()
		if second = p.Get(16 << 10); gave != 0 || time.Since(began) != 500*time.Millisecond {
			t.Errorf("%d gave way after %s", gave, time.Since(began))
		}
		p.Put(second)
		began = time.Now()
		large := p.Get(1 << 20)
		if gave != 1 || time.Since(began) != arrivalPatience {
			t.Errorf("%d gave way in %s", gave, time.Since(began))
		}
		began = time.Now() // nothing but streams, each in the midst of a message: one after the other gets through
		second = p.Get(16 << 10)
		if next := p.Get(16 << 10); gave != 2 || time.Since(began) != arrivalPatience {
			t.Errorf("after %s, %d asked", time.Since(began), gave)
		} else {
			p.Put(next)
		}
		p.Put(second)
		p.Put(large)
		if p.held != 0 || len(p.lent) != 0 {
			t.Errorf("%d bytes are held by nobody", p.held)
		}
	})
}

// slowPool makes a buffer when it is told to.
type slowPool struct {
	mem.BufferPool
	asked atomic.Int32
	ready chan struct{}
}

func (p *slowPool) Get(length int) *[]byte {
	p.asked.Add(1)
	<-p.ready
	return p.BufferPool.Get(length)
}

// TestRoomIsTakenBeforeTheBufferIsMade: connections that ask at once do not all find the same room.
func TestRoomIsTakenBeforeTheBufferIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowPool{BufferPool: mem.DefaultBufferPool(), ready: make(chan struct{})}
		p := newArrivingPool(64<<10, func() bool { return true })
		p.BufferPool = slow
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { p.Put(p.Get(40 << 10)) })
		}
		synctest.Wait()
		if n := slow.asked.Load(); n != 1 {
			t.Errorf("%d buffers of 40 KiB were begun, where there is room for 64", n)
		}
		close(slow.ready)
		all.Wait()
		if p.held != 0 {
			t.Errorf("%d bytes are held by nobody", p.held)
		}
	})
}

// TestWhatIsForgottenIsFound: grpc-go leaves buffers of a call that is cut off to the collector.
func TestWhatIsForgottenIsFound(t *testing.T) {
	p := newArrivingPool(1<<20, func() bool { return false })
	p.Get(512 << 10)
	for range 100 {
		runtime.GC()
		p.mu.Lock()
		held := p.held
		p.mu.Unlock()
		if held == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("it is never found")
}

// TestACallThatFindsNoMemoryIsToldSo: before anything is made of its message, and it is served once others have given theirs back.
func TestACallThatFindsNoMemoryIsToldSo(t *testing.T) {
	memory := NewMemory(104<<20, map[string]policy.Access{accountsRPC: {}, accountsStreamRPC: {}, uploadRPC: {}})
	service := &longAnswers{}
	conn, _, _ := compressingWithin(t, service, "", memory)
	accounts := looppb.NewReferenceDataServiceClient(conn)
	quiet := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer quiet")
	patient := func() context.Context { // half of the time is for the wait, the rest for the answer
		ctx, cancel := context.WithTimeout(quiet, 4*time.Second)
		t.Cleanup(cancel)
		return ctx
	}
	request := &looppb.ListAccountsRequest{Practice: "demo", Dossier: "D1"}
	others, err := memory.calls.try("noisy", memory.calls.most)
	testkit.OK(t, err)
	if _, err := accounts.ListAccounts(patient(), request); refusedFor(err) != time.Second {
		t.Errorf("a call: %v", err)
	}
	stream, err := accounts.StreamAccounts(patient(), &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "D1"})
	if err == nil {
		_, err = stream.Recv()
	}
	if refusedFor(err) != time.Second {
		t.Errorf("a stream: %v", err)
	}
	others.leave()
	if _, err := accounts.ListAccounts(quiet, request); err != nil {
		t.Errorf("once there is memory: %v", err)
	}
	long := strings.Repeat("x", 5<<20)
	if _, err := accounts.ListAccounts(quiet, &looppb.ListAccountsRequest{Practice: "demo", Dossier: "D1", Filter: long}); refusedFor(err) != 0 {
		t.Errorf("one for which there is never memory: %v", err)
	}
	for { // a call gives its memory back when its caller has been told
		memory.calls.mu.Lock()
		free := memory.calls.free
		memory.calls.mu.Unlock()
		if free == memory.calls.most {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// TestMemoryIsGivenBackOnce: a call that its caller has left gives its memory back, and may begin something all the same.
func TestMemoryIsGivenBackOnce(t *testing.T) {
	r := newRoom(100)
	ctx, leave := context.WithCancel(t.Context())
	a := &arrival{door: NewDoor(Identities{}, nil, nil), here: func() {}}
	gone := make(chan struct{})
	a.stop = context.AfterFunc(ctx, func() { a.end(); close(gone) })
	memory, err := r.take(ctx, "a", 60, 0)
	testkit.OK(t, err)
	a.hold(memory)
	leave()
	<-gone
	limits := NewLimits(nil)
	limits.usage["a"] = &usage{}
	place := &place{limits: limits, caller: "a", memory: memory, holders: 1}
	done := Keep(context.WithValue(ctx, callKey{}, &Call{place: place}))
	if r.free != 40 || r.held["a"] != 60 {
		t.Errorf("%d bytes are free, and %d held, while something goes on", r.free, r.held["a"])
	}
	done()
	a.answered()
	if r.free != 100 || len(r.held) != 0 {
		t.Errorf("%d bytes of %d are free, and held are %v", r.free, r.most, r.held)
	}
}
