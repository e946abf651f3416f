package submission

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/submission/spool"
)

func intake(t *testing.T, about Document) *DocumentIntake {
	t.Helper()
	s, err := spool.Open(t.TempDir(), 1<<20)
	testkit.OK(t, err)
	file, err := s.Create("billing")
	testkit.OK(t, err)
	in := &DocumentIntake{writer: &Writer{}, about: about, file: file, digest: sha256.New()}
	t.Cleanup(in.Close)
	return in
}

// TestADocumentIsTheSameHoweverItIsCut: also where its mark is.
func TestADocumentIsTheSameHoweverItIsCut(t *testing.T) {
	file := append([]byte("\xef\xbb\xbf%PDF-1.7\n"), bytes.Repeat([]byte("x"), 3000)...)
	for _, size := range []int{1, 3, 7, 1023, 1024, 1025, 5000} {
		in := intake(t, Document{FileName: "facture.pdf"})
		for rest := file; len(rest) > 0; {
			n := min(size, len(rest))
			testkit.OK(t, in.Take(rest[:n]))
			rest = rest[n:]
		}
		if got := in.contentType; got != "application/pdf" || in.file.Size() != int64(len(file)) || [sha256.Size]byte(in.digest.Sum(nil)) != sha256.Sum256(file) {
			t.Errorf("in pieces of %d: %q, %d bytes of another digest", size, got, in.file.Size())
		}
	}
}

// TestADocumentWithoutRoomIsRefused: the spool's error reaches the caller of Take.
func TestADocumentWithoutRoomIsRefused(t *testing.T) {
	in := intake(t, Document{FileName: "facture.pdf"})
	err := in.Take(append([]byte("%PDF-1.7"), make([]byte, 1<<20)...))
	if !errors.Is(err, ErrNoRoom) {
		t.Errorf("%v", err)
	}
	if _, _, err := intake(t, Document{}).Store(t.Context()); !errors.Is(err, ErrDocumentEmpty) {
		t.Errorf("nothing came: %v", err)
	}
}
