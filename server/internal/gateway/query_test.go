package gateway

import (
	"net/url"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// FuzzTheQueryIsReadAsItWasJudged: what checkQuery lets through, grpc-gateway can read.
func FuzzTheQueryIsReadAsItWasJudged(f *testing.F) {
	for _, each := range [][2]string{
		{"pageSize", "10"},
		{"page_size", "-0"},
		{"pageSize", "007"},
		{"pageSize", "1e2"},
		{"pageSize", ""},
		{"pageSize", "2147483648"},
		{"pageSize", "%2B1"},
		{"receivedFrom", "2026-01-31T12:00:00.5Z"},
		{"receivedFrom", "2026-01-31T12:00:00+01:00"},
		{"receivedFrom", "2026-01-31T12:00:00%2B01:00"},
		{"receivedFrom", "null"},
		{"states", "IMPORT_STATE_WAITING"},
		{"states", "1"},
		{"states", "IMPORT_STATE_WAITING&states=IMPORT_STATE_RUNNING"},
		{"states[0]", "IMPORT_STATE_WAITING"},
		{"lettering", "LETTERING_STATE_LETTERED"},
		{"lettering", "LETTERING_STATE_LETTERED&originId=x"},
		{"includeUnmapped", "true"},
		{"includeUnmapped", "T"},
		{"include_unmapped", "true&includeUnmapped=true"},
		{"filter", "a=b"},
		{"filter", "%FF"},
		{"filter.x", "1"},
		{"receivedFrom.seconds", "1"},
	} {
		f.Add(each[0] + "=" + each[1])
	}
	f.Fuzz(func(t *testing.T, query string) {
		for _, request := range []proto.Message{&looppb.ListImportsRequest{}, &looppb.ListEntriesRequest{}, &looppb.ListAccountsRequest{}} {
			judged := route{request: request.ProtoReflect().Descriptor()}
			if judged.checkQuery(query) != nil {
				continue
			}
			values, err := url.ParseQuery(query)
			if err == nil {
				err = runtime.PopulateQueryParameters(proto.Clone(request), values, utilities.NewDoubleArray(nil))
			}
			if err != nil {
				t.Errorf("%T: %q is let through, and grpc-gateway says: %v", request, query, err)
			}
		}
	})
}
