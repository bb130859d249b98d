package sender

// Once the first pass of an object is over, or will be within a round trip, every round of repair may
// delay its end at some edge. So who asks then is sent a few symbols more than it needs, such that
// another round is unlikely though some of them will be lost. All objects have a small budget for that.
const (
	// marginParts is the part of the source symbols of an object that its budget is, marginLeast
	// what it is at least.
	marginParts = 200
	marginLeast = 8
	// marginRisk is the chance of another round that is left.
	marginRisk = 0.03
)

// marginBudget returns how many symbols beyond what is asked for an object may cost.
func marginBudget(symbols uint64) uint32 {
	return uint32(max(symbols/marginParts, marginLeast))
}

// margin returns how many symbols beyond those that it needs an edge with a loss should be sent: the
// least m with a chance of at most marginRisk that more than m of need+m are lost.
func margin(need int, ppm uint32) int {
	p := min(float64(ppm)/1e6, 0.5)
	if p == 0 {
		return 0
	}
	for m := 0; m < need; m++ {
		term := 1.0 // the chance that exactly i of need+m are lost, for i = 0
		for range need + m {
			term *= 1 - p
		}
		within := term
		for i := range m {
			term *= float64(need+m-i) / float64(i+1) * p / (1 - p)
			within += term
		}
		if 1-within <= marginRisk {
			return m
		}
	}
	return need
}

// margin returns how many symbols are added to an ask for need symbols of a block, by an edge that has
// seen some transmissions of it, as far as the budget of its object allows.
func (e *Engine) margin(b *block, seen uint32, need int) (extra int) {
	o := b.object
	b.called = max(b.called, seen+uint32(need))
	if o.margin == 0 || need > bulkLeast || o.passing() && o.left > int64(e.pacer.bytes(e.grtt.timer(), 1<<40)) {
		return 0
	}
	exact := max(b.called, b.goal)
	raised := seen + uint32(need+margin(need, e.asker.ppm))
	if raised <= exact {
		return 0
	}
	return int(exact+min(raised-exact, o.margin)-seen) - need
}
