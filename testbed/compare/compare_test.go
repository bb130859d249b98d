package compare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fanfare/testbed/netns"
	"fanfare/testbed/report"
)

// TestMain makes the test binary the fanfare command as far as plain HTTP needs it.
func TestMain(m *testing.M) {
	if len(os.Args) == 6 && os.Args[1] == "testbed" {
		err := errors.New("no such command")
		switch os.Args[2] {
		case ServeCommand:
			err = Serve(context.Background(), os.Args[3], os.Args[4], os.Args[5])
		case FetchCommand:
			err = Fetch(context.Background(), os.Args[3], os.Args[4], os.Args[5])
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := netns.Enter(); err != nil {
		fmt.Fprintln(os.Stderr, err) // the tests that need a bed will skip
	}
	os.Exit(m.Run())
}

func testConfig(t *testing.T) *Config {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &Config{Edges: 2, Losses: []float64{0}, Rounds: 1, BigBytes: 300_000, SmallFiles: 20, Limit: 20 * time.Second, Binary: binary}
}

// run measures a system once, or skips where there can be no bed.
func measureOnce(t *testing.T, c *Config, s system, name string, loss float64) report.Transfer {
	t.Helper()
	dir := t.TempDir()
	w, err := newWork(dir, name, c)
	if err != nil {
		t.Fatal(err)
	}
	result, err := measure(t.Context(), c, dir, s, w, loss)
	if errors.Is(err, netns.ErrNotAllowed) {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "run")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory of the run: %v", err)
	}
	return result
}

func TestSystems(t *testing.T) {
	c := testConfig(t)
	own := build(t)
	for _, name := range Systems() {
		for _, work := range []string{smallWork, bigWork} {
			t.Run(name+"/"+work, func(t *testing.T) {
				t.Parallel()
				c, s := *c, newSystem(name)
				if missing := s.describe(&c).Missing; missing != "" {
					t.Skipf("SKIPPED: %s", missing)
				}
				if name == fanfareName {
					if c.Binary = own; own == "" {
						t.Skip("SKIPPED: there is no go command to build the daemons with")
					}
				}
				r := measureOnce(t, &c, s, work, 0)
				if !r.OK {
					t.Fatal(r.Reason)
				}
				bytes := c.BigBytes
				if work == smallWork {
					bytes = int64(smallBytes * c.SmallFiles)
				}
				if r.Seconds <= 0 || r.WireBytes < uint64(bytes) || r.FeedbackBytes == 0 || r.OriginCPU <= 0 || r.EdgeCPU <= 0 {
					t.Errorf("%+v", r)
				}
			})
		}
	}
}

// build builds the fanfare command, if it can.
func build(t *testing.T) string {
	t.Helper()
	goCommand, err := exec.LookPath("go")
	if err != nil {
		return ""
	}
	binary := filepath.Join(t.TempDir(), "fanfare")
	if out, err := exec.CommandContext(t.Context(), goCommand, "build", "-o", binary, "fanfare/cmd/fanfare").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// script is a system of shell commands. $1 is the directory of the work, or of an edge.
type script struct {
	intoFiles
	edge, origin string
}

func (script) describe(*Config) report.System { return report.System{} }

func (s script) prepare(_ context.Context, r *run) error {
	for i := range r.bed.Edges {
		if _, err := r.atEdge(i, exec.Command("sh", "-c", s.edge, "sh", r.folder(i), r.work.dir)); err != nil {
			return err
		}
	}
	return nil
}

func (s script) publish(r *run) error {
	return r.atOrigin(exec.Command("sh", "-c", s.origin, "sh", r.work.dir))
}

// TestFailures: whatever a system does, a run ends, and says why.
func TestFailures(t *testing.T) {
	const patient = "exec sleep 60"
	tests := []struct {
		name         string
		edge, origin string
		want         string
	}{
		{"well", "cp $2/* $1; " + patient, "exec true", ""},
		{"sender fails", patient, "echo no route >&2; exit 7", "the sender ended before every edge had all: origin sh (exit status 7): no route"},
		{"receivers fail", "echo oh >&2; exit 3", patient, "every receiver ended before it had all: edge-1 sh (exit status 3): oh"},
		{"too slow", patient, patient, "not done within 4s"},
		{"one file is missing", "cp $2/* $1; rm $1/f00003.bin; " + patient, patient, "not done within 4s"},
		{"wrong bytes", "cp $2/* $1; cp $2/f00001.bin $1/f00003.bin; " + patient, patient, "f00003.bin is not what was published"},
		{"will not end", "trap '' TERM; sleep 60", "trap '' TERM; echo; exit 1", "the sender ended"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := testConfig(t)
			if !strings.Contains(test.want, "the sender ended") && !strings.Contains(test.want, "every receiver") {
				c.Limit = 4 * time.Second // which is waited for
			}
			start := time.Now()
			r := measureOnce(t, c, script{edge: test.edge, origin: test.origin}, smallWork, 0)
			if r.OK != (test.want == "") || !strings.Contains(r.Reason, test.want) {
				t.Errorf("%+v, want %q", r, test.want)
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestShape: a limited link is what limits.
func TestShape(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.LinkRate, c.BigBytes = 20_000_000, 1_000_000
	r := measureOnce(t, c, &pull{name: httpName}, bigWork, 0)
	// Twice a megabyte and its headers over 20 Mb/s takes 0.84 s; the bucket gives a little away.
	if !r.OK || r.Seconds < 0.75 {
		t.Errorf("%+v", r)
	}
}

func TestValidate(t *testing.T) {
	good := testConfig(t)
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"edges 0": func(c *Config) { c.Edges = 0 }, "no loss": func(c *Config) { c.Losses = nil },
		"loss": func(c *Config) { c.Losses = []float64{1} }, "work": func(c *Config) { c.Works = []string{"huge"} },
		"system": func(c *Config) { c.Systems = []string{"ftp"} }, "rate": func(c *Config) { c.Rates = map[string]uint64{"ftp": 1} },
		"rounds": func(c *Config) { c.Rounds = 0 }, "link": func(c *Config) { c.LinkRate = 5 }, "big": func(c *Config) { c.BigBytes = 0 },
		"small": func(c *Config) { c.SmallFiles = 0 }, "limit": func(c *Config) { c.Limit = 0 },
	} {
		c := *good
		if spoil(&c); c.Validate() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestRun: what is missing is said and left out, what there is is run in every round.
func TestRun(t *testing.T) {
	c := testConfig(t)
	c.Systems, c.Works, c.Rounds, c.Dir = []string{httpName, normName}, []string{latencyWork}, 2, t.TempDir()
	t.Setenv("PATH", "/nowhere")
	var lines []string
	c.Tell = func(line string) { lines = append(lines, line) }
	result, err := Run(t.Context(), *c)
	if errors.Is(err, netns.ErrNotAllowed) {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Cells) != 1 || len(result.Cells[0].Runs) != 2 || result.Systems[1].Missing == "" || len(lines) != 3 {
		t.Errorf("%+v\n%s", result, strings.Join(lines, "\n"))
	}
	if left, _ := os.ReadDir(c.Dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
