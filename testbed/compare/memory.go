package compare

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// place is where a comparison's files are.
type place struct {
	dir   string
	about string
	mount string // a file system of its own, to be unmounted; empty if there is none
}

// newPlace makes a directory below parent, or if that is empty in memory where there is memory to be had.
// That is a file system of its own, which hands out pages by the folio of up to 2 MB as ext4 and XFS do
// on a disk: page by page, half of what a receiver spends on writing goes into finding them.
func newPlace(parent string) (*place, error) {
	if parent != "" {
		return newDirectory(parent)
	}
	p, err := newDirectory(os.TempDir())
	if err != nil {
		return nil, err
	}
	if err := unix.Mount("fanfare-compare", p.dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "huge=within_size"); err == nil {
		p.mount, p.about = p.dir, "files are in memory (tmpfs, huge=within_size)"
		return p, nil
	}
	// Without the right to mount, or large folios.
	const shared = "/dev/shm"
	if unix.Access(shared, unix.W_OK) != nil {
		return p, nil
	}
	if err := p.remove(); err != nil {
		return nil, err
	}
	return newDirectory(shared)
}

func newDirectory(parent string) (*place, error) {
	dir, err := os.MkdirTemp(parent, "fanfare-compare-")
	return &place{dir: dir, about: "files are in " + parent}, err
}

// remove takes everything away.
func (p *place) remove() error {
	if p.mount != "" {
		if err := unix.Unmount(p.mount, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("compare: unmount %s: %w", p.mount, err)
		}
	}
	return os.RemoveAll(p.dir)
}

// warm takes as much memory as a run's files may need, but half of what is free at most, and gives it
// back. A virtual machine returns pages that lie idle to its host, and the first write to such a
// page takes several times as long as to others: without this the same run differs by a third, by
// what ran before. Idle memory is returned by large folios, so it is taken by these.
func warm(bytes int64) error {
	var system unix.Sysinfo_t
	if err := unix.Sysinfo(&system); err != nil {
		return fmt.Errorf("compare: free memory: %w", err)
	}
	bytes = min(bytes, int64(system.Freeram)*int64(system.Unit)/2)
	memory, err := unix.Mmap(-1, 0, int(bytes), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return fmt.Errorf("compare: memory for the files of a run: %w", err)
	}
	_ = unix.Madvise(memory, unix.MADV_HUGEPAGE) // a kernel without it has small pages only
	for i := 0; i < len(memory); i += os.Getpagesize() {
		memory[i] = 1
	}
	if err := unix.Munmap(memory); err != nil {
		return fmt.Errorf("compare: memory for the files of a run: %w", err)
	}
	return nil
}
