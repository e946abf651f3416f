package service

import (
	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

func text[S ~string](value *S) string {
	if value == nil {
		return ""
	}
	return string(*value)
}

func optional(code *cegidclient.Code) *string { return (*string)(code) }

// listed reads a value of Loop's by a table; one that it does not list stays in the field for codes alone.
func listed[E ~int32](table map[cegidclient.Code]E, code *cegidclient.Code) E {
	if code == nil {
		return 0
	}
	return table[*code]
}

// enumCode is Loop's code of an enum whose values are numbered as Loop numbers them; nil for none.
func enumCode[E ~int32](value E) *cegidclient.Code {
	if value == 0 {
		return nil
	}
	return new(cegidclient.Code(digits(value)))
}

// nowhere is what most references say. It is only read, as each message is once it is answered.
var nowhere = &looppb.Reference{}

func reference(ref *cegidclient.Ref) *looppb.Reference {
	switch {
	case ref == nil:
		return nil
	case ref.ObjectID == "" && ref.Description == "":
		return nowhere
	}
	return &looppb.Reference{ObjectId: ref.ObjectID, Description: ref.Description}
}

func unmapped(raw cegidclient.Unmapped, wanted bool) map[string]string {
	if !wanted || len(raw) == 0 {
		return nil
	}
	return raw
}
