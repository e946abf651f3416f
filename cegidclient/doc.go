// Package cegidclient is a client for the public API of Cegid Loop, the software in which French accounting
// practices keep their clients' books.
//
// A [Client] serves one practice. Its services read one kind of resource each, or write:
//
//	client, err := cegidclient.New(cegidclient.Config{
//		Practice:    "martin",
//		Credentials: cegidclient.StaticCredentials(standardKey, cegidclient.Secret{}, subscriptionKey),
//	})
//	for account, err := range client.Accounts.All(ctx, "CEGID003", cegidclient.ListOptions{}) { … }
//
// # What a call goes through
//
// Every call passes a chain of interceptors (docs/architecture.md, "Calls to Loop"). Reads are tried up to three times.
// Everything that books or stores is sent once, over a connection of its own. The inventory ([Operations]) says which is which.
//
// # Errors
//
// Every error of a call is an [*Error], save one that the before-send hook returned. Its [Kind] says what happened
// and works with errors.Is: errors.Is(err, cegidclient.ErrDossierNotShared). When the caller's context ends the call,
// errors.Is finds context.Canceled or context.DeadlineExceeded.
//
// # Writes
//
// [ImportService.Submit] sends entries once, whatever happens, and [OutcomeOf] tells from its error what became of them:
// accepted, refused, not sent, or uncertain ([KindOutcomeUnknown]). Only refused and not sent may be sent again. What was
// accepted is booked later: ask [ImportService.Status]. Give the context more than [RetryPolicy.SubmissionTimeout] and the
// wait for a turn ([Limits.Wait]). The accounting rules are in package check.
//
//	id, err := client.Imports.Submit(ctx, "CEGID003", entries)
//	if cegidclient.OutcomeOf(err) == cegidclient.WriteUncertain { … } // look it up in Loop; do not send it again
//
// [FileService.Deposit] puts a file where Loop finds it, in Azure's storage, without Loop's keys; [FileService.ImportFEC] and its
// sisters then send its import, as Submit does. Links to files are secrets.
//
// [AccountService.Create], [JournalService.Create] and [LegalIdentityService.Update] write what Loop can be asked for by its
// number, code or revision. They look first, send once, and look again when the answer is lost, so that each may be repeated
// as it is.
//
// # What Loop returns
//
// Loop's pages disagree with themselves about types and letter case, and are known in parts only. Resources are read
// tolerantly, a field that is not there stays nil, and whatever the typed fields do not say exactly is kept raw in
// Unmapped. References such as "loop-api: R 2.1" in comments name the sections of the notes on Loop's API in docs/loop-api.
package cegidclient
