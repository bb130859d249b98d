package compare

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// warm takes as much memory as a run's files may, but half of what is free at most, and gives it
// back. A virtual machine returns pages that lie idle to its host, and the first write to such a
// page takes several times as long as to others: without this the same run differs by a third, by
// what ran before.
func warm(bytes int64) error {
	var system unix.Sysinfo_t
	if err := unix.Sysinfo(&system); err != nil {
		return fmt.Errorf("compare: free memory: %w", err)
	}
	bytes = min(bytes, int64(system.Freeram)*int64(system.Unit)/2)
	memory, err := unix.Mmap(-1, 0, int(bytes), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err == nil {
		err = unix.Munmap(memory)
	}
	if err != nil {
		return fmt.Errorf("compare: memory for the files of a run: %w", err)
	}
	return nil
}
