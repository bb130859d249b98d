package edge

import (
	"errors"
	"fmt"

	"fanfare/control"
	"fanfare/fec"
	"fanfare/internal/wire"
)

// maxAssembled is how many control objects are put together at a time; one takes at most
// control.MaxEntry bytes and as much again for repair symbols.
const maxAssembled = 1024

var (
	errControlShape = errors.New("edge: no entry has this shape")
	errControlFull  = errors.New("edge: too many control objects at a time")
)

// assembler puts control objects together in memory. An entry is small: one source block.
type assembler struct {
	objects map[uint32]*assembly // by TOI
}

// assembly is one control object on its way.
type assembly struct {
	oti    fec.OTI
	k      int
	block  []byte // k symbols
	have   []bool // which of them are there
	repair []fec.Repair
}

func newAssembler() *assembler { return &assembler{objects: make(map[uint32]*assembly)} }

// add stores the symbol of a packet that the engine said to keep.
func (a *assembler) add(p *wire.Packet) error {
	o := a.objects[p.TOI]
	if o == nil || p.HasOTI && p.OTI != o.oti {
		if len(a.objects) >= maxAssembled && o == nil {
			return errControlFull
		}
		var err error
		if o, err = newAssembly(p); err != nil {
			return err
		}
		a.objects[p.TOI] = o
	}
	return o.add(p)
}

func newAssembly(p *wire.Packet) (*assembly, error) {
	if !p.HasOTI || p.OTI.TransferLength == 0 || p.OTI.TransferLength > control.MaxEntry {
		return nil, errControlShape
	}
	partition, err := p.OTI.Partition()
	if err != nil || partition.Blocks() != 1 {
		return nil, errControlShape
	}
	k := partition.SourceSymbols(0)
	return &assembly{
		oti: p.OTI, k: k,
		block: make([]byte, k*int(p.OTI.SymbolLength)), have: make([]bool, k),
	}, nil
}

func (o *assembly) add(p *wire.Packet) error {
	e := int(o.oti.SymbolLength)
	esi := int(p.ESI)
	switch {
	case p.SBN != 0 || len(p.Payload) != e || esi >= int(o.oti.MaxSymbols):
		return errControlShape
	case esi < o.k:
		copy(o.block[esi*e:], p.Payload)
		o.have[esi] = true
	case len(o.repair) < o.k:
		o.repair = append(o.repair, fec.Repair{ESI: esi, Symbol: append([]byte(nil), p.Payload...)})
	}
	return nil
}

// finish decodes an object whose symbols suffice, and returns its bytes. The object is
// forgotten, whatever the outcome.
func (a *assembler) finish(toi uint32) ([]byte, error) {
	o := a.objects[toi]
	if o == nil {
		return nil, errControlShape
	}
	delete(a.objects, toi)
	missing := 0
	for _, have := range o.have {
		if !have {
			missing++
		}
	}
	if missing > 0 {
		decoder, err := fec.NewDecoder(o.k, int(o.oti.MaxSymbols), int(o.oti.SymbolLength))
		if err != nil {
			return nil, fmt.Errorf("edge: control object: %w", err)
		}
		if err := decoder.Decode(o.block, func(esi int) bool { return o.have[esi] }, o.repair); err != nil {
			return nil, fmt.Errorf("edge: control object: %w", err)
		}
	}
	return o.block[:o.oti.TransferLength], nil
}

// forget drops an object.
func (a *assembler) forget(toi uint32) { delete(a.objects, toi) }
