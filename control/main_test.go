package control

import (
	"flag"
	"os"
	"testing"
)

// TestMain asks rapid for more histories than its default of 100; -rapid.checks still decides.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "3000"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
