package mcast

import (
	"runtime"
	"testing"
	"time"

	"fanfare/internal/mono"
)

func newPoller(t testing.TB, conns ...*Conn) *Poller {
	t.Helper()
	p, err := NewPoller(conns...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func TestWaitEndsAtItsTime(t *testing.T) {
	p := newPoller(t)
	var clock Clock
	until := clock.Now().Add(5 * time.Millisecond)
	for clock.Now() < until { // Wait may end early, but the loop must come to an end
		if err := p.Wait(until); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Wait(0); err != nil { // a time that has passed
		t.Fatal(err)
	}
}

func TestWakeEndsWait(t *testing.T) {
	p := newPoller(t)
	p.Wake()
	p.Wake()
	if err := p.Wait(mono.Never); err != nil { // woken before
		t.Fatal(err)
	}
	for range 100 { // woken during
		done := make(chan struct{})
		go func() {
			p.Wake()
			close(done)
		}()
		if err := p.Wait(mono.Never); err != nil {
			t.Fatal(err)
		}
		<-done
	}
	p.Close()
	p.Wake() // does nothing
	wantError(t, "closed", p.Wait(mono.Never), "closed")
}

func TestWaitEndsWithADatagram(t *testing.T) {
	b := newBed(t)
	l := b.conn(ListenUnicast(loopbackAnyPort, Options{}))
	d := b.conn(DialUnicast(l.LocalAddr(), Options{}))
	closed := b.conn(ListenUnicast(loopbackAnyPort, Options{}))
	closed.Close()
	p := newPoller(t, closed, l)
	b.write(d, "hello")
	if err := p.Wait(mono.Never); err != nil {
		t.Fatal(err)
	}
	b.wantOnly(l, "hello")
}

func TestWaitForRoomToWrite(t *testing.T) {
	b := newBed(t)
	s := b.conn(NewSender(b.options("239.77.1.2")))
	s.full = true // as after a Write that stopped
	if err := newPoller(t, s).Wait(mono.Never); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkWaitPrecision reports how late a wait of 200 µs ends on a locked thread.
func BenchmarkWaitPrecision(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p := newPoller(b)
	var clock Clock
	var late time.Duration
	for b.Loop() {
		until := clock.Now().Add(200 * time.Microsecond)
		if err := p.Wait(until); err != nil {
			b.Fatal(err)
		}
		late += clock.Now().Sub(until)
	}
	b.ReportMetric(float64(late.Microseconds())/float64(b.N), "µs-late/op")
}
