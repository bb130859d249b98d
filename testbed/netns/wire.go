package netns

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"time"

	"golang.org/x/sys/unix"

	"fanfare/internal/mono"
	"fanfare/testbed/netem"
)

const (
	// maxHeld is how many frames may be under way in one direction: 100 Mb/s for 8 seconds.
	maxHeld = 1 << 16
	// retryAfter is how long a wire waits when the kernel has no room for more frames.
	retryAfter = 100 * time.Microsecond
)

// flight is a frame under way.
type flight struct {
	due   mono.Time
	order uint64
	frame []byte
}

func (f flight) before(g flight) bool {
	return f.due < g.due || f.due == g.due && f.order < g.order
}

// wire is one link in the emulator: two taps, and what happens between them in either direction.
// The emulator's goroutine owns it.
type wire struct {
	emulator *emulator
	// outer is the tap on the switch's side, inner that on the far side.
	outer, inner *tap
	// outward carries frames from outer to inner.
	outward, inward direction
}

// direction carries frames from one tap to another.
type direction struct {
	from, to *tap
	model    *netem.Link
	held     []flight // a heap, the earliest first
	order    uint64
	last     mono.Time // of the model
	missed   uint64
	retry    mono.Time // when to try again to send
}

// newWire opens the taps on two interfaces of the calling thread's namespace.
func (e *emulator) newWire(outer, inner string, mtu, places int, seed [2]uint64) (*wire, error) {
	w := &wire{emulator: e}
	var err error
	if w.outer, err = openTap(outer, mtu, places); err != nil {
		return w, err
	}
	if w.inner, err = openTap(inner, mtu, places); err != nil {
		return w, err
	}
	w.outward = direction{from: w.outer, to: w.inner}
	w.inward = direction{from: w.inner, to: w.outer}
	for i, d := range w.directions() {
		if d.model, err = netem.New(netem.Config{}, rand.New(rand.NewPCG(seed[0], seed[1]<<1|uint64(i)))); err != nil {
			return w, err
		}
	}
	return w, nil
}

func (w *wire) directions() [2]*direction { return [2]*direction{&w.outward, &w.inward} }

// close closes the taps. A nil wire is closed.
func (w *wire) close() {
	if w == nil {
		return
	}
	for _, t := range []*tap{w.outer, w.inner} {
		if t != nil {
			t.close()
		}
	}
}

// reconfigure sets the faults of both directions, from any goroutine.
func (w *wire) reconfigure(outward, inward netem.Config) (err error) {
	ended := w.emulator.call(func() {
		err = errors.Join(w.outward.model.Reconfigure(outward), w.inward.model.Reconfigure(inward))
	})
	return errors.Join(err, ended)
}

// stats returns the counters of both directions, to any goroutine.
func (w *wire) stats() (outward, inward LinkStats) {
	_ = w.emulator.call(func() { // a closed bed has no counters
		outward, inward = w.outward.stats(), w.inward.stats()
	})
	return outward, inward
}

func (d *direction) stats() LinkStats {
	d.missed += d.from.missed()
	return LinkStats{Stats: d.model.Stats(), Missed: d.missed}
}

// take gives the frames that have come to the model. The kernel says when each came, by the wall
// clock, so that coming late to them makes no fault; of present both clocks are used.
func (d *direction) take(e *emulator, present time.Time) {
	now, wall := e.at(present), present.UnixNano()
	d.from.read(func(frame []byte, came int64) {
		at := now
		if late := time.Duration(wall - came); late > 0 && late < time.Second {
			at = now.Add(-late)
		}
		d.last = max(d.last, at)
		send := d.model.Send
		if toGroup(frame) {
			send = d.model.SendGroup
		}
		arrivals := send(d.last, len(frame))
		for i := range arrivals.N {
			if len(d.held) >= maxHeld {
				d.missed++
				continue
			}
			held := append(e.buffer(len(frame)), frame...)
			if seed := arrivals.Corrupt[i]; seed != 0 {
				netem.Flip(held[min(ethernetHeader, len(held)):], seed)
			}
			d.order++
			d.push(flight{arrivals.At[i], d.order, held})
		}
	})
}

// toGroup reports whether a frame carries IP multicast data: not what keeps neighbours and groups
// known.
func toGroup(frame []byte) bool {
	if len(frame) < ethernetHeader || frame[0]&1 == 0 {
		return false
	}
	packet := frame[ethernetHeader:]
	switch binary.BigEndian.Uint16(frame[12:]) {
	case unix.ETH_P_IP:
		return len(packet) > 9 && packet[9] == unix.IPPROTO_UDP
	case unix.ETH_P_IPV6:
		return len(packet) > 6 && packet[6] == unix.IPPROTO_UDP
	}
	return false
}

// deliver sends what is due, and returns when something will be.
func (d *direction) deliver(e *emulator, now mono.Time) mono.Time {
	for len(d.held) > 0 && d.held[0].due <= now && d.retry <= now {
		n := 0
		for n < batchSize && len(d.held) > 0 && d.held[0].due <= now {
			e.batch.frames[n] = d.pop()
			n++
		}
		sent, err := e.batch.send(d.to, n)
		for _, f := range e.batch.frames[:sent] {
			e.free = append(e.free, f.frame)
		}
		rest := e.batch.frames[sent:n]
		switch {
		case err == nil:
		case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EINTR):
			d.retry = now.Add(retryAfter)
		default: // the interface is down, or the frame too long for it: the first of them is lost
			d.missed++
			e.free = append(e.free, rest[0].frame)
			rest = rest[1:]
		}
		for _, f := range rest {
			d.push(f)
		}
	}
	if len(d.held) == 0 {
		return mono.Never
	}
	return max(d.held[0].due, d.retry)
}

// push adds a flight to the heap.
func (d *direction) push(f flight) {
	d.held = append(d.held, f)
	h := d.held
	i := len(h) - 1
	for i > 0 && f.before(h[(i-1)/2]) {
		h[i] = h[(i-1)/2]
		i = (i - 1) / 2
	}
	h[i] = f
}

// pop takes the earliest flight off the heap.
func (d *direction) pop() flight {
	h := d.held
	first, f := h[0], h[len(h)-1]
	h[len(h)-1] = flight{}
	h = h[:len(h)-1]
	d.held = h
	for i := 0; len(h) > 0; {
		child := 2*i + 1
		if child+1 < len(h) && h[child+1].before(h[child]) {
			child++
		}
		if child >= len(h) || !h[child].before(f) {
			h[i] = f
			break
		}
		h[i] = h[child]
		i = child
	}
	return first
}
