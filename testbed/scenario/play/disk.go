package play

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// ConfineCommand is the hidden subcommand of the fanfare command with which a process gets a small
// disk of its own: `fanfare testbed confine DIR BYTES COMMAND...`.
const ConfineCommand = "confine"

// disk is a small file system that is mounted on the directory of one edge, in a mount
// namespace that only the edge's process is in. What it holds is gone when that process ends.
type disk struct {
	dir     string
	bytes   int64
	command *exec.Cmd // the latest
}

func newDisk(dir string, bytes int64) (*disk, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return &disk{dir: dir, bytes: bytes}, nil
}

// confine changes a command such that it runs with the disk.
func (d *disk) confine(c *exec.Cmd) {
	c.Args = append([]string{c.Path, "testbed", ConfineCommand, d.dir, strconv.FormatInt(d.bytes, 10)}, c.Args...)
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	d.command = c
}

// filler is the file with which the disk is filled, as the process sees it.
func (d *disk) filler() (string, error) {
	if d.command == nil || d.command.Process == nil {
		return "", errors.New("its edge does not run")
	}
	return filepath.Join("/proc", strconv.Itoa(d.command.Process.Pid), "root", d.dir, "filler"), nil
}

// fill takes all the space that is left.
func (d *disk) fill() error {
	path, err := d.filler()
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	zeros := make([]byte, 4096)
	for range d.bytes/int64(len(zeros)) + 1 {
		if _, err := f.Write(zeros); errors.Is(err, unix.ENOSPC) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return fmt.Errorf("%s is larger than the %d bytes that it should have: is it mounted?", d.dir, d.bytes)
}

// free gives the space back.
func (d *disk) free() error {
	path, err := d.filler()
	if err != nil {
		return err
	}
	return os.Remove(path)
}

// Confine is what ConfineCommand does: it mounts a file system of some bytes on dir, which only this
// process sees, and becomes another program. The process must be in a mount namespace of its own.
func Confine(dir string, bytes int64, program []string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keeping mounts private: %w", err)
	}
	if err := unix.Mount("fanfare", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0755", bytes)); err != nil {
		return fmt.Errorf("mounting a small disk on %s: %w", dir, err)
	}
	return unix.Exec(program[0], program, os.Environ())
}

func (b *realBed) fillDisk(edge string, full bool) error {
	d := b.disks[edge]
	if full {
		return d.fill()
	}
	return d.free()
}
