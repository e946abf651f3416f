// Package chaos proves that entries are sent at most once and are never lost. A real server is killed at random moments while
// many callers send entries through it to a Loop that fails in every way. In the end each import whose outcome is open is looked
// for there, where others may have its reference. A checker that knows only the contract and the simulator's inspection compares
// what the callers were told with what was booked. Then the same with several servers on one ledger on PostgreSQL, which take
// turns at the calls, while the database crashes too.
//
// The callers, the kills and the faults follow from a seed, as far as two programs at once can follow anything:
//
//	LOOP_CHAOS_SEED      the first seed, 1 unless given
//	LOOP_CHAOS_SEEDS     how many seeds in a row, 1 unless given
//	LOOP_CHAOS_IMPORTS   imports of each seed, 60 unless given
//	LOOP_CHAOS_JOURNAL   folder to keep the journals in
//
// TestASeedIsALife lets whole lives pass on virtual time in this process, without network and programs: the same judge, more
// kinds of faults, days for seconds, and all of it from a seed.
package chaos
