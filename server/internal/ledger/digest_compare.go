package ledger

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"cegid.internal/gateway/cegidclient/identity"
)

// comparison finds the entries of a submission in other imports of its books, in the order in which these came: first all of
// them before the lock, then what came since. It holds the entries of one month of a set at a time.
type comparison struct {
	key     Key
	digests *Digests
	// anyhow: whatever has come since is compared under the lock.
	anyhow bool

	books int64 // 0 before there are any
	seen  int64 // the number of the latest import that was compared with
	parts []setPart
	best  map[int]Overlap // by entry
	// excused are entries that repeat what they are in.
	excused map[int]bool
	// idle are imports that hold the same entries, and of which nothing is booked: not so far.
	idle map[int64]Attempt
	// documents counts the entries of imports that have the document of an entry and are otherwise others.
	documents map[documentOf]int
	others    map[int64]*OtherImport
}

type documentOf struct {
	entry  int
	number int64
}

// setPart is a chunk of the set that is compared.
type setPart struct {
	month, entries, first int
	position              int
}

func newComparison(key Key, d *Digests) *comparison {
	c := &comparison{key: key, digests: d}
	c.restart()
	return c
}

func (c *comparison) restart() {
	c.seen = 0
	c.best, c.excused, c.idle = map[int]Overlap{}, map[int]bool{}, map[int64]Attempt{}
	c.documents, c.others = map[documentOf]int{}, map[int64]*OtherImport{}
}

// more compares with what came since, without the lock; the database is let go of between two pieces.
func (c *comparison) more(ctx context.Context, l *Ledger) error {
	var last int64
	err := l.looking(ctx, func(ctx context.Context, q querier) (err error) {
		last, err = c.prepare(ctx, q)
		return err
	})
	if err != nil || last == c.seen {
		return err
	}
	err = c.compare(last, func(do func(context.Context, querier) error) error {
		return l.looking(ctx, do)
	})
	if err == nil {
		c.seen = last
	}
	return err
}

// prepare finds the books and what there is to compare.
func (c *comparison) prepare(ctx context.Context, q querier) (last int64, err error) {
	id, last, err := findBooks(ctx, q, c.digests.Books)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, c.noSet()
	}
	if err != nil {
		return 0, err
	}
	c.books = id
	if c.digests.Set != "" && c.parts == nil {
		if c.parts, err = setParts(ctx, q, id, c.digests.Set); err != nil {
			return 0, err
		}
	}
	return last, nil
}

func (c *comparison) noSet() error {
	if c.digests.Set != "" {
		return ErrNoDigests
	}
	return nil
}

func setParts(ctx context.Context, q querier, books int64, set string) ([]setPart, error) {
	complete, err := column[int64](q.QueryContext(ctx, `SELECT entries FROM entry_set WHERE set_id = $1 AND books = $2 AND complete = 1`,
		set, books))
	if err != nil {
		return nil, err
	}
	if len(complete) == 0 {
		return nil, ErrNoDigests
	}
	rows, err := q.QueryContext(ctx, `SELECT position, month, entries FROM entry_part WHERE set_id = $1 ORDER BY position`, set)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	parts, first := []setPart{}, 0
	for rows.Next() {
		var p setPart
		if err := rows.Scan(&p.position, &p.month, &p.entries); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		p.first = first
		first += p.entries
		parts = append(parts, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return parts, nil
}

// lender lends the database for one piece of work.
type lender func(do func(context.Context, querier) error) error

// compare compares with the imports after seen up to last.
func (c *comparison) compare(last int64, lend lender) error {
	var found []*OtherImport
	err := lend(func(ctx context.Context, q querier) (err error) {
		found, err = otherImports(ctx, q, nil, `i.books = $1 AND i.number > $2 AND i.number <= $3 AND i.set_id IS NOT NULL`,
			c.books, c.seen, last)
		return err
	})
	if err != nil {
		return err
	}
	sets := map[string][]*OtherImport{}
	for _, other := range found {
		sets[other.set] = append(sets[other.set], other)
		c.others[other.number] = other
	}
	for _, month := range c.months() {
		own, err := c.own(month, lend)
		if err != nil {
			return err
		}
		if err := c.packs(own, month, last, lend); err != nil {
			return err
		}
		if err := c.chunks(own, month, sets, lend); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) months() []int {
	months := map[int]bool{}
	for _, e := range c.digests.Entries {
		if e.Known() {
			months[e.Month] = true
		}
	}
	for _, p := range c.parts {
		months[p.month] = true
	}
	return slices.Sorted(maps.Keys(months))
}

// ownEntries are those of a month.
type ownEntries struct {
	entries []identity.Entry
	first   int   // the index of entries[0], where they follow each other
	indexes []int // or those of all
	bodies  map[[16]byte]int32
	next    []int32 // of the same body, -1 for none
	// documents that are on one entry only
	documents map[uint64]int32
}

func (o *ownEntries) index(i int32) int {
	if o.indexes != nil {
		return o.indexes[i]
	}
	return o.first + int(i)
}

// piece is how many chunks are read at once.
const piece = 16

func (c *comparison) own(month int, lend lender) (*ownEntries, error) {
	o := &ownEntries{}
	for i, e := range c.digests.Entries {
		if e.Known() && e.Month == month {
			o.entries, o.indexes = append(o.entries, e), append(o.indexes, i)
		}
	}
	for batch := range slices.Chunk(c.parts, piece) {
		from, to := batch[0].position, batch[len(batch)-1].position
		if batch[0].month > month || batch[len(batch)-1].month < month {
			continue
		}
		var contents [][]byte
		err := lend(func(ctx context.Context, q querier) (err error) {
			contents, err = column[[]byte](q.QueryContext(ctx,
				`SELECT c.content FROM entry_part p JOIN entry_chunk c ON c.books = p.books AND c.chunk = p.chunk `+
					`WHERE p.set_id = $1 AND p.position >= $2 AND p.position <= $3 AND p.month = $4 ORDER BY p.position`, c.digests.Set, from, to, month))
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, content := range contents {
			for ; len(content) >= recordSize; content = content[recordSize:] {
				o.entries = append(o.entries, recordOf(content))
			}
		}
	}
	for _, p := range c.parts {
		if p.month == month {
			o.first = p.first
			break
		}
	}
	o.bodies, o.documents, o.next = make(map[[16]byte]int32, len(o.entries)), map[uint64]int32{}, make([]int32, len(o.entries))
	for i, e := range o.entries {
		before, there := o.bodies[e.Body]
		if o.next[i] = -1; there {
			o.next[i] = before
		}
		o.bodies[e.Body] = int32(i)
		if e.Document != 0 && e.Document != identity.Several {
			if _, there := o.documents[e.Document]; there {
				o.documents[e.Document] = -1
			} else {
				o.documents[e.Document] = int32(i)
			}
		}
	}
	return o, nil
}

// meet compares an entry of others, which the imports are that hold it.
func (c *comparison) meet(own *ownEntries, e identity.Entry, holders []*OtherImport) {
	first, same := own.bodies[e.Body]
	if same {
		for i := first; i >= 0; i = own.next[i] {
			match := identity.SameButReference
			if own.entries[i].Reference == e.Reference {
				match = identity.Same
			}
			for _, other := range holders {
				c.noteOverlap(own.index(i), own.entries[i], match, other)
			}
		}
		return
	}
	if i, there := own.documents[e.Document]; there && i >= 0 {
		for _, other := range holders {
			c.documents[documentOf{own.index(i), other.number}]++
		}
	}
}

// noteOverlap notes that an entry is in another import.
func (c *comparison) noteOverlap(index int, e identity.Entry, match identity.Match, other *OtherImport) {
	if other.Key == c.key {
		return
	}
	if !c.inTheWay(other) {
		c.idle[other.number] = Attempt{other.Key, other.Attempt}
		return
	}
	if repeats, said := c.digests.RepeatOf[index]; said && repeats == other.RequestID && other.Practice == c.key.Practice {
		c.excused[index] = true
	}
	found := Overlap{Entry: index, Match: match, Of: other}
	// An entry that nothing names but its amounts is warned of; so is one whose reference differs, unless it has that of a document.
	found.Refuses = match == identity.Same && e.Referenced() || match == identity.SameButReference && e.Document != 0
	if before, there := c.best[index]; !there || found.before(before) {
		c.best[index] = found
	}
}

// before says whether an overlap is told rather than another of the same entry.
func (o Overlap) before(other Overlap) bool {
	switch {
	case o.Refuses != other.Refuses:
		return o.Refuses
	case o.Of.Certain() != other.Of.Certain():
		return o.Of.Certain()
	case o.Match != other.Match:
		return o.Match > other.Match
	}
	return o.Of.number < other.Of.number
}

// inTheWay says whether an import is booked or may be.
func (c *comparison) inTheWay(other *OtherImport) bool {
	return !other.State.NothingBooked() && !(other.State.Resolvable() && slices.Contains(c.digests.Absent, Attempt{other.Key, other.Attempt}))
}

type packed struct {
	number int64
	entry  identity.Entry
}

type pack struct {
	number  int64
	content []byte
}

// morePacks are read at once.
const morePacks = 64

func packsAfter(ctx context.Context, q querier, books int64, month int, after, seen int64) (out []pack, _ error) {
	rows, err := q.QueryContext(ctx,
		`SELECT pack, content FROM entry_pack WHERE books = $1 AND month = $2 AND pack > $3 AND last > $4 ORDER BY pack LIMIT CAST($5 AS BIGINT)`,
		books, month, after, seen, morePacks)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p pack
		if err := rows.Scan(&p.number, &p.content); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		out = append(out, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return out, nil
}

// packs compares with what requests have brought. Only the states of imports that hold something alike are asked for.
func (c *comparison) packs(own *ownEntries, month int, last int64, lend lender) error {
	var alike []packed
	for after, more := int64(0), true; more; {
		var contents []pack
		err := lend(func(ctx context.Context, q querier) (err error) {
			contents, err = packsAfter(ctx, q, c.books, month, after, c.seen)
			return err
		})
		if err != nil {
			return err
		}
		for _, pack := range contents {
			after = pack.number
			for content := pack.content; len(content) >= packedSize; content = content[packedSize:] {
				number, e := packedOf(content)
				if number <= c.seen || number > last {
					continue
				}
				_, body := own.bodies[e.Body]
				if i, document := own.documents[e.Document]; body || document && i >= 0 {
					alike = append(alike, packed{number, e})
				}
			}
		}
		more = len(contents) == morePacks
	}
	if len(alike) == 0 {
		return nil
	}
	ask := map[int64]bool{}
	for _, candidate := range alike {
		if c.others[candidate.number] == nil {
			ask[candidate.number] = true
		}
	}
	for batch := range slices.Chunk(slices.Sorted(maps.Keys(ask)), 500) {
		var found []*OtherImport
		err := lend(func(ctx context.Context, q querier) (err error) {
			found, err = statesOf(ctx, q, c.books, batch)
			return err
		})
		if err != nil {
			return err
		}
		for _, other := range found {
			c.others[other.number] = other
		}
	}
	for _, candidate := range alike {
		if other := c.others[candidate.number]; other != nil { // else its row is gone
			c.meet(own, candidate.entry, []*OtherImport{other})
		}
	}
	return nil
}

// chunks compares with what deposits have brought, each chunk once however many imports share it.
func (c *comparison) chunks(own *ownEntries, month int, sets map[string][]*OtherImport, lend lender) error {
	holders := map[string][]*OtherImport{} // by chunk
	for batch := range slices.Chunk(slices.Sorted(maps.Keys(sets)), 100) {
		var found []chunkOf
		err := lend(func(ctx context.Context, q querier) (err error) {
			found, err = chunksOf(ctx, q, month, batch)
			return err
		})
		if err != nil {
			return err
		}
		for _, chunk := range found {
			holders[chunk.chunk] = append(holders[chunk.chunk], sets[chunk.set]...)
		}
	}
	for batch := range slices.Chunk(slices.Sorted(maps.Keys(holders)), piece) {
		var found []chunkOf
		err := lend(func(ctx context.Context, q querier) (err error) {
			found, err = chunkContents(ctx, q, c.books, batch)
			return err
		})
		if err != nil {
			return err
		}
		for _, chunk := range found {
			for content := chunk.content; len(content) >= recordSize; content = content[recordSize:] {
				c.meet(own, recordOf(content), holders[chunk.chunk])
			}
		}
	}
	return nil
}

// chunkOf is a chunk with a set that it is of, or with its content.
type chunkOf struct {
	set, chunk string
	content    []byte
}

func chunksOf(ctx context.Context, q querier, month int, sets []string) ([]chunkOf, error) {
	args := []any{month}
	for _, set := range sets {
		args = append(args, set)
	}
	return readChunks(q.QueryContext(ctx, `SELECT set_id, chunk, chunk FROM entry_part WHERE set_id IN (`+placeholders(2,
		len(sets))+`) AND month = $1`, args...))
}

func chunkContents(ctx context.Context, q querier, books int64, chunks []string) ([]chunkOf, error) {
	args := []any{books}
	for _, chunk := range chunks {
		args = append(args, []byte(chunk))
	}
	return readChunks(q.QueryContext(ctx, `SELECT '', chunk, content FROM entry_chunk WHERE books = $1 AND chunk IN (`+placeholders(2,
		len(chunks))+`)`, args...))
}

func readChunks(rows *sql.Rows, err error) (out []chunkOf, _ error) {
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c chunkOf
		var chunk []byte
		if err := rows.Scan(&c.set, &chunk, &c.content); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		c.chunk = string(chunk)
		out = append(out, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return out, nil
}

// compareAgain compares with what has come since, under the lock, and makes sure that nothing that was idle has become booked.
func (c *comparison) compareAgain(w *writing) error {
	last, err := c.prepare(w.ctx, w.tx)
	if err != nil {
		return err
	}
	if len(c.idle) > 0 {
		now, err := statesOf(w.ctx, w.tx, c.books, slices.Sorted(maps.Keys(c.idle)))
		if err != nil {
			return err
		}
		for _, other := range now {
			if c.inTheWay(other) {
				c.restart() // a late answer
				break
			}
		}
	}
	if last != c.seen {
		if waits, err := c.waits(w, last); err != nil || waits && !c.anyhow {
			return errors.Join(err, errStale)
		}
		err := c.compare(last, func(do func(context.Context, querier) error) error { return do(w.ctx, w.tx) })
		if err != nil {
			return err
		}
		c.seen = last
	}
	// An owner that is gone has sent nothing, or its outcome is unknown: its row is settled first.
	changed := false
	for _, number := range slices.Sorted(maps.Keys(c.others)) {
		other := c.others[number]
		if !other.State.Open() || other.Key == c.key {
			continue
		}
		row, err := w.row(other.Key)
		if errors.Is(err, ErrUnknown) {
			continue
		}
		if err != nil {
			return err
		}
		if err := w.expire(&row); err != nil {
			return err
		}
		changed = changed || row.State != other.State
	}
	if changed {
		c.restart()
		return errStale
	}
	c.forgive()
	return nil
}

// waits says whether there is too much to compare under the lock.
func (c *comparison) waits(w *writing, last int64) (bool, error) {
	total := 0
	for _, p := range c.parts {
		total += p.entries
	}
	var inSets, inPacks int64
	_, err := row(w.tx.QueryContext(w.ctx, `SELECT COALESCE(SUM(s.entries), 0) FROM entry_import i JOIN entry_set s ON s.set_id = i.set_id `+
		`WHERE i.books = $1 AND i.number > $2`, c.books, c.seen))(&inSets)
	if err != nil {
		return false, err
	}
	_, err = row(w.tx.QueryContext(w.ctx, `SELECT COALESCE(SUM(LENGTH(content)), 0) FROM entry_pack WHERE books = $1 AND last > $2`,
		c.books, c.seen))(&inPacks)
	return total+int(inSets)+int(inPacks/packedSize) > mostUnderLock, err
}

// forgive leaves out the refusal of entries that are said to repeat.
func (c *comparison) forgive() {
	for index := range c.excused {
		delete(c.best, index)
	}
}

// overlaps are in the order of the entries; those by document alone come with them, once for each import.
func (c *comparison) overlaps(ctx context.Context, l *Ledger) ([]Overlap, error) {
	c.forgive()
	out := slices.Collect(maps.Values(c.best))
	several := map[int]bool{}
	for at, count := range c.documents {
		if count > 1 && c.inTheWay(c.others[at.number]) {
			several[at.entry] = true
		}
	}
	for at := range c.documents {
		other := c.others[at.number]
		if _, same := c.best[at.entry]; !same && !several[at.entry] && !c.excused[at.entry] && c.inTheWay(other) && other.Key != c.key {
			out = append(out, Overlap{Entry: at.entry, Match: identity.SameDocument, Of: other})
		}
	}
	slices.SortFunc(out, func(a, b Overlap) int {
		if a.Entry != b.Entry {
			return a.Entry - b.Entry
		}
		return int(a.Of.number - b.Of.number)
	})
	return out, c.lines(ctx, l, out)
}

// lines fills in where the entries are in their file, as long as that is known. They are in order.
func (c *comparison) lines(ctx context.Context, l *Ledger, overlaps []Overlap) error {
	for _, p := range c.parts {
		from, _ := slices.BinarySearchFunc(overlaps, p.first, func(o Overlap, first int) int { return o.Entry - first })
		to, _ := slices.BinarySearchFunc(overlaps, p.first+p.entries, func(o Overlap, first int) int { return o.Entry - first })
		if from == to {
			continue
		}
		err := l.looking(ctx, func(ctx context.Context, q querier) error {
			lines, err := column[[]byte](q.QueryContext(ctx, `SELECT lines FROM entry_part WHERE set_id = $1 AND position = $2`,
				c.digests.Set, p.position))
			if err != nil || len(lines) == 0 || len(lines[0]) < 4*p.entries {
				return err
			}
			for i := from; i < to; i++ {
				overlaps[i].Line = int(binary.BigEndian.Uint32(lines[0][4*(overlaps[i].Entry-p.first):]))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
