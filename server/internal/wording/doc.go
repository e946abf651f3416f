// Package wording tells callers of errors: it is the table, domain error → code, reason and sentence, English and French
// (docs/architecture.md, "Errors"). A row is added for a new error; a test shows that none is missing, and none half written.
package wording
