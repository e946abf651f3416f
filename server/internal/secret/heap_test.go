package secret_test

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/secret"
)

// masked is a text that a dump does not find, since it lies in memory in no other form than this.
type masked []byte

const mask = 0xa5

// random makes a key and its secret, neither of which stays in memory, writes them to a file, and returns the secret.
func random(t *testing.T, path string) masked {
	t.Helper()
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	text := append([]byte("key:"), make([]byte, 32)...)
	_, _ = rand.Read(text[4:])
	for i := range text[4:] {
		text[4+i] = letters[text[4+i]%32]
	}
	testkit.OK(t, os.WriteFile(path, text, 0o600))
	secret := make(masked, 32)
	for i, c := range text[4:] {
		secret[i] = c ^ mask
	}
	clear(text)
	return secret
}

// in counts where a dump of the heap holds it.
func (m masked) in(t *testing.T, folder string) (count int) {
	t.Helper()
	path := filepath.Join(folder, "heap")
	out, err := os.Create(path)
	testkit.OK(t, err)
	runtime.GC()
	runtime.GC() // what the first one found dead is swept, and its memory is dumped no more
	debug.WriteHeapDump(out.Fd())
	testkit.OK(t, out.Close())
	dump, err := os.ReadFile(path)
	testkit.OK(t, err)
	for i := range dump {
		dump[i] ^= mask
	}
	if !bytes.HasPrefix(dump, masked("go1.7 heap dump\n").xored()) {
		t.Fatal("that is no dump of the heap")
	}
	count = bytes.Count(dump, m)
	clear(dump)
	return count
}

func (m masked) xored() []byte {
	out := make([]byte, len(m))
	for i, c := range m {
		out[i] = c ^ mask
	}
	return out
}

// TestTheHeapHoldsASecretInItsTypeAlone: a keyring, which was used as calls use it, is all that keeps it.
func TestTheHeapHoldsASecretInItsTypeAlone(t *testing.T) {
	folder := t.TempDir()
	canary := random(t, filepath.Join(folder, "key"))
	ref := parse(t, "${file:"+filepath.Join(folder, "key")+"}", folder)
	keys, err := secret.NewKeyring(secret.Keys{Standard: ref, SubscriptionKeys: []secret.Ref{ref}}, nil)
	testkit.OK(t, err)
	if _, err := keys.Credentials(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	_ = keys.Statuses()
	// Two, as it was read for either use, and each in one place.
	if n := canary.in(t, folder); n != 2 {
		t.Errorf("the heap holds it %d times while the keyring lives; want 2", n)
	}
	runtime.KeepAlive(keys)
	keys = nil
	if n := canary.in(t, folder); n != 0 {
		t.Errorf("the heap holds it %d times after the keyring", n)
	}
}
