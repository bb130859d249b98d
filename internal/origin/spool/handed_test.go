package spool

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fanfare/control"
	"fanfare/fec"
	"fanfare/internal/handover"
)

// testPublication returns a publication into a spool of its own, that is handed one file, and the file.
func testPublication(t *testing.T, size int) (*Publication, handover.Row, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "source")
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	// The clock of a file system may be coarse, so what comes later must be much later.
	modified := time.Now().Add(-time.Hour).Truncate(time.Microsecond)
	if err := os.Chtimes(path, time.Time{}, modified); err != nil {
		t.Fatal(err)
	}
	in, err := New(t.TempDir()).Receive(Intake{OTI: fec.OTI{SymbolLength: 1408, MaxBlock: 200, MaxSymbols: 255}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Discard(); err != nil {
			t.Error(err)
		}
	})
	in.given.NextFile = func() (int, bool) { return descriptor(t, path, unix.O_RDONLY), true }
	return in, handover.Row{Name: "x", Size: int64(size), Modified: modified}, path
}

// descriptor opens a file.
func descriptor(t *testing.T, path string, mode int) int {
	t.Helper()
	fd, err := unix.Open(path, mode|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Error(err)
	}
	return fd
}

// A file that is not as it was found is not published: neither when it shrinks or grows, nor when it
// is only written to; and neither before it is read nor until its last byte is.
func TestHandedFileChanges(t *testing.T) {
	for _, size := range []int{10_000, 3 << 20} {
		for name, change := range map[string]func(path string) error{
			"shrinks": func(path string) error { return os.Truncate(path, int64(size/2)) },
			"grows":   func(path string) error { return os.Truncate(path, int64(size+1)) },
			"is written to": func(path string) error {
				f, err := os.OpenFile(path, os.O_WRONLY, 0)
				if err != nil {
					return err
				}
				defer f.Close()
				_, err = f.WriteAt([]byte("new"), int64(size/2))
				return err
			},
		} {
			t.Run(fmt.Sprint(size, name), func(t *testing.T) {
				in, row, path := testPublication(t, size)
				file, err := os.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				defer file.Close()
				body := io.NewSectionReader(file, 0, row.Size)
				changing := io.MultiReader(io.LimitReader(body, 1), readerFunc(func([]byte) (int, error) {
					if err := change(path); err != nil {
						t.Error(err)
					}
					return 0, io.EOF
				}), body)
				_ = in.addObject(row.Name, row.Size, changing) // what comes of it does not matter
				if err := unchanged(file, &row); err == nil || !strings.Contains(err.Error(), "x changed while") {
					t.Errorf("published, or %v", err)
				}
				in, row, path = testPublication(t, size)
				if err := change(path); err != nil {
					t.Fatal(err)
				}
				if err := in.addHanded(row); err == nil || !strings.Contains(err.Error(), "x changed while") {
					t.Errorf("changed before: published, or %v", err)
				}
			})
		}
	}
}

// A publisher may be far ahead of the origin: the files that come with the bytes that are read ahead
// are not more than may wait.
func TestHandedAhead(t *testing.T) {
	const together, count = 64, 100 * 64 // as many are handed over at a time
	var stream bytes.Buffer
	var comes []int // where in stream each file comes
	archive := tar.NewWriter(&stream)
	for i := 0; i < count; {
		var rows []byte
		for range together {
			comes = append(comes, stream.Len())
			row := handover.Row{Name: strconv.FormatInt(int64(i), 36), Modified: time.Unix(1e9, 0)}
			rows, i = row.Append(rows), i+1
		}
		if err := errors.Join(archive.WriteHeader(&tar.Header{Typeflag: handover.TypeRows, Name: "rows", Size: int64(len(rows)), Format: tar.FormatGNU}),
			second(archive.Write(rows)), archive.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(empty, time.Time{}, time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	in, _, _ := testPublication(t, 1)
	total, taken, most := stream.Len(), 0, 0
	in.given.NextFile = func() (int, bool) {
		taken++
		return descriptor(t, empty, unix.O_RDONLY), true
	}
	_, err := in.Read(readerFunc(func(p []byte) (int, error) {
		n, err := stream.Read(p)
		come, _ := slices.BinarySearch(comes, total-stream.Len())
		most = max(most, come-taken)
		return n, err
	}))
	if err != nil || taken != count {
		t.Fatalf("%d of %d files were taken, %v", taken, count, err)
	}
	// The connection itself reads ahead, too, but stops behind bytes that files come with.
	if most += 2 * together; most > handover.MaxPending {
		t.Errorf("%d files waited, at most %d may", most, handover.MaxPending)
	}
}

func second(_ int, err error) error { return err }

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Rows without a file, and what is no regular file, are refused.
func TestHandedRefused(t *testing.T) {
	in, row, path := testPublication(t, 10)
	for name, test := range map[string]struct {
		next func() (int, bool)
		want string
	}{
		"publisher that can hand over none": {nil, `"x" was not handed over`},
		"publisher that handed over none":   {func() (int, bool) { return -1, false }, `"x" was not handed over`},
		"directory":                         {func() (int, bool) { return descriptor(t, filepath.Dir(path), unix.O_RDONLY), true }, `"x" is not a regular file`},
		"one that cannot be read":           {func() (int, bool) { return descriptor(t, path, unix.O_WRONLY), true }, "bad file descriptor"},
	} {
		in.given.NextFile = test.next
		in.seen = make(map[control.Key]struct{})
		if err := in.addRows(int64(len(row.Append(nil))), bytes.NewReader(row.Append(nil))); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := in.addRows(3, strings.NewReader("abc")); err == nil || !strings.Contains(err.Error(), "malformed row") {
		t.Errorf("no row: %v", err)
	}
	if err := in.addRows(handover.MaxRows+1, strings.NewReader("")); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("too many rows: %v", err)
	}
}
