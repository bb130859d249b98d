package edgecache

import (
	"container/list"
	"os"
	"sync"
)

// maxOpenFiles is how many bundle files stay open between requests: as many small objects as
// they hold are served without an open(2).
const maxOpenFiles = 256

// files are the bundle files that requests have open, and those that they had open last. Any
// goroutine may call it.
type files struct {
	path  func(sequence uint64) string
	limit int

	mu     sync.Mutex
	open   map[uint64]*openFile
	recent list.List // of *openFile: those of open, the one used last in front
	drops  uint64    // calls of drop
	closed bool
}

// An openFile is a bundle file open for reading, shared by requests: nobody may move its offset.
type openFile struct {
	*os.File
	sequence uint64
	users    int
	element  *list.Element // nil when it is no longer in files.open: the last user closes it
}

func newFiles(path func(uint64) string, limit int) *files {
	return &files{path: path, limit: limit, open: map[uint64]*openFile{}}
}

// acquire returns the file of a bundle; release must follow. Its error is that of os.Open.
func (f *files) acquire(sequence uint64) (*openFile, error) {
	f.mu.Lock()
	if o := f.open[sequence]; o != nil {
		o.users++
		f.recent.MoveToFront(o.element)
		f.mu.Unlock()
		return o, nil
	}
	drops := f.drops
	f.mu.Unlock()

	file, err := os.Open(f.path(sequence))
	if err != nil {
		return nil, err
	}
	o := &openFile{File: file, sequence: sequence, users: 1}
	f.mu.Lock()
	defer f.mu.Unlock()
	// If a file went meanwhile, it may have been this one: then it must not be found again.
	if drops == f.drops && !f.closed && f.open[sequence] == nil {
		o.element = f.recent.PushFront(o)
		f.open[sequence] = o
		if len(f.open) > f.limit {
			f.closeOldest()
		}
	}
	return o, nil
}

// release gives back what acquire returned.
func (f *files) release(o *openFile) {
	f.mu.Lock()
	o.users--
	unused := o.users == 0 && o.element == nil
	f.mu.Unlock()
	if unused {
		o.Close()
	}
}

// drop is called when the name of a bundle's file is gone: who has the file keeps it, nobody gets it
// any more, and its space is free when the last has done with it.
func (f *files) drop(sequence uint64) {
	f.mu.Lock()
	f.drops++
	o := f.open[sequence]
	unused := o != nil && f.forget(o)
	f.mu.Unlock()
	if unused {
		o.Close() // may take long, if it frees a large file
	}
}

// close closes all files that are not in use. Later ones are closed by their users.
func (f *files) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for f.recent.Len() > 0 {
		f.closeOldest()
	}
}

// closeOldest makes room for another file; mu is held.
func (f *files) closeOldest() {
	if o := f.recent.Back().Value.(*openFile); f.forget(o) {
		o.Close()
	}
}

// forget takes a file out of open; mu is held. It returns whether the caller is to close it.
func (f *files) forget(o *openFile) (unused bool) {
	delete(f.open, o.sequence)
	f.recent.Remove(o.element)
	o.element = nil
	return o.users == 0
}
