package ledger

// Kind is what a submission writes. It belongs to the request id: an id of entries cannot be repeated for a file.
type Kind string

// The kinds.
const (
	KindEntries  Kind = "entries"
	KindFile     Kind = "file"
	KindDocument Kind = "document"
	KindRaw      Kind = "raw"
)

// Kinds returns all of them: tests of other packages hold that each has its words.
func Kinds() []Kind { return []Kind{KindEntries, KindFile, KindDocument, KindRaw} }

// spelt is how rows hold a kind: as the servers before spelt it. One of them may run beside this server on the same database,
// and would take another spelling for the id of another write.
var spelt = map[Kind]string{
	KindEntries:  "ImportService.ImportEntries",
	KindFile:     "ImportService.ImportFile",
	KindDocument: "DocumentService.StoreDocument",
	KindRaw:      "RawService.Call",
}

// column is a kind as its row holds it. An unknown one stays as it is.
func (k Kind) column() string {
	if text, known := spelt[k]; known {
		return text
	}
	return string(k)
}

// kindOf reads what column wrote, and a kind spelt as it is, as a server to come may write it.
func kindOf(column string) Kind {
	for kind, text := range spelt {
		if text == column {
			return kind
		}
	}
	return Kind(column)
}
