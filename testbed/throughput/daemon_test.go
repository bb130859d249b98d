// Package throughput measures what a gigabyte costs from the publication to four edges that
// have it on disk: bits per second and CPU seconds of each side, daemons as processes of
// their own, in network namespaces. It is benchmarks only; docs/performance.md has results.
package throughput

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fanfare/internal/edge"
	"fanfare/internal/origin"
	"fanfare/testbed/netns"
)

// Variables that make this test binary a daemon: which, its configuration as JSON, and the
// file for a CPU profile, if one is wanted.
const (
	roleVariable    = "FANFARE_THROUGHPUT_ROLE"
	configVariable  = "FANFARE_THROUGHPUT_CONFIG"
	profileVariable = "FANFARE_THROUGHPUT_PROFILE"
)

var (
	flagMegabytes = flag.Int("megabytes", 200, "size of the published file")
	flagRate      = flag.Float64("gbit", 0, "the origin's rate in Gbit/s (0: 2 with offloads, 0.6 without)")
	flagEdges     = flag.Int("edges", 4, "how many edges there are")
	flagProfiles  = flag.String("profiles", "", "write a CPU profile of each daemon into this `directory`")
	flagDirectory = flag.String("directory", "", "where the daemons keep their files (default: the directory for temporary files)")
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := runRole(role, []byte(os.Getenv(configVariable))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	if err := netns.Enter(); err != nil {
		fmt.Fprintln(os.Stderr, err) // the benchmarks skip
	}
	os.Exit(m.Run())
}

// runRole is the daemon's main function.
func runRole(role string, config []byte) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if path := os.Getenv(profileVariable); path != "" {
		file, err := os.Create(path)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	switch role {
	case "origin":
		var c origin.Config
		if err := json.Unmarshal(config, &c); err != nil {
			return err
		}
		c.Log = log
		return origin.Run(ctx, c)
	case "edge":
		var c edge.Config
		if err := json.Unmarshal(config, &c); err != nil {
			return err
		}
		c.Log = log
		return edge.Run(ctx, c)
	}
	return fmt.Errorf("no role %q", role)
}

// daemon is a process of this binary in a role.
type daemon struct {
	cmd *exec.Cmd
}

// startDaemon starts a daemon in a host. It is ended with the benchmark.
func startDaemon(b *testing.B, host *netns.Host, role string, config any) *daemon {
	b.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		b.Fatal(err)
	}
	d := &daemon{cmd: exec.Command("/proc/self/exe")}
	d.cmd.Env = append(os.Environ(), roleVariable+"="+role, configVariable+"="+string(text))
	if *flagProfiles != "" {
		path, err := filepath.Abs(filepath.Join(*flagProfiles, host.Name+".pprof"))
		if err != nil {
			b.Fatal(err)
		}
		d.cmd.Env = append(d.cmd.Env, profileVariable+"="+path)
	}
	d.cmd.Stderr = os.Stderr
	if err := host.Start(d.cmd); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		d.cmd.Process.Signal(syscall.SIGTERM)
		d.cmd.Wait()
	})
	return d
}

// cpu is how long the daemon's threads have run, in user and kernel together. The kernel counts
// in ticks of 10 ms.
func (d *daemon) cpu(b *testing.B) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks int64
	for _, field := range fields[11:13] { // utime, stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// peakMemory is the most memory the daemon had at a time, its program included, in bytes.
func (d *daemon) peakMemory(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kB, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kB * 1024
}

// ownCPU is how long the benchmark's own process has run.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
