package spool

import (
	"fmt"
	"io"
	"os"
	"sync"

	"fanfare/control"
	"fanfare/fec"
	"fanfare/internal/writeback"
)

// arenas are where bodies are gathered, of bundleSize bytes each: to have a new one from the system
// for every bundle, page by page and zeroed, took longer than to fill it.
var arenas = sync.Pool{New: func() any { return new([bundleSize]byte) }}

// addSmall gathers a small object.
func (in *Publication) addSmall(object control.Object, body io.Reader) error {
	row := rowSize(&object)
	full := len(in.bodies)+in.rows+int(object.Length)+row > bundleSize
	if full || len(in.small) >= control.MaxBundleObjects {
		if err := in.flush(); err != nil {
			return err
		}
	}
	if err := in.gather(int(object.Length), body); err != nil {
		return err
	}
	in.small = append(in.small, object)
	in.rows += row
	return nil
}

// rowSize is at least what the object's row takes in a manifest, in bytes.
func rowSize(o *control.Object) int {
	n := 128 + len(o.Key.Host) + len(o.Key.Path)
	for _, h := range o.Headers {
		n += 8 + len(h.Name) + len(h.Value)
	}
	for _, t := range o.Tags {
		n += 4 + len(t)
	}
	return n
}

// gather reads one body of n bytes behind those that were gathered before.
func (in *Publication) gather(n int, body io.Reader) error {
	start := len(in.bodies)
	if cap(in.bodies)-start < n {
		if len(in.small) == 0 { // it may be the only one
			in.bodies = make([]byte, 0, n)
		} else {
			in.arena = arenas.Get().(*[bundleSize]byte)
			in.bodies = append(in.arena[:0], in.bodies...)
		}
	}
	in.bodies = in.bodies[:start+n]
	if _, err := io.ReadFull(body, in.bodies[start:]); err != nil {
		in.bodies = in.bodies[:start]
		return truncated(err)
	}
	return nil
}

// flush stages what was gathered. If that is not all there is it is written and synced beside what
// comes next.
func (in *Publication) flush() error {
	if len(in.small) == 0 {
		return nil
	}
	file, err := in.create()
	if err != nil {
		return err
	}
	objects, bodies, arena, s := in.small, in.bodies, in.arena, new(Staged)
	in.small, in.bodies, in.arena, in.rows = nil, nil, nil, 0
	in.staged = append(in.staged, s)
	fill := func() error {
		err := fillGathered(s, file, objects, in.given.OTI, bodies)
		if arena != nil {
			arenas.Put(arena)
		}
		if err != nil {
			file.Close()
		}
		return in.explain(err)
	}
	if in.single {
		if err := fill(); err != nil {
			return err
		}
		if in.spool.journal.room(s.Publish.OTI.TransferLength) {
			s.logged = true
			if arena == nil && s.Publish.OTI.TransferLength == uint64(len(bodies)) { // no manifest before them
				s.content = bodies
			}
			if err := file.Close(); err != nil {
				return fmt.Errorf("spool: %w", err)
			}
			return nil
		}
		return syncStaged(file)
	}
	in.filling <- struct{}{} // a second arena is enough
	in.sync.Go(func() error {
		err := fill()
		<-in.filling
		if err != nil {
			return in.note(err)
		}
		return in.note(syncStaged(file))
	})
	return nil
}

// note has the publication break off if err is not nil, and returns it.
func (in *Publication) note(err error) error {
	if err != nil {
		in.broken.Store(true)
	}
	return err
}

// fillGathered writes a whole bundle, whose bodies are in memory end to end, into a staged file, and
// describes it in s.
func fillGathered(s *Staged, file *os.File, objects []control.Object, oti fec.OTI, bodies []byte) error {
	w, err := layBundle(file, objects, oti)
	if err != nil {
		return err
	}
	defer w.ahead.Wait()
	if uint64(len(bodies)) != w.bytes {
		return fmt.Errorf("spool: %d bytes for objects of %d", len(bodies), w.bytes)
	}
	if err := w.copyGathered(bodies); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	made, err := w.finish()
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	*s = *made
	return nil
}

// copyGathered is copyFrom for bodies in memory: another core digests the objects beside the one
// that writes and digests the blocks.
func (w *bundleWriter) copyGathered(bodies []byte) error {
	if len(bodies) <= pieceSize {
		w.digestBodies(bodies)
		w.digestBlocks(bodies)
		return w.store(bodies)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.digestBodies(bodies)
	}()
	defer func() { <-done }()
	for left := bodies; len(left) > 0; {
		piece := left[:min(len(left), writeback.Bytes)]
		if err := w.store(piece); err != nil {
			return err
		}
		left = left[len(piece):]
	}
	w.digestBlocks(bodies)
	return nil
}
