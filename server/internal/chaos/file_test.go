package chaos

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/fecgen"
)

// order is an import that can be sent as often as one likes.
type order struct {
	practice, dossier, id string
	send                  func(ctx context.Context) word
}

func (o order) GetPractice() string  { return o.practice }
func (o order) GetDossier() string   { return o.dossier }
func (o order) GetRequestId() string { return o.id }

// way is one of those in which imports come.
type way struct {
	name, route string
	// order makes ready an import under an id, which is its document reference, too. magic begins another reference in it.
	order func(f *fixture, practice, dossier, id, magic string) order
}

var ways = []way{
	{"entries", "/importJson", func(f *fixture, practice, dossier, id, magic string) order {
		reference := "R-" + id
		if magic != "" {
			reference = magic + id
		}
		request := one(practice, dossier, reference, id)
		return order{practice, dossier, id, func(ctx context.Context) word { return f.caller.submit(ctx, request, false, "") }}
	}},
	{"files", "/importFEC", func(f *fixture, practice, dossier, id, magic string) order {
		deposit, err := f.deposit(f.Context(), practice, dossier, id, magic)
		if err != nil {
			f.Fatalf("%s: %v", id, err)
		}
		request := &looppb.ImportFileRequest{
			Practice: practice, Dossier: dossier, RequestId: id, Source: &looppb.ImportFileRequest_DepositId{DepositId: deposit.GetDepositId()},
		}
		return order{practice, dossier, id, func(ctx context.Context) word {
			return f.caller.call(Event{ID: id, Method: "ImportFile", Via: "grpc"}, func() (*looppb.Import, error) {
				response, err := f.caller.imports.ImportFile(f.caller.authorized(ctx), request)
				return response.GetImportRecord(), err
			})
		}}
	}},
}

// sent sends an import and waits for its outcome.
func (f *fixture) sent(o order) word {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), 20*time.Second)
	defer cancel()
	return o.send(ctx)
}

// leaveIt sends an import with 50 ms to wait, which do not suffice. On a busy machine they may be over before the server has
// noted anything: then nothing has begun, and the caller asks again.
func (f *fixture) leaveIt(o order) {
	f.Helper()
	for range 100 {
		ctx, cancel := context.WithTimeout(f.Context(), 50*time.Millisecond)
		w := o.send(ctx)
		cancel()
		if w.Code != "DEADLINE_EXCEEDED" {
			f.Fatalf("%s: the call of a caller who leaves ended with %s %s %s", o.id, w.State, w.Code, w.Text)
		}
		if f.state(o) != "" {
			return
		}
	}
	f.Fatalf("%s: it never began", o.id)
}

// seen are how often Loop was sent something for a dossier, and how many entries it has booked there.
func (f *fixture) seen(o order) (sent, booked int) {
	for _, each := range f.loop.Imports() {
		if each.Practice == o.practice && each.Dossier == o.dossier {
			sent++
			booked += len(each.Entries)
		}
	}
	return sent, booked
}

// fecFile is a FEC of one entry.
func fecFile(id, magic string) []byte {
	const names = "JournalCode|JournalLib|EcritureNum|EcritureDate|CompteNum|CompteLib|CompAuxNum|CompAuxLib|PieceRef|PieceDate|EcritureLib|" +
		"Debit|Credit|EcritureLet|DateLet|ValidDate|Montantdevise|Idevise\n"
	line := func(account, reference, debit, credit string) string {
		return strings.Join([]string{
			"ACH", "Achats", "1", "20260315", account, "Compte " + account, "", "", reference, "20260315", "Achat", debit, credit, "", "", "20260315", "", "",
		}, "|") + "\n"
	}
	other := id
	if magic != "" {
		other = magic + id
	}
	return []byte(names + line("60700000", id, "120,00", "0,00") + line("51200000", other, "0,00", "120,00"))
}

// open begins to deposit a file.
func (f *fixture) open(ctx context.Context, practice, dossier, id string, content []byte) (looppb.ImportService_DepositFileClient, error) {
	stream, err := f.caller.imports.DepositFile(f.caller.authorized(ctx))
	if err != nil {
		return nil, err
	}
	err = stream.Send(&looppb.DepositFileRequest{Piece: &looppb.DepositFileRequest_Metadata{Metadata: &looppb.FileMetadata{
		Practice: practice, Dossier: dossier, Format: looppb.ImportFormat_IMPORT_FORMAT_FEC, FileName: id + ".txt",
	}}})
	for err == nil && len(content) > 0 {
		n := min(len(content), 64<<10)
		err = stream.Send(&looppb.DepositFileRequest{Piece: &looppb.DepositFileRequest_Data{Data: content[:n]}})
		content = content[n:]
	}
	if errors.Is(err, io.EOF) {
		err = nil // CloseAndRecv says why
	}
	return stream, err
}

func (f *fixture) deposit(ctx context.Context, practice, dossier, id, magic string) (*looppb.FileDeposit, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	stream, err := f.open(ctx, practice, dossier, id, fecFile(id, magic))
	if err != nil {
		return nil, err
	}
	answer, err := stream.CloseAndRecv()
	return answer.GetDeposit(), err
}

// TestAServerThatIsKilledDuringADepositLeavesNothing: in each of its phases. Nothing is booked by a deposit, so that repeating
// it is all that is left to do.
func TestAServerThatIsKilledDuringADepositLeavesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, settings{})
	const practice, dossier = loopsim.SandboxDemo, "CEGID001"
	for _, phase := range []struct {
		name    string
		fault   loopsim.Fault // that holds it there
		half    bool          // no more than half of the file comes
		answers bool
		uploads int // that Loop has in the end, of two calls
	}{
		{name: "receiving", half: true, uploads: 1},
		{name: "checked-and-asking-for-a-place", fault: loopsim.Fault{Method: http.MethodGet, Route: "/getFileUrlDeposit", Kind: loopsim.FaultHang}, uploads: 1},
		{name: "uploading", fault: loopsim.Fault{Route: loopsim.DepositRoute, Kind: loopsim.FaultHang}, uploads: 2},
		{name: "uploaded-and-not-noted", fault: loopsim.Fault{Route: loopsim.DepositRoute, Kind: loopsim.FaultHang, After: true}, uploads: 2},
		{name: "answered", answers: true, uploads: 1},
	} {
		before := f.loop.Count(loopsim.DepositRoute)
		fault := ""
		if phase.fault.Kind != "" {
			fault = f.loop.Inject(phase.fault)
		}
		var first *looppb.FileDeposit
		ended := make(chan error, 1)
		switch {
		case phase.half:
			half := fecgen.Bytes(fecgen.Options{Size: 4 << 20}) // of which the windows hold little: most of it has arrived
			stream, err := f.open(t.Context(), practice, dossier, phase.name, half)
			testkit.OK(t, err)
			go func() { ended <- stream.RecvMsg(&looppb.DepositFileResponse{}) }()
		default:
			go func() {
				var err error
				first, err = f.deposit(t.Context(), practice, dossier, phase.name, "")
				ended <- err
			}()
		}
		if phase.answers {
			if err := <-ended; err != nil {
				t.Fatalf("%s: %v", phase.name, err)
			}
		}
		for began := time.Now(); fault != "" && f.loop.FaultHits(fault) == 0; time.Sleep(5 * time.Millisecond) {
			if time.Since(began) > 20*time.Second {
				t.Fatalf("%s: it does not come to that", phase.name)
			}
		}
		f.kill()
		if !phase.answers {
			if err := <-ended; status.Code(err) != codes.Unavailable {
				t.Errorf("%s: its caller is told %v", phase.name, err)
			}
		}
		if left, err := os.ReadDir(f.spool()); err != nil || len(left) > 0 {
			t.Errorf("%s: the spool holds %v, %v", phase.name, left, err)
		}
		f.loop.ClearFaults()
		testkit.OK(t, f.start())
		again, err := f.deposit(t.Context(), practice, dossier, phase.name, "")
		if err != nil {
			t.Errorf("%s: repeated, it ends with %v", phase.name, err)
			continue
		}
		if phase.answers && (first.GetDepositId() != again.GetDepositId() || !first.GetCreateTime().AsTime().Equal(again.GetCreateTime().AsTime())) {
			t.Errorf("%s: repeated, it is %v and not %v", phase.name, again, first)
		}
		if uploads := f.loop.Count(loopsim.DepositRoute) - before; uploads != phase.uploads {
			t.Errorf("%s: %d uploads; want %d", phase.name, uploads, phase.uploads)
		}
		o := order{practice: practice, dossier: dossier, id: phase.name}
		o.send = func(ctx context.Context) word {
			response, err := f.caller.imports.ImportFile(f.caller.authorized(ctx), &looppb.ImportFileRequest{
				Practice: practice, Dossier: dossier, RequestId: phase.name, Source: &looppb.ImportFileRequest_DepositId{DepositId: again.GetDepositId()},
			})
			return wordOf(response.GetImportRecord(), err)
		}
		if w := f.sent(o); w.Code != "" {
			t.Errorf("%s: its import ends with %s %s", phase.name, w.Code, w.Text)
		}
		f.await(o, "SUCCEEDED")
		if sent, booked := f.submissions(phase.name); sent != 1 || booked != 1 {
			t.Errorf("%s: sent %d times and booked %d times", phase.name, sent, booked)
		}
	}
}
