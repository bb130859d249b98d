package throughput

import (
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fanfare/testbed/netns"
)

// BenchmarkServe has wrk ask an edge, nginx and a bare net/http server for the same bytes, in turn,
// on one machine over loopback: kept connections, every answer a hit. It reports medians over its
// rounds.
func BenchmarkServe(b *testing.B) {
	for _, program := range []string{"wrk", "nginx"} {
		if _, err := exec.LookPath(program); err != nil {
			b.Skipf("SKIPPED, %s is not installed here: %v", program, err)
		}
	}
	w := newWorld(b, netns.Config{Edges: 1, Offloads: true}, 1e9)
	root := filepath.Join(w.dir, "site")
	files := []struct {
		name string
		size int
	}{{"10KB", 10e3}, {"100KB", 100e3}, {"1MB", 1e6}}
	if err := os.Mkdir(root, 0o755); err != nil {
		b.Fatal(err)
	}
	for _, f := range files {
		w.file(b, filepath.Join("site", f.name+".bin"), f.size)
	}
	w.publish(b, "site")
	host := w.bed.Edges[0]
	nginx := startNginx(b, host, w.dir, root)
	bare := startBare(b, host, root)
	servers := []*server{
		{name: "edge", address: netip.AddrPortFrom(host.Addr4, 8080), pids: func() []int { return []int{w.edges[0].PID()} }},
		{name: "nginx", address: netip.AddrPortFrom(host.Addr4, nginxPort), pids: func() []int { return workers(b, nginx.Process.Pid) }},
		{name: "net/http", address: netip.AddrPortFrom(host.Addr4, barePort), pids: func() []int { return []int{bare.Process.Pid} }},
	}
	for _, f := range files {
		b.Run(f.name, func(b *testing.B) {
			path := "/" + f.name + ".bin"
			for _, s := range servers {
				s.rates, s.costs = nil, nil
				s.round(b, host, path, time.Second) // warm
				s.rates, s.costs = nil, nil
			}
			for range max(b.N, 3) {
				for _, s := range servers {
					s.round(b, host, path, *flagServe)
				}
			}
			b.ReportMetric(0, "ns/op")
			for _, s := range servers {
				b.ReportMetric(median(s.rates), s.name+"-requests/s")
				b.ReportMetric(median(s.costs)*1e6, s.name+"-cpu-us/request")
			}
			for _, s := range servers[1:] {
				b.ReportMetric(median(servers[0].rates)/median(s.rates), "edge/"+s.name)
			}
		})
	}
}

const nginxPort = 8081

// nginxConfig is nginx at its fastest with files: sendfile, open files kept, nothing logged.
const nginxConfig = `daemon off;
user root;
worker_processes auto;
pid %[1]s/nginx.pid;
error_log stderr crit;
events { worker_connections 512; }
http {
	sendfile on;
	tcp_nopush on;
	access_log off;
	keepalive_requests 1000000000;
	open_file_cache max=1000 inactive=1h;
	open_file_cache_valid 1h;
	client_body_temp_path %[1]s/nginx-temp;
	proxy_temp_path %[1]s/nginx-temp;
	fastcgi_temp_path %[1]s/nginx-temp;
	uwsgi_temp_path %[1]s/nginx-temp;
	scgi_temp_path %[1]s/nginx-temp;
	server {
		listen %[3]d;
		root %[2]s;
	}
}
`

// startNginx starts nginx in a host and waits until it answers. It is ended with the benchmark.
func startNginx(b *testing.B, host *netns.Host, dir, root string) *exec.Cmd {
	b.Helper()
	for _, d := range []string{dir, root} { // its workers may be of another user
		if err := os.Chmod(d, 0o755); err != nil {
			b.Fatal(err)
		}
	}
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConfig, dir, root, nginxPort), 0o644); err != nil {
		b.Fatal(err)
	}
	var output bytes.Buffer
	c := exec.Command("nginx", "-p", dir, "-e", "stderr", "-c", config)
	c.Stderr = &output
	if err := host.Start(c); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt) // it may have ended
		_ = c.Wait()                       // an exit by the signal
	})
	awaitServer(b, host, nginxPort, &output)
	return c
}

// awaitServer waits until what was started in a host answers.
func awaitServer(b *testing.B, host *netns.Host, port uint16, output *bytes.Buffer) {
	b.Helper()
	client := http.Client{Transport: &http.Transport{DialContext: host.Dial}, Timeout: time.Second}
	defer client.CloseIdleConnections()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		response, err := client.Head("http://" + netip.AddrPortFrom(host.Addr4, port).String() + "/10KB.bin")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
			err = fmt.Errorf("status %s", response.Status)
		}
		if time.Now().After(end) {
			b.Fatalf("nothing answers at port %d: %v\n%s", port, err, output.Bytes())
		}
	}
}

// workers returns the processes that a process started.
func workers(b *testing.B, pid int) (pids []int) {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		b.Fatal(err)
	}
	for _, field := range strings.Fields(string(text)) {
		n, err := strconv.Atoi(field)
		if err != nil {
			b.Fatal(err)
		}
		pids = append(pids, n)
	}
	return pids
}

// server is one of those that are compared.
type server struct {
	name         string
	address      netip.AddrPort
	pids         func() []int
	rates, costs []float64 // of each round: requests a second, CPU seconds for each
}

// round has wrk ask for a path for some time.
func (s *server) round(b *testing.B, host *netns.Host, path string, duration time.Duration) {
	b.Helper()
	url := "http://" + s.address.String() + path
	c := exec.Command("wrk", "--threads", "1", "--connections", "16",
		"--duration", fmt.Sprint(max(1, int(duration.Seconds())))+"s", url)
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	before := s.cpu(b)
	if err := host.Start(c); err != nil {
		b.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		b.Fatalf("wrk: %v\n%s", err, output.Bytes())
	}
	used := s.cpu(b) - before
	// "  123456 requests in 2.00s, 1.17GB read", and lines that begin so if anything went wrong
	var requests, rate float64
	for line := range strings.Lines(output.String()) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "Socket errors") || strings.HasPrefix(line, "Non-2xx") {
			b.Fatalf("%s: %s", url, line)
		}
		if n, _, ok := strings.Cut(line, " requests in "); ok {
			requests, _ = strconv.ParseFloat(n, 64)
		}
		if n, ok := strings.CutPrefix(line, "Requests/sec:"); ok {
			rate, _ = strconv.ParseFloat(strings.TrimSpace(n), 64)
		}
	}
	if requests == 0 || rate == 0 {
		b.Fatalf("%s: wrk answered %s", url, output.Bytes())
	}
	s.rates, s.costs = append(s.rates, rate), append(s.costs, used.Seconds()/requests)
}

func (s *server) cpu(b *testing.B) (sum time.Duration) {
	b.Helper()
	for _, pid := range s.pids() {
		sum += cpuOf(b, pid)
	}
	return sum
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
