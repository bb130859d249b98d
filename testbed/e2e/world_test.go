package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
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

// worldConfig says what a world is like.
type worldConfig struct {
	Edges int
	// Loss is lost on the way to each edge, and as much of the feedback.
	Loss float64
	// Namespaces: every daemon on a machine of its own, as far as the network goes; else all
	// share the loopback interface and lose packets at their own sockets.
	Namespaces bool
	IPv6, SSM  bool
	// OneWay is a session without a return path: all that edges send is lost at the origin. A fifth
	// of the symbols is proactive repair.
	OneWay bool
	// Rate is the origin's; 0: 400 Mbit/s.
	Rate session.Rate
}

// world is one origin and some edges, each a process, and what the test knows of them.
type world struct {
	t      *testing.T
	config worldConfig
	bed    *netns.Bed // nil on loopback
	dir    string
	origin *daemon.Process
	client *api.Client
	edges  []*node
	// files are all that was published and not purged: URL path to content.
	files map[string][]byte
}

// node is an edge as the test sees it.
type node struct {
	*daemon.Process
	name    string
	address string // of its HTTP face
	http    *http.Client
	config  edge.Config
}

// groups numbers the groups on loopback, so that worlds do not hear each other.
var groups atomic.Uint32

// newWorld makes a world and starts it; it skips the test, aloud, where it cannot be.
func newWorld(t *testing.T, c worldConfig) *world {
	t.Helper()
	w := &world{t: t, config: c, files: map[string][]byte{}}
	// Not t.TempDir: the path of the origin's socket must be short.
	dir, err := os.MkdirTemp("", "ff-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	w.dir = dir
	t.Cleanup(func() { os.RemoveAll(dir) })
	if c.Namespaces {
		bed := netns.Config{Edges: c.Edges, Loss: c.Loss, FeedbackLoss: c.Loss}
		if c.OneWay {
			bed.FeedbackLoss, bed.LoseTCP = 1, true
		}
		w.bed, err = netns.Open(bed)
		if errors.Is(err, netns.ErrNotAllowed) {
			t.Skip("SKIPPED, no network namespaces can be made here: ", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { w.bed.Close() })
	}
	w.init()
	w.client = api.NewUnix(w.originDir())
	w.startOrigin()
	for i := range c.Edges {
		w.edges = append(w.edges, w.newNode(i))
		w.edges[i].start(w)
	}
	w.awaitEdges()
	return w
}

func (w *world) originDir() string { return filepath.Join(w.dir, "origin") }

// init makes the origin's directory.
func (w *world) init() {
	w.t.Helper()
	c := origin.InitConfig{Dir: w.originDir(), Interface: "lo", Rate: w.config.Rate}
	if c.Rate == 0 {
		c.Rate = 400_000_000
	}
	c.OneWay, c.Proactive, c.CarouselPause = w.config.OneWay, 0.2, 200*time.Millisecond
	n := groups.Add(1)
	c.Group = netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 77, byte(os.Getpid()%250 + 1), byte(n)}), freePort(w.t))
	switch {
	case w.config.IPv6 && w.config.SSM:
		c.Group = netip.MustParseAddrPort("[ff35::4:77]:7777")
	case w.config.IPv6:
		c.Group = netip.MustParseAddrPort("[ff15::77:1]:7777")
	case w.config.SSM:
		c.Group = netip.MustParseAddrPort("232.77.1.1:7777")
	}
	place := func(f func() error) error { return f() }
	own := netip.MustParseAddr("127.0.0.1")
	c.Advertise = fmt.Sprintf("127.0.0.1:%d", freePort(w.t))
	if w.bed != nil {
		c.Interface, c.Advertise = w.bed.Origin.Interface, ""
		place, own = w.bed.Origin.Do, w.bed.Origin.Addr4
		if w.config.IPv6 {
			own = w.bed.Origin.Addr6
		}
	}
	if w.config.SSM {
		c.Source = own
	}
	if err := place(func() error { return origin.Init(c) }); err != nil {
		w.t.Fatal(err)
	}
}

// freePort returns a port that is free for UDP and TCP on 127.0.0.1, and below those that the kernel gives
// to connections: while it is not listened on, other tests' do not take it.
func freePort(t *testing.T) uint16 {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000))
		l, err := net.Listen("tcp4", address)
		if err != nil {
			continue
		}
		u, err := net.ListenPacket("udp4", address)
		l.Close()
		if err == nil {
			u.Close()
			return netip.MustParseAddrPort(address).Port()
		}
	}
	t.Fatal("no free port")
	return 0
}

func (w *world) startOrigin() {
	w.t.Helper()
	var host *netns.Host
	if w.bed != nil {
		host = w.bed.Origin
	}
	w.origin = startDaemon(w.t, host, "origin", daemon.Role{Origin: &origin.Config{Dir: w.originDir()}})
	w.until("the origin answers", time.Minute, func() error {
		_, err := w.client.Status(context.Background())
		return err
	})
}

func (w *world) newNode(i int) *node {
	n := &node{name: fmt.Sprintf("edge-%d", i+1), http: &http.Client{Timeout: time.Minute}}
	n.config = edge.Config{
		Session: filepath.Join(w.originDir(), "session.ff"), Dir: filepath.Join(w.dir, n.name),
		Name: n.name, Interface: "lo",
	}
	if w.bed == nil {
		n.address = fmt.Sprintf("127.0.0.1:%d", freePort(w.t))
		n.config.HTTP, n.config.InjectLoss = n.address, w.config.Loss
		return n
	}
	host := w.bed.Edges[i]
	n.address = netip.AddrPortFrom(host.Addr4, 8080).String()
	n.config.HTTP, n.config.Interface = ":8080", host.Interface
	n.http.Transport = &http.Transport{DialContext: host.Dial, MaxIdleConnsPerHost: 8}
	return n
}

// start starts the edge's process, also again.
func (n *node) start(w *world) {
	w.t.Helper()
	var host *netns.Host
	for i, e := range w.edges {
		if e == n && w.bed != nil {
			host = w.bed.Edges[i]
		}
	}
	n.Process = startDaemon(w.t, host, n.name, daemon.Role{Edge: &n.config})
}

// until waits until f returns nil.
func (w *world) until(what string, limit time.Duration, f func() error) {
	w.t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("waited %v until %s: %v", limit, what, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// awaitEdges waits until every edge is ready and the origin knows it.
func (w *world) awaitEdges() {
	w.t.Helper()
	for _, n := range w.edges {
		w.awaitReady(n)
	}
	if w.config.OneWay {
		return // it hears of none
	}
	w.until("the origin knows every edge", time.Minute, func() error {
		s, err := w.client.Status(context.Background())
		if err == nil && len(s.Edges) < len(w.edges) {
			err = fmt.Errorf("it knows %d of %d", len(s.Edges), len(w.edges))
		}
		return err
	})
}

func (w *world) awaitReady(n *node) {
	w.t.Helper()
	w.until(n.name+" is ready", 30*time.Second, func() error {
		response, body, err := n.get("/readyz")
		if err == nil && response.StatusCode != http.StatusOK {
			err = errors.New(body)
		}
		return err
	})
}

// get asks an edge for a path.
func (n *node) get(path string) (*http.Response, string, error) {
	response, err := n.http.Get("http://" + n.address + path)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

// metric returns a number of the edge's /metrics; 0 if it is not there.
func (n *node) metric(t *testing.T, name string) float64 {
	t.Helper()
	_, body, err := n.get("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(body) {
		if text, ok := strings.CutPrefix(line, name+" "); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				t.Fatal(err)
			}
			return value
		}
	}
	return 0
}

func purgeKey(key string) api.PurgeRequest { return api.PurgeRequest{Keys: []string{key}} }

// publish publishes files under their names, with a tag.
func (w *world) publish(files map[string][]byte, tag string) api.Sequences {
	w.t.Helper()
	dir, err := os.MkdirTemp(w.dir, "files-")
	if err != nil {
		w.t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
			w.t.Fatal(err)
		}
		w.files["/"+name] = content
	}
	found, err := tree.Collect([]string{dir}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	result, err := w.client.Publish(context.Background(), api.PublishOptions{Tags: []string{tag}},
		func(stream io.Writer) error { return tree.WriteTar(stream, found, func(int64) {}) })
	if err != nil {
		w.t.Fatal(err)
	}
	return result.Sequences
}

// await waits until every edge serves the entries.
func (w *world) await(s api.Sequences, limit time.Duration) *api.Receipt {
	w.t.Helper()
	receipt, err := w.client.Wait(context.Background(), s, limit, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if !receipt.Complete {
		text, _ := json.MarshalIndent(receipt, "", " ")
		w.t.Fatalf("not served everywhere: %s\n%s", text, w.status())
	}
	return receipt
}

func (w *world) status() string {
	s, err := w.client.Status(context.Background())
	if err != nil {
		return err.Error()
	}
	text, _ := json.MarshalIndent(s, "", " ")
	return string(text)
}

// check reads every file from every edge.
func (w *world) check() {
	w.t.Helper()
	for _, n := range w.edges {
		w.checkNode(n)
	}
}

func (w *world) checkNode(n *node) {
	w.t.Helper()
	for path, want := range w.files {
		response, body, err := n.get(path)
		switch {
		case err != nil:
			w.t.Fatalf("%s: %s: %v", n.name, path, err)
		case response.StatusCode != http.StatusOK:
			w.t.Fatalf("%s: %s: %s %.100q", n.name, path, response.Status, body)
		case body != string(want):
			w.t.Fatalf("%s: %s: %d bytes that differ from the %d published", n.name, path, len(body), len(want))
		}
	}
}

// checkGone sees to it that no edge serves a path.
func (w *world) checkGone(path string) {
	w.t.Helper()
	for _, n := range w.edges {
		response, _, err := n.get(path)
		if err != nil || response.StatusCode != http.StatusNotFound {
			w.t.Errorf("%s: %s: %v, %v, want 404", n.name, path, response, err)
		}
	}
}

// report logs how it went.
func (w *world) report(what string, bytes int, receipt *api.Receipt) {
	w.t.Helper()
	s, err := w.client.Status(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	var ratio float64
	if bytes > 0 {
		ratio = float64(s.Sender.BytesSent) / float64(bytes)
	}
	w.t.Logf("%s: %d bytes at %d edges in %.2f s; sent %.3f times that; %d repair symbols, %d NACKs",
		what, bytes, receipt.Served, receipt.Seconds, ratio, s.Sender.RepairSymbolsSent, s.Sender.NACKsReceived)
}
