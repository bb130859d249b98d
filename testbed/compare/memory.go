package compare

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// place is the directory for files.
func place(dir string) string {
	const memory = "/dev/shm"
	if dir != "" {
		return dir
	}
	if unix.Access(memory, unix.W_OK) == nil {
		return memory
	}
	return os.TempDir()
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
