package throughput

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fanfare/internal/api"
	"fanfare/internal/edge"
	"fanfare/internal/origin"
	"fanfare/internal/session"
	"fanfare/internal/tree"
	"fanfare/testbed/daemon"
	"fanfare/testbed/netns"
)

// BenchmarkPublish publishes one file to all edges: with offloads, where a train of packets
// crosses a link as one, and without, where a packet is a packet; and losing 5 % of them.
func BenchmarkPublish(b *testing.B) {
	for _, run := range []struct {
		name   string
		config netns.Config
		gbit   float64
	}{
		{"offloads=on/loss=0", netns.Config{Offloads: true}, 1},
		{"offloads=off/loss=0", netns.Config{}, 0.6},
		{"offloads=off/loss=5", netns.Config{Loss: 0.05, FeedbackLoss: 0.05}, 0.5},
	} {
		b.Run(run.name, func(b *testing.B) {
			if *flagRate > 0 {
				run.gbit = *flagRate
			}
			run.config.Edges = *flagEdges
			w := newWorld(b, run.config, session.Rate(run.gbit*1e9))
			w.file(b, "warm", 5<<20)
			w.publish(b, "warm")
			w.run(b)
		})
	}
}

// BenchmarkSmall publishes many small files at once.
func BenchmarkSmall(b *testing.B) {
	for _, run := range []struct{ count, size int }{{2000, 10e3}, {cmp.Or(*flagFiles, 20000), 1e3}} {
		b.Run(fmt.Sprintf("files=%dx%d", run.count, run.size), func(b *testing.B) {
			w := newWorld(b, netns.Config{Edges: *flagEdges, Offloads: *flagOffloads}, session.Rate(cmp.Or(*flagRate, 1)*1e9))
			w.tree(b, filepath.Join(w.dir, "tree"), run.count, run.size)
			w.publish(b, "tree")
			var total cost
			b.ResetTimer()
			for range b.N {
				total.add(w.publish(b, "tree"))
			}
			b.StopTimer()
			objects := float64(run.count * b.N)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(objects/(total.store+total.deliver).Seconds(), "objects/s")
			b.ReportMetric(total.store.Seconds()*1000/float64(b.N), "store-ms")
			b.ReportMetric(total.deliver.Seconds()*1000/float64(b.N), "deliver-ms")
			b.ReportMetric((total.storeCPU+total.sendCPU).Seconds()*1e6/objects, "origin-cpu-us/object")
			b.ReportMetric(total.edgeCPU.Seconds()*1e6/objects/float64(len(w.edges)), "edge-cpu-us/object")
		})
	}
}

// world is one origin and its edges.
type world struct {
	dir    string
	bed    *netns.Bed
	client *api.Client
	origin *daemon.Process
	edges  []*daemon.Process
	// readers ask each edge; see want.
	readers map[*netns.Host]*http.Client
}

func newWorld(b *testing.B, c netns.Config, rate session.Rate) *world {
	b.Helper()
	bed, err := netns.Open(c)
	if errors.Is(err, netns.ErrNotAllowed) {
		b.Skip("SKIPPED, no network namespaces can be made here: ", err)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { bed.Close() })
	w := &world{bed: bed, readers: make(map[*netns.Host]*http.Client)}
	if w.dir, err = os.MkdirTemp(*flagDirectory, "ff-"); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(w.dir) })
	dir := filepath.Join(w.dir, "origin")
	err = bed.Origin.Do(func() error {
		return origin.Init(origin.InitConfig{
			Dir: dir, Group: netip.MustParseAddrPort("239.77.3.1:7777"), Interface: bed.Origin.Interface, Rate: rate,
		})
	})
	if err != nil {
		b.Fatal(err)
	}
	w.client = api.NewUnix(dir)
	w.origin = startDaemon(b, bed.Origin, daemon.Role{Origin: &origin.Config{Dir: dir}})
	w.await(b, 0)
	for i, host := range bed.Edges {
		w.edges = append(w.edges, startDaemon(b, host, daemon.Role{Edge: &edge.Config{
			Session: filepath.Join(dir, "session.ff"), Dir: filepath.Join(w.dir, host.Name),
			Name: host.Name, Interface: host.Interface, HTTP: ":8080",
		}}))
		w.await(b, i+1)
	}
	return w
}

// await waits until the origin answers and knows so many edges.
func (w *world) await(b *testing.B, edges int) {
	b.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		s, err := w.client.Status(context.Background())
		if err == nil && len(s.Edges) >= edges {
			return
		}
		if time.Now().After(end) {
			b.Fatalf("the origin knows fewer than %d edges: %v", edges, err)
		}
	}
}

// file makes a file of random bytes.
func (w *world) file(b *testing.B, name string, size int) {
	b.Helper()
	file, err := os.Create(filepath.Join(w.dir, name))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	if _, err := io.CopyN(file, rand.NewChaCha8([32]byte{}), int64(size)); err != nil {
		b.Fatal(err)
	}
}

// patience is how long a publication may take, and to read what came.
func patience() time.Duration {
	return time.Minute + time.Duration(*flagMegabytes)*100*time.Millisecond
}

// cost is what publications took.
type cost struct {
	// store is the time until the origin had it, deliver from then until the last edge did.
	store, deliver time.Duration
	// storeCPU and sendCPU are the origin's in these, edgeCPU that of all edges together.
	storeCPU, sendCPU, edgeCPU time.Duration
}

func (c *cost) add(d cost) {
	c.store, c.deliver = c.store+d.store, c.deliver+d.deliver
	c.storeCPU, c.sendCPU, c.edgeCPU = c.storeCPU+d.storeCPU, c.sendCPU+d.sendCPU, c.edgeCPU+d.edgeCPU
}

// publish publishes a file or a directory and waits until all edges serve it.
func (w *world) publish(b *testing.B, name string) (c cost) {
	b.Helper()
	origin, edges := cpu(b, w.origin), w.edgesCPU(b)
	start := time.Now()
	files, err := tree.Collect([]string{filepath.Join(w.dir, name)}, nil)
	if err != nil {
		b.Fatal(err)
	}
	result, err := w.client.Publish(context.Background(), api.PublishOptions{},
		func(stream io.Writer) error { return tree.WriteTar(stream, files, func(int64) {}) })
	if err != nil {
		b.Fatal(err)
	}
	c.store = time.Since(start)
	stored := cpu(b, w.origin)
	receipt, err := w.client.Wait(context.Background(), result.Sequences, patience(), nil)
	if err != nil {
		b.Fatal(err)
	}
	if !receipt.Complete {
		b.Fatalf("not served everywhere: %+v", receipt)
	}
	c.deliver = time.Since(start) - c.store
	c.storeCPU, c.sendCPU, c.edgeCPU = stored-origin, cpu(b, w.origin)-stored, w.edgesCPU(b)-edges
	return c
}

// run publishes a large file b.N times and reports what it cost.
func (w *world) run(b *testing.B) {
	bytes := *flagMegabytes * 1e6
	w.file(b, "large", bytes)
	before, err := w.client.Status(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	var total cost
	b.ResetTimer()
	for range b.N {
		total.add(w.publish(b, "large"))
	}
	b.StopTimer()
	after, err := w.client.Status(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	gigabytes := float64(bytes) * float64(b.N) / 1e9
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(gigabytes*8/total.deliver.Seconds(), "Gbit/s")
	b.ReportMetric(total.storeCPU.Seconds()/gigabytes, "store-cpu-s/GB")
	b.ReportMetric(total.sendCPU.Seconds()/gigabytes, "send-cpu-s/GB")
	b.ReportMetric(total.edgeCPU.Seconds()/gigabytes/float64(len(w.edges)), "edge-cpu-s/GB")
	b.ReportMetric(float64(after.Sender.BytesSent-before.Sender.BytesSent)/1e9/gigabytes, "wire/file")
	b.ReportMetric(total.store.Seconds()/gigabytes, "store-s/GB")
	b.ReportMetric(w.metric(b, "fanfare_edge_socket_drops_total")/float64(b.N), "socket-drops")
	b.ReportMetric(peakMemory(b, w.origin)/1e6, "origin-MB")
	var peak float64
	for _, d := range w.edges {
		peak = max(peak, peakMemory(b, d))
	}
	b.ReportMetric(peak/1e6, "edge-MB")
	w.check(b, "large")
}

func (w *world) edgesCPU(b *testing.B) (sum time.Duration) {
	b.Helper()
	for _, d := range w.edges {
		sum += cpu(b, d)
	}
	return sum
}

// get calls use with what an edge answers.
func (w *world) get(b *testing.B, host *netns.Host, path string, use func(io.Reader) error) {
	b.Helper()
	client := http.Client{Transport: &http.Transport{DialContext: host.Dial}, Timeout: patience()}
	defer client.CloseIdleConnections()
	response, err := client.Get("http://" + netip.AddrPortFrom(host.Addr4, 8080).String() + path)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s: %s", host.Name, path, response.Status)
	}
	if err := use(response.Body); err != nil {
		b.Fatal(err)
	}
}

// metric returns the sum of a counter over all edges.
func (w *world) metric(b *testing.B, name string) (sum float64) {
	b.Helper()
	for _, host := range w.bed.Edges {
		w.get(b, host, "/metrics", func(body io.Reader) error {
			text, err := io.ReadAll(body)
			for line := range strings.Lines(string(text)) {
				if rest, ok := strings.CutPrefix(line, name+" "); ok {
					var value float64
					_, err = fmt.Sscan(rest, &value)
					sum += value
				}
			}
			return err
		})
	}
	return sum
}

// check compares what every edge serves with the file.
func (w *world) check(b *testing.B, name string) {
	b.Helper()
	digest := func(r io.Reader) (string, error) {
		h := sha256.New()
		_, err := io.Copy(h, r)
		return hex.EncodeToString(h.Sum(nil)), err
	}
	file, err := os.Open(filepath.Join(w.dir, name))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	want, err := digest(file)
	if err != nil {
		b.Fatal(err)
	}
	for _, host := range w.bed.Edges {
		w.get(b, host, "/"+name, func(body io.Reader) error {
			got, err := digest(body)
			if err == nil && got != want {
				err = fmt.Errorf("%s serves other bytes than were published", host.Name)
			}
			return err
		})
	}
}
