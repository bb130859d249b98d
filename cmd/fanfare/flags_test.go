//go:build !client

package main

import (
	"slices"
	"testing"
)

func TestParseLosses(t *testing.T) {
	got, err := parseLosses([]string{"5%", "5", " 0.1 % ", "0"}, 0.6)
	if want := []float64{0.05, 0.05, 0.001, 0}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{"", "x", "-1%", "61%", "5%%", "NaN"} {
		if got, err := parseLosses([]string{bad}, 0.6); err == nil {
			t.Errorf("%q is taken as %v", bad, got)
		}
	}
}
