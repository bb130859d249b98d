package payload

import "fanfare/fec"

// groupSize is how many repair symbols of a block are computed at once. A block that others took
// turns with has left the near cache, and to read it from memory takes as long as to compute four
// symbols: one alone took 10 µs, four 9, ten 21 (k = 200, 1,408 bytes, GFNI).
const groupSize = 4

// repairGroup holds the repair symbols of a block that were computed last. They are sent one after
// the other: the first that is asked for begins a group.
type repairGroup struct {
	first   int // ESI of symbols[0]
	symbols [][]byte
	buffer  []byte
}

func (g *repairGroup) has(esi int) bool { return esi >= g.first && esi < g.first+len(g.symbols) }

// symbol returns a repair symbol that the group has. It is valid until the next encode.
func (g *repairGroup) symbol(esi int) []byte { return g.symbols[esi-g.first] }

// clear empties the group.
func (g *repairGroup) clear() { g.symbols = g.symbols[:0] }

// encode fills the group with the repair symbols from ESI first on, below n, of a block with the
// given source symbols. After an error it is empty.
func (g *repairGroup) encode(encoder *fec.Encoder, source [][]byte, first, n int) error {
	g.clear()
	length := len(source[0])
	if cap(g.buffer) < groupSize*length {
		g.buffer = make([]byte, groupSize*length)
	}
	for i := range max(min(groupSize, n-first), 1) {
		g.symbols = append(g.symbols, g.buffer[i*length:(i+1)*length])
	}
	g.first = first
	err := encoder.Encode(source, first, g.symbols)
	if err != nil {
		g.clear()
	}
	return err
}
