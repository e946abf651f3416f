// Package identity tells whether an entry is elsewhere already, in whatever format it came.
//
// The identity of an entry is its journal, its reference, and the multiset over its lines of date, document reference,
// account, third party and signed amount in cents. Labels, settlement, analytics and the order of lines do not count; a
// credit and a negative debit are one. Texts are compared in NFC and without blanks around them.
//
// # Formats
//
// JSON, FEC and TRA give the same identity for the same books:
//
//	                    JSON                 FEC            TRA
//	reference           reference            EcritureNum    NUMEROPIECE
//	document reference  document_reference   PieceRef       REFINTERNE
//	third party         third_party          CompAuxNum     AUXILIAIRE of a line of kind X
//	lines of an entry   as given             equal journal  equal journal, date, type and number, or else
//	                                         and number     reference, wherever they are in the file
//
// Where every line of a FEC has its own EcritureNum, lines with equal journal, date and PieceRef form an entry, and it has
// no reference. An amount of a TRA in a currency alone is compared as such.
//
// # Memory
//
// The lines of an entry may lie anywhere in a file, as the readers allow. A [File] adds the keyed digests of lines up,
// so that an entry is a record of 64 bytes however many lines it has. Records beyond two mebibytes are sorted on disk: a
// file of any size needs less than eight mebibytes.
//
// # Digests
//
// Digests are SHA-256 of a [Key] and a message, cut to 16 bytes for what is refused, and to 8 for what only tells one such entry
// from another (its reference) or causes a warning (its document). Cut so, SHA-256 cannot be told from a random function, and
// nothing can be appended to a message: https://doi.org/10.1007/11535218_26, section 3.4. The digest of lines is the sum of
// theirs modulo 2^128, a keyed multiset hash: https://people.csail.mit.edu/devadas/pubs/mhashes.pdf. A holder of the key can guess an
// entry of which they know nearly everything; without it a digest says nothing but that two are equal.
package identity
