package throughput

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fanfare/internal/api"
	"fanfare/testbed/netns"
)

// latencyBytes is the size of the file of BenchmarkLatency.
const latencyBytes = 100e3

// BenchmarkLatency publishes 100 KB at a time with the client command, as an operator does: from its
// start until it has ended, which it does when every edge serves the file. The daemons are warm.
func BenchmarkLatency(b *testing.B) {
	for _, loss := range []float64{0, 0.05} {
		b.Run(fmt.Sprintf("loss=%g", 100*loss), func(b *testing.B) {
			w := newWorld(b, netns.Config{Edges: *flagEdges, Loss: loss, FeedbackLoss: loss}, 1e9)
			client := buildClient(b)
			w.file(b, "file", latencyBytes)
			w.warm(b, "file")
			origin, edges := cpu(b, w.origin), w.edgesCPU(b)
			var whole, served, used samples
			b.ResetTimer()
			for i := range b.N {
				var receipt api.Receipt
				wall, own := w.command(b, &receipt, client, "publish", filepath.Join(w.dir, "file"), "--prefix", fmt.Sprint("/", i))
				whole, used, served = append(whole, wall), append(used, own), append(served, slowest(&receipt))
				pause()
			}
			b.StopTimer()
			b.ReportMetric(0, "ns/op")
			whole.report(b, "ms")
			served.report(b, "origin-ms")
			b.ReportMetric(used.quantile(0.5), "client-cpu-ms")
			b.ReportMetric(milliseconds(cpu(b, w.origin)-origin)/float64(b.N), "origin-cpu-ms")
			b.ReportMetric(milliseconds(w.edgesCPU(b)-edges)/float64(b.N*len(w.edges)), "edge-cpu-ms")
		})
	}
}

// BenchmarkPurge publishes an object and purges it, one after the other: by the API, from the call until
// every edge, asked over HTTP again and again, does not answer with the object any more; by the API, from
// the call to the receipt, which also says that it is on every edge's disk; and by the client command, from
// its start until it has ended. After a receipt no edge may answer with the object.
func BenchmarkPurge(b *testing.B) {
	w := newWorld(b, netns.Config{Edges: *flagEdges}, 1e9)
	client := buildClient(b)
	w.file(b, "file", 10e3)
	w.warm(b, "file")
	for _, run := range []struct {
		name  string
		purge func(b *testing.B) (ms float64)
	}{
		{"asked", func(b *testing.B) float64 {
			start := time.Now()
			if _, err := w.client.Purge(context.Background(), api.PurgeRequest{Keys: []string{"/file"}}); err != nil {
				b.Fatal(err)
			}
			for _, host := range w.bed.Edges {
				for w.ask(b, host) == http.StatusOK {
					if time.Since(start) > patience() {
						b.Fatalf("%s still answers with what was purged", host.Name)
					}
				}
			}
			return milliseconds(time.Since(start))
		}},
		{"api", func(b *testing.B) float64 {
			start := time.Now()
			w.purge(b, "/file")
			return milliseconds(time.Since(start))
		}},
		{"command", func(b *testing.B) float64 {
			wall, _ := w.command(b, nil, client, "purge", "/file")
			return wall
		}},
	} {
		b.Run(run.name, func(b *testing.B) {
			var took samples
			b.ResetTimer()
			for range b.N {
				w.publish(b, "file")
				w.want(b, http.StatusOK)
				pause()
				took = append(took, run.purge(b))
				w.want(b, http.StatusNotFound)
			}
			b.StopTimer()
			b.ReportMetric(0, "ns/op")
			took.report(b, "ms")
		})
	}
}

// BenchmarkStart starts commands that end at once: what a program of Go's costs anyway, the client
// whose command line is wrong, the client that finds no origin, and the whole command.
func BenchmarkStart(b *testing.B) {
	empty := filepath.Join(b.TempDir(), "empty.go")
	if err := os.WriteFile(empty, []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	client, whole := buildClient(b), build(b, "fanfare/cmd/fanfare")
	nowhere := filepath.Join(b.TempDir(), "nowhere")
	runs := []struct {
		name      string
		arguments []string
		status    int
	}{
		{"empty", []string{build(b, empty)}, 0},
		{"client", []string{client, "rm"}, 2},
		{"client-no-origin", []string{client, "purge", "/x", "--dir", nowhere}, 1},
		{"whole", []string{whole, "rm"}, 2},
	}
	walls, used := make([]samples, len(runs)), make([]samples, len(runs))
	for range b.N { // in turn, so that all have the same neighbours
		for i, run := range runs {
			command := exec.Command(run.arguments[0], run.arguments[1:]...)
			start := time.Now()
			err := command.Run()
			walls[i] = append(walls[i], milliseconds(time.Since(start)))
			if command.ProcessState.ExitCode() != run.status {
				b.Fatalf("%v: %v", run.arguments, err)
			}
			used[i] = append(used[i], milliseconds(command.ProcessState.UserTime()+command.ProcessState.SystemTime()))
		}
	}
	b.ReportMetric(0, "ns/op")
	for i, run := range runs {
		b.ReportMetric(walls[i].quantile(0.5), run.name+"-ms")
		b.ReportMetric(used[i].quantile(0.5), run.name+"-cpu-ms")
	}
}

// buildClient builds the command that knows nothing of the daemons.
func buildClient(b *testing.B) string { return build(b, "-tags", "client", "fanfare/cmd/fanfare") }

// build builds a program and returns its path.
func build(b *testing.B, arguments ...string) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "program")
	command := exec.Command("go", append([]string{"build", "-o", path}, arguments...)...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	text, err := command.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		b.Skip("SKIPPED, there is no go command to build the command with")
	}
	if err != nil {
		b.Fatalf("%v: %s", err, text)
	}
	return path
}

// warm publishes a file and takes it away, until everything has been done a few times.
func (w *world) warm(b *testing.B, name string) {
	b.Helper()
	for range 5 {
		w.publish(b, name)
		w.purge(b, "/"+name)
	}
}

// pause lets what trails behind a publication end, such as heartbeats. It ends the more often at
// another phase of every timer.
func pause() { time.Sleep(40*time.Millisecond + time.Duration(time.Now().UnixNano()%5_000_000)) }

// command runs the client command on w's origin with --wait, and returns how long it ran and its
// processor time, in milliseconds. The last line that it prints goes to receipt, if not nil.
func (w *world) command(b *testing.B, receipt *api.Receipt, client string, arguments ...string) (wall, used float64) {
	b.Helper()
	command := exec.Command(client, append(arguments, "--dir", filepath.Join(w.dir, "origin"), "--wait", "--json")...)
	var output strings.Builder
	command.Stdout, command.Stderr = &output, os.Stderr
	start := time.Now()
	err := command.Run()
	wall = milliseconds(time.Since(start))
	if err != nil {
		b.Fatalf("%v: %v", arguments, err)
	}
	lines := strings.Split(strings.TrimSpace(output.String()), "\n")
	if receipt != nil {
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), receipt); err != nil {
			b.Fatal(err)
		}
	}
	return wall, milliseconds(command.ProcessState.UserTime() + command.ProcessState.SystemTime())
}

// purge purges a key and waits until that is in force at all edges.
func (w *world) purge(b *testing.B, key string) {
	b.Helper()
	client := w.client.Follow(patience())
	if _, err := client.Purge(context.Background(), api.PurgeRequest{Keys: []string{key}}); err != nil {
		b.Fatal(err)
	}
	receipt, err := client.Followed(context.Background(), nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	if !receipt.Complete {
		b.Fatalf("not in force everywhere: %+v", receipt)
	}
}

// want checks with what status every edge answers for the file.
func (w *world) want(b *testing.B, status int) {
	b.Helper()
	for _, host := range w.bed.Edges {
		if got := w.ask(b, host); got != status {
			b.Fatalf("%s answers with %d, not with %d", host.Name, got, status)
		}
	}
}

// ask returns with what status an edge answers for the file.
func (w *world) ask(b *testing.B, host *netns.Host) (status int) {
	b.Helper()
	client := w.readers[host]
	if client == nil {
		client = &http.Client{Transport: &http.Transport{DialContext: host.Dial}, Timeout: patience()}
		w.readers[host] = client
		b.Cleanup(client.CloseIdleConnections)
	}
	response, err := client.Get("http://" + netip.AddrPortFrom(host.Addr4, 8080).String() + "/file")
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil { // so that the connection is kept
		b.Fatal(err)
	}
	return response.StatusCode
}

// slowest is how long the last edge took by the origin's clock, in milliseconds.
func slowest(r *api.Receipt) (ms float64) {
	for _, e := range r.Edges {
		ms = max(ms, e.Seconds*1e3)
	}
	return ms
}

// samples are measurements in milliseconds.
type samples []float64

// quantile returns the least of them that a share of q does not exceed.
func (s samples) quantile(q float64) float64 {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func (s samples) report(b *testing.B, unit string) {
	b.ReportMetric(s.quantile(0.5), "p50-"+unit)
	b.ReportMetric(s.quantile(0.95), "p95-"+unit)
	b.ReportMetric(s.quantile(0.99), "p99-"+unit)
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }
