package edge

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fanfare/internal/session"
)

// testSession writes a session file of an origin that does not run, on loopback.
func testSession(t *testing.T, change func(*session.Session)) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &session.Session{
		Version: 1, Channel: testChannel, Generation: session.Generation{Order: 1, Random: 1},
		Group: netip.MustParseAddrPort("239.77.78.79:17799"), MTU: 1500, SymbolLength: 1408, Rate: 1_000_000,
		Origin: "127.0.0.1:9", PublicKey: session.PublicKey(public),
	}
	change(s)
	path := filepath.Join(t.TempDir(), "session.ff")
	if err := s.Save(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func testConfig(t *testing.T) Config {
	return Config{
		Session: testSession(t, func(*session.Session) {}), Dir: t.TempDir(), Interface: "lo",
		HTTP: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

// run opens an edge, and lets it run no further than to its end. It returns how it ended.
func run(t *testing.T, c Config) error {
	e, err := Open(t.Context(), c)
	if err != nil {
		return err
	}
	ended, end := context.WithCancel(t.Context())
	end()
	return e.Run(ended)
}

// TestSentences sees to it that what an operator does wrong is said in one sentence.
func TestSentences(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tests := []struct {
		name   string
		change func(c *Config)
		want   string
	}{
		{"no session", func(c *Config) { c.Session = "" }, "no session file given"},
		{"session file missing", func(c *Config) { c.Session += "x" }, "there is no session file"},
		{"bad name", func(c *Config) { c.Name = "a b" }, "a name has 1 to 64"},
		{"HTTP port in use", func(c *Config) { c.HTTP = taken.Addr().String() }, "is in use by another program"},
		{"admin port in use", func(c *Config) { c.Admin = taken.Addr().String() }, "--admin 127.0.0.1"},
		{"no such interface", func(c *Config) { c.Interface = "nonesuch" }, `no network interface is named "nonesuch"`},
		{"not an address here", func(c *Config) { c.HTTP = "192.0.2.1:80" }, "is not an address of this machine"},
		{"loss", func(c *Config) { c.InjectLoss = 2 }, "is not between 0 and 1"},
		{"directory", func(c *Config) { c.Dir = "/dev/null/x" }, "cannot make directory"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := testConfig(t)
			test.change(&c)
			err := run(t, c)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q", err, test.want)
			}
		})
	}
}

func TestDirectoryOfAnother(t *testing.T) {
	c := testConfig(t)
	if err := run(t, c); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*session.Session){
		"generation": func(s *session.Session) { s.Generation.Order = 2 },
		"channel":    func(s *session.Session) { s.Channel++ },
	} {
		other := c
		other.Session = testSession(t, change)
		if err := run(t, other); err == nil || !strings.Contains(err.Error(), "generation") && !strings.Contains(err.Error(), "channel") {
			t.Errorf("other %s: %v", name, err)
		}
	}
}

func TestDirectoryInUse(t *testing.T) {
	c := testConfig(t)
	e, err := Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	if err := run(t, c); err == nil || !strings.Contains(err.Error(), "in use by another edge") {
		t.Errorf("a second edge on the directory: %v", err)
	}
}

// TestWithoutOrigin runs an edge that hears nobody: it lives, is not ready, and serves nothing.
func TestWithoutOrigin(t *testing.T) {
	c := testConfig(t)
	e, err := Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/a": 503, "/metrics": 200} {
		response, err := http.Get(fmt.Sprintf("http://%s%s", e.HTTPAddr(), path))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, response.Status, want)
		}
	}
	start := time.Now()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v to stop", took)
	}
	http.DefaultClient.CloseIdleConnections()
}
