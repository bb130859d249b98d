package arch

import (
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestMaps wants each file of an engine or a daemon to stand in the map at the end of its doc.go.
func TestMaps(t *testing.T) {
	_, sources := load(t)
	for _, dir := range []string{"sender", "receiver", "internal/origin", "internal/edge"} {
		doc, err := os.ReadFile("../../" + dir + "/doc.go")
		if err != nil {
			t.Fatal(err)
		}
		_, files, found := strings.Cut(string(doc), "# Which file holds what")
		if !found {
			t.Fatalf("%s/doc.go has no map of the files", dir)
		}
		named := map[string]bool{"doc.go": true}
		for _, word := range strings.Fields(files) {
			named[strings.Trim(word, "(),;")] = true
		}
		for _, s := range sources {
			if name := path.Base(s.path); s.dir == dir && !named[name] {
				t.Errorf("%s: say in the map of %s/doc.go what it holds", s.path, dir)
			} else if s.dir == dir {
				delete(named, name)
			}
		}
		for name := range named {
			if strings.HasSuffix(name, ".go") {
				t.Errorf("the map of %s/doc.go names %s, which is not there", dir, name)
			}
		}
	}
}

// TestHouse wants each room to stand in the map at the end of the README.
func TestHouse(t *testing.T) {
	_, sources := load(t)
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, house, found := strings.Cut(string(readme), "## The house")
	if !found {
		t.Fatal("README.md has no map of the house")
	}
	named := map[string]bool{}
	for _, word := range strings.Fields(house) {
		named[path.Base(strings.Trim(word, ".,:;"))] = true
	}
	rooms := map[string]bool{}
	for _, s := range sources {
		rooms[s.dir] = true
	}
	for _, room := range slices.Sorted(maps.Keys(rooms)) {
		if !named[path.Base(room)] {
			t.Errorf("%s: say in README.md, The house, what this room is", room)
		}
	}
}
