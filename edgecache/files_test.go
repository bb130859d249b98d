package edgecache

import (
	"os"
	"slices"
)

// wantFiles checks which bundle files are there, by name.
func (e *edge) wantFiles(want ...string) {
	e.t.Helper()
	entries, err := os.ReadDir(e.disk.dir)
	if err != nil {
		e.t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if !slices.Equal(names, want) {
		e.t.Fatalf("bundle files %v, want %v", names, want)
	}
}
