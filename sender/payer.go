package sender

// payer is who pays for what is queued of a block: the edge that asked for most, which is the one
// that raised its goal last. What one edge has queued is bounded, so that whatever it asks for it
// holds up the others' repairs by no more than that, and by its share of the rate.
type payer struct {
	// owed is the sum of G - T of the blocks that it pays for.
	owed int
	// ppm is the loss in packets per million that the edge last reported, if it was not an outlier.
	ppm uint32
}

// purse is how many symbols one payer may have queued.
type purse struct {
	// active is the most with which a block is still repaired before bulk, bulk the most that is
	// queued at all: what is asked for beyond is refused, and asked for again.
	active, bulk int
}

const (
	// purseLeast is the least of purse.active, purseTime the part of the rate that it is. An edge that
	// loses 20 % at a round trip of 200 ms has less than half of that queued.
	purseLeast = 4096
	purseParts = 10 // of a second
	// purseBulk is how much larger purse.bulk is. A receiver asks for 256 blocks at a time, of 255 symbols at
	// most.
	purseBulk = 16
	// symbolBytes is taken for the length of a symbol.
	symbolBytes = 1408
)

func newPurse(rate uint64) purse {
	active := max(purseLeast, int(rate/8/purseParts/symbolBytes))
	return purse{active: active, bulk: purseBulk * active}
}

// settle has the block paid for by another, or by nobody if that is nil. It returns what is queued of
// the block to whoever paid before.
func (b *block) settle(by *payer) {
	if b.payer != nil {
		b.payer.owed -= b.outstanding()
	}
	if b.payer = by; by != nil {
		by.owed += b.outstanding()
	}
}
