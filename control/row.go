package control

// Row is one version of a key: an object, and the sequence of the entry that published it.
type Row struct {
	Object
	Version uint64
}

// RowID names a row: the object of that number, counted from 0, in the manifest of the bundle that
// entry Version published.
type RowID struct {
	Version uint64
	Object  uint32
}

// ObjectSet has some objects of a bundle, by their numbers: 64 in each element, from the lowest bit.
type ObjectSet []uint64

// Has reports whether an object is in the set.
func (s ObjectSet) Has(n uint32) bool { return int(n/64) < len(s) && s[n/64]>>(n%64)&1 != 0 }

// Add puts an object into the set, which may grow.
func (s *ObjectSet) Add(n uint32) {
	for int(n/64) >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[n/64] |= 1 << (n % 64)
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
