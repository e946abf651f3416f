package interceptor

import (
	"fmt"
	"slices"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
)

// TestANameIsRememberedWhereItHasPassed: the verdict is always that of a validator that remembers nothing.
func TestANameIsRememberedWhereItHasPassed(t *testing.T) {
	plain, err := protovalidate.New()
	testkit.OK(t, err)
	remembering := Remembering(plain).(*remembering)
	accounts := func(practice, dossier string, size int32) proto.Message {
		return &looppb.ListAccountsRequest{Practice: practice, Dossier: dossier, PageSize: size}
	}
	requests := []proto.Message{
		accounts("demo", "D1", 1), accounts("demo", "D1", -1), accounts("demo", "cabinet", 1), accounts("", "D1", 1), accounts("demo", "", 1),
		&looppb.ListDossiersRequest{Practice: "-"}, accounts("-", "D1", 1), // what one field takes another one may not
		&looppb.ListJournalsRequest{Practice: "demo", Dossier: "D 2"}, &looppb.ListEntriesRequest{Practice: "demo", Dossier: "D1"},
	}
	for range 2 { // the second time with what is remembered of the first
		for _, request := range requests {
			if got, want := violations(t, remembering, request), violations(t, plain, request); !slices.Equal(got, want) {
				t.Errorf("%v: %q; want %q", request, got, want)
			}
		}
	}
	for _, c := range []struct {
		request proto.Message
		again   bool
	}{{accounts("demo", "D1", 1), false}, {accounts("-", "D1", 1), true}, {&looppb.ListDossiersRequest{Practice: "-"}, false}} {
		of := c.request.ProtoReflect()
		if again := remembering.ShouldValidate(of, of.Descriptor().Fields().ByName("practice")); again != c.again {
			t.Errorf("%v: its practice is looked at again: %t", c.request, again)
		}
	}
	for i := range 2 * mostNames {
		testkit.OK(t, remembering.Validate(accounts("demo", fmt.Sprint("D", i), 1)))
	}
	if n := len(remembering.passed); n > mostNames || n == 0 {
		t.Errorf("%d names are remembered; at most %d", n, mostNames)
	}
}
