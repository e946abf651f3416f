package service

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission"
)

func TestEveryKindOfWriteHasItsCall(t *testing.T) {
	for _, kind := range ledger.Kinds() {
		if _, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName("cegid.loop.v1." + RPCName(kind))); err != nil {
			t.Errorf("%s comes by %s: %v", kind, RPCName(kind), err)
		}
	}
}

// TestWhoMayNotDecideIsRefusedAsElsewhere: by the one who words what the policy does not allow.
func TestWhoMayNotDecideIsRefusedAsElsewhere(t *testing.T) {
	asked := ""
	s := &Writes{refuse: func(_ context.Context, method string) error {
		asked = method
		return errors.New("not allowed")
	}}
	err := s.told(t.Context(), fmt.Errorf("w: %w", &submission.NotAllowedError{}))
	if asked != looppb.ImportService_ResolveImport_FullMethodName || err == nil || err.Error() != "not allowed" {
		t.Errorf("%q: %v", asked, err)
	}
}
