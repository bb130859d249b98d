package edge

import (
	"math/rand/v2"
	"testing"
	"time"

	"fanfare/control"
	"fanfare/internal/mono"
)

// feedTest drives a feed; entries has what the edge has.
type feedTest struct {
	t       *testing.T
	feed    *feed
	now     mono.Time
	head    uint64
	entries map[uint64]bool
}

func newFeedTest(t *testing.T) *feedTest {
	return &feedTest{
		t: t, feed: newFeed(rand.New(rand.NewPCG(1, 2))), now: mono.Time(time.Second), entries: map[uint64]bool{},
	}
}

func (f *feedTest) hear(head uint64) {
	f.head = head
	f.feed.hear(control.Head{Sequence: head})
}

func (f *feedTest) have(from, to uint64) {
	for s := from; s <= to; s++ {
		f.entries[s] = true
	}
}

func (f *feedTest) want(asked int, fetchFrom uint64) {
	f.t.Helper()
	var missing []uint64
	for s := uint64(1); s <= f.head && len(missing) <= maxAsked; s++ {
		if !f.entries[s] {
			missing = append(missing, s)
		}
	}
	ask, from := f.feed.plan(f.now, missing, uint64(len(f.entries))+1, 0)
	if len(ask) != asked || from != fetchFrom {
		f.t.Fatalf("at %v: asks %v and fetches from %d, want %d and %d", f.now, ask, from, asked, fetchFrom)
	}
}

func (f *feedTest) advance(d time.Duration) { f.now = f.now.Add(d) }

// toNext goes to when the feed wants to be asked again.
func (f *feedTest) toNext() {
	f.t.Helper()
	if f.feed.next == mono.Never || f.feed.next < f.now {
		f.t.Fatalf("at %v: next at %v", f.now, f.feed.next)
	}
	f.now = f.feed.next
}

func TestFeedStart(t *testing.T) {
	f := newFeedTest(t)
	f.hear(1000)
	f.want(0, 1) // all over HTTP
	f.want(0, 0) // one request at a time
	f.have(1, 1000)
	f.feed.fetched(f.now, false)
	f.want(0, 0)
	if !f.feed.followed || f.feed.next != mono.Never {
		t.Errorf("followed %v, next %v", f.feed.followed, f.feed.next)
	}
}

func TestFeedRecentIsNACKed(t *testing.T) {
	f := newFeedTest(t)
	f.hear(1)
	f.have(1, 1)
	f.want(0, 0)
	f.hear(4)
	f.want(3, 0)
	f.have(2, 3)
	f.want(0, 0) // 4 is asked for already
	f.toNext()   // NACKs did not help
	if f.now.Sub(mono.Time(time.Second)) < askPatience {
		t.Errorf("HTTP after %v only", f.now)
	}
	f.want(0, 4)
	f.have(4, 4)
	f.feed.fetched(f.now, false)
	f.want(0, 0)
	f.hear(200) // too many for NACKs
	f.advance(minBackoff)
	f.want(0, 5)
}

func TestFeedBackoff(t *testing.T) {
	f := newFeedTest(t)
	f.hear(10)
	f.want(0, 1)
	f.feed.fetched(f.now, true)
	f.want(10, 0) // the origin does not answer: NACKs are tried
	before := f.now
	for range 12 {
		f.toNext()
		f.want(0, 1)
		f.feed.fetched(f.now, true)
		f.want(0, 0)
	}
	if d := f.feed.retryAt.Sub(f.now); d < maxBackoff/2 || d > maxBackoff {
		t.Errorf("pause of %v after 13 failures", d)
	}
	if f.now.Sub(before) < 10*time.Second {
		t.Errorf("12 requests in %v", f.now.Sub(before))
	}
}

func TestFeedOldHead(t *testing.T) {
	f := newFeedTest(t)
	f.hear(10)
	if f.feed.hear(control.Head{Sequence: 9}) || f.feed.hear(control.Head{Sequence: 10}) || f.feed.head.Sequence != 10 {
		t.Errorf("head %d after older ones", f.feed.head.Sequence)
	}
	if f.feed.first.Sequence != 10 {
		t.Errorf("first head %d", f.feed.first.Sequence)
	}
}

func TestFeedSilent(t *testing.T) {
	f := newFeedTest(t)
	f.hear(3)
	f.have(1, 3)
	f.want(0, 0)
	f.feed.silence(f.now, true)
	f.want(0, 4) // perhaps there is more
	f.feed.fetched(f.now, false)
	f.want(0, 0)
	f.toNext()
	f.want(0, 4)
	f.feed.fetched(f.now, false)
	f.feed.silence(f.now, false)
	f.want(0, 0)
	if f.feed.next != mono.Never {
		t.Errorf("still asked at %v", f.feed.next)
	}
}

func TestFeedOriginComesBack(t *testing.T) {
	f := newFeedTest(t)
	f.feed.silence(f.now, true)
	for range 10 {
		f.want(0, 1)
		f.feed.fetched(f.now, true)
		f.want(0, 0)
		f.toNext()
	}
	f.feed.retryAt = f.now.Add(maxBackoff)
	f.feed.silence(f.now, false)
	f.hear(1000)
	before := f.now
	f.want(0, 0)
	f.toNext()
	f.want(0, 1)
	if waited := f.now.Sub(before); waited > returnSpread {
		t.Errorf("asked %v after the origin came back", waited)
	}
}
