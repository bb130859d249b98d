package api

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestEntries(t *testing.T) {
	want := [][]byte{[]byte("one"), bytes.Repeat([]byte{7}, 5000), {0}}
	var stream []byte
	for _, raw := range want {
		stream = AppendEntry(stream, raw)
	}
	r := bytes.NewReader(stream)
	var buffer []byte
	for _, raw := range want {
		var err error
		if buffer, err = ReadEntry(r, buffer); err != nil || !bytes.Equal(buffer, raw) {
			t.Fatalf("read %d bytes, %v; want %d", len(buffer), err, len(raw))
		}
	}
	if _, err := ReadEntry(r, buffer); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestReadEntryRefuses(t *testing.T) {
	tests := []struct {
		name   string
		stream []byte
	}{
		{"cut in the length", []byte{0, 0}},
		{"cut in the entry", []byte{0, 0, 0, 5, 1, 2}},
		{"no bytes of the entry", []byte{0, 0, 0, 5}},
		{"empty", []byte{0, 0, 0, 0}},
		{"huge", []byte{255, 255, 255, 255, 1}},
	}
	for _, test := range tests {
		if _, err := ReadEntry(bytes.NewReader(test.stream), nil); err == nil || err == io.EOF {
			t.Errorf("%s: error %v", test.name, err)
		} else if test.name == "huge" && errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: it was read", test.name)
		}
	}
}
