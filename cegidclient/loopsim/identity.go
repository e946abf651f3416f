package loopsim

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

func digest(parts ...string) [sha256.Size]byte {
	return sha256.Sum256([]byte("loopsim\x00" + strings.Join(parts, "\x00")))
}

// derivedUUID names an object for good: lower case with hyphens (loop-api: R 1.7). Version 8 of RFC 9562, since the bits
// are a SHA-256.
func derivedUUID(parts ...string) string {
	sum := digest(parts...)
	b := sum[:16]
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// derivedRevision is a row version: 0x and 16 hexadecimal digits, not the UUID that the tables announce (loop-api: R 1.7).
func derivedRevision(parts ...string) string {
	sum := digest(append([]string{"revision"}, parts...)...)
	return fmt.Sprintf("0x%016X", 0x10000+uint64(binary.BigEndian.Uint32(sum[:4])>>12))
}
