package interceptor

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/authn"
	"cegid.internal/gateway/server/internal/policy"
)

// certificateKey hands the names of a client's certificate over to the server in the process, which alone reads it. Binary,
// since a name may hold what metadata may not.
const certificateKey = "x-loop-client-certificate-bin"

// Certified returns the verified names of the certificate of a call.
type Certified func(context.Context) []string

// OfConnection is for a server whose clients connect to it over TLS.
func OfConnection(authorities authn.Authorities) Certified {
	return func(ctx context.Context) []string {
		from, ok := peer.FromContext(ctx)
		if !ok {
			return nil
		}
		secure, ok := from.AuthInfo.(credentials.TLSInfo)
		if !ok {
			return nil
		}
		return authn.Certified(&secure.State, authorities)
	}
}

// HandedOver is for the server that is reached in this process, from the gateway alone.
func HandedOver(ctx context.Context) []string {
	return metadata.ValueFromIncomingContext(ctx, certificateKey)
}

// HandOver is what the gateway sends along for HandedOver.
func HandOver(state *tls.ConnectionState, authorities authn.Authorities) metadata.MD {
	names := authn.Certified(state, authorities)
	if len(names) == 0 {
		return nil
	}
	return metadata.MD{certificateKey: names}
}

// Ways in which a caller is known, as the audit has them.
const (
	byToken       = "token"
	byJWT         = "jwt"
	byCertificate = "certificate"
)

// Identities says who calls.
type Identities struct {
	Policy  *policy.Policy
	Issuers authn.Issuers
	// Certified differs from server to server.
	Certified Certified
	// OverHTTP: those who call do so over HTTP, by way of the gateway.
	OverHTTP bool
}

// unknown is the error for an unknown caller: why is for the audit, and answer for the caller, who learns nothing.
type unknown struct {
	why    string
	answer error
	of     string // as in identity, as far as it was verified
}

func (u unknown) Error() string { return u.why }

// nobody says how to send a credential, in the words of the caller's transport.
func (i Identities) nobody(why, of string) error {
	where := "the metadata `authorization: Bearer <token>`"
	if i.OverHTTP {
		where = "the header `Authorization: Bearer <token>`"
	}
	return unknown{why, apierror.New(codes.Unauthenticated, looppb.ErrorReason_ERROR_REASON_CALLER_UNKNOWN,
		"no valid token or client certificate: send "+where+" with a token of a caller in the policy, or call with a certificate of one"), of}
}

// identity is a caller, and how it is known.
type identity struct {
	caller, by string
	// of is which credential it is, as far as a log may say: the beginning of a token's hash, issuer and subject of a JWT, the
	// verified names of a certificate.
	of string
	// until is when the credential ends; zero when it does not say.
	until time.Time
	// still tells whether the policy, as it is by now, takes the credential for that caller.
	still func() bool
}

// outcome is what identifying came to, noted in a context so that all who ask are told the same.
type outcome struct {
	identity
	err error
}

type outcomeKey struct{}

// identify returns who calls. A call with a token is judged by that alone: a client that sends an old token means
// somebody else than the certificate of the machine, or would not send it. The error is an unknown, or that of ctx.
func (i Identities) identify(ctx context.Context) (identity, error) {
	if known, ok := ctx.Value(outcomeKey{}).(outcome); ok {
		return known.identity, known.err
	}
	return i.identifyBy(ctx, i.Issuers.Verify)
}

// identified notes in a context who calls, as far as that is known without waiting for anybody.
func (i Identities) identified(ctx context.Context) (_ context.Context, caller string) {
	known, err := i.identifyBy(ctx, i.Issuers.VerifyAtOnce)
	if err != nil {
		return ctx, ""
	}
	return context.WithValue(ctx, outcomeKey{}, outcome{known, nil}), known.caller
}

// verifier is how a JWT becomes claims.
type verifier func(ctx context.Context, token string) (issuer string, claims map[string]any, err error)

func (i Identities) identifyBy(ctx context.Context, verify verifier) (identity, error) {
	if values := metadata.ValueFromIncomingContext(ctx, "authorization"); len(values) > 0 {
		return i.ofToken(ctx, bearer(values), verify)
	}
	names := i.Certified(ctx)
	if len(names) == 0 {
		return identity{}, i.nobody("no credential", "")
	}
	caller, err := i.Policy.ByCertificate(names)
	still := func() bool {
		now, err := i.Policy.ByCertificate(names)
		return err == nil && now == caller
	}
	of := Printable(strings.Join(names, " "))
	return identity{caller: caller, by: byCertificate, of: of, still: still}, i.ofNobody(err, byCertificate, of)
}

func (i Identities) ofToken(ctx context.Context, token string, verify verifier) (identity, error) {
	if token == "" {
		return identity{}, i.nobody("no bearer token", "")
	}
	if caller, ok := i.Policy.Authenticate(token); ok {
		still := func() bool {
			now, ok := i.Policy.Authenticate(token)
			return ok && now == caller
		}
		return identity{caller: caller, by: byToken, of: tokenMark(token), still: still}, nil
	}
	if len(i.Issuers) == 0 || !authn.LooksLikeJWT(token) {
		return identity{}, i.nobody("token of nobody", tokenMark(token))
	}
	issuer, claims, err := verify(ctx, token)
	switch {
	case errors.Is(err, authn.ErrUnavailable):
		return identity{}, unknown{"jwt, whose issuer does not answer", apierror.Error{
			Code: codes.Unavailable, Reason: looppb.ErrorReason_ERROR_REASON_ISSUER_UNAVAILABLE,
			Message: "the issuer of the token does not answer, so the token cannot be checked: call again in a moment", RetryAfter: authn.RetryAfter,
		}.Err(), ""}
	case errors.Is(err, authn.ErrRefused):
		return identity{}, i.nobody("jwt, "+authn.Why(err), "")
	case err != nil:
		return identity{}, err
	}
	caller, err := i.Policy.ByClaims(issuer, claims)
	still := func() bool {
		now, err := i.Policy.ByClaims(issuer, claims)
		return err == nil && now == caller
	}
	subject, _ := claims["sub"].(string)
	of := Printable(issuer + " " + subject)
	return identity{caller: caller, by: byJWT, of: of, until: authn.End(claims), still: still}, i.ofNobody(err, byJWT, of)
}

// withdrawn waits until a new policy takes from a stream what it began with, and says what; or nothing, when ctx ends.
func (i Identities) withdrawn(ctx context.Context, who identity, call *Call) error {
	for {
		replaced := i.Policy.Replaced()
		if !who.still() {
			return errWithdrawn
		}
		if asked := call.asked.Load(); asked != nil && !i.Policy.Decide(*asked).Allowed {
			return errNoLongerAllowed
		}
		select {
		case <-replaced:
		case <-ctx.Done():
			return nil
		}
	}
}

func (i Identities) ofNobody(err error, what, of string) error {
	switch {
	case errors.Is(err, policy.ErrSeveral):
		return i.nobody(what+" of several callers", of)
	case err != nil:
		return i.nobody(what+" of nobody", of)
	}
	return nil
}

// tokenMark is the beginning of a token's hash, as the policy file has it: enough to find it there, and too little to guess
// the token by.
func tokenMark(token string) string { return policy.HashToken(token)[:len("sha256:")+8] }

func bearer(values []string) string {
	if len(values) != 1 {
		return ""
	}
	scheme, token, found := strings.Cut(values[0], " ")
	if !found || !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
