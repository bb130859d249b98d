package control

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

// AppendRow appends the row's canonical encoding to dst, for a store.
func AppendRow(dst []byte, r *Row) []byte { return dst }

// DecodeRow reads what AppendRow wrote; nothing in the result aliases b. It returns an error that
// wraps ErrCodec, ErrKey or ErrManifest.
func DecodeRow(b []byte) (Row, error) { return Row{}, ErrCodec }
