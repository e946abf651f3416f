// Package conformance tests the service as callers see it. One corpus of cases, testdata/corpus/<resource>/*.yaml,
// runs over gRPC and over REST and compares the two; beside it are the fault table and what only a running service
// can show.
package conformance
