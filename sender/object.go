package sender

import (
	"fmt"

	"fanfare/fec"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// object is what the engine holds of one object. What was asked for lies in repairs.
type object struct {
	toi  uint32
	part fec.Partition
	// priority is the class of a data object.
	priority Priority
	// sent says that the first pass was over before Add.
	sent bool
	pass firstPass
	// moved is when a symbol of the first pass was sent last; left is how many bytes of it are
	// still to be sent; added is its place in the order in which first passes were added.
	moved mono.Time
	left  int64
	added uint64
	// unasked is how many repair symbols a data object's blocks are followed by.
	unasked unasked
	// margin is how many symbols beyond what edges ask for may still be sent.
	margin uint32
	// control is the only block of a control object, nil for a data object.
	control *block
	// touched is when it was last added, sent or asked for.
	touched mono.Time
}

// newObject returns the object that o describes, or an error that wraps ErrObject.
func newObject(o ObjectInfo, now mono.Time) (*object, error) {
	part, err := o.OTI.Partition()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrObject, err)
	}
	if o.Priority > Background {
		return nil, fmt.Errorf("%w: priority %d", ErrObject, o.Priority)
	}
	if o.Start < 0 {
		return nil, fmt.Errorf("%w: start at ESI %d", ErrObject, o.Start)
	}
	obj := &object{toi: o.TOI, part: part, priority: o.Priority, sent: o.Sent, touched: now}
	obj.unasked.fix(o.Proactive)
	switch {
	case wire.IsControl(o.TOI):
		if part.Blocks() != 1 {
			return nil, fmt.Errorf("%w: control object %d has %d source blocks, not 1", ErrObject, o.TOI, part.Blocks())
		}
		k, n := part.SourceSymbols(0), int(o.OTI.MaxSymbols)
		obj.control = &block{object: obj, k: k, n: n, touched: now}
		if !o.Sent {
			obj.control.goal = uint32(goalOf(k, n, int(obj.unasked.amount)))
			obj.control.unasked = obj.control.goal
		}
	case wire.IsData(o.TOI):
		obj.pass = newFirstPass(part, o.Start)
		obj.margin = marginBudget(uint64(part.Blocks()) * uint64(part.SourceSymbols(0)))
	default:
		return nil, fmt.Errorf("%w: TOI %d is of no object", ErrObject, o.TOI)
	}
	return obj, nil
}

// opening returns how many transmissions of a block are over when an edge asks for need
// symbols of it for the first time, and it has seen the packets up to sequence (of this
// instance, if known). It returns false if the edge only has to wait for the first pass.
func (o *object) opening(sbn uint32, need int, sequence uint32, known bool) (sent int, ok bool) {
	if o.sent {
		// What went out before is not known. If fresh symbols are enough, send those; if not,
		// begin with the source symbols, which cost no computing.
		if k := o.part.SourceSymbols(sbn); need <= int(o.part.OTI().MaxSymbols)-k {
			return k, true
		}
		return 0, true
	}
	// Counting from where the pass began makes the next transmission carry the next ESI.
	if !known || !o.pass.ended(sbn, sequence) {
		return 0, false
	}
	return o.pass.start + o.pass.transmitted(sbn), true
}

// passing reports whether the first pass is still to do.
func (o *object) passing() bool { return o.control == nil && !o.sent && !o.pass.done() }

// busy reports whether there is something to send without being asked again.
func (o *object) busy() bool {
	return o.passing() || o.control != nil && o.control.outstanding() > 0
}
