// Package writeback has the system begin early to take a growing file to the disk, so that the
// fsync at its end, which somebody waits for, finds little left to do.
package writeback

import (
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Bytes is how much of a file should be written before each Begin.
const Bytes = 8 << 20

// Ahead is one stream of writing, in one file or several. Its zero value is ready.
type Ahead struct {
	busy atomic.Bool
	done sync.WaitGroup
}

// Begin has the system start to write to the disk what was written to f so far, in a goroutine
// that Wait waits for. It makes nothing durable, and tells no errors: those are the fsync's, which
// is due as before. It returns false, and does nothing, if an earlier Begin still waits for a busy
// disk. f may be closed meanwhile.
func (a *Ahead) Begin(f *os.File) bool {
	if InMemory(f) {
		return true
	}
	if !a.busy.CompareAndSwap(false, true) {
		return false
	}
	a.done.Go(func() {
		defer a.busy.Store(false)
		connection, err := f.SyscallConn()
		if err != nil {
			return
		}
		// Without the call, or where the file system has none, the fsync just takes longer.
		_ = connection.Control(func(fd uintptr) {
			_ = unix.SyncFileRange(int(fd), 0, 0, unix.SYNC_FILE_RANGE_WRITE)
		})
	})
	return true
}

// Window is how much of a file Settle leaves on its way to the disk, in bytes.
const Window = 16 << 20

// Settle waits until what was written to f up to an offset, but for the last Window bytes, has gone to
// the disk. Who writes faster than the disk is slowed down to it, instead of leaving the rest to the
// fsync: while that has the disk busy everybody else's fsync waits, too. Like Begin it makes nothing
// durable and tells no errors.
func Settle(f *os.File, written int64) {
	if written <= Window {
		return
	}
	connection, err := f.SyscallConn()
	if err != nil {
		return
	}
	const flags = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	_ = connection.Control(func(fd uintptr) { _ = unix.SyncFileRange(int(fd), 0, written-Window, flags) })
}

// Wait returns when nothing is begun that is not done.
func (a *Ahead) Wait() { a.done.Wait() }

// InMemory reports whether f is in a file system that has no disk.
func InMemory(f *os.File) (memory bool) {
	connection, err := f.SyscallConn()
	if err != nil {
		return false
	}
	_ = connection.Control(func(fd uintptr) {
		var fs unix.Statfs_t
		memory = unix.Fstatfs(int(fd), &fs) == nil && fs.Type == unix.TMPFS_MAGIC
	})
	return memory
}
