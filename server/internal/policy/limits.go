package policy

import (
	yaml "cegid.internal/gateway/server/internal/strictyaml"
)

// Limits bound what one caller takes of the service.
type Limits struct {
	// Calls under way at a time, writes whose caller has left included; 0 is no limit. Streams are counted apart.
	Calls int
	// Bytes of memory that the requests of those calls take; 0 is no limit.
	Bytes int
	// RequestsPerSecond that begin, on the average; 0 is no limit. Burst is how many may begin at once after a pause.
	RequestsPerSecond float64
	Burst             int
	// BytesPerSecond of requests and answers, on the average; 0 is no limit.
	BytesPerSecond int
}

// DefaultBytes is room for 27 of the largest imports, of plain lines. A practice with the default limits has use for 25 of one
// caller's when
// Loop takes 5 s for each: 5 under way and 20 that have their turn in time.
const DefaultBytes = 128 << 20

// LimitKeys declares limits with their defaults.
func LimitKeys(name, doc string) yaml.Key { return yaml.Mapping(name, doc, limitKeys()...) }

func limitKeys() []yaml.Key {
	return []yaml.Key{
		yaml.Int("calls", 256, 1, 100_000, "Calls under way at a time; streams are counted apart. A write whose caller does not wait counts "+
			"until Loop's answer to it is noted, and so does what is read from Loop for it."),
		yaml.Int("bytes", DefaultBytes, 8<<20, 1<<40, "Memory for the requests of those calls, by estimate: twice their bytes, and 24 more for "+
			"each part. The largest import of plain lines takes 5 MB. Over it a call is refused."),
		yaml.Number("requests_per_second", 0, 0, 100_000, "Calls that begin, on the average; 0 is no limit."),
		yaml.Int("burst", 0, 0, 100_000,
			"Calls that may begin at once after a pause, if there is a limit; 0 is those of a second, one at least."),
		yaml.Int("bytes_per_second", 0, 0, 1<<30, "Bytes of requests and answers, on the average; 0 is no limit. "+
			"A call is refused while those before are to be made up for, and a stream waits."),
	}
}

// inherited are the same keys without defaults.
func inherited() (keys []yaml.Key) {
	for _, key := range limitKeys() {
		keys = append(keys, key.Inherited())
	}
	return keys
}

// ReadLimits reads what LimitKeys declares; what is not given is as in otherwise.
func ReadLimits(n yaml.Node, otherwise Limits) Limits {
	fields, _ := n.Fields()
	limits := otherwise
	for key, value := range map[string]*int{
		"calls": &limits.Calls, "bytes": &limits.Bytes, "burst": &limits.Burst,
		"bytes_per_second": &limits.BytesPerSecond,
	} {
		if place := fields.Get(key); place.Given() {
			*value = place.Int()
		}
	}
	if place := fields.Get("requests_per_second"); place.Given() {
		limits.RequestsPerSecond = place.Number()
	}
	return limits
}

// DefaultLimits are those of the keys.
func DefaultLimits() Limits { return Limits{Calls: 256, Bytes: DefaultBytes} }
