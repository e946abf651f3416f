package reads

import (
	"sync"

	"google.golang.org/protobuf/proto"
)

// answer is what was read, encoded: each caller makes a message of his own.
type answer struct {
	bytes []byte
	empty proto.Message // of the same type

	mu   sync.Mutex
	text []byte // as JSON, once somebody wants it
	mark string // of text
}

func newAnswer(message proto.Message) (*answer, error) {
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	return &answer{bytes: encoded, empty: message.ProtoReflect().Type().Zero().Interface()}, err
}

// Weight implements freshness.Value.
func (a *answer) Weight() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.bytes) + len(a.text)
}

// json is the message as JSON; first says that it was not there before.
func (a *answer) json(write func(proto.Message) ([]byte, error)) (text []byte, first bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.text != nil {
		return a.text, false, nil
	}
	message := a.empty.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(a.bytes, message); err != nil {
		return nil, false, err
	}
	if a.text, err = write(message); err != nil {
		a.text = nil
		return nil, false, err
	}
	return a.text, true, nil
}

// tag is that of the JSON.
func (a *answer) tag(of func(text []byte) string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mark == "" {
		a.mark = of(a.text)
	}
	return a.mark
}
