package interceptor

import (
	"math/bits"
	"sync"

	"google.golang.org/grpc/mem"
)

// buffers are those that messages are written to and put together in.
var buffers mem.BufferPool = &bufferPool{}

// bufferPool keeps buffers by their size, a power of two. Those of grpc-go's pools are cleared each time, as large as they are; of
// these the one who takes one writes all of it, or gives it back unread.
type bufferPool struct {
	tiers [largestBuffer - smallestBuffer + 1]sync.Pool
}

// The sizes of what is kept, as exponents of two: what is larger is made for each.
const smallestBuffer, largestBuffer = 8, 20

// tier is the place of the buffers that have so many bytes at least; false where none is kept.
func tier(length int) (int, bool) {
	exponent := max(bits.Len(uint(max(length, 1)-1)), smallestBuffer)
	return exponent - smallestBuffer, exponent <= largestBuffer
}

// Get implements mem.BufferPool.
func (p *bufferPool) Get(length int) *[]byte {
	i, kept := tier(length)
	if !kept {
		return new(make([]byte, length))
	}
	if buffer, ok := p.tiers[i].Get().(*[]byte); ok {
		*buffer = (*buffer)[:length]
		return buffer
	}
	return new(make([]byte, length, 1<<(i+smallestBuffer)))
}

// Put implements mem.BufferPool.
func (p *bufferPool) Put(buffer *[]byte) {
	if i, kept := tier(cap(*buffer)); kept && cap(*buffer) == 1<<(i+smallestBuffer) {
		p.tiers[i].Put(buffer)
	}
}
