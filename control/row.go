package control

import (
	"fmt"

	"fanfare/fec"
)

// Row is one version of a key: an object, and the sequence of the entry that published it.
type Row struct {
	Object
	Version uint64
}

// RowID names a row.
type RowID struct {
	Key     Key
	Version uint64
}

// ID returns the row's name.
func (r *Row) ID() RowID { return RowID{r.Key, r.Version} }

// RowEncoder encodes rows for a store, without allocating for each. One goroutine owns it.
type RowEncoder struct{ w *writer }

// NewRowEncoder returns a RowEncoder.
func NewRowEncoder() *RowEncoder { return &RowEncoder{newWriter(nil)} }

// Append appends the row's canonical encoding to dst. Catalogue.Digest is made from it too.
func (e *RowEncoder) Append(dst []byte, r *Row) []byte {
	e.w.b = dst
	e.w.row(&r.Object, r.Version)
	dst, e.w.b = e.w.b, nil
	return dst
}

func (w *writer) row(o *Object, version uint64) {
	w.array(9)
	w.uint(codecVersion)
	w.uint(version)
	w.key(o.Key)
	w.uint(o.Offset)
	w.uint(o.Length)
	w.hash(o.Digest)
	w.headers(o.Headers)
	w.tags(o.Tags)
}

// DecodeRow reads what RowEncoder.Append wrote; nothing in the result aliases b. It returns an error that
// wraps ErrCodec, ErrKey or ErrManifest.
func DecodeRow(b []byte) (Row, error) {
	r := newReader(b)
	r.array(9, 9)
	r.version()
	row := Row{Version: r.uint(1<<63 - 1)}
	row.Key = r.key()
	row.Offset = r.uint(fec.MaxTransferLength)
	row.Length = r.uint(fec.MaxTransferLength)
	row.Digest = r.hash()
	row.Headers = r.headers()
	row.Tags = r.tags()
	if err := r.end(); err != nil {
		return Row{}, err
	}
	if row.Length > fec.MaxTransferLength-row.Offset {
		return Row{}, fmt.Errorf("%w: row %v ends behind any bundle", ErrManifest, row.Key)
	}
	return row, row.Validate()
}

// headers writes names and values in turn.
func (w *writer) headers(headers []Header) {
	w.array(2 * len(headers))
	for _, h := range headers {
		w.string(h.Name)
		w.string(h.Value)
	}
}

func (r *reader) headers() []Header {
	n := r.array(0, 2*MaxHeaders)
	if n%2 != 0 {
		r.fail("half a header field")
	}
	if r.err != nil || n == 0 {
		return nil
	}
	headers := make([]Header, n/2)
	left := MaxHeaderBytes
	for i := range headers {
		headers[i].Name = r.string(left)
		headers[i].Value = r.string(left - len(headers[i].Name))
		left -= len(headers[i].Name) + len(headers[i].Value)
	}
	return headers
}

func (w *writer) tags(tags []string) {
	w.array(len(tags))
	for _, t := range tags {
		w.string(t)
	}
}

func (r *reader) tags() []string {
	n := r.array(0, MaxTags)
	if n == 0 {
		return nil
	}
	tags := make([]string, n)
	for i := range tags {
		tags[i] = r.string(MaxTag)
	}
	return tags
}
