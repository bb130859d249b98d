package edgecache

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"testing"
	"time"

	"fanfare/control"
	"fanfare/internal/cork"
)

// A watcher is a ResponseWriter that notes what its ReadFrom gets, as a server's does.
type watcher struct {
	*httptest.ResponseRecorder
	sections []cork.Section
}

func (w *watcher) ReadFrom(r io.Reader) (int64, error) {
	if s, ok := r.(*cork.Section); ok {
		w.sections = append(w.sections, *s)
	}
	return io.Copy(w.Body, r)
}

// Bodies reach the connection as pieces of the bundle file, in one piece.
func TestBodies(t *testing.T) {
	o := newOrigin(t)
	o.oti.SymbolLength, o.oti.MaxBlock, o.oti.MaxSymbols = 1024, 100, 120
	e := openEdge(t, o, o.config(t.TempDir()))
	content := random(1, 70_000)
	e.deliver(o.publish(file("/first", "text"), file("/object.bin", string(content)), file("/untyped", string(content)),
		body{key: control.Key{Path: "/gzip"}, bytes: content, headers: []control.Header{{Name: "content-encoding", Value: "gzip"}}}))
	tests := []struct {
		name, method, path string
		header             []string
		status             int
		offset             int64
		length             int
	}{
		{"whole", "GET", "/object.bin", nil, 200, 0, 70_000},
		{"whole, of unknown type", "GET", "/untyped", nil, 200, 0, 70_000},
		{"encoded", "GET", "/gzip", nil, 200, 0, 70_000},
		{"encoded, with a condition", "GET", "/gzip", []string{"If-None-Match", `"x"`}, 200, 0, 70_000},
		{"range", "GET", "/object.bin", []string{"Range", "bytes=5-104"}, 206, 5, 100},
		{"head", "HEAD", "/object.bin", nil, 200, 0, 0},
		{"not modified", "GET", "/object.bin", []string{"If-None-Match", "*"}, 304, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, at(test.path), nil)
			for i := 0; i+1 < len(test.header); i += 2 {
				r.Header.Set(test.header[i], test.header[i+1])
			}
			w := &watcher{ResponseRecorder: httptest.NewRecorder()}
			e.Handler().ServeHTTP(w, r)
			if w.Code != test.status || !bytes.Equal(w.Body.Bytes(), content[test.offset:][:test.length]) {
				t.Errorf("%d with %d bytes, %v", w.Code, w.Body.Len(), w.Header())
			}
			if test.length == 0 {
				if len(w.sections) != 0 {
					t.Errorf("a body: %+v", w.sections)
				}
				return
			}
			offset := int64(e.lookup(control.Key{Path: test.path}).row.Offset) + test.offset
			if len(w.sections) != 1 || w.sections[0].File.Name() != e.disk.path(1) || w.sections[0].Offset != offset || w.sections[0].Length != int64(test.length) {
				t.Errorf("the body is %+v, want %d bytes at %d", w.sections, test.length, offset)
			}
			if length := w.Header().Get("Content-Length"); length != fmt.Sprint(test.length) {
				t.Errorf("Content-Length %s", length)
			}
		})
	}
}

// A plain request gets by the short way what it would get by http.ServeContent.
func TestPlainRequests(t *testing.T) {
	e := site(t)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		for _, path := range []string{"/digits", "/page.html", "/empty", "/headers", "/h"} {
			r := httptest.NewRequest(method, at(path), nil)
			if !isPlain(r) {
				t.Fatalf("%v is not plain", r.Header)
			}
			f, err := e.find(control.Key{Path: path})
			if err != nil || f.answer != control.Found {
				t.Fatal(path, f.answer, err)
			}
			// no fields, a date, one that says nothing
			for _, modified := range []time.Time{{}, time.UnixMilli(testTime), time.Unix(0, 0), time.Unix(-1, 0)} {
				var answers []*httptest.ResponseRecorder
				for _, serve := range []func(http.ResponseWriter, *http.Request, *control.Object, time.Time, *objectBody){
					func(w http.ResponseWriter, r *http.Request, o *control.Object, modified time.Time, b *objectBody) {
						serveWhole(w, r, o, formatModified(modified), b)
					},
					servePart,
				} {
					w := httptest.NewRecorder()
					w.Header().Set("Content-Type", "text/x-known")
					setHeaders(w.Header(), &f.row.Object, f.time)
					b := &objectBody{offset: int64(f.row.Offset), length: int64(f.row.Length)}
					if f.file != nil {
						b.file = f.file.File
					}
					serve(w, r, &f.row.Object, modified, b)
					answers = append(answers, w)
				}
				whole, part := answers[0], answers[1]
				if whole.Code != part.Code || !reflect.DeepEqual(whole.Header(), part.Header()) || whole.Body.String() != part.Body.String() {
					t.Errorf("%s %s: %d %v %q, want %d %v %q", method, path, whole.Code, whole.Header(), whole.Body, part.Code, part.Header(), part.Body)
				}
			}
			if f.file != nil {
				e.disk.files.release(f.file)
			}
		}
	}
}

// Small objects of a bundle are served from the file that is open already.
func TestSmallBodiesShareAFile(t *testing.T) {
	e := site(t)
	e.want(at("/digits"), 200, "0123456789")
	if err := os.Rename(e.disk.path(1), e.disk.path(1)+".away"); err != nil { // nobody can open it any more
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
	buffer [10_000]byte
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.ReadFull(r, d.buffer[:])
	return int64(n), err
}
