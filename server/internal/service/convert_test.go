package service

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// full has every field set, each to a value of its own; the values come back, and how many fields are true.
func full[T any]() (item *T, values []string, truths int) {
	item = new(T)
	v := reflect.ValueOf(item).Elem()
	for i := range v.NumField() {
		value := fmt.Sprintf("%d", 7000+i)
		switch f := v.Field(i); f.Interface().(type) {
		case *string:
			f.Set(reflect.ValueOf(&value))
		case *cegidclient.Code:
			f.Set(reflect.ValueOf((*cegidclient.Code)(&value)))
		case *cegidclient.Ref:
			f.Set(reflect.ValueOf(&cegidclient.Ref{ObjectID: value, Description: value + "-description"}))
			values = append(values, value+"-description")
		case cegidclient.Unmapped:
			f.Set(reflect.ValueOf(cegidclient.Unmapped{"champ": value}))
		case *bool:
			f.Set(reflect.ValueOf(new(true)))
			truths++
			continue
		default:
			continue // no field of Loop's
		}
		values = append(values, value)
	}
	return item, values, truths
}

// TestConversionDropsNothing: what the client read of a resource, the message holds.
func TestConversionDropsNothing(t *testing.T) {
	t.Run("account", whole(account))
	t.Run("journal", whole(journal))
	t.Run("analytic section", whole(analyticSection))
	t.Run("third party", whole(func(p *cegidclient.ThirdParty, all bool) looppb.ThirdParty {
		return thirdParty(looppb.ThirdPartyKind_THIRD_PARTY_KIND_OTHER, p, all)
	}))
	t.Run("VAT code", whole(vatCode))
	t.Run("establishment", whole(establishment))
	t.Run("legal identity", whole(legalIdentity))
}

func whole[T, M any](convert func(*T, bool) M) func(*testing.T) {
	return func(t *testing.T) {
		message := func(of *T) proto.Message { return any(new(convert(of, true))).(proto.Message) }
		item, values, truths := full[T]()
		text, err := protojson.Marshal(message(item))
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range values {
			if n := strings.Count(string(text), `"`+value+`"`); n != 1 {
				t.Errorf("%s is %d times in %s", value, n, text)
			}
		}
		if n := strings.Count(string(text), ":true") + strings.Count(string(text), ": true"); n != truths || len(values) == 0 {
			t.Errorf("%d of %d flags, in %s", n, truths, text)
		}
		var none T
		bare := message(&none)
		if proto.Size(bare) > 2 { // the kind of a third party is its route's
			t.Errorf("nothing becomes %v", bare)
		}
	}
}

// TestEveryEnumOfLoopsIsRead: each known value has its own name, any other none.
func TestEveryEnumOfLoopsIsRead(t *testing.T) {
	for name, of := range map[string]struct {
		read func(*cegidclient.Code) int32
		last int32
	}{
		"journal type":        {func(c *cegidclient.Code) int32 { return int32(listed(journalTypes, c)) }, 8},
		"contra account mode": {func(c *cegidclient.Code) int32 { return int32(listed(contraAccountModes, c)) }, 3},
		"legal nature":        {func(c *cegidclient.Code) int32 { return int32(listed(legalNatures, c)) }, 2},
		"VAT regime":          {func(c *cegidclient.Code) int32 { return int32(listed(vatRegimes, c)) }, 8},
		"establishment type":  {func(c *cegidclient.Code) int32 { return int32(listed(establishmentTypes, c)) }, 4},
		"activity frequency":  {func(c *cegidclient.Code) int32 { return int32(listed(activityFrequencies, c)) }, 5},
		"activity timing":     {func(c *cegidclient.Code) int32 { return int32(listed(activityTimings, c)) }, 3},
	} {
		for n := range of.last + 2 {
			want := n // the contract numbers them as Loop does
			if n > of.last {
				want = 0
			}
			if got := of.read(new(cegidclient.Code(fmt.Sprint(n)))); got != want {
				t.Errorf("%s %d is read as %d", name, n, got)
			}
		}
		if of.read(nil) != 0 {
			t.Errorf("%s: none is read as one", name)
		}
	}
}
