package compare

import "testing"

func TestWarm(t *testing.T) {
	if err := warm(5 << 20); err != nil {
		t.Error(err)
	}
}
