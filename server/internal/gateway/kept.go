package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	"cegid.internal/gateway/server/internal/contract"
	"cegid.internal/gateway/server/internal/inprocess"
)

// kept is what a read says of older answers, and an answer that several have.
type kept struct {
	w         http.ResponseWriter
	directive directives
	known     []string // entity tags of If-None-Match
	applies   bool     // it accepts an older answer, or knows one already
	answer    inprocess.Shared
}

// keeping notes what reads say of older answers. Who says nothing is answered as if nothing was ever kept.
func keeping(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer := answerOf(r.Context()); answer != nil && r.Method == http.MethodGet {
			answer.kept = &kept{w: w, directive: readDirectives(r.Header.Values("Cache-Control")), known: r.Header.Values("If-None-Match")}
		}
		next.ServeHTTP(w, r)
	})
}

func keptOf(ctx context.Context) *kept {
	if answer := answerOf(ctx); answer != nil {
		return answer.kept
	}
	return nil
}

// older says in a request which older answers its caller accepts by a header, and takes one as it is kept.
type older struct{ grpc.ClientConnInterface }

func (c older) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	if k := keptOf(ctx); k != nil {
		if request, ok := args.(proto.Message); ok {
			k.applies = k.fill(request.ProtoReflect())
		}
		options = append(options, inprocess.TakeShared{Answer: &k.answer})
	}
	return c.ClientConnInterface.Invoke(ctx, method, args, reply, options...)
}

// fill sets the fields that the query does not; false for a request that has none, or that asks for no freshness.
func (k *kept) fill(request protoreflect.Message) bool {
	asked := k.directive.given || len(k.known) > 0
	for _, limit := range []struct {
		name     protoreflect.Name
		accepted time.Duration
	}{{contract.MaxStaleness, k.directive.maxAge}, {contract.StaleIfError, k.directive.staleIfError}} {
		field := request.Descriptor().Fields().ByName(limit.name)
		if field == nil {
			return false
		}
		if limit.accepted > 0 && !request.Has(field) {
			request.Set(field, protoreflect.ValueOfMessage(durationpb.New(limit.accepted).ProtoReflect()))
		}
		asked = asked || request.Has(field)
	}
	return asked
}

// keptAnswer is one that several have: how old it is in seconds, how it was found, its JSON and the tag of that, both made once.
type keptAnswer interface {
	Age() string
	How() string
	JSON(write func(proto.Message) ([]byte, error)) ([]byte, error)
	Tag(of func(text []byte) string) string
}

// text is JSON that was written before.
type text []byte

// rewritten is an answer with what HTTP says of its age and its tag, or nothing where its caller has it already.
func (m *marshaler) rewritten(ctx context.Context, answer proto.Message) (any, error) {
	k := keptOf(ctx)
	if k == nil {
		return answer, nil
	}
	write := func(answer proto.Message) ([]byte, error) { return m.Marshal(answer) }
	shared, several := k.answer.(keptAnswer)
	switch {
	case !several && !k.applies:
		return answer, nil
	case !k.applies:
		written, err := shared.JSON(write)
		return text(written), err
	}
	header, age := k.w.Header(), "0"
	var written []byte
	var tag string
	var err error
	if several {
		if written, err = shared.JSON(write); err == nil {
			tag, age = shared.Tag(tagOf), shared.Age()
		}
		header.Set("Cache-Status", shared.How())
	} else {
		written, err = write(answer)
		tag = tagOf(written)
	}
	if err != nil {
		header.Del("Cache-Status")
		return nil, err
	}
	header.Set("Age", age)
	header.Set("ETag", tag)
	// A browser may keep it, and asks here before it shows it again: a grant may have gone.
	header.Set("Cache-Control", "private, no-cache")
	vary(header, "Authorization", "Accept-Encoding")
	if matched := matching(k.known, tag); matched != "" {
		header.Set("ETag", matched)
		header.Del("Content-Type")
		k.w.WriteHeader(http.StatusNotModified)
		return text(nil), nil
	}
	return text(written), nil
}

// tagOf is the entity tag of an answer: of what it says, so that each replica gives the same.
func tagOf(written []byte) string {
	sum := sha256.Sum256(written)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// weak is a tag of the same content in another form, as compressing makes one (RFC 9110, 8.8.1).
func weak(tag string) string { return "W/" + strings.TrimPrefix(tag, "W/") }

// matching is the tag among those of If-None-Match of the same content (RFC 9110, 13.1.2); a star is for any.
func matching(known []string, tag string) string {
	for part := range strings.SplitSeq(strings.Join(known, ","), ",") { // no tag of ours has a comma
		switch part = strings.TrimSpace(part); part {
		case "*", tag:
			return tag
		case weak(tag):
			return part
		}
	}
	return ""
}

// vary adds names to those that an answer depends on.
func vary(header http.Header, names ...string) {
	var all []string
	for part := range strings.SplitSeq(strings.Join(append(slices.Clone(names), header.Values("Vary")...), ","), ",") {
		part = strings.TrimSpace(part)
		if part != "" && !slices.ContainsFunc(all, func(name string) bool { return strings.EqualFold(name, part) }) {
			all = append(all, part)
		}
	}
	header.Set("Vary", strings.Join(all, ", "))
}

// directives are what Cache-Control says of the answers that will do (RFC 9111, 5.2.1; RFC 5861, 4).
type directives struct {
	maxAge, staleIfError time.Duration
	// given: something is said of age, be it that none will do.
	given bool
}

// mostAccepted is as old as an answer may be: what accepts an older one accepts this.
const mostAccepted = 24 * time.Hour

// readDirectives reads the lines of Cache-Control. What it cannot read accepts no older answer, nor does what is said twice accept
// more than either.
func readDirectives(lines []string) (out directives) {
	fresh := false
	said := map[string]time.Duration{}
	for name, value := range splitDirectives(strings.Join(lines, ",")) {
		switch name {
		case "no-store":
			return directives{}
		case "no-cache":
			fresh = true
		case "max-age", "stale-if-error":
			age, before := seconds(value), mostAccepted
			if earlier, twice := said[name]; twice {
				before = earlier
			}
			said[name] = min(age, before)
		}
	}
	if fresh {
		return directives{given: true}
	}
	return directives{maxAge: said["max-age"], staleIfError: said["stale-if-error"], given: len(said) > 0}
}

// seconds reads a number of seconds; 0 of what is none.
func seconds(value string) time.Duration {
	if value == "" || strings.Trim(value, "0123456789") != "" {
		return 0
	}
	number, err := strconv.ParseInt(value, 10, 64)
	if err != nil || number > int64(mostAccepted/time.Second) { // more than fits is a lot
		return mostAccepted
	}
	return time.Duration(number) * time.Second
}

// splitDirectives gives the directives of a list: names in small letters, values without quotation marks.
func splitDirectives(list string) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for list != "" {
			end, quoted := len(list), false
			for i := 0; i < len(list); i++ {
				switch {
				case quoted && list[i] == '\\':
					i++
				case list[i] == '"':
					quoted = !quoted
				case list[i] == ',' && !quoted:
					end = i
				}
				if end == i {
					break
				}
			}
			directive := list[:end]
			list = strings.TrimPrefix(list[end:], ",")
			name, value, _ := strings.Cut(directive, "=")
			value = strings.TrimSpace(value)
			if inner, opened := strings.CutPrefix(value, `"`); opened {
				value = strings.TrimSuffix(inner, `"`)
			}
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" && !yield(name, value) {
				return
			}
		}
	}
}
