package scenario

import (
	"bytes"

	"github.com/goccy/go-yaml"
)

// Format writes the scenario as a file that Parse reads as the same.
func (s *Scenario) Format() []byte {
	var b bytes.Buffer
	err := yaml.NewEncoder(&b, yaml.IndentSequence(true), yaml.UseLiteralStyleIfMultiline(true)).Encode(s)
	if err != nil {
		panic(err) // every type here can be written
	}
	return b.Bytes()
}
