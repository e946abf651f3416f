package textfile

import (
	"bytes"
	"crypto/sha256"
	"slices"
)

// MaxOpenEntries is the number of entries that can be out of balance at once.
const MaxOpenEntries = 131_072

const maxKey = 128

// Entry is what lines with the same key add up to.
type Entry struct {
	Balance
	Line   int // the first
	Date   Date
	Broken bool   // a line of it may be missing here, so that its balance says nothing
	Marks  uint16 // the reader's own
}

// OpenEntries follows entries whose lines may lie anywhere. Of an entry whose lines follow each other, only a change
// costs anything. Entries that do not balance when others begin are stored: more of their lines may come.
type OpenEntries struct {
	// Entry is that of the line before: the current one, or a stored one.
	Entry *Entry
	// Unfollowed tells that there were too many entries out of balance.
	Unfollowed bool

	current   Entry
	key, next []byte // of the entry, and of the line's
	stored    map[string]*Entry
	spare     []*Entry
}

// Prepare makes it ready for use; it must not be copied then.
func (o *OpenEntries) Prepare() {
	o.stored = map[string]*Entry{}
	o.Entry = &o.current
}

// Next is an empty buffer for the key of a line.
func (o *OpenEntries) Next() []byte { return o.next[:0] }

// Turns tells whether a line, whose key was written into the buffer, is of another entry than the one before. If so,
// Leave and Enter come next.
func (o *OpenEntries) Turns(key []byte) bool {
	if len(key) > maxKey {
		key = shorten(key)
	}
	o.next = key
	return !bytes.Equal(o.next, o.key)
}

func shorten(key []byte) []byte {
	sum := sha256.Sum256(key)
	return append(key[:maxKey-len(sum)], sum[:]...)
}

// Key is that of the entry; when it was too long, its end is replaced.
func (o *OpenEntries) Key() []byte { return o.key }

// Enter makes the line's entry the current one, and tells whether it was stored.
func (o *OpenEntries) Enter(line int, day Date) (stored bool) {
	o.key, o.next = o.next, o.key
	o.current = Entry{Line: line, Date: day}
	o.Entry = &o.current
	if len(o.stored) > 0 {
		if e := o.stored[string(o.key)]; e != nil {
			o.Entry = e
			return true
		}
	}
	return false
}

// Balanced tells whether nothing more is expected of the entry, which then is forgotten.
func (o *OpenEntries) Balanced() bool { return o.Entry.Debit == o.Entry.Credit && !o.Entry.Overflow }

// Leave ends the entry, for now. It tells when it is the first that there is no room for.
func (o *OpenEntries) Leave() (full bool) {
	e := o.Entry
	switch stored := e != &o.current; {
	case o.Balanced():
		if stored {
			delete(o.stored, string(o.key))
			o.spare = append(o.spare, e)
		}
	case stored || o.Unfollowed:
	case len(o.stored) >= MaxOpenEntries:
		o.Unfollowed = true // and stays so: lines of an entry that is not followed would look like an entry
		return true
	default:
		var kept *Entry
		if n := len(o.spare); n > 0 {
			kept, o.spare = o.spare[n-1], o.spare[:n-1]
		} else {
			kept = new(Entry)
		}
		*kept = *e
		o.stored[string(o.key)] = kept
	}
	return false
}

// Len is the number of entries that are stored.
func (o *OpenEntries) Len() int { return len(o.stored) }

// Keyed is an entry under its key.
type Keyed struct {
	Key string
	*Entry
}

// Unbalanced gives the entries that do not balance, by line, once the last was left.
func (o *OpenEntries) Unbalanced() []Keyed {
	var list []Keyed
	for key, e := range o.stored {
		if !e.Broken {
			list = append(list, Keyed{key, e})
		}
	}
	slices.SortFunc(list, func(a, b Keyed) int { return a.Line - b.Line })
	return list
}
