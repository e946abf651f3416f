package interceptor

import (
	"runtime"
	"sync"
	"time"
	"weak"

	"google.golang.org/grpc/mem"
)

const (
	// leastLent is the size of a buffer from which on grpc-go gives it back; smaller ones it leaves to the collector.
	leastLent = 1 << 10
	// arrivalPatience is how long a connection waits for memory before the oldest arrival gives way.
	arrivalPatience = time.Second
)

// arrivingPool lends grpc-go the memory for what it reads, as much as there may be at a time. Beyond it the connection is not read any
// further, which holds its sender back, until others have arrived. Where none does, the oldest gives way; and where nothing arrives but
// later messages of streams, one more may: they would wait for each other.
type arrivingPool struct {
	mem.BufferPool
	most    int64
	giveWay func() bool

	mu   sync.Mutex
	held int64
	more int64 // what there may be instead of most
	// lent is what grpc-go has; what it forgets of a call that was cut off, the collector finds.
	lent map[weak.Pointer[[]byte]]lent
	back chan struct{} // closed when something is given back
	// collecting, so that one looks for what was forgotten.
	collecting sync.Mutex
}

type lent struct {
	bytes   int64
	cleanup runtime.Cleanup
}

func newArrivingPool(most int64, giveWay func() bool) *arrivingPool {
	return &arrivingPool{
		BufferPool: buffers, most: most, giveWay: giveWay,
		lent: map[weak.Pointer[[]byte]]lent{}, back: make(chan struct{}),
	}
}

// Get implements mem.BufferPool. The reader of a connection calls it.
func (p *arrivingPool) Get(length int) *[]byte {
	if length < leastLent {
		return p.BufferPool.Get(length)
	}
	p.take(int64(length))
	buffer := p.BufferPool.Get(length)
	key, bytes := weak.Make(buffer), int64(cap(*buffer))
	cleanup := runtime.AddCleanup(buffer, func(key weak.Pointer[[]byte]) { p.takeBack(key) }, key)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held += bytes - int64(length)
	p.lent[key] = lent{bytes, cleanup}
	return buffer
}

// Put implements mem.BufferPool.
func (p *arrivingPool) Put(buffer *[]byte) {
	if it, ok := p.takeBack(weak.Make(buffer)); ok {
		it.cleanup.Stop()
	}
	p.BufferPool.Put(buffer)
}

func (p *arrivingPool) takeBack(key weak.Pointer[[]byte]) (lent, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	it, ok := p.lent[key]
	if ok {
		delete(p.lent, key)
		if p.held -= it.bytes; p.held <= p.most {
			p.more = 0
		}
		close(p.back)
		p.back = make(chan struct{})
	}
	return it, ok
}

// take waits until there is room, and takes it.
func (p *arrivingPool) take(bytes int64) {
	for {
		p.mu.Lock()
		room, back := p.held == 0 || p.held+bytes <= max(p.most, p.more), p.back
		if room {
			p.held += bytes
		}
		p.mu.Unlock()
		if room {
			return
		}
		timer := time.NewTimer(arrivalPatience)
		select {
		case <-back:
		case <-timer.C:
			if !p.giveWay() {
				p.mu.Lock()
				p.more = max(p.more, p.held+MaxMessage)
				p.mu.Unlock()
			}
			if p.collecting.TryLock() {
				runtime.GC()
				p.collecting.Unlock()
			}
		}
		timer.Stop()
	}
}
