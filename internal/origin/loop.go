package origin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"fanfare/fec"
	"fanfare/internal/mcast"
	"fanfare/internal/mono"
	"fanfare/internal/origin/edges"
	"fanfare/internal/origin/marks"
	"fanfare/internal/origin/payload"
	"fanfare/internal/origin/spool"
	"fanfare/internal/wire"
	"fanfare/sender"
)

const (
	// retryWait is how long the loop waits when the engine or the socket takes no more.
	retryWait = 5 * time.Millisecond
)

// outgoing is an object on its way to the engine.
type outgoing struct {
	info     sender.ObjectInfo
	sequence uint64
	entry    []byte // of a control object
}

// loop is the goroutine that sends. It owns all fields but queue, which other goroutines
// fill by call. Nothing it does waits for anything but a disk that is read.
type loop struct {
	log      *slog.Logger
	engine   *sender.Engine
	clock    mcast.Clock
	poller   *mcast.Poller
	group    *mcast.Conn
	feedback *mcast.Conn
	payloads *payload.Reader
	edges    *edges.Table
	intake   intake
	recalls  intake
	entries  *entryLog
	spool    *spool.Spool
	marks    *marks.Table

	tsi       uint32
	heartbeat int    // longest heartbeat in bytes
	head      []byte // signed
	sequence  uint64 // of the head
	control   []outgoing
	bundles   backlog
	oneWay    *oneWay // nil if edges answer

	packet  wire.Packet
	beat    wire.Heartbeat
	message wire.Feedback
	longest int // the longest payload there has been, in bytes
	arena   []byte
	train   [][]byte // packets made, and of them unsent those that the socket has not taken
	unsent  [][]byte
	objects []uint32 // the TOI of each packet in train
	class   []uint8  // the traffic class of each packet in train
	classes [sender.ClassBulk + 1]uint8
	rate    uint64 // bits per second at most
	stats   loopStats
	invalid map[string]uint64 // datagrams that are no feedback, by wire.Reason

	queue struct {
		mu    sync.Mutex
		calls []func(now mono.Time)
		ended bool
		// waiting says that there are calls.
		waiting atomic.Bool
	}
	unsendable unsendable
	fatal      error // ends the loop
}

// loopStats counts what the loop did. Counters only grow.
type loopStats struct {
	// FeedbackInvalid counts datagrams that are no feedback, FeedbackForeign feedback of
	// another channel.
	FeedbackInvalid, FeedbackForeign uint64
	// FeedbackExcess counts datagrams thrown away unread because there were too many.
	FeedbackExcess uint64
	// RecallsRefused counts objects that were sent long ago, asked for, and not looked up because
	// too many were.
	RecallsRefused uint64
	// PayloadErrors counts symbols, and bundles that edges asked for, that could not be read; their
	// objects are not sent on.
	PayloadErrors uint64
	// WriteErrors counts packets that the socket refused.
	WriteErrors uint64
}

// newLoop takes over the sockets.
func newLoop(o *Origin, group, feedback *mcast.Conn) (*loop, error) {
	poller, err := mcast.NewPoller(group, feedback)
	if err != nil {
		return nil, err
	}
	l := &loop{
		log: o.log, poller: poller, group: group, feedback: feedback, clock: mcast.NewClock(),
		payloads: payload.New(o.spool.Open), edges: o.edges, entries: o.entries, spool: o.spool, marks: o.marks,
		tsi: o.session.Channel, heartbeat: o.session.SymbolLength,
		invalid: make(map[string]uint64), head: o.signedHead, sequence: o.head.Sequence, bundles: newBacklog(),
		longest: o.session.SymbolLength, rate: uint64(o.session.Rate),
	}
	l.oneWay = newOneWay(o, l.clock.Now())
	config := sender.Config{
		OneWay: o.session.OneWay(),
		TSI:    o.session.Channel, Instance: random(), Rate: uint64(o.session.Rate), PacketOverhead: o.session.PacketOverhead(),
	}
	config.MinRate, config.Demote = uint64(o.config.MinRate), o.config.Demote.engine()
	l.classes = o.config.DSCP.classes(config.MinRate != 0)
	config.FeedbackRate, config.ExpectedEdges = o.config.FeedbackRate, o.edges.Count()
	l.intake, l.recalls = newIntake(o.config.FeedbackRate, l.clock.Now()), newRecalls(l.clock.Now())
	if o.head.Sequence > 0 {
		config.Started = wire.DataTOI(o.head.Sequence)
	}
	l.engine, err = sender.New(config, rand.New(rand.NewPCG(random(), random())), l.clock.Now())
	if err != nil {
		poller.Close()
		return nil, err
	}
	return l, nil
}

// errStopped is returned to those whose call came when the loop had ended.
var errStopped = errors.New("origin: the origin is stopping")

// call has f run by the loop, soon, and reports whether it will be.
func (l *loop) call(f func(now mono.Time)) bool {
	l.queue.mu.Lock()
	ended := l.queue.ended
	if !ended {
		l.queue.calls = append(l.queue.calls, f)
		l.queue.waiting.Store(true)
	}
	l.queue.mu.Unlock()
	l.poller.Wake()
	return !ended
}

// ask is call that waits until f has run.
func (l *loop) ask(ctx context.Context, f func(now mono.Time)) error {
	done := make(chan struct{})
	if !l.call(func(now mono.Time) { f(now); close(done) }) {
		return errStopped
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run sends until stopped by ctx or until something fails.
func (l *loop) run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer l.close()
	defer context.AfterFunc(ctx, l.poller.Wake)()
	for ctx.Err() == nil && l.fatal == nil {
		if err := l.poller.Wait(l.deadline()); err != nil {
			return err
		}
		now := l.clock.Now()
		if err := l.read(now); err != nil {
			return err
		}
		l.runCalls(now)
		l.engine.HandleTimeout(now)
		l.takeEvents(now)
		l.feedEngine(now)
		if err := l.send(now); err != nil {
			return err
		}
	}
	return l.fatal
}

// deadline returns until when the loop may sleep.
func (l *loop) deadline() mono.Time {
	if len(l.unsent) > 0 { // the poller waits for room in the socket, too
		return l.clock.Now().Add(retryWait)
	}
	until := min(l.engine.NextTimeout(), l.oneWay.timeout())
	if _, more := l.bundles.next(); more || len(l.control) > 0 {
		until = min(until, l.clock.Now().Add(retryWait))
	}
	return until
}

// read takes the feedback that has come.
func (l *loop) read(now mono.Time) error {
	// A flood of feedback must not keep the loop from sending.
	for range batchesPerTurn {
		batch, err := l.feedback.Read()
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			return nil
		}
		room := l.intake.take(now, len(batch))
		l.stats.FeedbackExcess += uint64(len(batch) - room)
		for _, datagram := range batch[:room] {
			l.handleFeedback(now, datagram.Payload)
		}
	}
	return nil
}

func (l *loop) handleFeedback(now mono.Time, b []byte) {
	if err := wire.ParseFeedback(b, &l.message); err != nil {
		l.stats.FeedbackInvalid++
		l.invalid[wire.Reason(err)]++
		return
	}
	if l.message.TSI != l.tsi {
		l.stats.FeedbackForeign++
		return
	}
	l.engine.HandleFeedback(now, &l.message)
	if l.oneWay != nil {
		return
	}
	var rtt time.Duration
	info, known := l.engine.Edge(l.message.Edge)
	if known {
		rtt = info.RTT
	}
	stands := stand(l.message.Report, l.sequence, l.marks)
	l.edges.Heard(time.Now(), &l.message, stands, rtt, l.engine.EdgeLifetime())
	l.edges.Demote(l.message.Edge, info.Demoted)
}

// runCalls runs what other goroutines have asked for.
func (l *loop) runCalls(now mono.Time) {
	l.queue.mu.Lock()
	calls := l.queue.calls
	l.queue.calls = nil
	l.queue.waiting.Store(false)
	l.queue.mu.Unlock()
	for _, f := range calls {
		f(now)
	}
}

// publish makes the head known and hands new entries, and the bundles they publish, to
// the engine. It is run by the loop.
func (l *loop) publish(head []byte, sequence uint64, objects []outgoing) {
	l.head, l.sequence = head, sequence
	l.oneWay.published(l.clock.Now(), sequence)
	for _, o := range objects {
		if o.entry != nil {
			l.control = append(l.control, o)
		} else {
			l.bundles.push(o)
		}
	}
}

// cancel stops sending a bundle. It is run by the loop.
func (l *loop) cancel(now mono.Time, sequence uint64) {
	toi := wire.DataTOI(sequence)
	l.engine.Cancel(now, toi)
	l.payloads.Forget(toi)
	l.bundles.cancel(sequence)
	l.oneWay.ended(now, toi)
	l.engine.Withhold(l.bundles.span())
}

// feedEngine hands the engine what waits, as far as it has room.
func (l *loop) feedEngine(now mono.Time) {
	for len(l.control) > 0 && l.add(now, l.control[0]) {
		l.control = shift(l.control)
	}
	for o, ok := l.bundles.next(); ok; o, ok = l.bundles.next() {
		l.bundles.enter(o) // before the engine tells how it went
		if !l.add(now, o) {
			l.bundles.refused(o)
			break
		}
	}
	l.engine.Withhold(l.bundles.span())
	l.feedCarousel(now)
}

// shift drops the first element, and the array with the last.
func shift(list []outgoing) []outgoing {
	list[0] = outgoing{}
	if len(list) == 1 {
		return nil
	}
	return list[1:]
}

// add hands one object to the engine; false says that it must wait.
func (l *loop) add(now mono.Time, o outgoing) (done bool) {
	l.oneWay.complete(&o.info)
	partition, err := o.info.OTI.Partition()
	if err == nil {
		// The engine may displace an idle object; what it was made of goes with it.
		err = l.engine.Add(now, o.info)
		l.takeEvents(now)
	}
	switch {
	case errors.Is(err, sender.ErrFull):
		return false
	case errors.Is(err, sender.ErrExists):
		l.bundles.passed(o.info.TOI)
		return true
	case err != nil:
		l.fatal = fmt.Errorf("origin: entry %d cannot be sent: %w", o.sequence, err)
		return true
	}
	l.longest = max(l.longest, int(o.info.OTI.SymbolLength))
	l.payloads.Add(o.info.TOI, o.sequence, partition, o.entry)
	return true
}

// controlOTI returns how an entry is cut: into one symbol of its own length if it fits, else
// into symbols as long as those of bundles, in one block.
func controlOTI(length, symbolLength int) fec.OTI {
	if length <= symbolLength {
		return fec.OTI{TransferLength: uint64(length), SymbolLength: uint16(length), MaxBlock: 1, MaxSymbols: 1}
	}
	k := (length + symbolLength - 1) / symbolLength
	return fec.OTI{
		TransferLength: uint64(length), SymbolLength: uint16(symbolLength),
		MaxBlock: uint16(k), MaxSymbols: uint16(min(4*k, fec.MaxSymbols)),
	}
}

// close lets go of everything; calls that came too late are run, so that nobody waits.
func (l *loop) close() {
	l.queue.mu.Lock()
	l.queue.ended = true
	l.queue.mu.Unlock()
	l.runCalls(l.clock.Now())
	l.payloads.Close()
	l.poller.Close()
	l.group.Close()
	l.feedback.Close()
}
