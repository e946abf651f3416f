package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/types/descriptorpb"
)

const commented = `syntax = "proto3";
package shop;
// Sells.
//
// Says what
// it sold.
service Shop {
  // Sells one.
  rpc Sell(Sale) returns (Sale);
}
// A sale.
message Sale {
  // How it is paid.
  oneof payment {
    // In "cash", < 10.
    string cash = 1;
  }
  string silent = 2;
  // Inside.
  message Inner {
    // What.
    enum What {
      // Nothing.
      WHAT_UNSPECIFIED = 0;
    }
  }
}
`

func TestCommentsStandUnderTheNameOfWhatTheyDescribe(t *testing.T) {
	var out bytes.Buffer
	if err := writeComments(marshal(t, shop(t, protocompile.SourceInfoStandard)), &out, "shop/"); err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"shop.Shop": "Sells.\n\nSays what it sold.", "shop.Shop.Sell": "Sells one.", "shop.Sale": "A sale.",
		"shop.Sale.payment": "How it is paid.", "shop.Sale.cash": `In "cash", < 10.`, "shop.Sale.Inner": "Inside.",
		"shop.Sale.Inner.What": "What.", "shop.Sale.Inner.WHAT_UNSPECIFIED": "Nothing.",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if !strings.Contains(out.String(), "< 10") {
		t.Error("it is escaped for HTML, which this is not")
	}
}

func TestASetWithoutPositionsIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		mode   protocompile.SourceInfoMode
		prefix string
	}{"without positions": {protocompile.SourceInfoNone, "shop/"}, "another prefix": {protocompile.SourceInfoStandard, "other/"}} {
		if err := writeComments(marshal(t, shop(t, c.mode)), new(bytes.Buffer), c.prefix); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}

func shop(t *testing.T, mode protocompile.SourceInfoMode) *descriptorpb.FileDescriptorSet {
	t.Helper()
	return compile(t, mode, protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(map[string]string{"shop/shop.proto": commented})}, "shop/shop.proto")
}
