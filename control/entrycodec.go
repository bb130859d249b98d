package control

import "fanfare/fec"

// encode returns the entry as an array: version, kind, channel, generation, sequence, previous
// hash, time, and the body.
func (e *Entry) encode() []byte {
	w := newWriter(make([]byte, 0, 512))
	w.array(10)
	w.uint(codecVersion)
	w.uint(uint64(e.Kind))
	w.uint(uint64(e.Channel))
	w.generation(e.Generation)
	w.uint(e.Sequence)
	w.hash(e.Previous)
	w.int(e.Time)
	w.int(0) // flags: none so far
	switch e.Kind {
	case KindPublish:
		e.Publish.encode(w)
	case KindPurge:
		w.array(len(e.Purge))
		for _, s := range e.Purge {
			s.encode(w)
		}
	case KindRemove:
		w.array(2 * len(e.Remove))
		for _, k := range e.Remove {
			w.key(k)
		}
	case KindRetire:
		w.array(len(e.Retire))
		for _, s := range e.Retire {
			w.uint(s)
		}
	}
	return w.b
}

// decodeEntry reads what encode wrote; it does not validate.
func decodeEntry(b []byte) (*Entry, error) {
	r := newReader(b)
	r.array(10, 10)
	r.version()
	e := &Entry{Kind: Kind(r.uint(255)), Channel: uint32(r.uint(1<<32 - 1)), Generation: r.generation()}
	e.Sequence = r.uint(1<<63 - 1)
	e.Previous = r.hash()
	e.Time = r.int()
	if flags := r.int(); flags != 0 {
		r.fail("unknown flags %d", flags)
	}
	switch e.Kind {
	case KindPublish:
		e.Publish = decodePublish(r)
	case KindPurge:
		e.Purge = make([]Selector, r.array(1, MaxSelectors))
		for i := range e.Purge {
			e.Purge[i] = decodeSelector(r)
		}
	case KindRemove:
		n := r.array(2, 2*MaxSelectors)
		if n%2 != 0 {
			r.fail("half a key")
		}
		e.Remove = make([]Key, n/2)
		for i := range e.Remove {
			e.Remove[i] = r.key()
		}
	case KindRetire:
		e.Retire = make([]uint64, r.array(1, MaxRetired))
		for i := range e.Retire {
			e.Retire[i] = r.uint(1<<63 - 1)
		}
	default:
		r.fail("an entry of %v", e.Kind)
	}
	return e, r.end()
}

func (p *Publish) encode(w *writer) {
	w.array(9)
	w.uint(p.OTI.TransferLength)
	w.uint(uint64(p.OTI.SymbolLength))
	w.uint(uint64(p.OTI.MaxBlock))
	w.uint(uint64(p.OTI.MaxSymbols))
	w.bytes(p.Manifest) // none: no bytes
	w.uint(p.ManifestLength)
	w.hashes(p.ManifestDigests)
	w.uint(uint64(p.Objects))
	w.uint(p.Bytes)
}

func decodePublish(r *reader) *Publish {
	r.array(9, 9)
	p := &Publish{OTI: fec.OTI{
		TransferLength: r.uint(fec.MaxTransferLength),
		SymbolLength:   uint16(r.uint(1<<16 - 1)),
		MaxBlock:       uint16(r.uint(fec.MaxSymbols)),
		MaxSymbols:     uint16(r.uint(fec.MaxSymbols)),
	}}
	if p.Manifest = r.bytes(MaxEntry); len(p.Manifest) == 0 {
		p.Manifest = nil
	}
	p.ManifestLength = r.uint(MaxManifest)
	p.ManifestDigests = r.hashes(MaxEntry / len(Hash{}))
	p.Objects = uint32(r.uint(MaxBundleObjects))
	p.Bytes = r.uint(fec.MaxTransferLength)
	return p
}

func (s Selector) encode(w *writer) {
	switch s.Kind {
	case SelectKey, SelectPrefix:
		w.array(3)
		w.uint(uint64(s.Kind))
		w.key(s.Key)
	case SelectTag:
		w.array(2)
		w.uint(uint64(s.Kind))
		w.string(s.Tag)
	default:
		w.array(1)
		w.uint(uint64(s.Kind))
	}
}

func decodeSelector(r *reader) (s Selector) {
	n := r.array(1, 3)
	s.Kind = SelectorKind(r.uint(255))
	switch {
	case n == 3 && (s.Kind == SelectKey || s.Kind == SelectPrefix):
		s.Key = r.key()
	case n == 2 && s.Kind == SelectTag:
		s.Tag = r.string(MaxTag)
	case n == 1 && s.Kind == SelectAll:
	default:
		r.fail("a selector of kind %d with %d parts", s.Kind, n)
	}
	return s
}
