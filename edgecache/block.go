package edgecache

import (
	"errors"
	"fmt"

	"github.com/zeebo/blake3"

	"fanfare/control"
	"fanfare/fec"
)

// Errors of Symbol and FinishBlock.
var (
	// ErrSymbol means a symbol that the bundle does not have, or of another length than its symbols.
	ErrSymbol = errors.New("edgecache: no such symbol")
	// ErrMemory means that there was no room for the symbol. Its block has been emptied.
	ErrMemory = errors.New("edgecache: no memory left for symbols")
	// ErrTooFew means that a block has too few symbols to be decoded. It has been emptied.
	ErrTooFew = errors.New("edgecache: too few symbols of the block")
	// ErrDigest means that a block is not what the origin signed. It has been emptied.
	ErrDigest = errors.New("edgecache: block does not match its digest")
)

// A block is a source block of which some symbols have arrived.
type block struct {
	in  *incoming
	sbn uint32
	k   int
	// buffer is the k source symbols; nil until one arrives, and again after a spill.
	buffer []byte
	// present is the source symbols that arrived, spilled those of them that are in the
	// file and not in the buffer.
	present, spilled symbols
	repair           []fec.Repair
	// stored are repair symbols in the overflow.
	stored []storedSymbol
	// older and newer link the blocks that have a buffer, by when they were last touched.
	older, newer *block
}

// storedSymbol is a repair symbol in the overflow.
type storedSymbol struct {
	esi  uint8
	slot uint32
}

// An assembly turns symbols into blocks on disk, within a memory limit. The loop owns it.
//
// When memory is short, the source symbols of the block longest untouched go to their
// place in the file, and come back when the block can be decoded. Repair symbols have no
// place there, and a limit of their own; beyond it they go to a file that all blocks share.
type assembly struct {
	disk           *disk
	source, repair *pool
	overflow       overflow
	loaded         []byte // what finish has read from it
	oldest, newest *block
	decoders       map[shape]*fec.Decoder
	count          *counters
}

// shape is what a decoder is made for.
type shape struct{ k, n, e int }

// maxDecoders bounds assembly.decoders: each may hold n-k symbols.
const maxDecoders = 16

func newAssembly(d *disk, memory int64, count *counters) *assembly {
	return &assembly{
		disk:     d,
		overflow: overflow{disk: d},
		source:   newPool(memory-memory/4, 4096, &count.memoryBytes),
		repair:   newPool(memory/4, 64, &count.memoryBytes),
		decoders: map[shape]*fec.Decoder{},
		count:    count,
	}
}

// add stores one symbol of a block that is not yet written.
func (a *assembly) add(in *incoming, sbn uint32, esi int, payload []byte) error {
	k, e := in.part.SourceSymbols(sbn), int(in.oti.SymbolLength)
	if k == 0 || esi < 0 || esi >= int(in.oti.MaxSymbols) || len(payload) != e {
		return fmt.Errorf("%w: block %d, ESI %d, %d bytes", ErrSymbol, sbn, esi, len(payload))
	}
	b := in.recent
	if b == nil || b.sbn != sbn {
		if b = in.open[sbn]; b == nil {
			b = &block{in: in, sbn: sbn, k: k}
			in.open[sbn] = b
		}
		in.recent = b
	}
	if esi >= k {
		return a.addRepair(b, esi, payload)
	}
	if b.present.has(esi) {
		return nil
	}
	if err := a.ensureBuffer(b); err != nil {
		return err
	}
	copy(b.buffer[esi*e:], payload)
	b.present.set(esi)
	a.touch(b)
	return nil
}

func (a *assembly) addRepair(b *block, esi int, payload []byte) error {
	for i := range b.repair {
		if b.repair[i].ESI == esi {
			return nil
		}
	}
	for _, s := range b.stored {
		if int(s.esi) == esi {
			return nil
		}
	}
	symbol := a.repair.get(len(payload))
	if symbol == nil {
		slot, err := a.overflow.put(payload)
		if err != nil {
			a.empty(b)
			a.count.blocksEmptied.Add(1)
			return ErrMemory
		}
		b.stored = append(b.stored, storedSymbol{uint8(esi), slot})
		a.count.symbolsSpilled.Add(1)
		return nil
	}
	copy(symbol, payload)
	b.repair = append(b.repair, fec.Repair{ESI: esi, Symbol: symbol})
	if b.buffer != nil {
		a.touch(b)
	}
	return nil
}

// ensureBuffer gives b a buffer; others are spilled for it if need be. On an error b has
// been emptied.
func (a *assembly) ensureBuffer(b *block) error {
	if b.buffer != nil {
		return nil
	}
	size := b.k * int(b.in.oti.SymbolLength)
	for {
		if b.buffer = a.source.get(size); b.buffer != nil {
			a.touch(b)
			return nil
		}
		if a.oldest == nil {
			a.empty(b)
			a.count.blocksEmptied.Add(1)
			return ErrMemory
		}
		victim := a.oldest
		if err := a.spill(victim); err != nil {
			// The file that failed may be another bundle's: only its own block suffers.
			a.empty(victim)
		}
	}
}

// spill writes the source symbols of b to their place in the file and takes its buffer.
func (a *assembly) spill(b *block) error {
	fresh := b.present
	for i := range fresh {
		fresh[i] &^= b.spilled[i]
	}
	err := fresh.runs(func(first, count int) error {
		bytes, offset := b.run(first, count)
		return a.disk.writeAt(b.in.file, bytes, offset)
	})
	if err != nil {
		return &diskError{"write", err}
	}
	b.spilled = b.present
	a.release(b)
	a.count.blocksSpilled.Add(1)
	return nil
}

// load brings spilled source symbols back into the buffer.
func (a *assembly) load(b *block) error {
	if err := a.ensureBuffer(b); err != nil {
		return err
	}
	err := b.spilled.runs(func(first, count int) error {
		bytes, offset := b.run(first, count)
		if err := b.in.readBack(bytes, offset); err != nil {
			return &diskError{"read back", err}
		}
		end := (first + count) * int(b.in.oti.SymbolLength)
		clear(b.buffer[first*int(b.in.oti.SymbolLength)+len(bytes) : end])
		return nil
	})
	b.spilled = symbols{}
	return err
}

// run returns the bytes of count source symbols from first, without padding, and where
// they lie in the file.
func (b *block) run(first, count int) (bytes []byte, offset int64) {
	e := int64(b.in.oti.SymbolLength)
	from, length := int64(first)*e, b.in.part.Length(b.sbn)
	to := min(int64(first+count)*e, length)
	return b.buffer[from:to], b.in.part.Offset(b.sbn) + from
}

// finish decodes a block if need be, verifies it if its digest is known, and writes it. The
// block is then closed; after an error its symbols are gone.
func (a *assembly) finish(b *block) (verified bool, err error) {
	defer a.empty(b)
	missing := b.k - b.present.count()
	if missing > len(b.repair)+len(b.stored) {
		return false, ErrTooFew
	}
	if err := a.load(b); err != nil {
		return false, err
	}
	repair, err := a.loadRepair(b, missing)
	if err != nil {
		return false, err
	}
	if missing > 0 {
		d, err := a.decoder(b)
		if err != nil {
			return false, err
		}
		if err := d.Decode(b.buffer, b.present.has, repair); err != nil {
			return false, err
		}
		a.count.blocksDecoded.Add(1)
	}
	bytes := b.buffer[:b.in.part.Length(b.sbn)]
	digest, known := b.in.digest(b.sbn)
	if known && control.Hash(blake3.Sum256(bytes)) != digest {
		return false, ErrDigest
	}
	if err := a.disk.writeAt(b.in.file, bytes, b.in.part.Offset(b.sbn)); err != nil {
		return false, &diskError{"write", err}
	}
	a.count.blocksWritten.Add(1)
	return known, nil
}

// loadRepair returns the repair symbols of b, as many as are missing, those from the overflow
// among them. They are valid until the next call.
func (a *assembly) loadRepair(b *block, missing int) ([]fec.Repair, error) {
	e := int(b.in.oti.SymbolLength)
	more := missing - len(b.repair)
	if more <= 0 {
		return b.repair, nil
	}
	if len(a.loaded) < more*e {
		a.loaded = make([]byte, more*e)
	}
	repair := b.repair
	for i, s := range b.stored[:more] {
		symbol := a.loaded[i*e : (i+1)*e]
		if err := a.overflow.get(s.slot, symbol); err != nil {
			return nil, &diskError{"read back", err}
		}
		repair = append(repair[:len(repair):len(repair)], fec.Repair{ESI: int(s.esi), Symbol: symbol})
	}
	return repair, nil
}

func (a *assembly) decoder(b *block) (*fec.Decoder, error) {
	s := shape{b.k, int(b.in.oti.MaxSymbols), int(b.in.oti.SymbolLength)}
	if d := a.decoders[s]; d != nil {
		return d, nil
	}
	d, err := fec.NewDecoder(s.k, s.n, s.e)
	if err != nil {
		return nil, err
	}
	if len(a.decoders) >= maxDecoders {
		clear(a.decoders)
	}
	a.decoders[s] = d
	return d, nil
}

// empty closes a block and gives back its memory.
func (a *assembly) empty(b *block) {
	a.release(b)
	for _, r := range b.repair {
		a.repair.put(r.Symbol)
	}
	for _, s := range b.stored {
		a.overflow.drop(s.slot)
	}
	b.repair, b.stored = nil, nil
	delete(b.in.open, b.sbn)
	b.in.recent = nil
}

// close gives back all memory; every block is empty.
func (a *assembly) close() {
	a.source.trim(a.source.used)
	a.repair.trim(a.repair.used)
}

// release gives back the buffer of b, if it has one.
func (a *assembly) release(b *block) {
	if b.buffer == nil {
		return
	}
	a.unlink(b)
	a.source.put(b.buffer)
	b.buffer = nil
}

// touch makes b the newest of the blocks that have a buffer.
func (a *assembly) touch(b *block) {
	if a.newest == b {
		return
	}
	a.unlink(b)
	b.older = a.newest
	if a.newest != nil {
		a.newest.newer = b
	} else {
		a.oldest = b
	}
	a.newest = b
}

func (a *assembly) unlink(b *block) {
	if b.older != nil {
		b.older.newer = b.newer
	} else if a.oldest == b {
		a.oldest = b.newer
	}
	if b.newer != nil {
		b.newer.older = b.older
	} else if a.newest == b {
		a.newest = b.older
	}
	b.older, b.newer = nil, nil
}
