package mcast

import "testing"

// TestBacklog checks that what Read leaves in the buffer is told, by its share, and that nothing is.
func TestBacklog(t *testing.T) {
	b := newBed(t)
	o := b.options("239.77.1.2")
	o.ReceiveBuffer = 1 << 20
	c := b.conn(Join(o))
	s := b.conn(NewSender(o))
	if c.Backlog() != 0 {
		t.Errorf("a backlog of %d before anything came", c.Backlog())
	}
	payload := make([]byte, 1400)
	send := func(n int) {
		for range n {
			b.write(s, string(payload))
		}
	}
	send(1)
	if b.read(c); c.Backlog() != 0 {
		t.Errorf("a backlog of %d, and nothing is left", c.Backlog())
	}
	send(2 * batchSize)
	b.read(c)
	little := c.Backlog()
	send(6 * batchSize)
	b.read(c)
	if more := c.Backlog(); little == 0 || more <= little {
		t.Errorf("a backlog of %d, then of %d", little, more)
	}
	send(4000) // more than there is room for
	b.read(c)
	if full := c.Backlog(); full < 200 {
		t.Errorf("a backlog of %d in a full buffer", full)
	}
	for batch := b.read(c); len(batch) > 0; {
		batch, _ = c.Read()
	}
	if c.Backlog() != 0 {
		t.Errorf("a backlog of %d after all was read", c.Backlog())
	}
}
