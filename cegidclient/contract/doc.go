// Package contract asks a real Loop the questions that its documentation leaves open, with the client that the service
// uses, and reports the answers without any of the dossier's data. docs/contract-tests.md says how to run it.
//
// Each [Probe] is one question with what the code assumes; a probe that the code depends on fails the suite when Loop
// answers otherwise. It reads, unless it is told twice that it may write.
//
// What leaves it are member and header names, JSON types, counts, HTTP statuses, enum numbers and words of this
// package: [Seen] takes nothing else, and a name that could be data is withheld (see names.go).
package contract
