package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// children are the peers that this program is itself, by the name of their command. Each prints its addresses and serves
// until its parent ends it.
var children = map[string]func(arguments []string) error{
	"upstream": serveUpstream, "proxy": serveProxy, "textbook": serveTextbook, "sink": serveSink,
}

// addresses are where a child is reached.
type addresses struct{ HTTP, GRPC, Metrics string }

// listen serves HTTP on any free port, and tells of both the port and how much the child has allocated.
func listen(handler http.Handler, grpcAddress string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", handler)
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		var stats goruntime.MemStats
		goruntime.ReadMemStats(&stats)
		_, _ = fmt.Fprintf(w, "%s %d\n", mallocsMetric, stats.Mallocs)
	})
	text, err := json.Marshal(addresses{HTTP: listener.Addr().String(), GRPC: grpcAddress, Metrics: "http://" + listener.Addr().String() +
		"/metrics"})
	if err != nil {
		return err
	}
	fmt.Println(string(text))
	return http.Serve(listener, mux)
}

// dossierOf is the dossier that has so many accounts at the upstream.
func dossierOf(items int) string { return "BENCH" + strconv.Itoa(items) }

// dossiersOf are many that have as many, so that more than one answer is kept of those that may be older.
func dossiersOf(items int) (all []string) {
	for zeros := range 32 {
		all = append(all, "BENCH"+strings.Repeat("0", zeros)+strconv.Itoa(items))
	}
	return all
}

// row is an account as Loop documents it (docs/loop-api/reference-data.md).
func row(n int) []byte {
	return fmt.Appendf(nil,
		`{"objectId":"5b0f4a52-0d0e-4f0b-9a51-2f6c%08d","revisionId":"0x00000000%08X","description":["%08d"],`+
			`"numero":"%08d","libelle":"Fournitures d'entretien, atelier %d",`+
			`"type":6,"collectif":false,"lettrable":false,"pointable":true,"centralisable":false,"analytique":true,`+
			`"ferme":false,"compteContrepartie":{"objectId":null,"description":[""]}}`,
		n, n, 60000000+n, 60000000+n, n)
}

// serveUpstream answers GET /compte, as fast as it can: each answer is made once. It takes any import. Of two arguments, the first is how
// long an answer takes, and the second how many accounts it has at most.
func serveUpstream(arguments []string) (err error) {
	var slow time.Duration
	most := math.MaxInt
	if len(arguments) == 2 {
		if slow, err = time.ParseDuration(arguments[0]); err != nil {
			return err
		}
		if most, err = strconv.Atoi(arguments[1]); err != nil {
			return err
		}
	}
	var made sync.Map // by dossier, skip and take
	return listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(slow)
		if r.URL.Path == "/importJson" {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, `{"accountingImportRequestId":"5b0f4a52-0d0e-4f0b-9a51-2f6c00000000"}`)
			return
		}
		if r.URL.Path != "/compte" {
			http.NotFound(w, r)
			return
		}
		query := r.URL.Query()
		key := query.Get("codeDossier") + " " + query.Get("skip") + " " + query.Get("take")
		body, known := made.Load(key)
		if !known {
			total, err := strconv.Atoi(key[len("BENCH"):bytes.IndexByte([]byte(key), ' ')])
			if err != nil {
				http.Error(w, "no such dossier", http.StatusNotFound)
				return
			}
			skip, _ := strconv.Atoi(query.Get("skip"))
			take, _ := strconv.Atoi(query.Get("take"))
			take = min(take, most)
			var rows [][]byte
			for n := skip; n < min(skip+take, total); n++ {
				rows = append(rows, row(n))
			}
			text := append(append([]byte{'['}, bytes.Join(rows, []byte{','})...), ']')
			body, _ = made.LoadOrStore(key, text)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body.([]byte))))
		_, _ = w.Write(body.([]byte))
	}), "")
}

// pooled is a transport that keeps as many connections as there are callers.
func pooled() *http.Transport {
	return &http.Transport{MaxIdleConns: 64, MaxIdleConnsPerHost: 64, DisableCompression: true}
}

// serveSink takes what is sent to it, as a collector does, and forgets it.
func serveSink([]string) error {
	return listen(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }), "")
}

// serveProxy copies what the upstream answers, and adds the two headers that Loop asks for.
func serveProxy(arguments []string) error {
	upstream, err := url.Parse("http://" + arguments[0])
	if err != nil {
		return err
	}
	return listen(&httputil.ReverseProxy{
		Transport:  pooled(),
		BufferPool: &buffers{},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.Out.Header.Set("Ocp-Apim-Subscription-Key", "bench")
			r.Out.Header.Set("X-Api-Key", "bench:bench")
		},
	}, "")
}

type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if kept, ok := b.pool.Get().(*[]byte); ok {
		return *kept
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(buffer []byte) { b.pool.Put(&buffer) }

// textbook is a service as one writes it first: encoding/json, a conversion, grpc-gateway over a connection. Its client of
// the upstream is pooled, so that connections do not decide.
type textbook struct {
	looppb.UnimplementedReferenceDataServiceServer
	upstream string
	client   *http.Client
}

type loopReference struct {
	ObjectID    *string  `json:"objectId"`
	Description []string `json:"description"`
}

type loopAccount struct {
	ObjectID           string         `json:"objectId"`
	RevisionID         string         `json:"revisionId"`
	Description        []string       `json:"description"`
	Numero             string         `json:"numero"`
	Libelle            *string        `json:"libelle"`
	Type               *int           `json:"type"`
	Collectif          *bool          `json:"collectif"`
	Lettrable          *bool          `json:"lettrable"`
	Pointable          *bool          `json:"pointable"`
	Centralisable      *bool          `json:"centralisable"`
	Analytique         *bool          `json:"analytique"`
	Ferme              *bool          `json:"ferme"`
	CompteContrepartie *loopReference `json:"compteContrepartie"`
}

// ListAccounts implements looppb.ReferenceDataServiceServer.
func (t *textbook) ListAccounts(ctx context.Context, in *looppb.ListAccountsRequest) (*looppb.ListAccountsResponse, error) {
	address := fmt.Sprintf("%s/compte?codeDossier=%s&skip=0&take=%d", t.upstream, url.QueryEscape(in.GetDossier()), in.GetPageSize())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Ocp-Apim-Subscription-Key", "bench")
	request.Header.Set("X-Api-Key", "bench:bench")
	response, err := t.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	var rows []loopAccount
	if err := json.NewDecoder(response.Body).Decode(&rows); err != nil {
		return nil, err
	}
	out := &looppb.ListAccountsResponse{}
	for _, row := range rows {
		account := &looppb.Account{
			Number: row.Numero, Label: row.Libelle, Collective: row.Collectif, Letterable: row.Lettrable, Reconcilable: row.Pointable,
			Centralizable: row.Centralisable, Analytic: row.Analytique, Closed: row.Ferme, ObjectId: row.ObjectID, Revision: row.RevisionID,
		}
		if row.Type != nil {
			account.TypeCode = new(strconv.Itoa(*row.Type))
		}
		if len(row.Description) > 0 {
			account.Description = &row.Description[0]
		}
		if contra := row.CompteContrepartie; contra != nil {
			account.ContraAccount = &looppb.Reference{}
			if contra.ObjectID != nil {
				account.ContraAccount.ObjectId = *contra.ObjectID
			}
			if len(contra.Description) > 0 {
				account.ContraAccount.Description = contra.Description[0]
			}
		}
		out.Accounts = append(out.Accounts, account)
	}
	return out, nil
}

func serveTextbook(arguments []string) error {
	server := grpc.NewServer()
	looppb.RegisterReferenceDataServiceServer(server, &textbook{upstream: "http://" + arguments[0], client: &http.Client{Transport: pooled()}})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = server.Serve(listener) }()
	mux := runtime.NewServeMux()
	err = looppb.RegisterReferenceDataServiceHandlerFromEndpoint(context.Background(), mux, listener.Addr().String(),
		[]grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())})
	if err != nil {
		return err
	}
	return listen(mux, listener.Addr().String())
}
