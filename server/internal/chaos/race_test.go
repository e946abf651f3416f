//go:build race

package chaos

// underRace builds the server with the race detector where the tests have it.
const underRace = true
