package scenario

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// good is a file that the tests damage.
const good = `name: test
topology:
  edges: 2
links:
  all: {down: {loss: 5%, delay: 20ms}}
timeline:
  - publish: {name: big, size: 10MB}
  - when: {edge: edge-1, has: 30%, of: big}
    kill: edge-1
  - restart: edge-1
expect:
  completion: 5s
`

func TestErrorsSayWhereAndWhat(t *testing.T) {
	for _, test := range []struct{ name, from, to, want string }{
		{"unknown key at the top", "topology:", "topolgy:", `f.yaml:2: unknown key "topolgy": did you mean "topology"?`},
		{"unknown fault", "loss: 5%", "los: 5%", `f.yaml:5: unknown key "los": did you mean "loss"?`},
		{"unknown action", "    kill: edge-1", "    kil: edge-1", `f.yaml:9: unknown key "kil": did you mean "kill"?`},
		{"loss above one", "loss: 5%", "loss: 5", "f.yaml:5: loss: 5 is not between 0 and 1: did you mean 5%?"},
		{"loss above all", "loss: 5%", "loss: 120%", "f.yaml:5: loss: 120% is not between 0% and 100%"},
		{"no unit", "delay: 20ms", "delay: 20", "f.yaml:5: delay: 20 has no unit: did you mean 20ms or 20s?"},
		{"negative time", "delay: 20ms", "delay: -20ms", "f.yaml:5: delay: -20ms is negative"},
		{"not a size", "size: 10MB", "size: ten", `f.yaml:7: size: "ten" is not a size, as in 10MB or 16KiB`},
		{"not a rate", "timeline:", "session: {rate: 5potato}\ntimeline:", `f.yaml:6: rate: rate "5potato" is not a number with kbit, mbit or gbit, as in 200mbit`},
		{"no such edge", "    kill: edge-1", "    kill: edge-9", `f.yaml:8: there is no node "edge-9": did you mean "edge-1"?`},
		{"nothing to restart", "  - when: {edge: edge-1, has: 30%, of: big}\n    kill: edge-1\n", "", "f.yaml:8: restart: edge-1 runs at this point"},
		{"no such publication", "of: big}", "of: bog}", `f.yaml:8: there is no publication "bog": did you mean "big"?`},
		{"two actions", "    kill: edge-1", "    kill: edge-1\n    stop: edge-2", "f.yaml:8: a step has one action, this one has 2: "},
		{"two times", "  - restart: edge-1", "  - at: 1s\n    after: 1s\n    restart: edge-1", "f.yaml:10: give one of at, after and when"},
		{"back in time", "  - restart: edge-1", "  - at: 5s\n    restart: edge-1\n  - at: 4s\n    kill: edge-1", "f.yaml:12: at: 4s is before the step above, at 5s"},
		{"a key twice", "name: test", "name: test\nname: again", "f.yaml:2: "},
		{"no edges", "edges: 2", "edges: 0", "f.yaml:3: edges: 0 edges: there may be 1 to 10000"},
		{"a list where a value belongs", "edges: 2", "edges: {a: 1}", "f.yaml:3: edges: a number of edges or a list of them belongs here"},
		{"bound without measurement", "completion: 5s", "purge_p99: 5ms", "f.yaml:12: a bound on purge latency, but no step that measures it: add - purges: {times: 30}"},
		{"overhead below one", "completion: 5s", "overhead: 0.5", "f.yaml:12: overhead: 0.5 is less than the bytes published"},
		{"reorder by nothing", "delay: 20ms", "reorder: 5%", "f.yaml:5: reorder without reorder_delay"},
		{"queue for nothing", "delay: 20ms", "queue: 1MB", "f.yaml:5: queue without rate"},
		{"a disk that is not there", "  - restart: edge-1", "  - full_disk: edge-2", "f.yaml:10: edge-2 shares the machine's disk"},
		{"a switch that nothing leads to", "edges: 2", "switches: [a, b]\n  edges: [{name: x, switch: a}, {name: edge-1, switch: b}]", "no router leads from the origin's switch a to b, where edge-1 is"},
		{"impossible MTU", "timeline:", "session: {mtu: 100}\ntimeline:", "f.yaml:6: mtu: MTU 100 is not within"},
		{"no YAML", "topology:", "topology: [", "f.yaml:"},
		{"nothing happens", good[strings.Index(good, "timeline:"):], "", "f.yaml: timeline is missing: nothing would happen"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(good, test.from, test.to, 1)
			if text == good {
				t.Fatalf("%q is not in the file", test.from)
			}
			_, err := Parse("f.yaml", []byte(text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	s, err := Parse("f.yaml", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	down := s.LinkOf("edge-2").Down
	if down.Loss != 0.05 || time.Duration(down.Delay) != 20*time.Millisecond {
		t.Errorf("the link is %v", down)
	}
	if s.Timeline[0].Publish.Size != 10_000_000 || s.Timeline[1].When.Has != 0.3 || s.Timeline[2].Restart[0] != "edge-1" {
		t.Errorf("the timeline is %v", s.Timeline)
	}
}

func TestFolder(t *testing.T) {
	files, err := filepath.Glob("../scenarios/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		s, err := Load(file)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.Name+".yaml" != filepath.Base(file) {
			t.Errorf("%s is named %s", file, s.Name)
		}
		if len(s.About) < 80 {
			t.Errorf("%s says little about itself", file)
		}
	}
}

// TestFormatIsReadAgain writes every scenario of the folder, and reads what it wrote.
func TestFormatIsReadAgain(t *testing.T) {
	files, _ := filepath.Glob("../scenarios/*.yaml")
	for _, file := range files {
		s, err := Load(file)
		if err != nil {
			continue // TestFolder says so
		}
		text := s.Format()
		again, err := Parse(file, text)
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		if string(again.Format()) != string(text) {
			t.Errorf("%s is written as\n%s\nand then as\n%s", file, text, again.Format())
		}
	}
}
