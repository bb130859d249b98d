package mcast

import (
	"fmt"
	"os"
	"testing"

	"fanfare/testbed/netns"
)

// TestMain runs the tests where they may make network namespaces, if that can be had.
func TestMain(m *testing.M) {
	if err := netns.Enter(); err != nil {
		fmt.Fprintln(os.Stderr, err) // the tests that need a namespace will skip
	}
	os.Exit(m.Run())
}
