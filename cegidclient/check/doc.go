// Package check holds the accounting rules that entries must meet before they are sent to Cegid Loop.
//
// [Entries] looks at an import alone, [Against] compares it with the dossier's reference data, and [CutLabels] shortens
// labels where the caller asked for it. Each gives findings: a stable code, how much it matters, the path of the field
// in the contract's names, and a sentence in English and in French that says what is wrong and what to do. [Codes] lists
// them all. Nothing here calls Loop.
//
// Why the rules are stricter than Loop's own: Loop answers an import before it looks at accounts, journals and balance
// (loop-api: A 2.9), books an unknown third party on a waiting one, and cuts texts that are too long in silence
// (loop-api: A 10.5, 10.6).
package check
