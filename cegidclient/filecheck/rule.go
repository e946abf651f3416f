// Package filecheck is what the checks of files of entries share, whatever their format: rules and who objects, what was
// found, the report on a file, and the verdicts that it comes to.
package filecheck

import "cegid.internal/gateway/cegidclient/check"

// LoopModel is what is assumed of Loop where its documentation says nothing. The simulator books by the same.
type LoopModel uint8

// The models.
const (
	// Lenient: Loop takes what it is not known to refuse. Such rules are warnings.
	Lenient LoopModel = iota
	// Strict: Loop refuses what it is not known to take. Such rules are errors.
	Strict
)

// Rule describes a code of a format's catalogue.
type Rule struct {
	Code     string
	Severity check.Severity
	Grounds  check.Ground
	// Law is the part of article A47 A-1 that the ground Law refers to, such as "XII-2°".
	Law string
	// Message and French are its sentences, what is wrong and what to do, with {placeholders} for what varies.
	Message, French string
	// Strict: what Loop makes of it is unknown, so that it is an error under [Strict].
	Strict bool
	// Together: what is found in several fields has one cause, and is one finding that lists them.
	Together bool
	// SpoilsEntry: the entry's balance says nothing after it.
	SpoilsEntry bool
	// HidesOnLine and HidesInFile are the codes of its effects, which are not reported beside it: on the same line, or at all.
	HidesOnLine, HidesInFile []string
}
