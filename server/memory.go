package main

import (
	"errors"
	"log/slog"
	"math"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// usualGOGC is a quarter less CPU on lists than Go's own 100, measured, for two to three times the memory.
const usualGOGC = 400

// kept is the part of the container's memory that Go may have. leastRest is what remains for all else at least: SQLite, the
// variables of the program, the kernel's for connections and files. That is 20 MiB, however small the container.
const (
	kept      = .9
	leastRest = 24 << 20
)

// fitMemory has the garbage collector keep to its part of the memory that the container may have, and returns it, in bytes;
// math.MaxInt64 is any. GOMEMLIMIT, GOGC and AUTOMEMLIMIT of the environment go before.
func fitMemory(limit memlimit.Provider, log *slog.Logger) int64 {
	_, err := memlimit.Set(memlimit.WithRatio(kept), memlimit.WithProvider(func() (uint64, error) {
		bytes, err := limit()
		return min(bytes, max(uint64(float64(bytes-min(bytes, leastRest))/kept), bytes/2)), err
	}))
	bounded := debug.SetMemoryLimit(-1)
	if err != nil && !errors.Is(err, memlimit.ErrNoLimit) {
		log.Warn("the memory limit of the container cannot be read: set GOMEMLIMIT to nine tenths of it", "error", err.Error())
	}
	if _, given := os.LookupEnv("GOGC"); !given {
		debug.SetGCPercent(gogc(bounded))
	}
	if bounded < math.MaxInt64 {
		log.Info("memory is bounded", "bytes", bounded)
	}
	return bounded
}

// gogc is how much the heap may grow between two collections, in percent: near the limit the collector works as often as it must,
// and a small container should not be there all the time. Without a limit nothing would hold the heap back in a flood: Go's own.
func gogc(limit int64) int {
	switch {
	case limit < 200<<20, limit == math.MaxInt64:
		return 100
	case limit < 400<<20:
		return 200
	}
	return usualGOGC
}
