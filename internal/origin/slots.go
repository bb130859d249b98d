package origin

import "context"

const (
	// smallAtOnce is how many publications are read at once that are small so far, largeAtOnce how
	// many that are not: those gather up to a bundle each in memory, and have the disk busy.
	smallAtOnce = 32
	largeAtOnce = 2
	// smallBytes is how much of a small publication there is, with what its objects take in a
	// manifest, in bytes.
	smallBytes = 256 << 10
)

// slots limits how many publications are read at once, so that their memory is bounded, and so that a
// small one never waits until large ones have been stored.
type slots struct{ small, large chan struct{} }

func newSlots() slots {
	return slots{small: make(chan struct{}, smallAtOnce), large: make(chan struct{}, largeAtOnce)}
}

// slot is the place of one publication.
type slot struct {
	slots  *slots
	weight int // of what was read so far, in bytes
	held   chan struct{}
}

// enter waits for a place. It returns the error of ctx if that ends before.
func (s *slots) enter(ctx context.Context) (*slot, error) {
	p := &slot{slots: s}
	return p, p.change(ctx, s.small)
}

// grow takes note that a publication has so many bytes more. Once it is no longer small it waits
// for another place.
func (p *slot) grow(ctx context.Context, bytes uint64) error {
	p.weight += int(min(bytes, smallBytes+1))
	if p.weight <= smallBytes || p.held == p.slots.large {
		p.weight = min(p.weight, smallBytes+1)
		return nil
	}
	p.leave() // nobody who is small waits for one that is large
	return p.change(ctx, p.slots.large)
}

// change takes a place of a kind.
func (p *slot) change(ctx context.Context, kind chan struct{}) error {
	select {
	case kind <- struct{}{}:
		p.held = kind
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leave gives the place back.
func (p *slot) leave() {
	if p.held != nil {
		<-p.held
		p.held = nil
	}
}
