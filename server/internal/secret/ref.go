// Package secret reads the secrets that the configuration refers to, and follows their rotation.
package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/smallfile"
)

// A secret of Loop has a few dozen characters; whatever is larger is another file.
const maxBytes = 4 << 10

// Ref says where a secret is: `${file:/path}` or `${env:NAME}`. It holds no secret and prints as it was written. The
// zero Ref refers to nothing.
type Ref struct {
	written  string
	path     string // of a file, resolved
	variable string
}

// Parse reads a reference; a relative path is relative to folder. A text that is no reference is refused and never
// repeated in the error, because it may be the secret itself.
func Parse(text, folder string) (Ref, error) {
	inner, ok := strings.CutPrefix(text, "${")
	if ok {
		inner, ok = strings.CutSuffix(inner, "}")
	}
	if !ok || strings.ContainsAny(inner, "{}") {
		return Ref{}, errors.New("a secret does not belong in the configuration: put it in a file of its own and refer to that as " +
			"${file:/path}, or to an environment variable as ${env:NAME}")
	}
	switch scheme, target, _ := strings.Cut(inner, ":"); scheme {
	case "file":
		if strings.TrimSpace(target) == "" || !printable(target) {
			return Ref{}, errors.New("the reference names no file: write ${file:/path}")
		}
		ref := Ref{written: text, path: filepath.Clean(target)}
		if !filepath.IsAbs(target) {
			ref.path = filepath.Join(folder, target)
		}
		return ref, nil
	case "env":
		if !variableName(target) {
			return Ref{}, errors.New("the reference names no environment variable: write ${env:NAME}, with letters, digits and _ in NAME")
		}
		return Ref{written: text, variable: target}, nil
	default:
		return Ref{}, errors.New("the reference is of a kind that is not known here: write ${file:/path} or ${env:NAME}")
	}
}

func variableName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// String returns the reference as it was written.
func (r Ref) String() string { return r.written }

// GoString returns the reference as it was written.
func (r Ref) GoString() string { return r.written }

// MarshalText returns the reference as it was written.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.written), nil }

// IsZero says whether there is no reference.
func (r Ref) IsZero() bool { return r == Ref{} }

// Read reads the secret now. White space around it is dropped: editors and `echo` end a file with a line break. It
// refuses what cannot be a secret of one line, and its errors name the reference, never the content.
func (r Ref) Read() (cegidclient.Secret, error) {
	var content []byte
	switch {
	case r.variable != "":
		value, set := os.LookupEnv(r.variable)
		if !set {
			return cegidclient.Secret{}, fmt.Errorf("%s: the environment variable is not set; set it for this process, or refer to a file", r)
		}
		content = []byte(value)
	case r.path != "":
		var err error
		if content, err = smallfile.Read(r.path, maxBytes); err != nil {
			return cegidclient.Secret{}, r.readError(err)
		}
	default:
		return cegidclient.Secret{}, errors.New("there is no reference to a secret")
	}

	if len(content) > maxBytes {
		return cegidclient.Secret{}, tooLarge(r)
	}
	value := strings.TrimSpace(string(content))
	switch {
	case value == "":
		return cegidclient.Secret{}, fmt.Errorf("%s: it is empty; put the secret into it", r)
	case strings.ContainsAny(value, "\r\n"):
		return cegidclient.Secret{}, fmt.Errorf("%s: it has several lines; keep one secret on one line", r)
	case !printable(value):
		return cegidclient.Secret{}, fmt.Errorf("%s: it holds characters that cannot be seen, such as a byte order mark or control characters; "+
			"write it again as plain text", r)
	}
	return cegidclient.NewSecret(value), nil
}

// writtenAt is when the file was last written; zero when that cannot be known.
func (r Ref) writtenAt() time.Time {
	if r.path == "" {
		return time.Time{}
	}
	info, err := os.Stat(r.path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) })
}

func tooLarge(r Ref) error {
	return fmt.Errorf("%s: it is larger than 4 KiB and so no key; refer to what holds the key alone", r)
}

func (r Ref) readError(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: there is no such file; mount the secret or correct the path: %w", r, fs.ErrNotExist)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: this process may not read the file; change its owner or mode: %w", r, fs.ErrPermission)
	case errors.Is(err, smallfile.ErrIrregular):
		return fmt.Errorf("%s: it is no regular file; refer to the file that holds the secret", r)
	case errors.Is(err, smallfile.ErrTooLarge):
		return tooLarge(r)
	}
	// The path is in the reference already.
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		err = pathError.Err
	}
	return fmt.Errorf("%s: it cannot be read: %w", r, err)
}
