// Package loopsim simulates the public REST API of Cegid Loop, statefully, as an [net/http.Handler].
//
// It is the upstream of every test and of the sandbox. It follows what loop-api/ says and nothing else: each behaviour
// cites its section (R reference-data, A accounting, C cabinet-and-conventions), with [I] where that text infers or where
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
// ([Simulator.Requests], [Simulator.Count], [Simulator.InFlightPeak]). Other programs do the same over HTTP under
// /_sim/, which asks for no key and is meant for loopback.
//
// # Adding a resource
//
// A list resource is one file (account.go is the model) that returns a [resource]: path, columns, rows. An operation of
// another kind returns a route with its own serve function. Either is then named once in operations (route.go); key
// checks, recording and faults come with it.
package loopsim
