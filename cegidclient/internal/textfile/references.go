package textfile

// References are the first references of documents that are written in a file, each once.
type References struct {
	seen map[string]bool
	list []string
}

// The number of references that are kept, and the bytes of one; a longer one is left out.
const (
	MaxReferences = 100
	MaxReference  = 255
)

// Add keeps a reference, as it is written.
func (r *References) Add(reference []byte) {
	if len(reference) == 0 || len(reference) > MaxReference || len(r.list) == MaxReferences || r.seen[string(reference)] {
		return
	}
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	r.seen[string(reference)] = true
	r.list = append(r.list, string(reference))
}

// List gives them in the order of the file.
func (r *References) List(decode func([]byte) string) (out []string) {
	for _, reference := range r.list {
		out = append(out, decode([]byte(reference)))
	}
	return out
}
