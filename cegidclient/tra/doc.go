// Package tra reads and checks a TRA, the file of fixed positions in which Cegid's programs exchange entries (loop-api:
// A 9) and that Cegid Loop imports (loop-api: A 3.3).
//
// A [Validator] is written to, so that a stream can be checked on its way to somewhere else; a [Reader] hands out the
// header, the parameters and the movements. Both take what is met in practice: trimmed and padded lines, older versions,
// unknown records, UTF-8 instead of Windows-1252. They say what it is, and refuse clearly what they cannot
// read. Whatever comes in, findings are summed up and memory stays bounded.
//
// Severity tells whether an import should stop, [Ground] who objects: the description of the format, bookkeeping, or Loop. The
// description is version 11, for another range of Cegid's than Loop. How Loop reads a TRA is known from integrators alone, so
// that its wishes are warnings at most. An account is known to be collective, a journal to take free entry, a third party to be
// closed if the file itself says so, before its movements.
//
// # Limits
//
// Amounts are whole cents below 10^15. A line has at most [MaxLineLength] bytes. Totals are kept for [MaxJournals]
// journals and [MaxAccounts] accounts. Lines of an entry may lie anywhere in the file: its balance is exact while no more
// than [MaxOpenEntries] entries are out of balance at once. An entry is balanced in euro, or in one currency where its
// lines have no amount in euro. Each limit that is passed is a finding. A validator keeps about
// a quarter of a mebibyte for an ordinary file of any size, and less than 96 whatever comes in.
package tra
