package tree

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// receiver takes open files, as slowly as can be: they stay open until Push.
type receiver struct {
	bytes.Buffer
	open   []int
	pushes int
	files  int // that were closed
}

func (r *receiver) SendFile(fd int) error {
	r.open = append(r.open, fd)
	return nil
}

func (r *receiver) Flush() error { return nil }

func (r *receiver) Push() error {
	r.pushes++
	for _, fd := range r.open {
		unix.Close(fd)
	}
	r.files += len(r.open)
	r.open = nil
	return nil
}

// A process that may have few files open hands over the few that it can at a time.
func TestHandOverFewAtATime(t *testing.T) {
	const count = 100
	content := map[string]string{}
	for i := range count {
		content[fmt.Sprint("file", i)] = "content"
	}
	found, err := Collect([]string{newTree(t, content)}, noneSkipped(t))
	if err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	next, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(next)
	low := limit
	low.Cur = uint64(next) + 8 // a number from there on is none for a file
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	var r receiver
	told := int64(0)
	if err := WriteTar(&r, found, func(n int64) { told += n }); err != nil {
		t.Fatal(err)
	}
	if err := r.Push(); err != nil {
		t.Fatal(err)
	}
	if r.files != count || told != int64(count*len("content")) || r.pushes < count/8 {
		t.Errorf("%d of %d files with %d bytes in %d pushes", r.files, count, told, r.pushes)
	}
}
