package textfile

// The limits of what is told apart.
const (
	MaxJournals = 1024
	MaxAccounts = 65_536
	MaxParties  = 65_536

	MaxCode = 64 // bytes of a code or label that is kept
)

// Table has rows by code, a bounded number of them.
type Table[T any] struct {
	Rows map[string]*T
	Most int
}

// NewTable makes a table of up to so many rows.
func NewTable[T any](most int) Table[T] { return Table[T]{map[string]*T{}, most} }

// Row finds or adds the row of a code; nil when there is no room for it.
func (t *Table[T]) Row(code []byte) (row *T, fresh bool) {
	if row = t.Rows[string(code)]; row != nil {
		return row, false
	}
	if len(t.Rows) >= t.Most || len(code) > MaxCode {
		return nil, false
	}
	row = new(T)
	t.Rows[string(code)] = row
	return row, true
}
