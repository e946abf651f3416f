package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcgzip "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/authntest"
)

// Paths of the two tenants.
const (
	demoAccounts    = "/v1/practices/demo/dossiers/CEGID001/accounts"
	partnerAccounts = "/v1/practices/partner/dossiers/DOSSIER_TEST/accounts"
	demoImports     = "/v1/practices/demo/dossiers/CEGID001/imports"
	demoRaw         = "/v1/practices/demo/raw:call"
	listAccountsRPC = "/cegid.loop.v1.ReferenceDataService/ListAccounts"
	importRPC       = "/cegid.loop.v1.ImportService/ImportEntries"
)

// attack is one way to do harm, over each transport that it exists on, and how it must end.
type attack struct {
	name     string
	grpc     func(*siege) string
	wantGRPC string
	rest     func(*siege) string
	wantREST string
}

const (
	strangerGRPC, strangerREST = "Unauthenticated CALLER_UNKNOWN", "401 CALLER_UNKNOWN"
	deniedGRPC, deniedREST     = "PermissionDenied CALLER_NOT_ALLOWED", "403 CALLER_NOT_ALLOWED"
	malformedGRPC              = "InvalidArgument REQUEST_MALFORMED"
	malformedREST              = "400 REQUEST_MALFORMED"
	ratioGRPC                  = "200 3" // of what inflates to more than 100 times its size
	unsupportedREST            = "415 MEDIA_TYPE_UNSUPPORTED"
	unknownPath                = "404 METHOD_UNKNOWN"
)

// attacks are those with an answer of their own; sieges, which are many at a time, are below.
var attacks = []attack{
	// Forged metadata.
	forged("the key by which the gateway hands a certificate over", "x-loop-client-certificate-bin", "dave.corp.example"),
	forged("the same, as grpc-gateway would take it for metadata", "grpc-metadata-x-loop-client-certificate-bin", "dave.corp.example"),
	forged("a token under grpc-gateway's prefix", "grpc-metadata-authorization", "Bearer "+alice),
	forged("a token under grpc-gateway's own name", "grpcgateway-authorization", "Bearer "+alice),
	forged("a proxy's header for a certificate", "x-forwarded-client-cert", "URI=spiffe://x;DNS=dave.corp.example", "x-ssl-client-verify", "SUCCESS", "x-ssl-client-s-dn", "CN=dave.corp.example"),
	forged("a proxy's header for a user", "x-user-id", "alice", "x-forwarded-user", "alice", "x-remote-user", "alice", "x-auth-request-user", "alice"),
	forged("a cookie", "cookie", "token="+alice),
	forged("loopback as the address", "x-forwarded-for", "127.0.0.1", "x-real-ip", "127.0.0.1", "forwarded", "for=127.0.0.1;by=127.0.0.1"),
	{
		"another tenant's identity beside a token", func(s *siege) string {
			return s.list("demo", "CEGID001", append(as(bob), "x-loop-client-certificate-bin", "dave.corp.example", "x-user-id", "alice")...)
		}, deniedGRPC,
		func(s *siege) string {
			return s.rest("GET", demoAccounts, "", append(bearer(bob), "X-Loop-Client-Certificate-Bin", "ZGF2ZQ==", "Grpc-Metadata-Authorization", "Bearer "+alice)...)
		}, deniedREST,
	},
	authorizations("two tokens", "Bearer "+bob, "Bearer "+alice),
	authorizations("two tokens in one", "Bearer "+bob+", Bearer "+alice),
	authorizations("another scheme", "Basic "+base64.StdEncoding.EncodeToString([]byte("alice:"+alice))),
	authorizations("an empty token", "Bearer "),
	authorizations("the hash instead of the token", "Bearer sha256:"+fmt.Sprintf("%x", sha256.Sum256([]byte(alice)))),
	{
		"a bad token beside a good certificate", func(s *siege) string { return s.listOver(s.certified, "demo", "CEGID001", as("x")...) }, strangerGRPC,
		func(s *siege) string {
			return s.restOver(s.browser(s.dave), "GET", demoAccounts, "", bearer("x")...)
		}, strangerREST,
	},
	{
		"a request id that would forge a line of the log", func(s *siege) string {
			return s.list("demo", "CEGID001", append(as("x"), "x-request-id", `a","caller":"alice`)...)
		}, strangerGRPC,
		func(s *siege) string {
			return s.rest("GET", demoAccounts, "", append(bearer("x"), "X-Request-Id", `a","caller":"alice`)...)
		}, strangerREST,
	},

	// Tokens.
	tokens("expired", func(s *siege) string { return s.jwt(map[string]any{"exp": time.Now().Add(-2 * time.Minute).Unix()}) }),
	tokens("without an end", func(s *siege) string { return s.jwt(map[string]any{"exp": nil}) }),
	tokens("not valid yet", func(s *siege) string { return s.jwt(map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}) }),
	tokens("for another audience", func(s *siege) string { return s.jwt(map[string]any{"aud": "elsewhere"}) }),
	tokens("for another audience, in another letter case", func(s *siege) string { return s.jwt(map[string]any{"aud": "elsewhere", "AUD": audience}) }),
	tokens("of another issuer", func(s *siege) string { return s.jwt(map[string]any{"iss": "https://issuer.example"}) }),
	tokens("of somebody unknown", func(s *siege) string { return s.jwt(map[string]any{"sub": "mallory"}) }),
	tokens("bound to a key", func(s *siege) string { return s.jwt(map[string]any{"cnf": map[string]string{"jkt": "x"}}) }),
	tokens("signed by a wrong key", func(s *siege) string {
		other := authntest.New(s.t, s.issuer.URL, audience)
		return other.Token(s.t, map[string]any{"sub": "carol"})
	}),
	tokens("alg none", func(s *siege) string { return unsigned(s, "none") + "." }),
	tokens("alg None, with the signature of another", func(s *siege) string {
		good := s.jwt(nil)
		return unsigned(s, "nOnE") + good[strings.LastIndex(good, "."):]
	}),
	tokens("HS256 with the public key as the secret", func(s *siege) string {
		public, err := x509.MarshalPKIXPublicKey(s.publicKey())
		if err != nil {
			s.t.Error(err)
		}
		text := unsigned(s, "HS256")
		sum := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
		sum.Write([]byte(text))
		return text + "." + base64.RawURLEncoding.EncodeToString(sum.Sum(nil))
	}),
	tokens("with claims that were changed", func(s *siege) string {
		parts := strings.Split(s.jwt(nil), ".")
		claims, _ := json.Marshal(map[string]any{"iss": s.issuer.URL, "aud": audience, "sub": "carol", "exp": time.Now().Add(time.Hour).Unix()})
		return parts[0] + "." + base64.RawURLEncoding.EncodeToString(claims) + "." + parts[2]
	}),
	tokens("with a key of its own in the header", func(s *siege) string {
		header := `{"alg":"ES256","kid":"x","jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},"jku":"https://evil.example/keys"}`
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + unsigned(s, "ES256")[strings.Index(unsigned(s, "ES256"), "."):] + ".AAAA"
	}),
	tokens("of 20 kB", func(s *siege) string { return s.jwt(map[string]any{"x": strings.Repeat("x", 15<<10)}) }),

	// Another tenant's things.
	{
		"another tenant's practice", func(s *siege) string { return s.list("demo", "CEGID001", as(bob)...) }, deniedGRPC,
		func(s *siege) string { return s.rest("GET", demoAccounts, "", bearer(bob)...) }, deniedREST,
	},
	{
		"another tenant's dossier in one's own practice", func(s *siege) string { return s.list("partner", "CEGID001", as(audrey)...) }, deniedGRPC,
		func(s *siege) string {
			return s.rest("GET", "/v1/practices/partner/dossiers/CEGID001/accounts", "", bearer(audrey)...)
		}, deniedREST,
	},
	{
		"another caller's dossier of the same practice", func(s *siege) string { return s.list("demo", "CEGID003", as(alice)...) }, deniedGRPC,
		func(s *siege) string {
			return s.rest("GET", "/v1/practices/demo/dossiers/CEGID003/accounts", "", bearer(alice)...)
		}, deniedREST,
	},
	{
		"the dossier in another letter case", func(s *siege) string { return s.list("demo", "cegid001", as(alice)...) }, deniedGRPC,
		func(s *siege) string {
			return s.rest("GET", "/v1/practices/demo/dossiers/cegid001/accounts", "", bearer(alice)...)
		}, deniedREST,
	},
	{
		"the practice itself as a dossier", func(s *siege) string { return s.list("partner", "Cabinet", as(bob)...) }, "InvalidArgument FIELD_INVALID",
		func(s *siege) string {
			return s.rest("GET", "/v1/practices/partner/dossiers/%63abinet/accounts", "", bearer(bob)...)
		}, "400 FIELD_INVALID",
	},
	{
		"a practice that does not exist", func(s *siege) string { return s.list("nobody", "CEGID001", as(bob)...) }, deniedGRPC,
		func(s *siege) string {
			return s.rest("GET", "/v1/practices/nobody/dossiers/CEGID001/accounts", "", bearer(bob)...)
		}, deniedREST,
	},
	{
		"another tenant's dossier on a stream", func(s *siege) string { return s.stream("demo", "CEGID001", as(bob)...) }, deniedGRPC,
		func(s *siege) string { return s.rest("GET", demoAccounts+":stream", "", bearer(bob)...) }, deniedREST,
	},
	{
		name: "another tenant's practice in a body",
		rest: func(s *siege) string {
			return s.rest("POST", "/v1/practices/partner/dossiers/DOSSIER_TEST/imports", `{"practice": "demo", "dossier": "CEGID001", "requestId": "x", "entries": [{}]}`, bearer(bob)...)
		}, wantREST: malformedREST,
	},
	{
		"a write to another tenant", func(s *siege) string { return s.send(bob, sale("bob-1")) }, deniedGRPC,
		func(s *siege) string {
			return s.rest("POST", demoImports, purchase, append(bearer(bob), "Idempotency-Key", "bob-1")...)
		}, deniedREST,
	},
	{
		"another tenant's page token", func(s *siege) string {
			ctx := metadata.AppendToOutgoingContext(s.t.Context(), as(bob)...)
			_, err := looppb.NewReferenceDataServiceClient(s.anonymous).ListAccounts(ctx, &looppb.ListAccountsRequest{Practice: "partner", Dossier: "DOSSIER_TEST", PageToken: s.pageToken()})
			return s.verdict(err)
		}, "InvalidArgument PAGE_TOKEN_INVALID",
		func(s *siege) string {
			return s.rest("GET", partnerAccounts+"?pageToken="+s.pageToken(), "", bearer(bob)...)
		}, "400 PAGE_TOKEN_INVALID",
	},
	{
		"a page token that was made up", func(s *siege) string {
			ctx := metadata.AppendToOutgoingContext(s.t.Context(), as(bob)...)
			_, err := looppb.NewReferenceDataServiceClient(s.anonymous).ListAccounts(ctx, &looppb.ListAccountsRequest{Practice: "partner", Dossier: "DOSSIER_TEST", PageToken: "../../demo"})
			return s.verdict(err)
		}, "InvalidArgument PAGE_TOKEN_INVALID",
		func(s *siege) string { return s.rest("GET", partnerAccounts+"?pageToken=AAAA", "", bearer(bob)...) }, "400 PAGE_TOKEN_INVALID",
	},
	{
		"another caller's import, by its id", func(s *siege) string {
			ctx := metadata.AppendToOutgoingContext(s.t.Context(), as(audrey)...)
			_, err := looppb.NewImportServiceClient(s.anonymous).GetImport(ctx, &looppb.GetImportRequest{Practice: "demo", Dossier: "CEGID001", RequestId: s.imported()})
			return s.verdict(err)
		}, "NotFound IMPORT_UNKNOWN",
		func(s *siege) string {
			return s.rest("GET", "/v1/practices/demo/dossiers/CEGID001/imports/"+s.imported(), "", bearer(audrey)...)
		}, "404 IMPORT_UNKNOWN",
	},
	{
		"another tenant's import, by its id", func(s *siege) string {
			ctx := metadata.AppendToOutgoingContext(s.t.Context(), as(bob)...)
			_, err := looppb.NewImportServiceClient(s.anonymous).GetImport(ctx, &looppb.GetImportRequest{Practice: "demo", Dossier: "CEGID001", RequestId: s.imported()})
			return s.verdict(err)
		}, deniedGRPC,
		func(s *siege) string {
			return s.rest("GET", "/v1/practices/demo/dossiers/CEGID001/imports/"+s.imported(), "", bearer(bob)...)
		}, deniedREST,
	},
	{
		"another caller's request id, to learn its outcome", func(s *siege) string {
			return s.send(greedy, sale(s.imported()))
		}, "AlreadyExists REQUEST_ID_REUSED",
		func(s *siege) string {
			return s.rest("POST", demoImports, purchase, append(bearer(greedy), "Idempotency-Key", s.imported())...)
		}, "409 REQUEST_ID_REUSED",
	},
	{
		"another caller's events of the same practice", func(s *siege) string { return s.told(audrey, "demo", s.happened(0)) }, "OK ",
		func(s *siege) string { return s.toldBySSE(audrey, "demo", "", "") }, "200 ",
	},
	{
		"another caller's events of all practices", func(s *siege) string { return s.told(audrey, "-", "") }, "OK ",
		func(s *siege) string { return s.toldBySSE(audrey, "-", "", "") }, "200 ",
	},
	{
		"another tenant's events", func(s *siege) string { return s.told(bob, "demo", "") }, deniedGRPC,
		func(s *siege) string { return s.toldBySSE(bob, "demo", "", "") }, deniedREST,
	},
	{
		"another tenant's events among all practices", func(s *siege) string { return s.told(bob, "-", "") }, "OK ",
		func(s *siege) string { return s.toldBySSE(bob, "-", "", "") }, "200 ",
	},
	{
		"events behind another tenant's cursor", func(s *siege) string { return s.told(bob, "-", s.happened(0)) }, "OK ",
		func(s *siege) string { return s.toldBySSE(bob, "-", "", s.happened(0)) }, "200 ",
	},
	{
		"another tenant's events by its cursor", func(s *siege) string { return s.told(bob, "demo", s.happened(1)) }, deniedGRPC,
		func(s *siege) string { return s.toldBySSE(bob, "demo", "", s.happened(1)) }, deniedREST,
	},
	{
		"events behind another caller's cursor", func(s *siege) string { return s.told(audrey, "demo", s.happened(0)) }, "OK ",
		func(s *siege) string { return s.toldBySSE(audrey, "demo", "after=now", s.happened(0)) }, "200 ",
	},
	{
		"events behind a cursor from elsewhere", func(s *siege) string { return s.told(alice, "demo", "999999999.0") }, "InvalidArgument FIELD_INVALID",
		func(s *siege) string { return s.toldBySSE(alice, "demo", "", "999999999.0") }, "400 FIELD_INVALID",
	},
	{
		"events behind a cursor that was made up", func(s *siege) string { return s.told(alice, "demo", "0.0 OR 1=1") }, "InvalidArgument FIELD_INVALID",
		func(s *siege) string { return s.toldBySSE(alice, "demo", "", "0.0 OR 1=1") }, "400 FIELD_INVALID",
	},
	{
		"events, of who says nothing of himself", func(s *siege) string { return s.told("x", "-", "") }, strangerGRPC,
		func(s *siege) string { return s.toldBySSE("x", "-", "", s.happened(0)) }, strangerREST,
	},
	walks("with the cursor of another dossier's", alice, "demo", "CEGID001", deniedOr("InvalidArgument PAGE_TOKEN_INVALID", "400 PAGE_TOKEN_INVALID")),
	walks("with the cursor of another practice's", bob, "partner", "CEGID003", deniedOr("InvalidArgument PAGE_TOKEN_INVALID", "400 PAGE_TOKEN_INVALID")),
	walks("of another caller's, with its cursor", alice, "demo", "CEGID003", deniedOr(deniedGRPC, deniedREST)),
	walks("of another tenant's, with its cursor", bob, "demo", "CEGID003", deniedOr(deniedGRPC, deniedREST)),
	{
		"a request id that is a path", func(s *siege) string { return s.send(alice, sale("../x")) }, "InvalidArgument FIELD_INVALID",
		func(s *siege) string {
			return s.rest("POST", demoImports, purchase, append(bearer(alice), "Idempotency-Key", "../x")...)
		}, "400 FIELD_INVALID",
	},
	raws("with ..", deniedOr("InvalidArgument FIELD_INVALID", "400 FIELD_INVALID"), `{"dossier": "CEGID001", "method": "GET", "path": "/simNotes/../importJson"}`),
	raws("with encoded slashes", deniedOr("InvalidArgument FIELD_INVALID", "400 FIELD_INVALID"), `{"dossier": "CEGID001", "method": "GET", "path": "/simNotes%2f..%2fcomptes"}`),
	raws("an absolute URL", deniedOr("InvalidArgument FIELD_INVALID", "400 FIELD_INVALID"), `{"dossier": "CEGID001", "method": "GET", "path": "https://evil.example/simNotes"}`),
	raws("of another host", deniedOr("InvalidArgument FIELD_INVALID", "400 FIELD_INVALID"), `{"dossier": "CEGID001", "method": "GET", "path": "//evil.example/simNotes"}`),
	raws("with a query", deniedOr("InvalidArgument FIELD_INVALID", "400 FIELD_INVALID"), `{"dossier": "CEGID001", "method": "GET", "path": "/simNotes?codeDossier=CEGID003"}`),
	raws("in another letter case", deniedOr("FailedPrecondition RAW_ROUTE_NOT_LISTED", "400 RAW_ROUTE_NOT_LISTED"), `{"dossier": "CEGID001", "method": "GET", "path": "/SIMNOTES"}`),
	raws("that an RPC wraps", deniedOr("FailedPrecondition RAW_ROUTE_WRAPPED", "400 RAW_ROUTE_WRAPPED"), `{"dossier": "CEGID001", "method": "POST", "path": "/importJson", "requestId": "r-1", "body": "{}"}`),
	raws("for another's dossier", deniedOr(deniedGRPC, deniedREST), `{"dossier": "CEGID003", "method": "GET", "path": "/simNotes"}`),
	raws("for another's dossier in the query", deniedOr("InvalidArgument FIELD_INVALID", "400 FIELD_INVALID"), `{"dossier": "CEGID001", "method": "GET", "path": "/simNotes", "query": {"codeDossier": "CEGID003"}}`),
	raws("for another's dossier in the body", deniedOr("PermissionDenied RAW_OTHER_DOSSIER", "403 RAW_OTHER_DOSSIER"), `{"dossier": "CEGID001", "method": "POST", "path": "/simNotes", "requestId": "r-2", "body": "{\"codeDossier\": \"CEGID003\"}"}`),
	raws("for another's dossier, the second of its name", deniedOr("InvalidArgument FIELD_INVALID", "400 FIELD_INVALID"), `{"dossier": "CEGID001", "method": "POST", "path": "/simNotes", "requestId": "r-3", "body": "{\"codeDossier\": \"CEGID001\", \"codeDossier\": \"CEGID003\"}"}`),

	// Paths, queries and methods of HTTP.
	byREST("dots that lead to another practice", unknownPath, "GET /v1/practices/partner/../demo/dossiers/CEGID001/accounts"),
	byREST("encoded dots", deniedREST, "GET /v1/practices/%2e%2e/dossiers/CEGID001/accounts"),
	byREST("encoded slashes in a practice", deniedREST, "GET /v1/practices/partner%2f..%2fdemo/dossiers/CEGID001/accounts"),
	byREST("two slashes", unknownPath, "GET /v1//practices/demo/dossiers/CEGID001/accounts"),
	byREST("a backslash", unknownPath, `GET /v1\practices\demo\dossiers\CEGID001\accounts`),
	byREST("a path without its end", malformedREST, "GET /v1/practices/demo/dossiers/%ff/accounts"),
	byREST("an absolute URL of another host", strangerREST, "GET https://evil.example"+demoAccounts),
	byREST("a tunnel", "405 HTTP_METHOD_NOT_ALLOWED", "CONNECT evil.example:443"),
	byREST("a method that is overridden", "405 HTTP_METHOD_NOT_ALLOWED", "POST /v1/practices/demo/dossiers/CEGID001/accounts:stream", "X-HTTP-Method-Override: GET"),
	byREST("a trace", "405 HTTP_METHOD_NOT_ALLOWED", "TRACE "+demoAccounts),
	byREST("server reflection", unknownPath, "POST /grpc.reflection.v1.ServerReflection/ServerReflectionInfo"),
	byREST("a gRPC path", unknownPath, "POST "+listAccountsRPC),
	byREST("metrics on the public port", unknownPath, "GET /metrics"),
	byREST("profiles on the public port", unknownPath, "GET /debug/pprof/heap"),
	byREST("the page of operators on the public port", unknownPath, "GET /status"),
	{
		name: "a parameter twice", rest: func(s *siege) string {
			return s.rest("GET", demoAccounts+"?pageSize=1&pageSize=2", "", bearer(alice)...)
		}, wantREST: malformedREST,
	},
	{
		name: "a parameter in both its spellings", rest: func(s *siege) string {
			return s.rest("GET", demoAccounts+"?pageSize=1&page_size=2", "", bearer(alice)...)
		}, wantREST: malformedREST,
	},
	{
		name: "the path's dossier again in the query", rest: func(s *siege) string { return s.rest("GET", demoAccounts+"?dossier=CEGID003", "", bearer(alice)...) }, wantREST: malformedREST,
	},
	{
		name: "an unknown parameter", rest: func(s *siege) string { return s.rest("GET", demoAccounts+"?admin=true", "", bearer(alice)...) }, wantREST: malformedREST,
	},
	{
		name: "a parameter of another filter language", rest: func(s *siege) string {
			return s.rest("GET", demoAccounts+"?filter=number%20%3D%20%22x%22%20%7C%7C%20true", "", bearer(alice)...)
		}, wantREST: "400 FILTER_UNSUPPORTED",
		grpc: func(s *siege) string {
			ctx := metadata.AppendToOutgoingContext(s.t.Context(), as(alice)...)
			_, err := looppb.NewReferenceDataServiceClient(s.anonymous).ListAccounts(ctx, &looppb.ListAccountsRequest{Practice: "demo", Dossier: "CEGID001", Filter: `number = "x" || true`})
			return s.verdict(err)
		}, wantGRPC: "InvalidArgument FILTER_UNSUPPORTED",
	},

	// Requests within requests.
	smuggled("Content-Length and Transfer-Encoding", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+smuggledRequest, strangerREST),
	smuggled("the same of a caller", "Authorization: Bearer "+alice+"\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+smuggledRequest, "400 FIELD_INVALID"),
	smuggled("two lengths", "Content-Length: 0\r\nContent-Length: 50\r\n\r\n"+smuggledRequest, "400"),
	smuggled("two encodings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"+smuggledRequest, "501"),
	smuggled("an encoding in disguise", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"+smuggledRequest, "501"),
	smuggled("a name with a blank at its end", "Content-Length : 50\r\n\r\n"+smuggledRequest, "400"),
	smuggled("a length with a sign", "Content-Length: +0\r\n\r\n"+smuggledRequest, "400"),
	smuggled("a NUL in a value", "X-A: a\x00b\r\n\r\n"+smuggledRequest, "400"),
	smuggled("two hosts", "Host: other\r\n\r\n"+smuggledRequest, "400"),
	{
		name: "another host's name", rest: func(s *siege) string { return s.rest("GET", demoAccounts, "", "Host", "internal.corp.example") }, wantREST: strangerREST,
		grpc: func(s *siege) string {
			return s.h2(s.p.grpc, []string{":method", "POST", ":scheme", "https", ":path", listAccountsRPC, ":authority", "a", "host", "b", "content-type", "application/grpc", "te", "trailers"}, empty)
		}, wantGRPC: "200 16",
	},
	{
		"two authorities", func(s *siege) string {
			return s.h2(s.p.grpc, grpcFields(listAccountsRPC, ":authority", "other"), empty)
		}, "RST PROTOCOL_ERROR",
		func(s *siege) string {
			return s.h2(s.p.http, restFields("GET", demoAccounts, ":authority", "other"), nil)
		}, "RST PROTOCOL_ERROR",
	},
	{
		"Transfer-Encoding over HTTP/2", func(s *siege) string {
			return s.h2(s.p.grpc, grpcFields(listAccountsRPC, "transfer-encoding", "chunked"), empty)
		}, "200 16",
		func(s *siege) string {
			return s.h2(s.p.http, restFields("GET", demoAccounts, "transfer-encoding", "chunked"), nil)
		}, "400",
	},
	{
		"a line break in a header over HTTP/2", func(s *siege) string {
			return s.h2(s.p.grpc, grpcFields(listAccountsRPC, "x-a", "b\r\nauthorization: Bearer "+alice), empty)
		}, "RST PROTOCOL_ERROR",
		func(s *siege) string {
			return s.h2(s.p.http, restFields("GET", demoAccounts, "x-a", "b\r\nauthorization: Bearer "+alice), nil)
		}, "RST PROTOCOL_ERROR",
	},
	{
		"a header in capitals over HTTP/2", func(s *siege) string {
			return s.h2(s.p.grpc, grpcFields(listAccountsRPC, "Authorization", "Bearer "+alice), empty)
		}, "RST PROTOCOL_ERROR",
		func(s *siege) string {
			return s.h2(s.p.http, restFields("GET", demoAccounts, "Authorization", "Bearer "+alice), nil)
		}, "RST PROTOCOL_ERROR",
	},
	{
		name: "a token in the trailer", rest: func(s *siege) string {
			return s.bytes("POST " + demoImports + " HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\nAuthorization: Bearer " + alice + "\r\n\r\n")
		}, wantREST: strangerREST,
	},

	// What is too large, too deep, or not what it says.
	{
		"64 kB of headers", func(s *siege) string {
			return s.h2(s.p.grpc, grpcFields(listAccountsRPC, "authorization", "Bearer "+alice, "x-a", strings.Repeat("x", 64<<10)), empty)
		}, "closed",
		func(s *siege) string {
			return s.bytes("GET " + demoAccounts + " HTTP/1.1\r\nHost: a\r\nX-A: " + strings.Repeat("x", 64<<10) + "\r\n\r\n")
		}, "431",
	},
	{
		"a thousand headers", func(s *siege) string {
			return s.h2(s.p.grpc, grpcFields(listAccountsRPC, thousand()...), empty)
		}, "closed",
		func(s *siege) string { return s.h2(s.p.http, restFields("GET", demoAccounts, thousand()...), nil) }, "GOAWAY PROTOCOL_ERROR",
	},
	{
		name: "a path of 60 kB", rest: func(s *siege) string {
			return s.bytes("GET " + demoAccounts + "?filter=" + strings.Repeat("x", 60<<10) + " HTTP/1.1\r\nHost: a\r\n\r\n")
		}, wantREST: "431",
	},
	{
		"a request of 9 MiB", func(s *siege) string {
			request := sale("x")
			request.Entries[0].Lines[0].Label = strings.Repeat("x", 9<<20)
			return s.send(alice, request)
		}, "ResourceExhausted",
		func(s *siege) string {
			return s.rest("POST", demoImports, `{"entries": [{"reference": "`+strings.Repeat("x", 9<<20)+`"}]}`, bearer(alice)...)
		}, malformedREST,
	},
	{
		name: "JSON 100,000 deep", rest: func(s *siege) string {
			return s.rest("POST", demoImports, strings.Repeat(`[`, 100_000), bearer(alice)...)
		}, wantREST: malformedREST,
	},
	{
		name: "JSON 100,000 deep where anything may stand", rest: func(s *siege) string {
			return s.rest("POST", demoRaw, `{"dossier": "CEGID001", "method": "POST", "path": "/simNotes", "requestId": "r-4", "body": "`+strings.Repeat(`[`, 100_000)+`"}`, bearer(alice)...)
		}, wantREST: "400 FIELD_INVALID",
		grpc: func(s *siege) string {
			return s.raw(`{"dossier": "CEGID001", "method": "POST", "path": "/simNotes", "requestId": "r-4", "body": "` + strings.Repeat(`[`, 100_000) + `"}`)
		}, wantGRPC: "InvalidArgument FIELD_INVALID",
	},
	{
		"two million entries in few bytes", func(s *siege) string {
			return s.message(alice, importRPC, bytes.Repeat([]byte{entriesTag, 0}, 4_000_000), false)
		}, malformedGRPC,
		func(s *siege) string {
			return s.rest("POST", demoImports, `{"entries": [`+strings.Repeat(`{},`, 2_700_000)+`{}]}`, bearer(alice)...)
		}, malformedREST,
	},
	{
		"the same of a stranger", func(s *siege) string {
			return s.message("x", importRPC, bytes.Repeat([]byte{entriesTag, 0}, 4_000_000), false)
		}, strangerGRPC,
		func(s *siege) string {
			return s.rest("POST", demoImports, `{"entries": [`+strings.Repeat(`{},`, 2_700_000)+`{}]}`, bearer("x")...)
		}, strangerREST,
	},
	{
		"the same in 8 kB that are compressed", func(s *siege) string {
			return s.message(alice, importRPC, bytes.Repeat([]byte{entriesTag, 0}, 4_000_000), true)
		}, ratioGRPC,
		func(s *siege) string {
			return s.rest("POST", demoImports, zipped(`{"entries": [`+strings.Repeat(`{},`, 2_700_000)+`{}]}`), append(bearer(alice), "Content-Encoding", "gzip")...)
		}, unsupportedREST,
	},
	{
		name: "a bomb of 32 MiB that is compressed", grpc: func(s *siege) string { return s.message(alice, importRPC, nil, true) }, wantGRPC: ratioGRPC,
	},
	{
		name: "the same of a stranger", grpc: func(s *siege) string { return s.message("x", importRPC, nil, true) }, wantGRPC: "200 16",
	},
	{
		name: "the same of a stranger to a method that asks for no token", grpc: func(s *siege) string { return s.message("x", grpc_health_v1.Health_Check_FullMethodName, nil, true) }, wantGRPC: "200 16",
	},
	{
		name: "the same of a stranger on a stream that asks for no token", grpc: func(s *siege) string {
			return s.message("x", reflectionpb.ServerReflection_ServerReflectionInfo_FullMethodName, nil, true)
		}, wantGRPC: "200 16",
	},
	{
		name: "a bomb of many members", grpc: func(s *siege) string {
			return s.zipped(alice, importRPC, strings.Repeat(zipped(strings.Repeat("\x00", 1<<20)), 9))
		}, wantGRPC: ratioGRPC,
	},
	{
		name: "a bomb that says to be small", grpc: func(s *siege) string {
			bomb := zipped(strings.Repeat("\x00", 32<<20))
			return s.zipped(alice, importRPC, bomb[:len(bomb)-4]+"\x01\x00\x00\x00")
		}, wantGRPC: ratioGRPC,
	},
	{
		name: "gzip that is cut short", grpc: func(s *siege) string { return s.zipped(alice, importRPC, zipped("some text")[:15]) }, wantGRPC: "200 3",
	},
	{
		name: "a message that is said to be gzip", grpc: func(s *siege) string { return s.zipped(alice, listAccountsRPC, "\x0a\x04demo") }, wantGRPC: "200 3",
	},
	{
		name: "two million entries, 90 times as large as what is sent", grpc: func(s *siege) string { return s.invoke(alice, importRPC, denseWhenInflated(), compressed) }, wantGRPC: malformedGRPC,
	},
	{
		name: "an unknown compression", grpc: func(s *siege) string {
			return s.h2(s.p.grpc, grpcFields(importRPC, "grpc-encoding", "br", "authorization", "Bearer "+alice), []byte{1, 0, 0, 0, 1, 0})
		}, wantGRPC: "200 12",
		rest: func(s *siege) string {
			return s.rest("POST", demoImports, "x", append(bearer(alice), "Content-Encoding", "br")...)
		}, wantREST: unsupportedREST,
	},
	{
		name: "a length that is a lie", grpc: func(s *siege) string {
			return s.h2(s.p.grpc, grpcFields(importRPC, "authorization", "Bearer "+alice), []byte{0, 0xff, 0xff, 0xff, 0xff})
		}, wantGRPC: "200 8",
	},
	{
		"text that is not UTF-8", func(s *siege) string { return s.message(alice, listAccountsRPC, []byte{0x0a, 2, 0xff, 0xfe}, false) }, malformedGRPC,
		func(s *siege) string {
			return s.rest("POST", demoImports, "{\"entries\": [{\"journal\": \"\xff\xfe\"}]}", append(bearer(alice), "Idempotency-Key", "u-1")...)
		}, malformedREST,
	},
	{
		"bytes that are no message", func(s *siege) string {
			return s.message(alice, listAccountsRPC, bytes.Repeat([]byte{0xff}, 100), false)
		}, malformedGRPC,
		func(s *siege) string {
			return s.rest("POST", demoImports, "\x00\x01\x02", append(bearer(alice), "Idempotency-Key", "u-1")...)
		}, malformedREST,
	},
	{
		name: "another content type", grpc: func(s *siege) string {
			return s.h2(s.p.grpc, []string{":method", "POST", ":scheme", "https", ":path", listAccountsRPC, ":authority", "a", "content-type", "application/json"}, empty)
		}, wantGRPC: "415 3",
	},
	{
		name: "a GET on the gRPC port", grpc: func(s *siege) string {
			return s.h2(s.p.grpc, []string{":method", "GET", ":scheme", "https", ":path", listAccountsRPC, ":authority", "a", "content-type", "application/grpc"}, empty)
		}, wantGRPC: "405 13",
	},

	// Time.
	{
		"no time at all", func(s *siege) string { return s.h2(s.p.grpc, grpcFields(listAccountsRPC, "grpc-timeout", "0n"), empty) }, "200 4",
		func(s *siege) string {
			return s.rest("GET", demoAccounts, "", append(bearer(alice), "Grpc-Timeout", "1n")...)
		}, "504 DEADLINE_EXCEEDED",
	},
	{
		"ages", func(s *siege) string {
			return s.h2(s.p.grpc, grpcFields(listAccountsRPC, "grpc-timeout", "99999999H"), empty)
		}, "200 16",
		func(s *siege) string { return s.rest("GET", demoAccounts, "", "Grpc-Timeout", "99999999H") }, strangerREST,
	},
	{
		"a negative time", func(s *siege) string {
			return s.h2(s.p.grpc, grpcFields(listAccountsRPC, "grpc-timeout", "-1S"), empty)
		}, "400 13",
		func(s *siege) string {
			return s.rest("GET", demoAccounts, "", append(bearer(alice), "Grpc-Timeout", "-1S")...)
		}, malformedREST,
	},
	{
		"a time that is none", func(s *siege) string {
			return s.h2(s.p.grpc, grpcFields(listAccountsRPC, "grpc-timeout", "999999999999999S"), empty)
		}, "400 13",
		func(s *siege) string {
			return s.rest("GET", demoAccounts, "", append(bearer(alice), "Grpc-Timeout", "soon")...)
		}, malformedREST,
	},

	// Browsers.
	byREST("a preflight", "405 HTTP_METHOD_NOT_ALLOWED", "OPTIONS "+demoAccounts, "Origin: https://evil.example", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: authorization"),
	{
		name: "a page elsewhere whose reader has a certificate", rest: func(s *siege) string {
			return s.restOver(s.browser(s.dave), "POST", demoImports, purchase, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Content-Type", "application/json", "Idempotency-Key", "csrf-1")
		}, wantREST: strangerREST,
	},
	{
		name: "the same as a text, which a browser sends without asking", rest: func(s *siege) string {
			return s.restOver(s.browser(s.dave), "POST", demoImports, purchase, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Content-Type", "text/plain", "Idempotency-Key", "csrf-1")
		}, wantREST: unsupportedREST,
	},
	{
		name: "a form of a browser that tells nothing of its page", rest: func(s *siege) string {
			return s.restOver(s.browser(s.dave), "POST", demoImports, purchase, "Content-Type", "application/x-www-form-urlencoded", "Idempotency-Key", "csrf-1")
		}, wantREST: unsupportedREST,
	},

	// What is public, and what is not.
	{
		name: "a method that does not exist", grpc: func(s *siege) string {
			return s.verdict(s.anonymous.Invoke(s.t.Context(), "/cegid.loop.v1.Admin/Do", &looppb.ListAccountsRequest{}, &looppb.ListAccountsResponse{}))
		}, wantGRPC: strangerGRPC,
		rest: func(s *siege) string { return s.rest("POST", "/v1/admin", "") }, wantREST: unknownPath,
	},
	{
		name: "a method that is called almost as a public one", grpc: func(s *siege) string {
			return s.verdict(s.anonymous.Invoke(s.t.Context(), "/grpc.health.v1.Health/Check/../../cegid.loop.v1.ReferenceDataService/ListAccounts", &looppb.ListAccountsRequest{}, &looppb.ListAccountsResponse{}))
		}, wantGRPC: strangerGRPC,
	},
	{
		name: "health, which is everybody's", grpc: func(s *siege) string {
			said := ""
			for _, service := range []string{"", "cegid.loop.v1.ImportService"} {
				answer, err := grpc_health_v1.NewHealthClient(s.anonymous).Check(s.t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
				said += s.verdict(err) + " " + answer.GetStatus().String() + ", "
			}
			return said
		}, wantGRPC: "OK SERVING, OK SERVING, ",
		rest: func(s *siege) string {
			return s.rest("GET", "/healthz", "") + s.rest("GET", "/readyz", "", bearer("x")...)
		}, wantREST: "200200",
	},
	{
		name: "a watch of health, which nobody is asked a token for", grpc: func(s *siege) string {
			ctx, cancel := context.WithTimeout(s.t.Context(), patience)
			defer cancel()
			watch, err := grpc_health_v1.NewHealthClient(s.anonymous).Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
			if err != nil {
				return s.verdict(err)
			}
			answer, err := watch.Recv()
			return s.verdict(err) + " " + answer.GetStatus().String()
		}, wantGRPC: "OK SERVING",
	},
	{
		name: "reflection, which tells the contract and no more", grpc: func(s *siege) string {
			answer, err := s.reflect(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}})
			if err != nil {
				return s.verdict(err)
			}
			var others []string
			for _, service := range answer.GetListServicesResponse().GetService() {
				if name := service.GetName(); !strings.HasPrefix(name, "cegid.loop.v1.") {
					others = append(others, name)
				}
			}
			slices.Sort(others)
			return fmt.Sprint(len(answer.GetListServicesResponse().GetService())-len(others) > 0, others)
		}, wantGRPC: "true [grpc.health.v1.Health grpc.reflection.v1.ServerReflection grpc.reflection.v1alpha.ServerReflection]",
		rest: func(s *siege) string { return s.rest("GET", "/openapi.json", "") }, wantREST: "200",
	},
	{
		name: "what may be called, to who says nothing of himself", grpc: func(s *siege) string {
			_, err := looppb.NewDiagnosticsServiceClient(s.anonymous).ListOperations(s.t.Context(), &looppb.ListOperationsRequest{})
			return s.verdict(err)
		}, wantGRPC: strangerGRPC,
	},
	{
		name: "health of a service that does not exist", grpc: func(s *siege) string {
			_, err := grpc_health_v1.NewHealthClient(s.anonymous).Check(s.t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "x"})
			return s.verdict(err)
		}, wantGRPC: "NotFound",
	},
	{
		name: "reflection of what is not registered", grpc: func(s *siege) string {
			answer, err := s.reflect(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_FileByFilename{FileByFilename: "../../../etc/passwd"}})
			if err != nil {
				return s.verdict(err)
			}
			return codes.Code(answer.GetErrorResponse().GetErrorCode()).String()
		}, wantGRPC: "NotFound",
	},
	operations("profiles by a name that leads to loopback", "/debug/pprof/heap", "evil.example:9091", "403"),
	operations("profiles from a page elsewhere", "/debug/pprof/heap", "127.0.0.1:9091", "403", "Sec-Fetch-Site", "cross-site"),
	operations("profiles by the word of a proxy", "/debug/pprof/heap", "evil.example", "403", "X-Forwarded-For", "127.0.0.1", "X-Forwarded-Host", "localhost"),
	operations("the command line", "/debug/pprof/cmdline", "127.0.0.1", "404"),
	operations("the API", demoAccounts, "127.0.0.1", "404"),

	// Limits.
	{
		"calls beyond a limit", func(s *siege) string {
			said := ""
			for range 3 {
				said = s.list("demo", "CEGID001", as(greedy)...)
			}
			return said
		}, "ResourceExhausted CALLER_LIMIT",
		func(s *siege) string { return s.rest("GET", demoAccounts, "", bearer(greedy)...) }, "429 CALLER_LIMIT",
	},
}

const (
	entriesTag      = 5<<3 | 2 // of ImportEntriesRequest.entries, checked below
	smuggledRequest = "GET /healthz HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n"
)

var empty = []byte{0, 0, 0, 0, 0} // a message without fields, as gRPC frames it

// forged is an identity without a credential, as metadata and as headers.
func forged(name string, pairs ...string) attack {
	return attack{
		name, func(s *siege) string { return s.list("demo", "CEGID001", pairs...) }, strangerGRPC,
		func(s *siege) string {
			headers := make([]string, len(pairs))
			for i, text := range pairs {
				if headers[i] = text; i%2 == 0 {
					headers[i] = http.CanonicalHeaderKey(text)
				}
			}
			return s.rest("GET", demoAccounts, "", headers...)
		}, strangerREST,
	}
}

func authorizations(name string, values ...string) attack {
	return attack{
		name, func(s *siege) string {
			var md []string
			for _, value := range values {
				md = append(md, "authorization", value)
			}
			return s.list("demo", "CEGID001", md...)
		}, strangerGRPC,
		func(s *siege) string {
			var headers []string
			for _, value := range values {
				headers = append(headers, "Authorization", value)
			}
			return s.rest("GET", demoAccounts, "", headers...)
		}, strangerREST,
	}
}

func tokens(name string, token func(*siege) string) attack {
	return attack{
		"a JWT " + name, func(s *siege) string { return s.list("demo", "CEGID001", as(token(s))...) }, strangerGRPC,
		func(s *siege) string { return s.rest("GET", demoAccounts, "", bearer(token(s))...) }, strangerREST,
	}
}

// deniedOr are the answers of both transports.
func deniedOr(overGRPC, overREST string) [2]string { return [2]string{overGRPC, overREST} }

// raws is a raw call of alice's.
func raws(name string, want [2]string, body string) attack {
	return attack{
		"a raw route " + name, func(s *siege) string { return s.raw(body) }, want[0],
		func(s *siege) string { return s.rest("POST", demoRaw, body, bearer(alice)...) }, want[1],
	}
}

// byREST sends a request line as it is, of bob's.
func byREST(name, want, line string, headers ...string) attack {
	return attack{name: name, wantREST: want, rest: func(s *siege) string {
		text := line + " HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nContent-Length: 0\r\n"
		if want != strangerREST {
			text += "Authorization: Bearer " + bob + "\r\n"
		}
		for _, header := range headers {
			text += header + "\r\n"
		}
		return s.bytes(text + "\r\n")
	}}
}

// smuggled sends headers and a body in which another request hides: there must be one answer.
func smuggled(name, rest, want string) attack {
	return attack{name: "smuggling by " + name, wantREST: want, rest: func(s *siege) string {
		return s.bytes("POST " + demoImports + " HTTP/1.1\r\nHost: gateway\r\n" + rest)
	}}
}

func operations(name, path, host, want string, headers ...string) attack {
	return attack{name: name, wantREST: want, rest: func(s *siege) string {
		request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.p.operations+path, http.NoBody)
		if err != nil {
			return err.Error()
		}
		request.Host = host
		for i := 0; i < len(headers); i += 2 {
			request.Header.Set(headers[i], headers[i+1])
		}
		web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		response, err := web.Do(request)
		if err != nil {
			return err.Error()
		}
		_ = response.Body.Close()
		return fmt.Sprint(response.StatusCode)
	}}
}

// jwt is carol's, with these claims besides or instead.
func (s *siege) jwt(claims map[string]any) string {
	all := map[string]any{"sub": "carol"}
	for name, value := range claims {
		all[name] = value
	}
	return s.issuer.Token(s.t, all)
}

// unsigned is a header and carol's claims.
func unsigned(s *siege, algorithm string) string {
	parts := strings.Split(s.jwt(nil), ".")
	raw, _ := base64.RawURLEncoding.DecodeString(parts[0])
	var header map[string]any
	_ = json.Unmarshal(raw, &header)
	header["alg"] = algorithm
	raw, _ = json.Marshal(header)
	return base64.RawURLEncoding.EncodeToString(raw) + "." + parts[1]
}

// publicKey is what the issuer publishes.
func (s *siege) publicKey() *ecdsa.PublicKey { return s.issuer.PublicKey() }

func (s *siege) stream(practice, dossier string, md ...string) string {
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(s.t.Context(), md...), patience)
	defer cancel()
	stream, err := looppb.NewReferenceDataServiceClient(s.anonymous).StreamAccounts(ctx, &looppb.StreamAccountsRequest{Practice: practice, Dossier: dossier})
	if err == nil {
		_, err = stream.Recv()
	}
	return s.verdict(err)
}

// reflect asks one question of server reflection, without a token.
func (s *siege) reflect(question *reflectionpb.ServerReflectionRequest) (*reflectionpb.ServerReflectionResponse, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	stream, err := reflectionpb.NewServerReflectionClient(s.anonymous).ServerReflectionInfo(ctx)
	if err == nil {
		err = stream.Send(question)
	}
	if err != nil {
		return nil, err
	}
	return stream.Recv()
}

func (s *siege) send(token string, request *looppb.ImportEntriesRequest) string {
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(s.t.Context(), as(token)...), patience)
	defer cancel()
	_, err := looppb.NewImportServiceClient(s.anonymous).ImportEntries(ctx, request)
	return s.verdict(err)
}

// raw makes a raw call of alice's in demo, of what REST would take.
func (s *siege) raw(body string) string {
	request := &looppb.CallRequest{}
	var fields struct {
		Dossier, Method, Path, RequestID, Body string
		Query                                  map[string]string
	}
	if err := json.Unmarshal([]byte(body), &fields); err != nil {
		return err.Error()
	}
	request.Practice, request.Dossier, request.Method, request.Path = "demo", fields.Dossier, fields.Method, fields.Path
	request.RequestId, request.Body, request.Query = fields.RequestID, fields.Body, fields.Query
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(s.t.Context(), as(alice)...), patience)
	defer cancel()
	_, err := looppb.NewRawServiceClient(s.anonymous).Call(ctx, request)
	return s.verdict(err)
}

// pageToken is alice's, in the middle of her list.
func (s *siege) pageToken() string {
	ctx := metadata.AppendToOutgoingContext(s.t.Context(), as(alice)...)
	page, err := looppb.NewReferenceDataServiceClient(s.anonymous).ListAccounts(ctx, &looppb.ListAccountsRequest{Practice: "demo", Dossier: "CEGID001", PageSize: 1})
	if err != nil || page.GetNextPageToken() == "" {
		s.t.Error("alice gets no page:", err)
	}
	return page.GetNextPageToken()
}

// imported is the id of an import of alice's.
func (s *siege) imported() string {
	const id = "alice-1"
	if said := s.send(alice, sale(id)); said != "OK" {
		s.t.Error("alice cannot import:", said)
	}
	return id
}

// happened has a write of each collection made in alice's dossier, by her or by carol, who holds no other file; it returns the id
// of one of their events. Alice learns of all three.
func (s *siege) happened(index int) string {
	s.imported()
	carol := bearer(s.jwt(nil))
	for _, said := range []string{
		s.rest("POST", demoRaw, `{"dossier": "CEGID001", "method": "POST", "path": "/simNotes", "requestId": "carol-raw", "body": "{\"text\": \"x\"}"}`, carol...),
		s.rest("POST", "/v1/practices/demo/dossiers/CEGID001/documents?fileName=carol.pdf", "%PDF-1.7 carol", append(carol, "Content-Type", "application/pdf", "Idempotency-Key", "carol-document")...),
	} {
		if said != "200" {
			s.t.Error("carol cannot write:", said)
		}
	}
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(s.t.Context(), as(alice)...), patience)
	defer cancel()
	list, err := looppb.NewEventServiceClient(s.anonymous).ListEvents(ctx, &looppb.ListEventsRequest{Practice: "demo", PageSize: 1000})
	about := map[looppb.EventCollection]bool{}
	for _, each := range list.GetEvents() {
		if each.GetDossier() == "CEGID001" {
			about[each.GetCollection()] = true
		}
	}
	if err != nil || len(about) != 3 {
		s.t.Errorf("alice is told %v, %v", list, err)
		return ""
	}
	return list.GetEvents()[index].GetId()
}

// others are whose events somebody is told who is neither their caller nor may read their dossier.
func others(token string, events []*looppb.Event) (out []string) {
	for _, e := range events {
		mine := map[string]bool{
			alice: e.GetDossier() == "CEGID001", audrey: e.GetDossier() == "CEGID003" || e.GetCaller() == "audrey", bob: e.GetPractice() == "partner",
		}[token]
		if !mine && e.GetCollection() != looppb.EventCollection_EVENT_COLLECTION_UNSPECIFIED {
			out = append(out, fmt.Sprint(e.GetPractice(), "/", e.GetDossier(), " of ", e.GetCaller()))
		}
	}
	return out
}

// told lists events over gRPC: how that ends, and what is not to be seen of them.
func (s *siege) told(token, practice, after string) string {
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(s.t.Context(), as(token)...), patience)
	defer cancel()
	var foreign []string
	for {
		page, err := looppb.NewEventServiceClient(s.anonymous).ListEvents(ctx, &looppb.ListEventsRequest{Practice: practice, After: after, PageSize: 1000})
		_, _ = fmt.Fprintln(&s.heard, page)
		if err != nil {
			return s.verdict(err)
		}
		foreign = append(foreign, others(token, page.GetEvents())...)
		if len(page.GetEvents()) == 0 {
			return s.verdict(nil) + " " + strings.Join(foreign, ", ")
		}
		after = page.GetCursor()
	}
}

// toldBySSE reads Server-Sent Events, behind the last that it has had if it says so.
func (s *siege) toldBySSE(token, practice, query, last string) string {
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "https://"+s.p.http+"/v1/practices/"+practice+"/events:stream?catchUp=true&"+query, http.NoBody)
	if err != nil {
		return err.Error()
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "text/event-stream")
	if last != "" {
		request.Header.Set("Last-Event-ID", last)
	}
	response, err := s.web.Do(request)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(response.Body)
	_, _ = fmt.Fprintf(&s.heard, "%s %v %s\n", response.Status, response.Header, text)
	if response.StatusCode != http.StatusOK {
		return fmt.Sprint(response.StatusCode, reasonOf(text))
	}
	var events []*looppb.Event
	for line := range strings.Lines(string(text)) {
		if data, is := strings.CutPrefix(line, "data: "); is {
			event := &looppb.Event{}
			if err := protojson.Unmarshal([]byte(data), event); err != nil {
				s.t.Errorf("%s: %v", data, err)
			}
			events = append(events, event)
		}
	}
	return fmt.Sprint(response.StatusCode, " ", strings.Join(others(token, events), ", "))
}

// walks is a walk through entries with a cursor of audrey's, in the middle of hers.
func walks(name, token, practice, dossier string, want [2]string) attack {
	const from, to = "2026-01-01", "2026-12-31"
	cursor := func(s *siege) (cursor string) {
		ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(s.t.Context(), as(audrey)...), patience)
		defer cancel()
		stream, err := looppb.NewEntryServiceClient(s.anonymous).StreamEntries(ctx, &looppb.StreamEntriesRequest{Practice: "demo", Dossier: "CEGID003", DocumentDateFrom: from, DocumentDateTo: to})
		for err == nil && cursor == "" {
			var message *looppb.StreamEntriesResponse
			message, err = stream.Recv()
			cursor = message.GetWalk().GetCursor()
		}
		if err != nil {
			s.t.Error("audrey gets no cursor:", err)
		}
		return cursor
	}
	return attack{"a walk " + name, func(s *siege) string {
		ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(s.t.Context(), as(token)...), patience)
		defer cancel()
		stream, err := looppb.NewEntryServiceClient(s.anonymous).StreamEntries(ctx, &looppb.StreamEntriesRequest{
			Practice: practice, Dossier: dossier, DocumentDateFrom: from, DocumentDateTo: to, Cursor: cursor(s),
		})
		if err == nil {
			_, err = stream.Recv()
		}
		return s.verdict(err)
	}, want[0], func(s *siege) string {
		return s.rest("GET", fmt.Sprintf("/v1/practices/%s/dossiers/%s/entries:stream?documentDateFrom=%s&documentDateTo=%s&cursor=%s", practice, dossier, from, to, cursor(s)), "", bearer(token)...)
	}, want[1]}
}

// asBytes is a codec for messages that are made by hand.
type asBytes struct{}

func (asBytes) Marshal(v any) ([]byte, error) { return v.([]byte), nil }
func (asBytes) Unmarshal([]byte, any) error   { return nil }
func (asBytes) Name() string                  { return "proto" }

// message sends bytes as a request; nil is 32 MiB of zeros, compressed.
func (s *siege) message(token, method string, message []byte, inGzip bool) string {
	if !inGzip {
		return s.invoke(token, method, message)
	}
	text := string(message)
	if message == nil {
		text = strings.Repeat("\x00", 32<<20)
	}
	return s.zipped(token, method, zipped(text))
}

func (s *siege) invoke(token, method string, message []byte, options ...grpc.CallOption) string {
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(s.t.Context(), as(token)...), patience)
	defer cancel()
	return s.verdict(s.anonymous.Invoke(ctx, method, message, nil, append(options, grpc.ForceCodec(asBytes{}))...))
}

var compressed = grpc.UseCompressor(grpcgzip.Name)

// denseWhenInflated is a message of two million entries that gzip makes hardly 100 times smaller, thanks to an
// unknown field.
func denseWhenInflated() []byte {
	const random = 84_000
	message := protowire.AppendTag(nil, 1000, protowire.BytesType)
	message = protowire.AppendVarint(message, random)
	for range random / 4 {
		message = binary.LittleEndian.AppendUint32(message, rand.Uint32())
	}
	return append(message, bytes.Repeat([]byte{entriesTag, 0}, 4_000_000)...)
}

// zipped sends bytes as a request that is said to be compressed.
func (s *siege) zipped(token, method, body string) string {
	n := len(body)
	framed := append([]byte{1, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, body...)
	// No more than the connection's window takes: the answer does not wait for the rest.
	return s.h2(s.p.grpc, grpcFields(method, "grpc-encoding", "gzip", "authorization", "Bearer "+token), framed[:min(len(framed), 60<<10)])
}

func thousand() (headers []string) {
	for i := range 1000 {
		headers = append(headers, fmt.Sprint("x-", i), strings.Repeat("y", 50))
	}
	return headers
}

// framed is a message as gRPC frames it.
func framed(message proto.Message) []byte {
	text, _ := proto.Marshal(message)
	return append([]byte{0, 0, 0, 0, byte(len(text))}, text...)
}

func zipped(text string) string {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	_, _ = io.WriteString(zip, text)
	_ = zip.Close()
	return out.String()
}

// h2 makes one request of HTTP/2 with a header block as it is; a nil body is none.
func (s *siege) h2(address string, fields []string, body []byte) string {
	f, err := s.frames(address)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.conn.Close() }()
	stream, err := f.open(body == nil, fields...)
	for err == nil && body != nil {
		piece := body[:min(len(body), 16<<10)]
		body = body[len(piece):]
		if err = f.WriteData(stream, len(body) == 0, piece); len(body) == 0 {
			break
		}
	}
	said := f.answer(stream)
	_, _ = fmt.Fprintln(&s.heard, said)
	return said
}

// TestHostileClients: whatever they do, it is refused, everybody else is served, and nothing is left of it.
func TestHostileClients(t *testing.T) {
	s := besiege(t)
	descriptors, goroutines := s.p.holds(t)
	quiet := s.p.status(t, "VmHWM")
	p := s.keepPeace()
	held := s.hold()
	for _, each := range attacks {
		t.Run(each.name, func(t *testing.T) {
			if each.grpc != nil {
				if said := each.grpc(s); said != each.wantGRPC {
					t.Errorf("gRPC answers %q; want %q", said, each.wantGRPC)
				}
			}
			if each.rest != nil {
				if said := each.rest(s); said != each.wantREST {
					t.Errorf("REST answers %q; want %q", said, each.wantREST)
				}
			}
		})
	}
	for _, each := range floods {
		t.Run(each.name, func(t *testing.T) { each.run(t, s) })
	}
	t.Run("what holds on is dropped", held)
	p.end(t)

	peak := s.p.status(t, "VmHWM")
	t.Logf("%d attacks and %d floods; %d calls of well-behaved callers meanwhile; peak memory %d MB, %d MB before", len(attacks), len(floods), p.calls.Load(), peak>>10, quiet>>10)
	if peak>>10 > mostMemory {
		t.Errorf("memory reached %d MB; at most %d MB can be explained", peak>>10, mostMemory)
	}
	for _, web := range s.browsers {
		web.CloseIdleConnections()
	}
	// Some are this service's own by now: connections to Loop that wait for the next call, eight to a practice at most.
	eventually(t, fmt.Sprintf("%d descriptors and %d goroutines come back", descriptors, goroutines), func() bool {
		d, g := s.p.holds(t)
		return d <= descriptors+20 && g <= goroutines+50
	})
	s.searchForCanaries(t)
}

// flood is an attack by numbers.
type flood struct {
	name string
	run  func(*testing.T, *siege)
}

var floods = []flood{
	{"rapid reset on the gRPC port", func(t *testing.T, s *siege) { rapidReset(t, s, s.p.grpc, grpcFields(listAccountsRPC)) }},
	{"rapid reset on the REST port", func(t *testing.T, s *siege) { rapidReset(t, s, s.p.http, restFields("GET", demoAccounts)) }},
	{"pings on the gRPC port", func(t *testing.T, s *siege) { pings(t, s, s.p.grpc, true) }},
	{"pings on the REST port", func(t *testing.T, s *siege) { pings(t, s, s.p.http, false) }},
	{"settings on the gRPC port", func(t *testing.T, s *siege) { settings(t, s, s.p.grpc) }},
	{"settings on the REST port", func(t *testing.T, s *siege) { settings(t, s, s.p.http) }},
	{"continuations on the gRPC port", func(t *testing.T, s *siege) { continuations(t, s, s.p.grpc, grpcFields(listAccountsRPC)) }},
	{"continuations on the REST port", func(t *testing.T, s *siege) { continuations(t, s, s.p.http, restFields("GET", demoAccounts)) }},
	{"messages of strangers that are large", largeMessages},
	{"messages of a caller's that say much in few bytes", denseMessages},
	{"messages of a caller's that become large by inflating", inflatedMessages},
	{"refusals", refusals},
	{"connections", connections},
}

// rapidReset opens and resets streams as fast as it can (CVE-2023-44487).
func rapidReset(t *testing.T, s *siege, address string, fields []string) {
	f, err := s.frames(address)
	testkit.OK(t, err)
	defer func() { _ = f.conn.Close() }()
	go func() { _, _ = io.Copy(io.Discard, f.conn) }()
	for range 20_000 {
		stream, err := f.open(false, fields...)
		if err == nil {
			err = f.WriteRSTStream(stream, http2.ErrCodeCancel)
		}
		if err != nil {
			return // the server has had enough
		}
	}
}

// pings asks for an answer to each of many frames; a server that counts ends the connection.
func pings(t *testing.T, s *siege, address string, counted bool) {
	f, err := s.frames(address)
	testkit.OK(t, err)
	defer func() { _ = f.conn.Close() }()
	said := make(chan string, 1)
	go func() { said <- f.answer(0) }()
	for n := range 20_000 {
		if f.WritePing(false, [8]byte{byte(n)}) != nil {
			break
		}
	}
	if counted {
		if got := <-said; got != "GOAWAY ENHANCE_YOUR_CALM" && got != "closed" {
			t.Errorf("it answers %q", got)
		}
	}
}

func settings(t *testing.T, s *siege, address string) {
	f, err := s.frames(address)
	testkit.OK(t, err)
	defer func() { _ = f.conn.Close() }()
	for n := range 20_000 { // whose answers nobody reads
		_ = f.conn.SetWriteDeadline(time.Now().Add(time.Second))
		if f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(n)}) != nil {
			return
		}
	}
}

// continuations sends headers without end.
func continuations(t *testing.T, s *siege, address string, fields []string) {
	f, err := s.frames(address)
	testkit.OK(t, err)
	defer func() { _ = f.conn.Close() }()
	err = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.fields(fields...)})
	said := make(chan string, 1)
	go func() { said <- f.answer(1) }()
	for n := 0; err == nil && n < 20_000; n++ {
		err = f.WriteContinuation(1, false, f.fields(fmt.Sprint("x-", n), strings.Repeat("x", 4000)))
	}
	if err == nil {
		t.Error("80 MB of headers were taken")
	}
	<-said
}

// largeMessages sends what may be sent, many times at once, without a token.
func largeMessages(t *testing.T, s *siege) {
	message := bytes.Repeat([]byte{entriesTag, 0}, 4_000_000)
	body := `{"entries": [` + strings.Repeat(`{},`, 2_700_000) + `{}]}`
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			// Those who are many may be told to give way instead.
			if said := s.message("x", importRPC, message, false); said != strangerGRPC && said != "Canceled" {
				t.Errorf("gRPC answers %q", said)
			}
		})
		all.Go(func() {
			if said := s.rest("POST", demoImports, body, bearer("x")...); said != strangerREST {
				t.Errorf("REST answers %q", said)
			}
		})
	}
	all.Wait()
}

// denseMessages would take 40 MB each, if they were made values of.
func denseMessages(t *testing.T, s *siege) {
	const lines = 99_900
	message, err := proto.Marshal(&looppb.ImportEntriesRequest{
		Practice: "demo", Dossier: "CEGID001", RequestId: "dense", Entries: []*looppb.Entry{{Lines: slices.Repeat([]*looppb.EntryLine{{}}, lines)}},
	})
	testkit.OK(t, err)
	body := `{"entries": [{"lines": [` + strings.Repeat("{},", lines) + `{}]}]}`
	var all sync.WaitGroup
	for n := range 64 {
		all.Go(func() {
			if said := s.message(alice, importRPC, message, false); said != malformedGRPC {
				t.Errorf("gRPC answers %q", said)
			}
		})
		if n%(64/denseBodies) != 0 {
			continue
		}
		all.Go(func() { // of which one at a time is read
			if said := s.rest("POST", demoImports, body, bearer(alice)...); said != malformedREST {
				t.Errorf("REST answers %q", said)
			}
		})
	}
	all.Wait()
}

// inflatedMessages would hold 16 MB each, of which a caller's may hold 64 MiB at a time.
func inflatedMessages(t *testing.T, s *siege) {
	message := denseWhenInflated()
	var all sync.WaitGroup
	for range inflatedMessagesAtOnce {
		all.Go(func() {
			if said := s.invoke(alice, importRPC, message, compressed); said != malformedGRPC && said != "ResourceExhausted CALLER_LIMIT" {
				t.Errorf("gRPC answers %q", said)
			}
		})
	}
	all.Wait()
}

// refusals are made by one who is refused as fast as he can call; the audit counts them all in few records.
func refusals(t *testing.T, s *siege) {
	const calls = 1500
	before, records := s.refused(t, "token of nobody")
	start := time.Now()
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for range calls / 20 {
				if said := s.list("demo", "CEGID001", as("flood")...); said != strangerGRPC {
					t.Errorf("gRPC answers %q", said)
				}
				if said := s.rest("GET", demoAccounts, "", bearer("flood")...); said != strangerREST {
					t.Errorf("REST answers %q", said)
				}
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	after := 0
	eventually(t, "all are counted", func() (all bool) {
		var refused int
		refused, after = s.refused(t, "token of nobody")
		return refused == before+calls
	})
	// A hundred at once, and then ten a second and the count of those beyond.
	if made, most := after-records, 100+12*int(took.Seconds()+3); made > most {
		t.Errorf("%d refusals in %s made %d records; at most %d", calls, took, made, most)
	}
}

// connections opens more than there are places, in both ways to be slow, while others are served.
func connections(t *testing.T, s *siege) {
	for _, address := range []string{s.p.grpc, s.p.http} {
		var opened []net.Conn
		closed := 0
		for range places + 100 {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				closed++
				continue
			}
			opened = append(opened, conn)
		}
		until := time.Now().Add(3 * time.Second)
		var ended atomic.Int64
		var all sync.WaitGroup
		for _, conn := range opened {
			all.Go(func() {
				_ = conn.SetReadDeadline(until)
				if _, err := conn.Read(make([]byte, 1)); err != nil && !isTimeout(err) {
					ended.Add(1)
				}
			})
		}
		all.Wait()
		closed += int(ended.Load())
		if closed < 50 {
			t.Errorf("%d connections beyond the bound were closed", closed)
		}
		if !strings.Contains(s.p.log.String(), `"msg":"a connection was refused"`) || !strings.Contains(s.p.log.String(), `"reason":"no_place"`) {
			t.Errorf("the log says nothing of connections that found no place at %s", address)
		}
		for _, conn := range opened {
			_ = conn.Close()
		}
	}
}

func isTimeout(err error) bool {
	var failed net.Error
	return errors.As(err, &failed) && failed.Timeout()
}

// hold begins what holds on to something for as long as it is let, and returns how that ends.
func (s *siege) hold() func(*testing.T) {
	type holder struct {
		name string
		conn net.Conn
	}
	var holders []holder
	keep := func(name string, conn net.Conn, err error) {
		if err != nil {
			s.t.Errorf("%s: %v", name, err)
			return
		}
		holders = append(holders, holder{name, conn})
	}
	for range 10 {
		for port, address := range map[string]string{"gRPC": s.p.grpc, "REST": s.p.http} {
			conn, err := net.Dial("tcp", address)
			keep("a handshake that does not begin, "+port, conn, err)
			conn, err = net.Dial("tcp", address)
			if err == nil {
				_, err = conn.Write([]byte{0x16, 3, 1, 2, 0, 1}) // of a ClientHello
			}
			keep("half of a handshake, "+port, conn, err)
		}
		conn, err := s.connect(s.p.http, "http/1.1")
		if err == nil {
			_, err = io.WriteString(conn, "GET "+demoAccounts+" HTTP/1.1\r\nHost: a\r\nX-A: ")
		}
		keep("half of a header", conn, err)
		for _, token := range []string{"x", alice} {
			conn, err = s.connect(s.p.http, "http/1.1")
			if err == nil {
				_, err = io.WriteString(conn, "POST "+demoImports+" HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "+token+"\r\nContent-Length: 8000000\r\n\r\n{")
			}
			keep("half of a body", conn, err)
			conn, err = s.connect(s.p.http, "http/1.1")
			if err == nil {
				_, err = io.WriteString(conn, "POST /v1/practices/demo/dossiers/CEGID001/documents?fileName=a.pdf HTTP/1.1\r\nHost: a\r\nIdempotency-Key: d-1\r\nAuthorization: Bearer "+token+"\r\nContent-Length: 8000000\r\n\r\n%PDF-1.7")
			}
			keep("half of a file", conn, err)
		}
	}
	const halfFile = "half of a file over gRPC"
	// Of HTTP/2, the stream ends and not the connection.
	type waiting struct {
		name   string
		f      *frames
		stream uint32
	}
	var streams []waiting
	for range 10 {
		for _, token := range []string{"x", alice} {
			f, err := s.frames(s.p.grpc)
			if err != nil {
				s.t.Error(err)
				continue
			}
			stream, err := f.open(false, grpcFields(importRPC, "authorization", "Bearer "+token)...)
			if err = errors.Join(err, f.WriteData(stream, false, []byte{0, 0, 0x7a, 0, 0, 0x0a})); err != nil {
				s.t.Error(err)
			}
			streams = append(streams, waiting{"half of a message", f, stream})
		}
	}
	// A file of which the beginning came, of a caller who holds nothing else: there are eight places.
	stalled, err := proto.Marshal(&looppb.StoreDocumentRequest{Piece: &looppb.StoreDocumentRequest_Metadata{Metadata: &looppb.DocumentMetadata{
		Practice: "demo", Dossier: "CEGID003", RequestId: "stalled", FileName: "a.pdf",
	}}})
	if err != nil {
		s.t.Error(err)
	}
	for range 10 {
		f, err := s.frames(s.p.grpc)
		if err != nil {
			s.t.Error(err)
			continue
		}
		stream, err := f.open(false, grpcFields("/cegid.loop.v1.DocumentService/StoreDocument", "authorization", "Bearer "+audrey)...)
		if err = errors.Join(err, f.WriteData(stream, false, append([]byte{0, 0, 0, 0, byte(len(stalled))}, stalled...))); err != nil {
			s.t.Error(err)
		}
		streams = append(streams, waiting{halfFile, f, stream})
	}
	// A reader of a large list who reads nothing.
	var unread []net.Conn
	for _, port := range []struct {
		address string
		fields  []string
		body    []byte
	}{
		{s.p.grpc, grpcFields("/cegid.loop.v1.ReferenceDataService/StreamAccounts", "authorization", "Bearer "+bob), framed(&looppb.StreamAccountsRequest{Practice: "partner", Dossier: "BIG00001"})},
		{s.p.http, restFields("GET", "/v1/practices/partner/dossiers/BIG00001/accounts:stream", "authorization", "Bearer "+bob), nil},
	} {
		for range 5 {
			f, err := s.frames(port.address, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
			if err != nil {
				s.t.Error(err)
				continue
			}
			stream, err := f.open(port.body == nil, port.fields...)
			if port.body != nil {
				err = errors.Join(err, f.WriteData(stream, true, port.body))
			}
			if err != nil {
				s.t.Error(err)
			}
			if port.body != nil {
				unread = append(unread, f.conn)
			} else { // net/http gives up on a reader; over gRPC the stream's own end does
				streams = append(streams, waiting{"a reader who does not read", f, stream})
			}
		}
	}
	return func(t *testing.T) {
		t.Logf("%d connections and %d streams held on", len(holders), len(streams))
		for _, each := range holders {
			_ = each.conn.SetReadDeadline(time.Now().Add(2 * patience))
			if _, err := io.Copy(io.Discard, each.conn); isTimeout(err) {
				t.Errorf("%s is still held", each.name)
			}
			_ = each.conn.Close()
		}
		for _, conn := range unread {
			_ = conn.Close()
		}
		files := map[string]int{}
		for _, each := range streams {
			_ = each.f.conn.SetReadDeadline(time.Now().Add(2 * patience))
			said := each.f.answer(each.stream)
			if said == "closed" {
				t.Errorf("%s: the stream did not end", each.name)
			}
			if each.name == halfFile {
				files[said]++
			}
			_ = each.f.conn.Close()
		}
		if slow, full := "200 4", "200 8"; files[slow] != 8 || files[full] != 2 {
			t.Errorf("of ten files that stall, eight are to be given up as slow, and two to find no place: %v", files)
		}
	}
}
