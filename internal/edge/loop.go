package edge

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"time"

	"fanfare/control"
	"fanfare/edgecache"
	"fanfare/internal/mcast"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
	"fanfare/receiver"
)

const (
	// packetsPerTurn is how many packets are looked at before other work is.
	packetsPerTurn = 1024
	// idleTurn is how long the loop waits at most: what is wanted is then compared anew.
	idleTurn = time.Second
)

// loop is everything that a packet may change; one goroutine, run, owns it. Its parts lie in
// files of their own: packet.go, entry.go, bundle.go, outdated.go, report.go.
type loop struct {
	edge       *Edge
	log        *slog.Logger
	clock      mcast.Clock
	verifier   verifier
	channel    uint32
	generation control.Generation

	engine *receiver.Engine
	cache  *edgecache.Cache
	workers

	feed      *feed
	assembler *assembler
	bundles   map[uint32]*bundle // on their way, by TOI
	// commits are the bundles that wait for the committer, which is at work if commitRuns.
	commits    []uint64
	commitRuns bool
	// applied has the entries applied since the start that are above the mark.
	applied map[uint64]bool
	pruneAt int
	// committing has the bundles from commits until the committer is done with them.
	committing map[uint64]bool
	// dirty says that bundles must be compared with what the cache wants, at reconcileAt.
	dirty       bool
	reconcileAt mono.Time
	// planned says that nothing changed since the feed was last asked what to do.
	planned   bool
	hardening hardening
	unicast   unicast
	doubt     doubt
	rest      rest
	// packets counts the datagrams of the group; headers is how long those of IP and UDP are in each.
	packets uint64
	headers int
	// warmUp is what readiness still waits for.
	warmUp warmUp
	// readinessDue says that readiness may have changed.
	readinessDue bool

	packet    wire.Packet
	heartbeat wire.Heartbeat
	feedback  wire.Feedback
	output    []byte
	counts    packetCounts
	// refused are reasons for refusing heads and entries that the log has told already.
	refused map[string]bool
	// restarts are those of the sender, or what is made to look so.
	restarts seldom
	stats    Stats
	// runs and sorted are scratch space of nextRun.
	runs   []receiver.BlockRange
	sorted []*bundle
}

func newLoop(e *Edge, cache *edgecache.Cache, engine *receiver.Engine, w workers) *loop {
	return &loop{
		edge: e, log: e.log, verifier: verifier{key: ed25519.PublicKey(e.session.PublicKey)},
		channel: e.session.Channel, generation: e.generation,
		engine: engine, cache: cache, workers: w,
		unicast: newUnicast(e.random(unicastStream), uint64(e.session.Rate)),
		doubt:   doubt{rng: e.random(doubtStream)},
		feed:    newFeed(e.random(feedStream)), assembler: newAssembler(), hardening: newHardening(),
		bundles: make(map[uint32]*bundle), applied: make(map[uint64]bool), committing: make(map[uint64]bool),
		rest:  newRest(e.group.Stats().ReceiveBuffer),
		dirty: true, readinessDue: true, output: make([]byte, 0, wire.MaxFeedback),
		counts: make(packetCounts), refused: make(map[string]bool), headers: e.session.PacketOverhead(),
	}
}

// run goes round until ctx ends.
func (l *loop) run(ctx context.Context) error {
	if err := l.cache.Harden(); err != nil { // the first report tells what was found
		return err
	}
	now := l.clock.Now()
	l.settle(now) // what was whole when the edge ended
	l.reconcile(now)
	l.prefetch()
	for ctx.Err() == nil {
		l.edge.turned.Store(time.Now().UnixNano())
		more, err := l.read()
		if err != nil {
			return err
		}
		now = l.clock.Now()
		l.results(now)
		l.engine.HandleTimeout(now)
		l.turn(now)
		if err := l.sendFeedback(now); err != nil {
			return err
		}
		until := min(l.engine.NextTimeout(), l.nextTimeout(now))
		if more {
			continue
		}
		if pause := l.rest.pause(now, l.packets, until); pause > 0 {
			l.edge.poller.Rest(pause)
			continue // most likely there are packets
		}
		if err := l.edge.poller.Wait(until); err != nil {
			return err
		}
	}
	return nil
}

// turn drains the engine's events and does what follows from all that came since the last.
func (l *loop) turn(now mono.Time) {
	l.events(now)
	l.settle(now)
	l.takeLost(now)
	if !l.planned || now >= l.feed.next {
		l.plan(now)
	}
	if l.dirty && now >= l.reconcileAt || now >= l.reconcileAt.Add(idleTurn) {
		l.reconcile(now)
		l.settle(now)
	}
	l.events(now)
	l.handCommits()
	l.fetchBlocks(now)
	l.askOrigin(now)
	l.harden(now)
	l.updateReadiness()
}

// nextTimeout returns when the loop has something to do of its own accord.
func (l *loop) nextTimeout(now mono.Time) mono.Time {
	next := min(now.Add(idleTurn), l.feed.next, l.hardening.next(), l.unicast.next(), l.doubt.next())
	if l.dirty {
		next = min(next, l.reconcileAt)
	}
	return next
}

// results takes what other goroutines have ready, and asks for nothing that is not.
func (l *loop) results(now mono.Time) {
	for range resultQueue {
		select {
		case result := <-l.edge.results:
			l.result(now, result)
		default:
			return
		}
	}
	l.edge.poller.Wake() // perhaps there is more
}

func (l *loop) result(now mono.Time, result any) {
	switch r := result.(type) {
	case []entry:
		l.applyFetched(now, r)
	case fetchDone:
		l.fetched(now, r)
	case fetchedBlock:
		l.blockFetched(now, r)
	case runDone:
		l.runFetched(now, r)
	case commitDone:
		l.committed(now, r)
	case proofDone:
		l.doubtDone(now, r)
	case hardenDone:
		l.hardened(now, r)
	case snapshotRequest:
		r.reply <- l.snapshot()
	default:
		panic(fmt.Sprintf("edge: result of type %T", result))
	}
}

// events does what the engine asks for.
func (l *loop) events(now mono.Time) {
	for {
		event, ok := l.engine.NextEvent()
		if !ok {
			return
		}
		switch event.Kind {
		case receiver.BlockReady:
			if wire.IsData(event.TOI) {
				l.finishBlock(now, event)
			} else {
				l.finishControl(now, event)
			}
		case receiver.ObjectWhole:
			l.objectWhole(now, event.TOI)
		case receiver.ObjectDropped:
			l.abandon(event.TOI)
		case receiver.Demoted:
			l.demoted(now, true)
		case receiver.Promoted:
			l.demoted(now, false)
		case receiver.SenderRestarted:
			if l.restarts.happened(now) {
				l.log.Info("the origin's sender restarted", "restarts", l.restarts.times)
			}
			l.doubt.fresh = l.doubt.fresh[:0]
			l.engine.RequestReport(now) // what it may forget before it hears what edges have, it forgets at its start
		case receiver.SenderSilent:
			l.log.Warn("nothing is heard from the origin on the group: is it running, and does the network carry the group to this interface?",
				"group", l.edge.session.Group, "interface", l.edge.cfg.Interface)
			l.feed.silence(now, true)
			l.fetchMissing(now, l.unicast.demoted, true)
			l.planned = false
		case receiver.SenderHeard:
			l.log.Info("the origin is heard on the group", "group", l.edge.session.Group)
			l.feed.silence(now, false)
			l.fetchMissing(now, l.unicast.demoted, false)
			l.planned = false
		}
	}
}
