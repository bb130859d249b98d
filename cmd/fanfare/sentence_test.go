package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestSentence(t *testing.T) {
	for text, want := range map[string]string{
		"mcast: group 239.1.1.1 has port 0":                              "group 239.1.1.1 has port 0",
		"o/origin.yaml:3: min_rate: session: rate \"x\" is not a number": "o/origin.yaml:3: min_rate: rate \"x\" is not a number",
		"edge: session file: open nope: no such file":                    "session file: open nope: no such file",
		"key \"//\": control: not a key: no host":                        "key \"//\": not a key: no host",
		"wire: first\nmcast: second":                                     "first\nsecond",
		"edge-7: gone":                                                   "edge-7: gone",
		"the name is: edge":                                              "the name is: edge",
		"":                                                               "",
	} {
		if got := sentence(errors.New(text)); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// TestPackages wants every package that begins an error with its name to be known here.
func TestPackages(t *testing.T) {
	begins := regexp.MustCompile(`(?:Errorf|errors\.New)\("([a-z]+): `)
	found := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		room := filepath.Base(filepath.Dir(path))
		for _, match := range begins.FindAllSubmatch(text, -1) {
			if string(match[1]) != room {
				continue
			}
			if found++; !slices.Contains(packages, room) {
				t.Errorf("%s: %q is not in packages", path, room)
			}
		}
		return err
	})
	if err != nil || found == 0 {
		t.Errorf("%d errors looked at, %v", found, err)
	}
}
