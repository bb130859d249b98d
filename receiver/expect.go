package receiver

import (
	"fmt"
	"time"

	"fanfare/fec"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// unexpectedKeep is how long an object that no one expects is held after its last packet. Without a
// return path it waits for the next cycle, which may be long.
const (
	unexpectedKeep       = 60 * time.Second
	unexpectedKeepOneWay = time.Hour
)

// Expect announces an object that should arrive, as a log entry says. It may come before or
// after the first packets; an object that began by its packets with another OTI starts
// anew, so the loop compares Object first. o.Whole is added to what is there; if that
// completes the object, ObjectWhole follows. An empty object is whole at once.
// It returns an error that wraps ErrObject, or ErrFull.
func (e *Engine) Expect(now mono.Time, o ObjectInfo) error {
	e.now = now
	part, known, err := partition(o)
	if err != nil {
		return err
	}
	obj := e.objects.table[o.TOI]
	if obj != nil && obj.known && known && obj.part.OTI() != o.OTI {
		e.drop(obj)
		obj = nil
	}
	if obj == nil {
		if len(e.objects.order) >= e.cfg.MaxObjects {
			e.stats.ObjectsRefused++
			return ErrFull
		}
		e.objects.revive(o.TOI)
		obj = &object{toi: o.TOI, part: part, known: known, expected: true, heard: now}
		e.objects.add(obj)
	}
	e.objects.expect(obj)
	if known {
		obj.learn(part)
		e.fill(obj, o.Whole)
		e.finish(obj)
	}
	if !obj.finished() && e.sender.known {
		e.sender.place(obj)
		e.assess(now, obj, nil)
		e.arm(now)
	}
	return nil
}

// partition returns how the object is cut, if o says so.
func partition(o ObjectInfo) (part fec.Partition, known bool, err error) {
	control := wire.IsControl(o.TOI)
	if !control && !wire.IsData(o.TOI) {
		return part, false, fmt.Errorf("%w: TOI %d is of no object", ErrObject, o.TOI)
	}
	if o.OTI == (fec.OTI{}) {
		if !control {
			return part, false, fmt.Errorf("%w: data object %d without OTI", ErrObject, o.TOI)
		}
		return part, false, nil
	}
	if part, err = o.OTI.Partition(); err != nil {
		return part, false, fmt.Errorf("%w: %w", ErrObject, err)
	}
	if control && part.Blocks() != 1 {
		return part, false, fmt.Errorf("%w: control object %d has %d source blocks, not 1", ErrObject, o.TOI, part.Blocks())
	}
	return part, true, nil
}

// fill takes blocks that are there already.
func (e *Engine) fill(o *object, whole []BlockRange) {
	if len(whole) == 0 {
		return
	}
	o.whole.union(whole, o.part.Blocks())
	before := o.poisoned.count
	o.poisoned.subtract(&o.whole)
	e.stats.BlocksPoisoned -= int(before - o.poisoned.count)
	for i := len(o.open) - 1; i >= 0; i-- {
		if b := o.open[i]; o.whole.has(b.sbn) {
			e.unwant(o, b)
			e.asking.release(b)
			e.blocks.close(o, i)
		}
	}
}

// introduce begins to hold an object that no one announced, or learns the OTI of one that
// was, from a packet. It returns nil if that cannot be.
func (e *Engine) introduce(now mono.Time, o *object, p *wire.Packet) *object {
	if o == nil && e.objects.isOver(p.TOI) {
		e.stats.SymbolsUnneeded++
		return nil
	}
	if !p.HasOTI {
		e.stats.SymbolsRefused++
		return nil
	}
	part, known, err := partition(ObjectInfo{TOI: p.TOI, OTI: p.OTI})
	if err != nil || !known || part.Blocks() == 0 {
		e.stats.PacketsInvalid++
		return nil
	}
	if o != nil {
		o.learn(part)
		return o
	}
	if e.objects.unexpected >= e.cfg.MaxUnexpected || len(e.objects.order) >= e.cfg.MaxObjects {
		e.stats.ObjectsRefused++
		e.stats.SymbolsRefused++
		return nil
	}
	o = &object{toi: p.TOI, part: part, known: true, heard: now}
	e.objects.add(o)
	if e.sender.known {
		e.sender.place(o)
	}
	return o
}

// Forget drops an object, without an event; its further packets are ignored for a while unless
// it is expected again. A TOI that is not held is remembered in the same way.
func (e *Engine) Forget(now mono.Time, toi uint32) {
	e.now = now
	if o := e.objects.table[toi]; o != nil {
		e.drop(o)
	}
	e.objects.finish(toi)
}

// Emptied says that the store has lost the symbols of a block that is not ready: the block is
// as if none had come.
func (e *Engine) Emptied(now mono.Time, toi, sbn uint32) {
	e.now = now
	o := e.objects.table[toi]
	if o == nil {
		return
	}
	if i, ok := o.find(sbn); ok && !o.open[i].ready {
		b := o.open[i]
		b.have, b.symbols, b.repaired = 0, [4]uint64{}, false
		e.stats.BlocksEmptied++
	}
}

// Object returns what is known of an object that is held, without Whole.
func (e *Engine) Object(toi uint32) (ObjectInfo, bool) {
	o := e.objects.table[toi]
	if o == nil {
		return ObjectInfo{}, false
	}
	return ObjectInfo{TOI: toi, OTI: o.part.OTI()}, true
}

// expire drops objects that no one expects and that have had no packet for long.
func (e *Engine) expire(now mono.Time) {
	if e.objects.unexpected == 0 {
		return
	}
	keep := unexpectedKeep
	if e.cfg.OneWay {
		keep = unexpectedKeepOneWay
	}
	for i := len(e.objects.order) - 1; i >= 0; i-- {
		if o := e.objects.order[i]; !o.expected && now.Sub(o.heard) > keep {
			e.drop(o)
			e.events.push(Event{Kind: ObjectDropped, TOI: o.toi})
		}
	}
}
