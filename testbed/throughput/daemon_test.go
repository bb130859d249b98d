// Package throughput measures what a gigabyte costs from the publication to four edges that
// have it on disk: bits per second and CPU seconds of each side, daemons as processes of
// their own, in network namespaces. It is benchmarks only; docs/performance.md has results.
package throughput

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fanfare/testbed/daemon"
	"fanfare/testbed/netns"
)

var (
	flagMegabytes = flag.Int("megabytes", 200, "size of the published file")
	flagRate      = flag.Float64("gbit", 0, "the origin's rate in Gbit/s (0: 1 with offloads, 0.6 without)")
	flagEdges     = flag.Int("edges", 4, "how many edges there are")
	flagProfiles  = flag.String("profiles", "", "write a CPU profile of each daemon into this `directory`")
	flagFiles     = flag.Int("files", 0, "how many small files of 1 KB (0: 20,000)")
	flagOffloads  = flag.Bool("offloads", true, "offloads, for small files")
	flagServe     = flag.Duration("serve", 2*time.Second, "how long wrk asks a server in a round")
	flagDirectory = flag.String("directory", "", "where the daemons keep their files (default: the directory for temporary files)")
)

func TestMain(m *testing.M) {
	daemon.RunRole(slog.New(slog.DiscardHandler))
	runBare()
	flag.Parse()
	if err := netns.Enter(); err != nil {
		fmt.Fprintln(os.Stderr, err) // the benchmarks skip
	}
	os.Exit(m.Run())
}

// startDaemon starts this binary in a role in a host. It is ended with the benchmark.
func startDaemon(b *testing.B, host *netns.Host, role daemon.Role) *daemon.Process {
	b.Helper()
	if *flagProfiles != "" {
		var err error
		if role.Profile, err = filepath.Abs(filepath.Join(*flagProfiles, host.Name+".pprof")); err != nil {
			b.Fatal(err)
		}
	}
	d := &daemon.Process{Name: host.Name, Machine: host, Command: role.Command}
	if err := d.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := d.Stop(); err != nil {
			b.Error(err)
		}
	})
	return d
}

// cpu is cpuOf of a daemon.
func cpu(b *testing.B, d *daemon.Process) time.Duration {
	b.Helper()
	return cpuOf(b, d.PID())
}

// cpuOf is how long a process's threads have run, in user and kernel together. The kernel counts
// in ticks of 10 ms.
func cpuOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
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

// peakMemory is the most memory a daemon had at a time, its program included, in bytes.
func peakMemory(b *testing.B, d *daemon.Process) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.PID()))
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
