package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestValues(t *testing.T) {
	text := strings.Repeat(`"0123456789"`+"\n", 100)
	v := newValues(strings.NewReader(text), 600)
	for i := range 100 { // each may be as long, however long they are together
		var got string
		if err := v.next(&got); err != nil || got != "0123456789" {
			t.Fatalf("%d: %q, %v", i, got, err)
		}
	}
	if err := v.next(new(string)); err != io.EOF {
		t.Errorf("behind the last: %v", err)
	}
	endless := newValues(io.MultiReader(strings.NewReader(`{"error":"`), zeros{}), 1<<20)
	if err := endless.next(new(Status)); !errors.Is(err, errAnswer) {
		t.Errorf("one that never ends: %v", err)
	}
}

// zeros is the digit without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte{'0'}, len(p))), nil }

// An answer without end is not read without end.
func TestEndlessAnswer(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, io.MultiReader(strings.NewReader(`{"group":"`), zeros{})) // until the client hangs up
	})
	c.most = 1 << 20
	if _, err := c.Status(t.Context()); !errors.Is(err, errAnswer) {
		t.Errorf("status: %v", err)
	}
}
