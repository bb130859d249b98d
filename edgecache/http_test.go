package edgecache

import (
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fanfare/control"
)

// site is an edge with some objects.
func site(t *testing.T) *edge {
	o := newOrigin(t)
	e := openEdge(t, o, o.config(t.TempDir()))
	e.deliver(o.publish(
		file("/digits", "0123456789"),
		file("/a%20b%2Fc", "spaced"),
		file("/page.html", "<p>hi"),
		file("/noext", "<html><body>"),
		file("/empty", ""),
		body{key: control.Key{Host: "one.example", Path: "/h"}, bytes: []byte("one")},
		body{key: control.Key{Path: "/h"}, bytes: []byte("any")},
		body{key: control.Key{Path: "/headers"}, bytes: []byte("zipped"), headers: []control.Header{
			{Name: "content-type", Value: "text/x-test"}, {Name: "content-encoding", Value: "gzip"},
			{Name: "cache-control", Value: "max-age=60"}, {Name: "set-cookie", Value: "a=1"}, {Name: "set-cookie", Value: "b=2"},
			{Name: "content-length", Value: "999"}, {Name: "transfer-encoding", Value: "chunked"}, {Name: "connection", Value: "close, x-hop"},
			{Name: "x-hop", Value: "1"}, {Name: "etag", Value: `"theirs"`}, {Name: "date", Value: "yesterday"},
			{Name: "last-modified", Value: "Tue, 02 Jan 2024 03:04:05 GMT"},
		}},
	))
	return e
}

func TestHTTP(t *testing.T) {
	e := site(t)
	tag := entityTag(control.Sum([]byte("0123456789")))
	modified := time.UnixMilli(testTime).UTC()
	before, after := modified.Add(-time.Hour).Format(http.TimeFormat), modified.Add(time.Hour).Format(http.TimeFormat)
	tests := []struct {
		name   string
		method string
		url    string
		header []string
		status int
		body   string // not compared if "*"
		want   map[string]string
	}{
		{"whole", "GET", "/digits", nil, 200, "0123456789", map[string]string{
			"Etag": tag, "Content-Length": "10", "Accept-Ranges": "bytes", "Cache-Status": "e1;hit",
			"Last-Modified": modified.Format(http.TimeFormat), "Content-Type": "text/plain; charset=utf-8"}},
		{"query is no part of the key", "GET", "/digits?x=1", nil, 200, "0123456789", nil},
		{"other spelling", "GET", "/x/../%64igits", nil, 200, "0123456789", nil},
		{"head", "HEAD", "/digits", nil, 200, "", map[string]string{"Content-Length": "10", "Etag": tag}},
		{"head ignores ranges", "HEAD", "/digits", []string{"Range", "bytes=0-1"}, 200, "", map[string]string{"Content-Length": "10"}},
		{"range", "GET", "/digits", []string{"Range", "bytes=2-4"}, 206, "234", map[string]string{"Content-Range": "bytes 2-4/10", "Content-Length": "3"}},
		{"suffix range", "GET", "/digits", []string{"Range", "bytes=-3"}, 206, "789", nil},
		{"open range", "GET", "/digits", []string{"Range", "bytes=8-"}, 206, "89", nil},
		{"range beyond the end", "GET", "/digits", []string{"Range", "bytes=8-99"}, 206, "89", nil},
		{"range outside", "GET", "/digits", []string{"Range", "bytes=10-"}, 416, "*", map[string]string{"Content-Range": "bytes */10"}},
		{"range in another unit", "GET", "/digits", []string{"Range", "lines=1-2"}, 200, "0123456789", nil},
		{"range of an empty object", "GET", "/empty", []string{"Range", "bytes=0-"}, 200, "", nil},
		{"if-range matches", "GET", "/digits", []string{"Range", "bytes=0-0", "If-Range", tag}, 206, "0", nil},
		{"if-range differs", "GET", "/digits", []string{"Range", "bytes=0-0", "If-Range", `"x"`}, 200, "0123456789", nil},
		{"if-range is weak", "GET", "/digits", []string{"Range", "bytes=0-0", "If-Range", "W/" + tag}, 200, "0123456789", nil},
		{"if-none-match matches", "GET", "/digits", []string{"If-None-Match", `"x", ` + tag}, 304, "", map[string]string{"Etag": tag, "Cache-Status": "e1;hit"}},
		{"if-none-match weakly", "GET", "/digits", []string{"If-None-Match", "W/" + tag}, 304, "", nil},
		{"if-none-match any", "HEAD", "/digits", []string{"If-None-Match", "*"}, 304, "", nil},
		{"if-none-match differs", "GET", "/digits", []string{"If-None-Match", `"x"`}, 200, "0123456789", nil},
		{"if-match matches", "GET", "/digits", []string{"If-Match", tag}, 200, "0123456789", nil},
		{"if-match differs", "GET", "/digits", []string{"If-Match", `"x"`}, 412, "*", nil},
		{"if-match is weak", "GET", "/digits", []string{"If-Match", "W/" + tag}, 412, "*", nil},
		{"not modified since", "GET", "/digits", []string{"If-Modified-Since", after}, 304, "", nil},
		{"modified since", "GET", "/digits", []string{"If-Modified-Since", before}, 200, "0123456789", nil},
		{"etag goes before date", "GET", "/digits", []string{"If-None-Match", `"x"`, "If-Modified-Since", after}, 200, "0123456789", nil},
		{"unmodified since", "GET", "/digits", []string{"If-Unmodified-Since", before}, 412, "*", nil},
		{"empty", "GET", "/empty", nil, 200, "", map[string]string{"Content-Length": "0", "Cache-Status": "e1;hit"}},
		{"space and slash in a name", "GET", "/a%20b%2fc", nil, 200, "spaced", nil},
		{"slash is another path", "GET", "/a%20b/c", nil, 404, "*", nil},
		{"type by name", "GET", "/page.html", nil, 200, "<p>hi", map[string]string{"Content-Type": "text/html; charset=utf-8"}},
		{"type by content", "GET", "/noext", nil, 200, "<html><body>", map[string]string{"Content-Type": "text/html; charset=utf-8"}},
		{"own host", "GET", "http://ONE.example:8080/h", nil, 200, "one", nil},
		{"other host", "GET", "http://two.example/h", nil, 200, "any", nil},
		{"published fields", "GET", "/headers", nil, 200, "zipped", map[string]string{
			"Content-Type": "text/x-test", "Content-Encoding": "gzip", "Cache-Control": "max-age=60", "Content-Length": "6",
			"Transfer-Encoding": "", "Connection": "", "X-Hop": "", "Date": "", "Etag": entityTag(control.Sum([]byte("zipped"))),
			"Last-Modified": "Tue, 02 Jan 2024 03:04:05 GMT", "X-Content-Type-Options": ""}},
		{"absent", "GET", "/nothing", nil, 404, "Nothing is published here.\n", map[string]string{"Cache-Status": "e1;fwd=miss;detail=absent"}},
		{"post", "POST", "/digits", nil, 405, "*", map[string]string{"Allow": "GET, HEAD", "Cache-Status": "e1;fwd=method"}},
		{"options", "OPTIONS", "/nothing", nil, 405, "*", map[string]string{"Allow": "GET, HEAD"}},
		{"no key", "GET", "/a%00b", nil, 400, "*", map[string]string{"Cache-Status": "e1;fwd=miss;detail=key"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			target := test.url
			if strings.HasPrefix(target, "/") {
				target = at(target)
			}
			e.t = t
			r := e.do(test.method, target, test.header...)
			got, err := io.ReadAll(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			if r.StatusCode != test.status || test.body != "*" && string(got) != test.body {
				t.Errorf("%d %q, want %d %q", r.StatusCode, got, test.status, test.body)
			}
			for name, value := range test.want {
				if have := strings.Join(r.Header[name], "|"); have != value {
					t.Errorf("%s: %q, want %q", name, have, value)
				}
			}
			if r.Header.Get("Cache-Status") == "" {
				t.Error("no Cache-Status")
			}
		})
	}
	e.t = t
	if cookies := e.get(at("/headers")).Header["Set-Cookie"]; len(cookies) != 2 {
		t.Errorf("Set-Cookie: %v", cookies)
	}
}

func TestMultipleRanges(t *testing.T) {
	e := site(t)
	r := e.get(at("/digits"), "Range", "bytes=0-1,5-6,-1")
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.StatusCode != 206 || kind != "multipart/byteranges" || err != nil {
		t.Fatalf("%d %s %v", r.StatusCode, kind, err)
	}
	parts := multipart.NewReader(r.Body, params["boundary"])
	for _, want := range []struct{ contentRange, text string }{{"bytes 0-1/10", "01"}, {"bytes 5-6/10", "56"}, {"bytes 9-9/10", "9"}} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(part)
		if err != nil || string(text) != want.text || part.Header.Get("Content-Range") != want.contentRange {
			t.Errorf("%q %v %v, want %v", text, part.Header, err, want)
		}
	}
	if _, err := parts.NextPart(); err != io.EOF {
		t.Errorf("after the last part: %v", err)
	}
}

func TestNotReady(t *testing.T) {
	e := site(t)
	e.SetReady(false)
	r := e.get(at("/digits"))
	if r.StatusCode != 503 || r.Header.Get("Retry-After") != "1" || r.Header.Get("Cache-Status") != "e1;fwd=miss;detail=stale" {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
	e.SetReady(true)
	e.want(at("/digits"), 200, "0123456789")
}

func TestCacheStatusNames(t *testing.T) {
	for name, want := range map[string]string{
		"edge-1":       "edge-1;hit",
		"Edge 1":       `"Edge 1";hit`,
		`quote"slash\`: `"quote\"slash\\";hit`,
		"Zürich":       `"Z%C3%BCrich";hit`,
		"":             "fanfare;hit",
		"1st":          `"1st";hit`,
	} {
		if got := newCacheStatus(name).hit; len(got) != 1 || got[0] != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// An answer that has begun ends from the open file, whatever becomes of the bundle.
func TestUnlinkedWhileServed(t *testing.T) {
	o := newOrigin(t)
	e := openEdge(t, o, o.config(t.TempDir()))
	text := string(random(5, 3_000_000))
	o.oti.SymbolLength, o.oti.MaxBlock, o.oti.MaxSymbols = 1024, 100, 120
	e.deliver(o.publish(file("/a", text)))
	server := httptest.NewServer(e.Handler())
	defer server.Close()
	r, err := http.Get(server.URL + "/a")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	first := make([]byte, 1000)
	if _, err := io.ReadFull(r.Body, first); err != nil {
		t.Fatal(err)
	}
	e.apply(o.purge(purgeAll()))
	if err := e.Sync(); err != nil {
		t.Fatal(err)
	}
	e.wantFiles()
	rest, err := io.ReadAll(r.Body)
	if err != nil || string(first)+string(rest) != text {
		t.Errorf("%d bytes, %v", len(first)+len(rest), err)
	}
	if after, err := http.Get(server.URL + "/a"); err != nil || after.StatusCode != 404 {
		t.Errorf("%v %v", after, err)
	}
}
