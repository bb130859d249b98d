package payload

import (
	"fmt"
	"io"
	"os"

	"fanfare/fec"
)

const (
	// cachedBlocks is how many source blocks are held in memory for repair symbols.
	cachedBlocks = 16
	// openFiles is how many bundles are open at once.
	openFiles = 128
)

// source is where the bytes of one object that is sent come from: a log entry in memory, or
// a bundle in the spool.
type source struct {
	partition fec.Partition
	sequence  uint64
	entry     []byte // of a control object
	file      *os.File
	used      uint64 // Reader.clock when the file was last used
}

// Reader makes the payloads of packets: encoding symbols. It belongs to one goroutine.
//
// Source symbols are read from where they lie, straight into the packets: the page cache has
// them. Those of one train are read together. For repair symbols the whole block is needed, so
// the blocks last repaired are held.
type Reader struct {
	openBundle func(sequence uint64) (*os.File, error)
	sources    map[uint32]*source
	open       int
	clock      uint64
	encoders   map[encoderShape]*fec.Encoder
	blocks     []*block
	scatter    scatter
}

// encoderShape is what an encoder depends on.
type encoderShape struct{ k, n, e int }

// block is one source block in memory.
type block struct {
	toi, sbn uint32
	used     uint64
	buffer   []byte
	symbols  [][]byte
	repair   repairGroup
}

// New returns a Reader of bundles that open opens by the sequence of the entry that publishes them.
func New(open func(sequence uint64) (*os.File, error)) *Reader {
	return &Reader{openBundle: open, sources: make(map[uint32]*source), encoders: make(map[encoderShape]*fec.Encoder)}
}

// Add makes the symbols of an object available. entry is nil for a bundle.
func (r *Reader) Add(toi uint32, sequence uint64, partition fec.Partition, entry []byte) {
	r.sources[toi] = &source{partition: partition, sequence: sequence, entry: entry}
}

// Forget drops an object.
func (r *Reader) Forget(toi uint32) {
	if s := r.sources[toi]; s != nil {
		r.closeFile(s)
		delete(r.sources, toi)
	}
	kept := r.blocks[:0]
	for _, b := range r.blocks {
		if b.toi != toi {
			kept = append(kept, b)
		}
	}
	clear(r.blocks[len(kept):])
	r.blocks = kept
}

// Close closes all files.
func (r *Reader) Close() {
	for _, s := range r.sources {
		r.closeFile(s)
	}
}

func (r *Reader) closeFile(s *source) {
	if s.file != nil {
		r.scatter.finish(s)
		s.file.Close() // it was only read
		s.file = nil
		r.open--
	}
}

// Symbol appends one encoding symbol to dst, which must have room for it. The bytes of a bundle's
// source symbol are there after the next Flush.
func (r *Reader) Symbol(dst []byte, toi, sbn uint32, esi int) ([]byte, error) {
	s := r.sources[toi]
	if s == nil {
		return dst, fmt.Errorf("payload: no object %#x", toi)
	}
	k, length := s.partition.SourceSymbols(sbn), int(s.partition.OTI().SymbolLength)
	start := len(dst)
	dst = dst[:start+length]
	if esi < k {
		return dst, r.readLater(s, toi, dst[start:], s.partition.Offset(sbn)+int64(esi)*int64(length))
	}
	b, err := r.block(s, toi, sbn)
	if err != nil {
		return dst, err
	}
	if !b.repair.has(esi) {
		encoder, err := r.encoder(encoderShape{k, int(s.partition.OTI().MaxSymbols), length})
		if err != nil {
			return dst, err
		}
		if err := b.repair.encode(encoder, b.symbols, esi, int(s.partition.OTI().MaxSymbols)); err != nil {
			return dst, err
		}
	}
	copy(dst[start:], b.repair.symbol(esi))
	return dst, nil
}

// Flush reads what Symbol promised, and returns the objects of which something could not be
// read. The result is valid until the next call of Symbol.
func (r *Reader) Flush() []Failure { return r.scatter.flush() }

// readLater fills b with the object's bytes from offset on, at the latest when Flush is called.
func (r *Reader) readLater(s *source, toi uint32, b []byte, offset int64) error {
	b, err := r.begin(s, b, offset)
	if err != nil {
		return err
	}
	r.scatter.add(s, toi, b, offset)
	return nil
}

// read fills b with the object's bytes from offset on.
func (r *Reader) read(s *source, b []byte, offset int64) error {
	b, err := r.begin(s, b, offset)
	if err != nil || len(b) == 0 {
		return err
	}
	return s.readAt(b, offset)
}

// begin fills of b, which is to hold the object's bytes from offset on, what need not be read: an
// entry, and the zeros behind the object's end. The rest, which it returns, must be read from the
// bundle's file, which is open then.
func (r *Reader) begin(s *source, b []byte, offset int64) (rest []byte, err error) {
	n := int(min(int64(len(b)), max(int64(s.partition.OTI().TransferLength)-offset, 0)))
	clear(b[n:])
	if s.entry != nil {
		copy(b[:n], s.entry[offset:])
		return nil, nil
	}
	return b[:n], r.use(s)
}

// readAt fills b from the open file.
func (s *source) readAt(b []byte, offset int64) error {
	if _, err := s.file.ReadAt(b, offset); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("payload: bundle %d: %w", s.sequence, err)
	}
	return nil
}

// use opens the file of a bundle if it is not open.
func (r *Reader) use(s *source) error {
	r.clock++
	s.used = r.clock
	if s.file != nil {
		return nil
	}
	return r.openFile(s)
}

// openFile opens the bundle, and closes the one that was not used for longest if many are.
func (r *Reader) openFile(s *source) error {
	if r.open >= openFiles {
		var oldest *source
		for _, other := range r.sources {
			if other.file != nil && (oldest == nil || other.used < oldest.used) {
				oldest = other
			}
		}
		r.closeFile(oldest)
	}
	file, err := r.openBundle(s.sequence)
	if err != nil {
		return fmt.Errorf("payload: %w", err)
	}
	s.file = file
	r.open++
	return nil
}

// block returns a source block, read into the place of the one that was not used for longest.
func (r *Reader) block(s *source, toi, sbn uint32) (*block, error) {
	r.clock++
	for _, b := range r.blocks {
		if b.toi == toi && b.sbn == sbn {
			b.used = r.clock
			return b, nil
		}
	}
	var b *block
	if len(r.blocks) < cachedBlocks {
		b = new(block)
		r.blocks = append(r.blocks, b)
	} else {
		b = r.blocks[0]
		for _, other := range r.blocks {
			if other.used < b.used {
				b = other
			}
		}
	}
	k, length := s.partition.SourceSymbols(sbn), int(s.partition.OTI().SymbolLength)
	// Until it is filled the block is none that could be found.
	b.toi, b.sbn, b.used = 0, 0, 0
	b.repair.clear()
	if cap(b.buffer) < k*length {
		b.buffer = make([]byte, k*length)
	}
	b.buffer = b.buffer[:k*length]
	if err := r.read(s, b.buffer, s.partition.Offset(sbn)); err != nil {
		return nil, err
	}
	b.symbols = b.symbols[:0]
	for i := range k {
		b.symbols = append(b.symbols, b.buffer[i*length:(i+1)*length])
	}
	b.toi, b.sbn, b.used = toi, sbn, r.clock
	return b, nil
}

func (r *Reader) encoder(shape encoderShape) (*fec.Encoder, error) {
	if e := r.encoders[shape]; e != nil {
		return e, nil
	}
	e, err := fec.NewEncoder(shape.k, shape.n, shape.e)
	if err != nil {
		return nil, err
	}
	// Entries of several symbols have lengths of their own, so the table is bounded by hand.
	if len(r.encoders) >= 512 {
		clear(r.encoders)
	}
	r.encoders[shape] = e
	return e, nil
}
