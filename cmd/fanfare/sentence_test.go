package main

import (
	"errors"
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
