package sender

// payer is who pays for what is queued of a block: the edge that asked for most, which is the one
// that raised its goal last. What one edge has queued is bounded, so that whatever it asks for it
// holds up the others' repairs by no more than that, and by its share of the rate.
type payer struct {
	// active and bulk are the sums of what it pays for, see block.urgent and block.rest.
	active, bulk int
	// ppm is the loss in packets per million that the edge last reported, if it was not an outlier.
	ppm uint32
}

// purse is how many symbols one payer may have queued in active blocks, and in bulk. What is asked for
// beyond the one goes into the other, what is asked for beyond that is refused, and asked for again.
type purse struct{ active, bulk int }

const (
	// purseLeast is the least of purse.active, purseTime the part of the rate that it is. An edge that
	// loses 20 % at a round trip of 200 ms has less than half of that queued.
	purseLeast = 4096
	purseParts = 10 // of a second
	// purseBulk is how much larger purse.bulk is. A receiver asks for 256 blocks at a time, of 255
	// symbols at most.
	purseBulk = 16
	// symbolBytes is taken for the length of a symbol.
	symbolBytes = 1408
)

func newPurse(rate uint64) purse {
	active := max(purseLeast, int(rate/8/purseParts/symbolBytes))
	return purse{active: active, bulk: purseBulk * active}
}

// urgent returns how many symbols are queued of a block because edges lack a few; they are sent
// before bulk. rest returns how many more are.
func (b *block) urgent() int { return max(0, int(b.soon)-int(b.sent)) }
func (b *block) rest() int   { return b.outstanding() - b.urgent() }

// charge has the payers of a block pay for sign times what is queued of it.
func (b *block) charge(sign int) {
	if b.urgentPayer != nil {
		b.urgentPayer.active += sign * b.urgent()
	}
	if b.restPayer != nil {
		b.restPayer.bulk += sign * b.rest()
	}
}

// affords reports whether one of a block's payers, or whoever pays instead, can pay for more symbols
// beside those that are queued already.
func affords(owed, more, queued int, pays bool, purse int) bool {
	if !pays {
		more += queued
	}
	return owed+more <= purse
}
