package control

import (
	"errors"
	"reflect"
	"testing"
)

// TestRows stores the objects of a manifest and reads them again.
func TestRows(t *testing.T) {
	for _, inline := range []bool{true, false} {
		objects := []Object{
			{Key: Key{"h", "/a"}, Length: 5, Digest: Hash{1}, Headers: []Header{{"a", "b"}, {"a", "c"}}, Tags: []string{"t", "u"}},
			{Key: Key{"", "/b"}, Length: 50_000, Digest: Hash{2}},
		}
		if inline {
			objects[1].Length = 50
		}
		p, m := testBundle(t, inline, objects...)
		encoded, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := DecodeManifest(encoded, p)
		if err != nil {
			t.Fatal(err)
		}
		b := decoded.AppendRows([]byte("x"), encoded)[1:]
		if len(b) > 200 {
			t.Errorf("%d bytes for two rows", len(b))
		}
		got, err := DecodeRows(b)
		if err != nil || !reflect.DeepEqual(got, m.Objects) {
			t.Fatalf("%+v, %v; want %+v", got, err, m.Objects)
		}
		for n := range b {
			if _, err := DecodeRows(b[:n]); !errors.Is(err, ErrCodec) {
				t.Fatalf("cut to %d: %v", n, err)
			}
		}
		if _, err := DecodeRows(append(b, 0)); !errors.Is(err, ErrCodec) {
			t.Fatalf("with a byte too many: %v", err)
		}
	}
}

func TestObjectSet(t *testing.T) {
	var s ObjectSet
	for _, n := range []uint32{0, 63, 64, 4095} {
		if s.Has(n) {
			t.Errorf("%d before it was added", n)
		}
		s.Add(n)
	}
	for n := range uint32(5000) {
		if want := n == 0 || n == 63 || n == 64 || n == 4095; s.Has(n) != want {
			t.Errorf("%d: %v", n, !want)
		}
	}
}
