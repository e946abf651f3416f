package reads

import (
	"sync"

	"google.golang.org/protobuf/proto"
)

// answer is what was read: a message while it is one caller's, and else its encoding, of which each makes a message of his own.
type answer struct {
	message proto.Message // of a caller who is alone

	mu    sync.Mutex
	bytes []byte
	empty proto.Message // of the same type
	text  []byte        // as JSON, once somebody wants it
	tag   string        // of text
}

// Weight implements freshness.Value.
func (a *answer) Weight() int {
	encoded, _ := a.encoded() // who gets it is told of the error
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(encoded) + len(a.text)
}

// encoded is the message as bytes. From then on there is no message any more.
func (a *answer) encoded() ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.message == nil {
		return a.bytes, nil
	}
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(a.message)
	if err != nil {
		return nil, err
	}
	a.bytes, a.empty, a.message = encoded, a.message.ProtoReflect().Type().Zero().Interface(), nil
	return encoded, nil
}

// json is the message as JSON; first says that it was not there before.
func (a *answer) json(write func(proto.Message) ([]byte, string, error)) (text []byte, tag string, first bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.text != nil {
		return a.text, a.tag, false, nil
	}
	message := a.empty.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(a.bytes, message); err != nil {
		return nil, "", false, err
	}
	if text, tag, err = write(message); err != nil {
		return nil, "", false, err
	}
	a.text, a.tag = text, tag
	return text, tag, true, nil
}
