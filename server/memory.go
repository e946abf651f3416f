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

// fitMemory has the garbage collector keep to 90 % of the memory that the container may have; the rest is for what Go does not
// count. GOMEMLIMIT, GOGC and AUTOMEMLIMIT of the environment go before.
func fitMemory(limit memlimit.Provider, log *slog.Logger) {
	kept, err := memlimit.Set(memlimit.WithRatio(0.9), memlimit.WithProvider(limit))
	if err != nil && !errors.Is(err, memlimit.ErrNoLimit) {
		log.Warn("the memory limit of the container cannot be read: set GOMEMLIMIT to nine tenths of it", "error", err.Error())
		kept = math.MaxInt64
	}
	if _, given := os.LookupEnv("GOGC"); !given {
		debug.SetGCPercent(gogc(kept))
	}
	if kept < math.MaxInt64 {
		log.Info("memory is bounded", "bytes", kept)
	}
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
