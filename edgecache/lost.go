package edgecache

import (
	"errors"
	"fmt"
	"math/bits"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A complete bundle whose file is gone, shorter than it was, or not readable is lost: from then on it
// counts as one that has not come yet, and comes as such. What is found lost is recorded durably
// before a file of its length is made again (see create and restoreRecords): else a restart in between
// would take that for the bundle.

const (
	// maxLostPause is the longest pause before a bundle that is lost again and again is wanted again.
	maxLostPause = 24 * time.Hour
	// maxLostTold is up to how many lost bundles the log names each; of more it names one each time
	// that their number has doubled.
	maxLostTold = 8
)

// Why a bundle is lost.
var (
	errGone  = errors.New("the file is gone")
	errShort = errors.New("the file is too short")
	// errVanished says that a bundle was lost before it was complete. That fails it, for a while.
	errVanished = errors.New("its file was removed or cut short")
)

// inspect returns what is wrong with the file of a complete bundle, as far as its name and length
// tell.
func (d *disk) inspect(sequence uint64, size int64) error {
	info, err := os.Stat(d.path(sequence))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return errGone
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("it is not a file any more")
	case info.Size() != size:
		return fmt.Errorf("the file has %d bytes, not %d", info.Size(), size)
	}
	return nil
}

// check returns errGone or errShort if that became of an open file of so many bytes.
func (o *openFile) check(size int64) error {
	var st unix.Stat_t
	switch err := unix.Fstat(int(o.Fd()), &st); {
	case err != nil:
		return err
	case st.Size < size:
		return errShort
	case st.Nlink == 0:
		return errGone
	}
	return nil
}

// readable returns why the file cannot be read at offset, if it cannot.
func (o *openFile) readable(offset int64) error {
	var one [1]byte
	_, err := o.ReadAt(one[:], offset)
	return err
}

// lose takes note that a request could not read the file of a bundle; broken is that file, nil if it
// could not even be opened. It returns whether the request should look again what there is: the bundle is
// lost, or was evicted, dropped or brought again meanwhile.
func (c *Cache) lose(sequence uint64, cause error, broken *openFile) (again bool) {
	if isPressed(cause) {
		return false
	}
	// In a goroutine of its own: the index panics when it cannot go on, which must end the process, and
	// net/http catches what panics in a request's.
	done := make(chan struct{})
	go func() {
		again = c.noteLost(sequence, cause, broken)
		close(done)
	}()
	<-done
	return again
}

// noteLost is lose but for the panics.
func (c *Cache) noteLost(sequence uint64, cause error, broken *openFile) (again bool) {
	c.writing.Lock()
	defer c.writing.Unlock()
	b := c.bundles[sequence]
	if b == nil || b.phase != phaseComplete {
		return true
	}
	if c.disk.stands(sequence, b.size, broken) {
		c.disk.files.drop(sequence)
		return true // it has come again since
	}
	if err := c.forgetBytes(b); err != nil {
		if !b.unreadable.Swap(true) {
			c.cfg.Log.Error("lost bundle not recorded", "sequence", sequence, "err", err)
		}
		return false
	}
	c.tellLost(sequence, cause)
	c.noticed.Store(true)
	return true
}

// isPressed reports whether a file could not be opened for want of something that has nothing to do with it.
func isPressed(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

// stands reports whether the file of a bundle is there, as long as it should be, readable, and another
// than broken, which is nil if there was none.
func (d *disk) stands(sequence uint64, size int64, broken *openFile) bool {
	if d.inspect(sequence, size) != nil {
		return false
	}
	file, err := os.Open(d.path(sequence))
	if err != nil {
		return isPressed(err)
	}
	defer file.Close()
	if broken == nil {
		return true
	}
	is, err := file.Stat()
	was, err2 := broken.Stat()
	return err == nil && err2 == nil && !os.SameFile(is, was)
}

// forgetBytes has a complete bundle wanted again, and removes what is left of its file, which may be
// open: no byte of it is written again. writing is held.
func (c *Cache) forgetBytes(b *bundle) error {
	raw, err := c.index.get(sequenceKey(tagBundle, b.sequence))
	if err != nil {
		return err
	}
	r, err := readRecord(raw, true)
	if err != nil {
		return err
	}
	r.fate = fateLost
	size := b.size
	err = c.change(func(batch batch) error {
		c.catalogue.Evicted(b.sequence)
		batch.setRecord(b.sequence, r)
		b.recorded = c.position + 1
		c.want(b, r)
		if b.losses++; b.losses > 1 { // a disk that keeps nothing should not have the origin send it for ever
			b.retry = c.now().Add(lostPause(c.cfg.RetryAfter, b.losses-2))
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.giveBack(size)
	if err := c.disk.remove(b.sequence); err != nil {
		c.recordFailure(b, &diskError{"remove what is left", err})
	}
	return nil
}

// lostPause doubles a pause so many times, up to maxLostPause.
func lostPause(pause time.Duration, times int) time.Duration {
	for range times {
		if pause >= maxLostPause {
			break
		}
		pause *= 2
	}
	return min(pause, maxLostPause)
}

// want makes a bundle that was complete one that should come, by its record; both locks are held.
func (c *Cache) want(b *bundle, r record) {
	mark, _ := c.catalogue.Mark()
	b.phase, b.publish, b.size, b.folded = phaseWanted, r.publish, 0, b.sequence <= mark
	c.pending[b.sequence] = b
}

// tellLost counts a lost bundle, and tells the log unless there are many.
func (c *Cache) tellLost(sequence uint64, cause error) {
	n := c.count.bundlesLost.Add(1)
	if n <= maxLostTold || bits.OnesCount64(n) == 1 {
		c.cfg.Log.Warn("bundle file lost, and fetched again", "sequence", sequence, "err", cause, "lost", n)
	}
}

// Lost reports whether requests have found lost bundles since it was last called: there is more that
// is wanted, and less to tell the origin.
func (c *Cache) Lost() bool { return c.noticed.Load() && c.noticed.Swap(false) }
