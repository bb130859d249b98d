package play

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"fanfare/internal/api"
	"fanfare/testbed/netns"
	"fanfare/testbed/report"
)

// verifiers is how many requests one edge has under way at a time.
const verifiers = 4

// counter adds up a count that begins anew when the process that counts does.
type counter struct{ before, last uint64 }

func (c *counter) take(v uint64) uint64 {
	if v < c.last {
		c.before += c.last
	}
	c.last = v
	return c.before + v
}

// counters are those of the daemons, over all their starts. What nobody answers stays.
type counters struct {
	bytes, source, repair, nacks counter
	origin                       report.Origin
	edges                        []edgeCounters
	wire, feedback               uint64 // last read
}

type edgeCounters struct {
	lost     counter
	losses   uint64
	received uint64
	status   api.Edge
}

// look reads everything that can be read.
func (b *realBed) look(ctx context.Context) report.Sample {
	for _, f := range b.follow {
		f.copyTo()
	}
	if status, err := b.client.Status(ctx); err == nil {
		b.count(status)
	}
	c := &b.counters
	if n, err := b.network.origin.TxBytes(); err == nil {
		c.wire = n
	}
	s := report.Sample{
		WireBytes: c.wire, SourceSymbols: c.origin.SourceSymbolsSent, RepairSymbols: c.origin.RepairSymbolsSent,
		NACKs: c.origin.NACKsReceived, Edges: make([]report.EdgeSample, len(c.edges)),
	}
	for i := range c.edges {
		if n, err := b.network.edges[i].TxBytes(); err == nil {
			s.FeedbackBytes += n
		}
		if n, err := b.network.edges[i].RxBytes(); err == nil {
			c.edges[i].received = n
		}
		s.Edges[i] = report.EdgeSample{Received: c.edges[i].received, Lost: c.edges[i].losses}
	}
	c.feedback = max(c.feedback, s.FeedbackBytes)
	s.FeedbackBytes = c.feedback
	return s
}

// count takes the daemons' own counters in.
func (b *realBed) count(s *api.Status) {
	c := &b.counters
	c.origin = report.Origin{
		BytesSent: c.bytes.take(s.Sender.BytesSent), SourceSymbolsSent: c.source.take(s.Sender.SourceSymbolsSent),
		RepairSymbolsSent: c.repair.take(s.Sender.RepairSymbolsSent), NACKsReceived: c.nacks.take(s.Sender.NACKsReceived),
		GRTTSeconds: s.Sender.GRTTSeconds,
	}
	for _, e := range s.Edges {
		for i, p := range b.edges {
			if p.Name == e.Name {
				c.edges[i].losses = max(c.edges[i].losses, c.edges[i].lost.take(e.PacketsLost))
				c.edges[i].status = e
			}
		}
	}
}

// behind says what each edge lacks of the log.
func (b *realBed) behind(ctx context.Context) ([]string, error) {
	status, err := b.client.Status(ctx)
	if err != nil {
		return nil, err
	}
	lacking := make([]string, len(b.edges))
	for i, p := range b.edges {
		if b.s.Session.OneWay() {
			lacking[i] = lacksOneWay(ctx, p, status.Head)
			continue
		}
		lacking[i] = "was never heard"
		for _, e := range status.Edges {
			if e.Name == p.Name {
				lacking[i] = b.lacks(p, e, status)
			}
		}
		// What the origin knows may be from before a restart.
		if lacking[i] == "" && p.Running() && !b.network.isCut(p.host) {
			lacking[i] = unready(ctx, p)
		}
	}
	return lacking, nil
}

// unready says why an edge does not call itself ready; "" if it does.
func unready(ctx context.Context, p *process) string {
	status, body, err := p.Get(ctx, "/readyz")
	switch {
	case err != nil:
		return "does not answer: " + err.Error()
	case status != http.StatusOK:
		return "is not ready: " + string(bytes.TrimSpace(body))
	}
	return ""
}

// mayLack reports whether the edge has had to fail to store something.
func (b *realBed) mayLack(edge string) bool {
	for _, f := range b.follow {
		if b.ledger.failing[[2]string{edge, f.p.step.Name}] {
			return true
		}
	}
	return false
}

// lacks says what an edge lacks; a bundle that it must fail to store is no lack.
func (b *realBed) lacks(p *process, e api.Edge, s *api.Status) string {
	failing := b.mayLack(p.Name)
	switch {
	case !e.Alive:
		return "is silent"
	case e.Mark < s.Head && !failing:
		return fmt.Sprintf("knows the log up to %d of %d", e.Mark, s.Head)
	case e.Behind > 0 && !failing:
		return fmt.Sprintf("lacks %d entries", e.Behind)
	case failing && len(e.Failed) == 0:
		return "has told of no failure"
	}
	return ""
}

// finish notes what the daemons said last.
func (b *realBed) finish(ctx context.Context, r *report.Result) {
	if status, err := b.client.Status(ctx); err == nil {
		b.count(status)
	}
	r.Origin = b.counters.origin
	if missed := b.network.missed(); missed > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("the link emulator lost %d packets beyond what it was told to, for want of processor time", missed))
	}
	for i := range r.Edges {
		e, last := &r.Edges[i], &b.counters.edges[i].status
		e.Running = b.edges[i].Running()
		e.PacketsReceived, e.PacketsLost, e.SocketDrops = last.PacketsReceived, last.PacketsLost, last.SocketDrops
		e.NACKsSent, e.BlocksDecoded, e.RTTSeconds = last.NACKsSent, last.BlocksDecoded, last.RTTSeconds
		e.Down, e.Up = b.network.counted(i)
		if len(last.Failed) > 0 {
			e.Problem = last.Failed[0].Reason
		}
	}
}

// verify reads every object that should be there from every edge that runs and can be
// reached, asks for every purged one, and compares the digests of the catalogues.
func (b *realBed) verify(ctx context.Context, l *ledger) (*findings, error) {
	f := &findings{}
	status, err := b.client.Status(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range status.Edges {
		p := b.process(e.Name)
		if p == b.origin || !p.Running() || b.network.isCut(p.host) {
			continue
		}
		if b.mayLack(p.Name) && e.Mark != status.Head {
			continue // what it could not store it does not know the contents of
		}
		f.digests++
		if e.Differs || e.Mark != status.Head {
			f.digest = append(f.digest, fmt.Sprintf("%s at %d, the origin at %d: differs: %v", e.Name, e.Mark, status.Head, e.Differs))
		}
	}
	var mu sync.Mutex
	var group errgroup.Group
	for _, p := range b.edges {
		if !p.Running() || b.network.isCut(p.host) {
			continue
		}
		group.Go(func() error {
			found := checkEdge(ctx, p, l)
			mu.Lock()
			defer mu.Unlock()
			f.answers += found.answers
			f.refusals += found.refusals
			f.differ = append(f.differ, found.differ...)
			f.purged = append(f.purged, found.purged...)
			return ctx.Err()
		})
	}
	err = group.Wait()
	for _, w := range b.sentry {
		w.mu.Lock()
		f.refusals += w.asked
		f.purged = append(f.purged, w.problems...)
		w.mu.Unlock()
	}
	return f, err
}

// checkEdge asks one edge for everything.
func checkEdge(ctx context.Context, p *process, l *ledger) *findings {
	f := &findings{}
	live, gone := l.alive(), l.gone()
	var mu sync.Mutex
	each(len(live), func(i int) {
		o := live[i]
		problem := compare(ctx, p, o, l.failing[[2]string{p.Name, o.publication}])
		mu.Lock()
		defer mu.Unlock()
		f.answers++
		if problem != "" {
			f.differ = append(f.differ, fmt.Sprintf("%s: %s: %s", p.Name, o.key, problem))
		}
	})
	each(len(gone), func(i int) {
		status, err := p.fetch(ctx, gone[i], nil)
		mu.Lock()
		defer mu.Unlock()
		f.refusals++
		if err != nil || status != http.StatusNotFound {
			f.purged = append(f.purged, fmt.Sprintf("%s: %s was purged: answer %d, %v", p.Name, gone[i].key, status, err))
		}
	})
	return f
}

// each calls do for all numbers below n, some at a time.
func each(n int, do func(i int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(verifiers, n) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	group.Wait()
}

// compare reads an object and says what is wrong with it; an object that could not be stored must
// not be served.
func compare(ctx context.Context, p *process, o *object, failing bool) (problem string) {
	status, err := p.fetch(ctx, o, func(body io.Reader) error {
		problem = differs(body, o)
		return nil
	})
	switch {
	case err != nil:
		return err.Error()
	case failing && status == http.StatusOK:
		return "served, though it could not be stored"
	case failing:
		return ""
	case status != http.StatusOK:
		return fmt.Sprintf("status %d", status)
	}
	return problem
}

// differs says how a body differs from the object's content.
func differs(body io.Reader, o *object) string {
	want := o.content()
	got, expected := make([]byte, 64<<10), make([]byte, 64<<10)
	var at int64
	for {
		n, err := io.ReadFull(body, got)
		m, _ := io.ReadFull(want, expected[:n])
		if m < n || !bytes.Equal(got[:n], expected[:n]) {
			return fmt.Sprintf("other bytes than published between %d and %d of %d", at, at+int64(n), o.size)
		}
		at += int64(n)
		if err != nil {
			break
		}
	}
	if at != o.size {
		return fmt.Sprintf("%d bytes of %d", at, o.size)
	}
	return ""
}

// address returns the address of a host, IPv4 if it has one.
func address(h *netns.Host) netip.Addr {
	if h.Addr4.IsValid() {
		return h.Addr4
	}
	return h.Addr6
}
