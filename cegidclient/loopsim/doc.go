// Package loopsim simulates the public REST API of Cegid Loop, statefully, as an [net/http.Handler].
//
// It is the upstream of every test and of the sandbox. It follows what docs/loop-api says and nothing else: each behaviour
// cites its section (R reference-data, A accounting, C cabinet), with [I] where that text infers or where
// the simulator had to choose. What the documentation does not show is refused rather than guessed, so that no client
// comes to depend on it here and fails on the real Loop.
//
//	sim := loopsim.NewSandbox()
//	defer sim.Close()
//	srv := httptest.NewServer(sim)
//	defer srv.Close()
//	// GET {srv.URL}/loop-api-publiques/compte?codeDossier=CEGID001
//	//   Ocp-Apim-Subscription-Key: loopsim.SandboxSubscriptionPrimary
//	//   x-apikey:                  loopsim.SandboxDemoAPIKey
//
// Close the simulator before the server: it ends the answers that a fault holds back, which the server waits for.
//
// Tests shape the world ([Simulator.AddPractice], [Simulator.AddDossier], [Simulator.SetActivated] …), the answers
// ([Simulator.SetShape], [Simulator.SetPageCap]) and the mishaps ([Simulator.Inject]), then look at what arrived
// ([Simulator.Requests], [Simulator.Count], [Simulator.InFlightPeak], [Simulator.Imports], [Simulator.Documents]). Other programs
// do the same over HTTP under /_sim/, which asks for no key and is meant for loopback; people find all of it on the
// page there. What changes something takes JSON or a form:
// curl -d kind=status -d status=503 -d times=3 -d 'route=POST /importJson' http://127.0.0.1:8089/_sim/faults.
//
// [Simulator.Advance] moves the time that imports and links go by, and [Simulator.BookYear] fills a dossier.
//
// # Imports
//
// An import is accepted, waits, runs and is booked or fails ([WithImportDelays]); nothing runs in the background: a request that looks
// first carries out what is due, and [Simulator.FinishImports] does not wait. Nothing tells two equal imports apart: they are
// booked twice, as at Loop (A 10.3). What a checker needs is exact and complete until Reset: [Simulator.Imports] and
// [Simulator.Entries], GET /_sim/imports and GET /_sim/entries?dossier=… as JSON lines.
//
// # Files
//
// GET /getFileUrlDeposit gives a link below [DepositRoute] on the simulator's own host, which takes a file as Azure does: whole or
// in blocks, checked, while the link lives. POST /importFEC, /importTRA and /importPerso (with [DemoModel]) read it when the
// import runs; what is wrong with it fails the import late. A URL is fetched then, from this machine only. [FileRecord] has the
// digest and the totals of the whole file; of more than [KeptLines] lines the first entries are kept, and the others are checked
// and added up. A FEC brings its accounts and journals, and they are created; of the other formats unknown ones fail the import.
//
// # Documents
//
// A document is stored, or lost without a word where the dossier is not one of the key's (A 5); [Simulator.Documents] and
// GET /_sim/documents know each by its digest. Of the magic below, a file name may ask for SIM-REFUSE and for all that
// concerns the answer.
//
// # Magic
//
// A reference or refPiece that begins with a prefix of [Magic] asks for a mishap. More may follow it, to make it unique: SIM-503-17.
// An injected fault that strikes the request goes before those that concern the answer. In a file it is a PieceRef, the reference
// of a movement, or a ref; of one that is fetched from a URL, only what comes late can be had.
//
// # Adding a resource
//
// A list resource is one file (account.go is the model) that returns a [resource]: path, columns, rows. An operation of
// another kind returns a route with its own serve function. Either is then named once in operations (route.go); key
// checks, recording and faults come with it.
package loopsim
