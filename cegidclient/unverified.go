package cegidclient

import "slices"

// Enabled tells whether an operation of the inventory may be used: it is verified, or [Config.Unverified] allows it. A caller who
// must know asks here; what is not enabled is a [KindUnverified], before any call.
func (c *Client) Enabled(op *Operation) bool {
	return !op.Unverified || slices.Contains(c.unverified, op.ID)
}

// notEnabled is the error for what is not enabled; field is what needs it, if not the whole operation does.
func notEnabled(field string) *Error {
	return &Error{
		Kind: KindUnverified, Local: true, Field: field,
		detail: "Loop does not document what it wants to be sent, and this client was not told to send it all the same",
	}
}
