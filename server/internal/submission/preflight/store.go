package preflight

import (
	"container/list"
	"reflect"
	"time"
)

// maxBytes bounds about how much is kept, reference data of hundreds of dossiers; partOfMemory what part of the memory that is at
// most.
const (
	maxBytes     = 64 << 20
	partOfMemory = 16
)

// store keeps what was read, bounded by bytes: what was read first goes first, and so does what is too old. It is no more than
// its owner's lock makes it.
type store struct {
	most, bytes int
	order       *list.List // of *kept, as they were read
	known       map[key]*list.Element
}

type kept struct {
	key   key
	value any
	read  time.Time
	bytes int
}

func newStore(most int) store {
	return store{most: most, order: list.New(), known: map[key]*list.Element{}}
}

func (s *store) get(k key) (kept, bool) {
	found, ok := s.known[k]
	if !ok {
		return kept{}, false
	}
	return *found.Value.(*kept), true
}

// put keeps one, and drops what is older than an instant and, the oldest first, what there is no room for. The newest always
// stays: whoever waits for it reads it.
func (s *store) put(each kept, young time.Time) {
	s.drop(each.key)
	for oldest := s.order.Front(); oldest != nil; oldest = s.order.Front() {
		if it := oldest.Value.(*kept); it.read.After(young) && s.bytes+each.bytes <= s.most {
			break
		}
		s.drop(oldest.Value.(*kept).key)
	}
	s.known[each.key] = s.order.PushBack(&each)
	s.bytes += each.bytes
}

func (s *store) drop(k key) {
	if found, ok := s.known[k]; ok {
		s.bytes -= found.Value.(*kept).bytes
		s.order.Remove(found)
		delete(s.known, k)
	}
}

// weigh is about how many bytes a list takes, with an index of it.
func weigh[T any](items []T) int {
	const indexed = 200 // of an item: its places in maps
	size := indexed * len(items)
	for i := range items {
		size += sizeOf(reflect.ValueOf(&items[i]).Elem())
	}
	return size
}

// sizeOf is a value and what it leads to, texts above all.
func sizeOf(v reflect.Value) int {
	size := int(v.Type().Size())
	switch v.Kind() {
	case reflect.String:
		size += v.Len()
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			size += sizeOf(v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return size + v.Len()
		}
		for i := range v.Len() {
			size += sizeOf(v.Index(i))
		}
	case reflect.Map:
		for each := v.MapRange(); each.Next(); {
			size += sizeOf(each.Key()) + sizeOf(each.Value())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Field(i)
			size += sizeOf(field) - int(field.Type().Size())
		}
	}
	return size
}
