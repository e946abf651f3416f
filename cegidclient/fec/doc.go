// Package fec reads and checks a FEC, the file of entries that French tax law asks for (loop-api: A 8) and that Cegid
// Loop imports (loop-api: A 3.2).
//
// A [Validator] is written to, so that a stream can be checked on its way to somewhere else; a [Reader] hands out the
// lines. Both take the variants that are met in practice, say what they are, and refuse clearly what they cannot read.
// Whatever comes in, findings are summed up and memory stays bounded.
//
// The rules are a catalogue: a cause hides its effects, so that one cause is one finding. Severity tells whether an import
// should stop, [Ground] who objects: the law, the tax administration's own checker, bookkeeping, or Loop. A decimal point,
// for example, can be read (a warning) though the law and the checker both refuse it. What the checker refuses was read in
// its published source (Test Compta Demat, repository DGFiP/Test-Compta-Demat), and the tests hold the reader against it;
// what the law demands is article A47 A-1 of the Livre des procédures fiscales, parts VI to XII, cited by each rule.
//
// Lines are counted as editors count them: CR LF, LF and a CR by itself each end one, and so does CR CR LF.
//
// # Limits
//
// Amounts are whole cents below 10^15. A line has at most [MaxLineLength] bytes, of which 64 columns are looked at.
// Totals are kept for [MaxJournals] journals and [MaxAccounts] accounts, with codes up to 64 bytes. Lines of an entry
// may lie anywhere in the file: its balance is exact while no more than [MaxOpenEntries] entries are out of balance at
// once, as is always so where the lines of an entry follow each other. Gaps in the numbers of entries are found while
// the numbers are dense enough for a map of 2 MiB. Each limit that is passed is a finding. A validator keeps about a
// mebibyte for an ordinary file of any size, and less than 96 whatever comes in.
package fec
