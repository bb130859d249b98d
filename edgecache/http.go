package edgecache

import (
	"io"
	"net/http"
	"time"

	"fanfare/control"
	"fanfare/internal/cork"
)

// Handler returns the HTTP face: GET and HEAD of what is published, by host and path.
//
// Every answer has a Cache-Status field (RFC 9211) with the edge's name: hit, or fwd=miss and a
// detail: "absent" (404), "incomplete" (503: announced, on its way; or lost, and on its way again),
// "evicted" (503: the size limit took its bytes), "stale" (503: the edge has not caught up yet), "key"
// (400), "error" (500); or fwd=method (405). The query of a URL is not part of its key.
func (c *Cache) Handler() http.Handler {
	return &handler{cache: c, status: newCacheStatus(c.cfg.Name)}
}

// SetReady says whether requests may be answered from the cache: not before the edge has
// caught up once. Before that they get 503.
func (c *Cache) SetReady(ready bool) { c.ready.Store(ready) }

type handler struct {
	cache  *Cache
	status cacheStatus
}

// found is what a request gets: an object in a bundle file.
type found struct {
	row    control.Row
	bundle *bundle   // nil if there is none
	time   int64     // of the entry, in milliseconds since 1970 UTC
	file   *openFile // nil for an empty object
	size   int64     // of the file, in bytes
	answer control.Answer
	// evicted explains an answer of Incomplete.
	evicted bool
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := h.cache
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		h.refuse(w, http.StatusMethodNotAllowed, detailMethod, "Only GET and HEAD are served here.")
		return
	}
	if !c.ready.Load() {
		h.refuse(w, http.StatusServiceUnavailable, detailStale, "This edge is catching up with its origin.")
		return
	}
	key, err := control.RequestKey(r.Host, r.URL.EscapedPath())
	if err != nil {
		h.refuse(w, http.StatusBadRequest, detailKey, "This URL cannot name an object: "+err.Error())
		return
	}
	f, err := c.find(key)
	switch {
	case err != nil:
		if f.bundle != nil && !f.bundle.unreadable.Swap(true) {
			c.cfg.Log.Error("bundle file not readable", "sequence", f.row.Version, "err", err)
		}
		h.refuse(w, http.StatusInternalServerError, detailError, "The object cannot be read.")
	case f.answer == control.Incomplete && f.evicted:
		h.refuse(w, http.StatusServiceUnavailable, detailEvicted, "The object is published, but this edge had no room to keep it.")
	case f.answer == control.Incomplete:
		h.refuse(w, http.StatusServiceUnavailable, detailIncomplete, "The object is published, and on its way to this edge.")
	case f.answer != control.Found:
		h.refuse(w, http.StatusNotFound, detailAbsent, "Nothing is published here.")
	default:
		c.count.requestsHit.Add(1)
		h.serve(w, r, f)
	}
}

// refuse answers with a status, and a line that says why.
func (h *handler) refuse(w http.ResponseWriter, code int, d detail, text string) {
	header := w.Header()
	header["Cache-Status"] = h.status.miss[d]
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	switch code {
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", "1")
		h.cache.count.requestsUnavailable.Add(1)
	case http.StatusNotFound:
		h.cache.count.requestsAbsent.Add(1)
	case http.StatusInternalServerError:
		h.cache.count.requestsUnavailable.Add(1)
	default:
		h.cache.count.requestsInvalid.Add(1)
	}
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n") // a reader who is gone needs no answer
}

// find looks a key up and acquires the file, which is there in full. Between the two the bundle may
// go, for a purge, a newer version or space, or it may be lost: then the catalogue has another answer.
func (c *Cache) find(key control.Key) (f found, err error) {
	for range 4 {
		if f = c.lookup(key); f.answer != control.Found || f.row.Length == 0 {
			return f, nil
		}
		if f.file, err = c.disk.files.acquire(f.row.Version); err == nil {
			if err = f.file.check(f.size); err == nil {
				return f, nil
			}
		}
		again := c.lose(f.row.Version, err, f.file)
		if f.file != nil {
			c.disk.files.release(f.file)
		}
		if !again {
			break
		}
	}
	return f, err
}

func (c *Cache) lookup(key control.Key) (f found) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	f.row, f.answer = c.catalogue.LookupRequest(key)
	if b := c.bundles[f.row.Version]; b != nil {
		f.bundle, f.time, f.evicted, f.size = b, b.time, b.phase == phaseEvicted, b.size
		if f.answer == control.Found {
			b.served.Store(c.now().UnixNano())
		}
	}
	return f
}

// serve answers with an object, or with what is asked of it. It releases the file.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, f found) {
	header := w.Header()
	modified := setHeaders(header, &f.row.Object, f.time)
	header["Cache-Status"] = h.status.hit
	b := &objectBody{length: int64(f.row.Length)}
	if f.file != nil {
		defer h.cache.disk.files.release(f.file)
		b.file, b.offset = f.file.File, int64(f.row.Offset)
	}
	b.conn = cork.From(r.Context())
	if _, typed := header["Content-Type"]; typed && isPlain(r) {
		var date []string
		if f.bundle != nil && modified.Equal(time.UnixMilli(f.bundle.time)) {
			date = f.bundle.lastModified()
		} else {
			date = formatModified(modified)
		}
		serveWhole(w, r, &f.row.Object, date, b)
	} else {
		servePart(w, r, &f.row.Object, modified, b)
	}
	_ = b.conn.Release() // whoever is gone needs no answer; the server finds out
	if at := b.stopped.Load(); at > 0 {
		// The answer is shorter than its head says, so the server ends the connection.
		if err := f.file.readable(b.offset + at - 1); err != nil {
			h.cache.lose(f.row.Version, err, f.file)
		}
	}
}

// Stats returns a copy.
func (c *Cache) Stats() Stats {
	var s Stats
	c.count.fill(&s)
	c.mu.RLock()
	defer c.mu.RUnlock()
	s.Bytes, s.Rows = c.bytes, c.catalogue.Stats().Keys
	for _, b := range c.bundles {
		if b.size > 0 {
			s.Bundles++
		}
	}
	return s
}

// lastModified returns the time that a Last-Modified field says; zero if it says none.
func lastModified(value string) time.Time {
	t, err := http.ParseTime(value)
	if err != nil {
		return time.Time{}
	}
	return t
}
