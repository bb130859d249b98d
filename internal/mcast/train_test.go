package mcast

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// train makes n datagrams of length bytes, one behind the other in memory, each with content
// of its own.
func train(n, length int) [][]byte {
	arena := make([]byte, n*length)
	batch := make([][]byte, n)
	for i := range batch {
		batch[i] = arena[i*length : (i+1)*length]
		for j := range batch[i] {
			batch[i][j] = byte(i*7 + j)
		}
	}
	return batch
}

// writeAll writes a batch, in as many calls as the send buffer asks for.
func (b *bed) writeAll(c *Conn, batch [][]byte) {
	b.Helper()
	for end := b.clock.Now().Add(time.Minute); len(batch) > 0; {
		n, err := c.Write(batch)
		if err != nil || b.clock.Now() > end {
			b.Fatalf("Write = %d of %d, %v", n, len(batch), err)
		}
		batch = batch[n:]
	}
}

// wantAll reads until everything in want has arrived, in order.
func (b *bed) wantAll(c *Conn, want [][]byte) {
	b.Helper()
	for len(want) > 0 {
		for _, d := range b.read(c) {
			if len(want) == 0 {
				b.Fatalf("more than was sent: %d bytes", len(d.Payload))
			}
			if !bytes.Equal(d.Payload, want[0]) {
				b.Fatalf("%d bytes with %d to come, want %d bytes", len(d.Payload), len(want), len(want[0]))
			}
			want = want[1:]
		}
	}
}

// mixture is batches that could be cut wrongly.
func mixture() map[string][][]byte {
	rng := rand.New(rand.NewPCG(1, 1))
	mixed := func(lengths ...int) (batch [][]byte) {
		for range 300 {
			b := make([]byte, lengths[rng.IntN(len(lengths))])
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
			batch = append(batch, b)
		}
		return batch
	}
	long := train(100, 1400)
	return map[string][][]byte{
		"one train":        train(40, 1400),
		"longer than 64":   train(150, 100),
		"longer than 64 K": train(60, 1432),
		"last is shorter":  append(train(10, 1000), []byte("end")),
		"with empty ones":  {[]byte("a"), {}, []byte("b"), {}, {}, []byte("c")},
		"ones and twos":    mixed(1, 2),
		"falling":          {make([]byte, 9), make([]byte, 8), make([]byte, 7), make([]byte, 7), make([]byte, 9)},
		"any":              mixed(0, 100, 100, 100, 101, 1300),
		"every other one":  {long[0], long[2], long[4], long[6], long[7], long[8], long[1]},
	}
}

func TestTrainsOnLoopback(t *testing.T) {
	for name, batch := range mixture() {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			o := b.options("239.77.1.2")
			o.ReceiveBuffer = 1 << 20
			c, s := b.conn(Join(o)), b.conn(NewSender(o))
			b.writeAll(s, batch)
			b.wantAll(c, batch)
			sent, got := s.Stats(), c.Stats()
			if sent.PacketsSent != uint64(len(batch)) || got.PacketsReceived != uint64(len(batch)) || sent.BytesSent != got.BytesReceived {
				t.Errorf("sent %+v\ngot %+v", sent, got)
			}
		})
	}
}

func TestTrainIsOneDatagramToTheKernel(t *testing.T) {
	b := newBed(t)
	o := b.options("239.77.1.2")
	c, s := b.conn(Join(o)), b.conn(NewSender(o))
	if !s.send.trains || cap(c.receive.payloads) != trainBatch*trainLimit {
		t.Skip("SKIPPED: this kernel knows no UDP trains")
	}
	batch := train(40, 1400)
	b.writeAll(s, batch)
	b.wantAll(c, batch)
	if sent, got := s.Stats().TrainsSent, c.Stats().TrainsReceived; sent != 1 || got != 1 {
		t.Errorf("%d trains sent, %d received, want 1 of 40", sent, got)
	}
}

// awaitPath sends until something arrives: a switch takes a moment to open its ports.
func (b *bed) awaitPath(s, c *Conn) {
	b.Helper()
	p, err := NewPoller(c)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	end := b.clock.Now().Add(time.Minute)
	for heard := false; !heard; {
		if b.clock.Now() > end {
			b.Fatal("nothing arrived")
		}
		b.write(s, "are you there?")
		if err := p.Wait(b.clock.Now().Add(10 * time.Millisecond)); err != nil {
			b.Fatal(err)
		}
		batch, _ := c.Read()
		heard = len(batch) > 0
	}
	b.write(s, "there")
	for batch := b.read(c); string(batch[len(batch)-1].Payload) != "there"; batch = b.read(c) {
	}
}

// CheckTrains is a test of a sender and a receiver on machines of their own.
func CheckTrains(t *testing.T, s, c *Conn) {
	b := newBed(t)
	b.awaitPath(s, c)
	for _, batch := range mixture() {
		b.writeAll(s, batch)
		b.wantAll(c, batch)
	}
	if sent := s.Stats(); sent.TrainsRefused != 0 {
		t.Errorf("refused: %+v", sent)
	}
}

func TestRefusedTrainsGoOneByOne(t *testing.T) {
	b := newBed(t)
	o := b.options("239.77.1.2")
	o.ReceiveBuffer = 1 << 20
	c, s := b.conn(Join(o)), b.conn(NewSender(o))
	// The kernel cuts no trains for a socket that sends without checksums.
	if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil {
		t.Skip("SKIPPED: ", err)
	}
	batch := append(train(70, 1000), train(40, 800)...)
	b.writeAll(s, batch)
	b.wantAll(c, batch)
	if got := s.Stats(); got.TrainsRefused != 1 || got.TrainsSent != 0 || got.PacketsSent != 110 || got.PacketsRefused != 0 {
		t.Errorf("stats %+v, want one train refused and no other tried", got)
	}
}

// CheckTooLong is another: datagrams longer than the link's MTU of 1,500 are refused, and do not
// end trains.
func CheckTooLong(t *testing.T, s, c *Conn) {
	b := newBed(t)
	b.awaitPath(s, c)
	n, err := s.Write(train(3, 1473)) // a byte more than the link allows with IPv4
	if n != 0 || err == nil {
		t.Fatalf("Write = %d, %v, want an error for the first", n, err)
	}
	wantError(t, "too long", err, "1473 bytes is longer than the link allows")
	before := s.Stats().TrainsSent
	good := train(30, 1400)
	b.writeAll(s, good)
	b.wantAll(c, good)
	if sent := s.Stats().TrainsSent - before; s.send.trains && sent != 1 {
		t.Errorf("%d trains sent afterwards, want 1", sent)
	}
}

// overflow sends more trains than a small receive buffer takes, and returns who receives and who sends.
func (b *bed) overflow(group string, trains, length int) (c, s *Conn) {
	b.Helper()
	o := b.options(group)
	o.ReceiveBuffer = 64 << 10
	c, s = b.conn(Join(o)), b.conn(NewSender(o))
	for range trains {
		b.writeAll(s, train(length, 1400))
	}
	return c, s
}

func TestDroppedTrainsAreCounted(t *testing.T) {
	b := newBed(t)
	const trains, length = 30, 20
	c, s := b.overflow("239.77.1.2", trains, length)
	for batch := b.read(c); len(batch) > 0; {
		batch, _ = c.Read()
	}
	b.writeAll(s, train(length, 1400)) // brings the counter
	b.wantAll(c, train(length, 1400))
	stats := c.Stats()
	if stats.SocketDrops == 0 || stats.SocketDrops+stats.PacketsReceived != (trains+1)*length {
		t.Errorf("%d received and %d dropped, want %d in all and drops", stats.PacketsReceived, stats.SocketDrops, (trains+1)*length)
	}
}

func TestLossTakesDatagramsOutOfTrains(t *testing.T) {
	b := newBed(t)
	o := b.options("239.77.1.2")
	o.Loss, o.LossSeed, o.ReceiveBuffer = 0.1, 3, 4<<20
	c := b.conn(Join(o))
	o.Loss = 0
	s := b.conn(NewSender(o))
	var total uint64
	for range 40 {
		b.writeAll(s, train(50, 1000))
		b.read(c)
		total += 50
	}
	stats := c.Stats()
	if stats.PacketsReceived+stats.PacketsInjected != total || stats.PacketsInjected < 140 || stats.PacketsInjected > 260 {
		t.Errorf("%d of %d thrown away, %d received, want about a tenth", stats.PacketsInjected, total, stats.PacketsReceived)
	}
}

// The first datagram after a loss in the receive buffer tells of it, and says how many losses there were.
func TestDroppedIsToldWhereItWas(t *testing.T) {
	b := newBed(t)
	const trains, length = 30, 20
	c, s := b.overflow("239.77.1.3", trains, length)
	came := 0
	for batch := b.read(c); len(batch) > 0; {
		for _, d := range batch {
			if d.Dropped != 0 {
				t.Errorf("datagram %d tells of %d dropped ones before it", came, d.Dropped)
			}
			came++
		}
		batch, _ = c.Read()
	}
	for _, want := range []uint32{trains - uint32(came/length), 0} {
		b.write(s, "after")
		if d := b.wantOnly(c, "after"); d.Dropped != want || came == trains*length {
			t.Errorf("%d dropped, want %d; %d datagrams came before", d.Dropped, want, came)
		}
	}
}
