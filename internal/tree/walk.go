package tree

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// statAtOnce is how many files of a directory one goroutine looks at, at least: nothing else goes on
// while files are being found.
const statAtOnce = 256

// walk is one pass through a directory. The root stays open: its files are read later.
type walk struct {
	dir     string
	root    *os.Root
	skipped func(path string)
	files   []File
}

// look is what the system knows of a name in a directory.
type look struct {
	kind fs.FileMode // its type
	size int64       // in bytes
	// modified is when it was last changed.
	modified time.Time
	err      error
}

// enter adds what lies in the directory name. above has that directory and those that led to it.
func (w *walk) enter(name string, above []fs.FileInfo) error {
	entries, looks, err := w.read(name)
	if err != nil {
		return w.explain(name, err)
	}
	if err := w.refuse(name, entries); err != nil {
		return err
	}
	inside, said := "", w.say(name)+string(filepath.Separator)
	if name != "." {
		inside = name + "/"
	}
	w.files = slices.Grow(w.files, len(entries))
	for i, entry := range entries {
		child := inside + entry.Name()
		if found := &looks[i]; found.err != nil {
			return w.explain(child, &os.PathError{Op: "lstat", Path: said + entry.Name(), Err: found.err})
		} else if found.kind.IsRegular() {
			w.files = append(w.files, File{
				Name: child, Path: said + entry.Name(), Size: found.size, modified: found.modified, root: w.root,
			})
			continue
		}
		if err := w.other(child, above); err != nil {
			return err
		}
	}
	return nil
}

// other adds what a name stands for that is no regular file itself.
func (w *walk) other(child string, above []fs.FileInfo) error {
	info, err := w.root.Stat(child) // a link may lead anywhere in the root
	if err != nil {
		return w.explain(child, err)
	}
	switch {
	case info.IsDir():
		for _, parent := range above {
			if os.SameFile(parent, info) {
				return fmt.Errorf("%s is a symbolic link to a directory that it lies in: a loop", w.say(child))
			}
		}
		return w.enter(child, append(above[:len(above):len(above)], info))
	case info.Mode().IsRegular():
		w.files = append(w.files, File{
			Name: child, Path: w.say(child), Size: info.Size(), modified: info.ModTime(), root: w.root,
		})
	default:
		w.skipped(w.say(child))
	}
	return nil
}

// read returns what is in a directory, in order of name, and how it looks.
func (w *walk) read(name string) ([]fs.DirEntry, []look, error) {
	dir, err := w.root.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer dir.Close()
	entries, err := list(dir)
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	looks := make([]look, len(entries))
	share := max(statAtOnce, (len(entries)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	var group sync.WaitGroup
	fd := int(dir.Fd())
	for from := share; from < len(entries); from += share {
		to := min(from+share, len(entries))
		group.Go(func() { lookAt(fd, entries[from:to], looks[from:to]) })
	}
	first := min(share, len(entries))
	lookAt(fd, entries[:first], looks[:first])
	group.Wait()
	return entries, looks, nil
}

// list returns what is in a directory. A directory opened in an os.Root looks at every name one by
// one, for safety; here the descriptor of the directory is what keeps it in the root.
func list(dir *os.File) ([]fs.DirEntry, error) {
	var fd int
	err := patiently(func() (err error) {
		fd, err = unix.FcntlInt(dir.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, &os.PathError{Op: "fcntl", Path: dir.Name(), Err: err}
	}
	outside := os.NewFile(uintptr(fd), dir.Name())
	defer outside.Close()
	return outside.ReadDir(-1)
}

// lookAt looks at names in the open directory dir, at links themselves.
func lookAt(dir int, entries []fs.DirEntry, looks []look) {
	for i, entry := range entries {
		l := &looks[i]
		if l.kind = entry.Type(); l.kind&(fs.ModeDir|fs.ModeSymlink) != 0 {
			continue
		}
		var info unix.Stat_t
		l.err = patiently(func() error {
			return unix.Fstatat(dir, entry.Name(), &info, unix.AT_SYMLINK_NOFOLLOW)
		})
		if info.Mode&unix.S_IFMT != unix.S_IFREG {
			l.kind = fs.ModeIrregular
			continue
		}
		l.kind, l.size, l.modified = 0, info.Size, time.Unix(info.Mtim.Unix())
	}
}
