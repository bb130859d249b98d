package edgecache

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"fanfare/control"
)

// A watcher is a ResponseWriter that notes what its ReadFrom gets, as a server's does.
type watcher struct {
	*httptest.ResponseRecorder
	file   string // the name of the *os.File in the io.LimitedReader, if it is one
	offset int64  // where that stood
	n      int64
	calls  int
}

func (w *watcher) ReadFrom(r io.Reader) (int64, error) {
	w.calls++
	if limited, ok := r.(*io.LimitedReader); ok {
		w.n = limited.N
		if file, ok := limited.R.(*os.File); ok {
			w.file = file.Name()
			w.offset, _ = file.Seek(0, io.SeekCurrent)
		}
	}
	return io.Copy(w.Body, r)
}

// What is large reaches the server as a file at an offset of its own, which is what it takes for
// sendfile(2); what is small does not.
func TestLargeBodies(t *testing.T) {
	o := newOrigin(t)
	o.oti.SymbolLength, o.oti.MaxBlock, o.oti.MaxSymbols = 1024, 100, 120
	e := openEdge(t, o, o.config(t.TempDir()))
	large, small := random(1, smallBody+1), random(2, smallBody)
	e.deliver(o.publish(file("/small", string(small)), file("/large", string(large)),
		body{key: control.Key{Path: "/gzip"}, bytes: large, headers: []control.Header{{Name: "content-encoding", Value: "gzip"}}}))
	row := func(path string) int64 {
		f := e.lookup(control.Key{Path: path})
		return int64(f.row.Offset)
	}
	length := fmt.Sprint(len(large))
	tests := []struct {
		name, method, path string
		header             []string
		status             int
		want               []byte
		file               bool
		offset             int64
		length             string
	}{
		{"whole", "GET", "/large", nil, 200, large, true, row("/large"), length},
		{"encoded", "GET", "/gzip", nil, 200, large, true, row("/gzip"), length},
		{"large range", "GET", "/large", []string{"Range", "bytes=0-65536"}, 206, large[:65537], true, row("/large"), "65537"},
		{"small range", "GET", "/large", []string{"Range", "bytes=5-104"}, 206, large[5:105], false, 0, "100"},
		{"head", "HEAD", "/large", nil, 200, nil, false, 0, length},
		{"not modified", "GET", "/large", []string{"If-None-Match", "*"}, 304, nil, false, 0, ""},
		{"small", "GET", "/small", nil, 200, small, false, 0, fmt.Sprint(len(small))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, at(test.path), nil)
			for i := 0; i+1 < len(test.header); i += 2 {
				r.Header.Set(test.header[i], test.header[i+1])
			}
			w := &watcher{ResponseRecorder: httptest.NewRecorder()}
			e.Handler().ServeHTTP(w, r)
			if w.Code != test.status || !bytes.Equal(w.Body.Bytes(), test.want) || w.Header().Get("Content-Length") != test.length {
				t.Errorf("%d with %d bytes, %v", w.Code, w.Body.Len(), w.Header())
			}
			wantFile := ""
			if test.file {
				wantFile = e.disk.path(1)
			}
			if w.file != wantFile || w.offset != test.offset {
				t.Errorf("the server gets file %q at %d, want %q at %d", w.file, w.offset, wantFile, test.offset)
			}
			if w.calls > 1 || len(test.want) > 0 && w.n != int64(len(test.want)) {
				t.Errorf("%d pieces, the last of %d bytes", w.calls, w.n)
			}
		})
	}
}

// Small objects of a bundle are served from the file that is open already.
func TestSmallBodiesShareAFile(t *testing.T) {
	e := site(t)
	e.want(at("/digits"), 200, "0123456789")
	if err := os.Remove(e.disk.path(1)); err != nil { // nobody can open it any more
		t.Fatal(err)
	}
	e.want(at("/digits"), 200, "0123456789")
	e.want(at("/page.html"), 200, "<p>hi")
	if n := len(e.disk.files.open); n != 1 {
		t.Errorf("%d files are open", n)
	}
}

// A purge closes the file, so that the disk gets its space back.
func TestPurgeClosesFile(t *testing.T) {
	o := newOrigin(t)
	e := openEdge(t, o, o.config(t.TempDir()))
	e.deliver(o.publish(file("/a", "text")))
	e.want(at("/a"), 200, "text")
	e.apply(o.purge(purgeAll()))
	if err := e.Sync(); err != nil {
		t.Fatal(err)
	}
	if n := len(e.disk.files.open); n != 0 {
		t.Errorf("%d files are open", n)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	d := newDisk(dir, 0)
	d.files.limit = 2
	for sequence := range uint64(4) {
		if err := os.WriteFile(d.path(sequence), fmt.Append(nil, sequence), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	acquire := func(sequence uint64) *openFile {
		t.Helper()
		o, err := d.files.acquire(sequence)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	closed := func(o *openFile, want bool) {
		t.Helper()
		if _, err := o.ReadAt(make([]byte, 1), 0); (err != nil) != want {
			t.Errorf("file %d: %v, closed should be %v", o.sequence, err, want)
		}
	}
	a := acquire(0)
	if again := acquire(0); again != a {
		t.Error("the file is opened twice")
	}
	d.files.release(a)
	b := acquire(1)
	d.files.release(b)
	c := acquire(2) // one too many: a goes from the list, but is in use
	d.files.release(c)
	closed(a, false)
	d.files.release(a)
	closed(a, true)
	closed(b, false)
	if err := d.remove(1); err != nil { // not in use
		t.Fatal(err)
	}
	closed(b, true)
	c = acquire(2)
	if err := d.removeLater(2); err != nil { // in use
		t.Fatal(err)
	}
	closed(c, false)
	d.files.release(c)
	closed(c, true)
	if _, err := d.files.acquire(2); !os.IsNotExist(err) {
		t.Errorf("a file that is gone: %v", err)
	}
	last := acquire(3)
	d.files.close()
	closed(last, false)
	d.files.release(last)
	closed(last, true)
	late := acquire(0)
	d.files.release(late)
	closed(late, true)
	d.wait()
}

// A file that went while it was being opened is not kept: its space would never come back.
func TestFileGoesWhileOpened(t *testing.T) {
	d := newDisk(t.TempDir(), 0)
	if err := os.WriteFile(d.path(1), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	path := d.files.path
	d.files.path = func(sequence uint64) string { // acquire asks for it when it has looked in vain
		d.files.drop(sequence)
		return path(sequence)
	}
	o, err := d.files.acquire(1)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.files.open) != 0 {
		t.Error("it is kept")
	}
	d.files.release(o)
	if _, err := o.Stat(); err == nil {
		t.Error("it is not closed")
	}
}

// BenchmarkHit is a request that the cache answers, without a network.
func BenchmarkHit(b *testing.B) {
	o := newOrigin(b)
	o.oti.SymbolLength, o.oti.MaxBlock, o.oti.MaxSymbols = 1408, 200, 255
	e := openEdge(b, o, o.config(b.TempDir()))
	e.deliver(o.publish(file("/10KB.bin", string(random(1, 10_000)))))
	h := e.Handler()
	r := httptest.NewRequest(http.MethodGet, at("/10KB.bin"), nil)
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}

// discard is a ResponseWriter that reads what it is given.
type discard struct {
	header http.Header
	buffer [smallBody]byte
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.ReadFull(r, d.buffer[:r.(*io.LimitedReader).N])
	return int64(n), err
}
