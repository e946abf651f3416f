package interceptor

import "testing"

// TestBuffersHaveTheSizeThatIsAskedFor, and come back as large as they were.
func TestBuffersHaveTheSizeThatIsAskedFor(t *testing.T) {
	pool := &bufferPool{}
	for length, most := range map[int]int{
		0: 256, 1: 256, 255: 256, 256: 256, 257: 512, 1000: 1024, 1024: 1024, 1025: 2048, 70_000: 131_072, 1 << 20: 1 << 20,
		1<<20 + 1: 1<<20 + 1,
	} {
		for range 3 {
			buffer := pool.Get(length)
			if len(*buffer) != length || cap(*buffer) != most {
				t.Errorf("%d bytes: %d of %d", length, len(*buffer), cap(*buffer))
			}
			*buffer = (*buffer)[:length/2]
			pool.Put(buffer)
		}
	}
	pool.Put(new(make([]byte, 10, 300))) // of another size
	if buffer := pool.Get(300); cap(*buffer) != 512 {
		t.Errorf("a buffer of %d bytes is kept", cap(*buffer))
	}
}
