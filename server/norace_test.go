//go:build !race

package main

// mostMemory of the attacked server, in MB: 64 of its own, 32 arrivals of strangers and 10 of callers that hold 8 each, and half
// of it again, which the garbage collector may leave for later. One message that is made values of unseen takes more.
const mostMemory = 600

// denseBodies at once, of which one at a time is read, in the time that a request has; with the race detector that is slow.
const denseBodies = 16

// inflatedMessagesAtOnce, which this test compresses and the server inflates and counts within a request's time: the race
// detector makes both ten times slower.
const inflatedMessagesAtOnce = 64
