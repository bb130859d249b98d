package control

import (
	"fmt"
	"testing"
)

// TestTwice: a key is found again among many, and only then.
func TestTwice(t *testing.T) {
	objects := make([]Object, MaxBundleObjects)
	for i := range objects {
		objects[i].Key = Key{Host: []string{"", "h"}[i%2], Path: fmt.Sprint("/", i/2)}
	}
	for _, n := range []int{0, 1, 2, 3, 4, 5, 1000, MaxBundleObjects} {
		if twice(objects[:n]) {
			t.Errorf("%d different keys", n)
		}
		if n < 2 {
			continue
		}
		kept := objects[n-1].Key
		objects[n-1].Key = objects[n/2-1].Key
		if !twice(objects[:n]) {
			t.Errorf("of %d keys one comes twice", n)
		}
		objects[n-1].Key = kept
	}
}
