package origin

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"testing"
	"time"

	"fanfare/control"
	"fanfare/internal/api"
	"fanfare/internal/session"
)

// hangsAfter is how long a test waits for what must come. No machine is so busy that it takes that long.
const hangsAfter = time.Minute

// untilEdge waits until what is known of the only edge is as wanted.
func (r *running) untilEdge(t *testing.T, want func(api.Edge) bool) {
	t.Helper()
	hangs := time.After(hangsAfter)
	for {
		changed := r.edges.Changes()
		status := r.edges.Status(time.Now(), 1, 1, control.Hash{}, r.spool.OTI)
		if len(status) == 1 && want(status[0]) {
			return
		}
		select {
		case <-changed:
		case <-hangs:
			t.Fatalf("the edge is %+v", status)
		}
	}
}

// signed returns the origin's signed head.
func (r *running) signed() []byte {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.signedHead
}

// files is the content of a publication: names and bodies.
type files map[string]string

// tarOf returns what writes the files as a tar stream.
func tarOf(f files) func(io.Writer) error {
	return func(w io.Writer) error {
		archive := tar.NewWriter(w)
		var names []string
		for name := range f {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(f[name])), Mode: 0o644, Format: tar.FormatGNU}
			if err := archive.WriteHeader(header); err != nil {
				return err
			}
			if _, err := io.WriteString(archive, f[name]); err != nil {
				return err
			}
		}
		return archive.Close()
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

// initOrigin makes an origin on the loopback interface and returns its directory.
func initOrigin(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ff") // short: a Unix socket's path is limited
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	dir = filepath.Join(dir, "o")
	port := freePort(t)
	config := InitConfig{
		Dir: dir, Interface: "lo", Rate: 200_000_000,
		Group:     netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 255, byte(port>>8) | 1, byte(port)}), port),
		Advertise: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port).String(),
	}
	if err := Init(config); err != nil {
		t.Fatal(err)
	}
	return dir
}

// setRate changes the rate in the session of an origin.
func setRate(t *testing.T, dir, rate string) {
	t.Helper()
	path := filepath.Join(dir, sessionName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := regexp.MustCompile(`(?m)^rate:.*$`).ReplaceAllString(string(text), "rate: "+rate)
	if changed == string(text) {
		t.Fatalf("there is no rate in %s", text)
	}
	if err := os.WriteFile(path, []byte(changed), 0o640); err != nil {
		t.Fatal(err)
	}
}

// running is an origin that runs.
type running struct {
	*Origin
	client *api.Client
	stop   func()
}

// start runs the origin in dir until stop or the end of the test.
func start(t *testing.T, dir string) *running {
	t.Helper()
	o, err := Open(Config{Dir: dir, Log: slog.New(slog.NewTextHandler(testWriter{t}, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	stopped := false
	r := &running{Origin: o, client: api.NewUnix(dir)}
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		begun := time.Now()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("it took %v to stop", took)
		}
	}
	t.Cleanup(r.stop)
	return r
}

// publish publishes files and fails the test if that fails.
func (r *running) publish(t *testing.T, f files, options api.PublishOptions) *api.PublishResult {
	t.Helper()
	result, err := r.client.Publish(t.Context(), options, tarOf(f))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// keys returns all keys that are published.
func (r *running) keys(t *testing.T) []string {
	t.Helper()
	keys := []string{}
	for after := ""; ; {
		listing, err := r.client.List(t.Context(), "", after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range listing.Rows {
			keys = append(keys, row.Key)
		}
		if after = listing.More; after == "" {
			return keys
		}
	}
}

// testWriter writes the log of a daemon to the log of a test.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", p)
	return len(p), nil
}

// testSession returns the session of an origin's directory.
func testSession(t *testing.T, dir string) *session.Session {
	t.Helper()
	s, err := session.Load(filepath.Join(dir, sessionName))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// twice writes one file two times into one tar stream.
func twice(w io.Writer, f files) error {
	archive := tar.NewWriter(w)
	for range 2 {
		for name, body := range f {
			if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(body))}); err != nil {
				return err
			}
			if _, err := io.WriteString(archive, body); err != nil {
				return err
			}
		}
	}
	return archive.Close()
}

// bundlePath returns where the spool of an origin's directory has a bundle.
func bundlePath(dir string, sequence uint64) string {
	return filepath.Join(dir, spoolName, strconv.FormatUint(sequence, 10)+".bundle")
}
