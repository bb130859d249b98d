package origin

import (
	"archive/tar"
	"bytes"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fanfare/control"
	"fanfare/fec"
	"fanfare/internal/api"
	"fanfare/internal/tree"
)

// Files that are handed over open, among others that are not, are published like those, and
// whatever their descriptor points at.
func TestPublishHandedOver(t *testing.T) {
	dir := initOrigin(t)
	o := start(t, dir)
	in := t.TempDir()
	rng := rand.NewChaCha8([32]byte{7})
	want := map[string][]byte{}
	for name, size := range map[string]int{
		"a-empty": 0, "b-small": 100, "c-handed": 70_000, "d-small": 200, "e-large": aloneSize, "f-larger": 5*aloneSize + 12_345, "g-handed": 900_000,
	} {
		want["/"+name] = make([]byte, size)
		rng.Read(want["/"+name])
		if err := os.WriteFile(filepath.Join(in, name), want["/"+name], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := tree.Collect([]string{in}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	var told int64
	var stream int64
	result, err := o.client.Publish(t.Context(), api.PublishOptions{}, func(w io.Writer) error {
		err := tree.WriteTar(w, found, func(n int64) { told += n })
		stream = told
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if result.Objects != len(want) || uint64(stream) != result.Bytes {
		t.Fatalf("published %+v, told of %d bytes", result, stream)
	}
	for sequence := result.First; sequence <= result.Last; sequence++ {
		manifest, err := o.manifestOf(sequence)
		if err != nil {
			t.Fatal(err)
		}
		content := mustRead(t, o.spool.path(sequence))
		for _, object := range manifest.Objects {
			body := want[object.Key.Path]
			if !bytes.Equal(content[object.Offset:object.Offset+object.Length], body) || object.Digest != control.Sum(body) {
				t.Errorf("%s is not what was published", object.Key)
			}
			delete(want, object.Key.Path)
		}
	}
	if len(want) > 0 {
		t.Errorf("%d files are missing", len(want))
	}
}

// testIngest returns an ingest into a spool of its own, that is handed one file, and the file.
func testIngest(t *testing.T, size int) (*ingest, *tar.Header, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "source")
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	// The clock of a file system may be coarse, so what comes later must be much later.
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	in, err := newIngest(newSpool(t.TempDir()), new(journal), fec.OTI{SymbolLength: 1408, MaxBlock: 200, MaxSymbols: 255}, api.PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.discard(); err != nil {
			t.Error(err)
		}
	})
	in.nextFile = func() *os.File {
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
		}
		return f
	}
	return in, &tar.Header{Typeflag: tar.TypeFifo, Name: "x", Size: int64(size)}, path
}

// A file that changes after it was handed over is not published: neither when it shrinks or
// grows while it is read, nor when it is only written to.
func TestHandedFileChanges(t *testing.T) {
	const size = 3 << 20
	for name, change := range map[string]func(path string) error{
		"shrinks": func(path string) error { return os.Truncate(path, size/2) },
		"grows":   func(path string) error { return os.Truncate(path, size+1) },
		"is written to": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt([]byte("new"), size/2)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			in, header, path := testIngest(t, size)
			file, err := in.takeFile(header)
			if err != nil {
				t.Fatal(err)
			}
			defer file.close()
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			if err := file.check(in.addObject(header, file)); err == nil || !strings.Contains(err.Error(), "x changed while") {
				t.Errorf("published, or %v", err)
			}
		})
	}
	in, header, path := testIngest(t, size)
	if err := os.Truncate(path, size-1); err != nil {
		t.Fatal(err)
	}
	if _, err := in.takeFile(header); err == nil || !strings.Contains(err.Error(), "x changed while") {
		t.Errorf("changed before: %v", err)
	}
}

// A header without a file, and what is no regular file, are refused.
func TestHandedRefused(t *testing.T) {
	in, header, path := testIngest(t, 10)
	for name, next := range map[string]func() *os.File{
		"publisher that can hand over none": nil,
		"publisher that handed over none":   func() *os.File { return nil },
		"directory": func() *os.File {
			f, err := os.Open(filepath.Dir(path))
			if err != nil {
				t.Error(err)
			}
			return f
		},
	} {
		in.nextFile = next
		if _, err := in.takeFile(header); err == nil || !strings.Contains(err.Error(), `"x" is not a regular file`) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// One that is not open for reading is found out when it is read.
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	in.nextFile = func() *os.File { return f }
	file, err := in.takeFile(header)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.check(in.addObject(header, file)); err == nil {
		t.Error("a file that cannot be read is published")
	}
	file.close()
}

// Over TCP the stream itself carries everything.
func TestPublishLargeOverTCP(t *testing.T) {
	dir := initOrigin(t)
	address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), freePort(t))
	text := strings.Replace(string(mustRead(t, filepath.Join(dir, configName))), `#api: "127.0.0.1:7701"`, `api: "`+address.String()+`"`, 1)
	if err := os.WriteFile(filepath.Join(dir, configName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, dir)
	client := api.NewTCP(address.String())
	defer client.Close()
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := tree.Collect([]string{large}, nil)
	if err != nil {
		t.Fatal(err)
	}
	result, err := client.Publish(t.Context(), api.PublishOptions{}, func(w io.Writer) error {
		return tree.WriteTar(w, found, func(int64) {})
	})
	if err != nil || result.Bytes != 2<<20 {
		t.Errorf("over TCP: %+v, %v", result, err)
	}
}
