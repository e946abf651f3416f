//go:build race

package main

// mostMemory of the attacked server, in MB: as in norace_test.go, with what the race detector keeps of each byte besides.
const mostMemory = 2048

// denseBodies at once, of which one at a time is read, in the time that a request has.
const denseBodies = 4

// inflatedMessagesAtOnce are still twice as many as a caller may hold.
const inflatedMessagesAtOnce = 8
