package arch

import (
	"strings"
	"testing"
)

// TestCheck proves that each wall stops what it is there for, and nothing else.
func TestCheck(t *testing.T) {
	tests := []struct {
		name string
		path string
		text string
		want string // part of the only problem; empty for none
	}{
		{"a clean engine", "sender/x.go", `import ("fanfare/fec"; "fanfare/internal/mono"; "math/rand/v2"); func f(r *rand.Rand, t mono.Time, o fec.OTI) { _ = rand.New(nil) }`, ""},
		{"netip", "receiver/x.go", `import "net/netip"; var _ netip.Addr`, ""},
		{"durations", "fec/x.go", `import "time"; const d = 3 * time.Second`, ""},
		{"a variable named time", "fec/x.go", `import "time"; var _ time.Duration; func f(time interface{ Now() }) { time.Now() }`, ""},
		{"an interface of io", "control/x.go", `import "io"; func f(w io.Writer) error { return io.ErrUnexpectedEOF }`, ""},
		{"msgpack in control", "control/x.go", `import _ "github.com/vmihailenco/msgpack/v5"`, ""},
		{"impure code is free", "internal/mcast/x.go", `import ("net"; "time"); func f() { go f(); _ = time.Now(); _ = net.IPv4len }`, ""},
		{"go:linkname with a reason", "fec/tile_amd64.go", `import _ "unsafe"`, ""},
		{"a package below a room", "internal/origin/spool/x.go", ``, ""},
		{"a daemon in a command", "cmd/fanfare/x.go", `import _ "fanfare/internal/edge"`, ""},

		{"net", "sender/x.go", `import _ "net"`, "x.go:2: pure package sender imports \"net\""},
		{"net/http", "control/x.go", `import _ "net/http"`, "use net/netip"},
		{"os", "fec/x.go", `import _ "os"`, "take bytes"},
		{"sync/atomic", "receiver/x.go", `import _ "sync/atomic"`, "one goroutine owns"},
		{"context", "internal/wire/x.go", `import _ "context"`, "nothing here blocks"},
		{"log/slog", "testbed/sim/x.go", `import _ "log/slog"`, "count it in Stats"},
		{"crypto/rand", "control/x.go", `import _ "crypto/rand"`, "*rand.Rand"},
		{"old math/rand", "testbed/netem/x.go", `import _ "math/rand"`, "math/rand/v2"},
		{"go:linkname", "fec/x.go", `import _ "unsafe"`, "not in a pure package"},
		{"pointers where go:linkname is allowed", "fec/tile_amd64.go", `import "unsafe"; var _ unsafe.Pointer`, "not in a pure package"},
		{"a dot import", "fec/x.go", `import . "time"`, "by name"},
		{"io.Copy", "control/x.go", `import "io"; var _ = io.Copy`, "uses io.Copy"},
		{"the clock", "testbed/sim/x.go", `import "time"; var _ = time.Now()`, "uses time.Now"},
		{"the clock by another name", "receiver/x.go", `import clock "time"; func f() { var _ *clock.Timer }`, "uses time.Timer"},
		{"the global source", "sender/x.go", `import "math/rand/v2"; var _ = rand.IntN(3)`, "uses math/rand/v2.IntN"},
		{"printing", "fec/x.go", `import "fmt"; func f() { fmt.Println() }`, "uses fmt.Println"},
		{"a goroutine", "internal/mono/x.go", `func f() { go f() }`, "starts a goroutine"},
		{"pure imports impure", "testbed/sim/x.go", `import _ "fanfare/internal/mcast"`, "imports impure internal/mcast"},
		{"another module", "fec/x.go", `import _ "github.com/zeebo/blake3"`, "pureDependencies"},
		{"an engine and control", "sender/x.go", `import _ "fanfare/control"`, "engine sender imports control"},
		{"an engine and the other", "sender/x.go", `import _ "fanfare/receiver"`, "engine sender imports receiver"},
		{"an engine that decodes", "receiver/x.go", `import "fanfare/fec"; var _ fec.Decoder`, "uses fec.Decoder"},
		{"a daemon in the other", "internal/edge/x.go", `import _ "fanfare/internal/origin"`, "for [cmd testbed] only"},
		{"an unknown room", "attic/x.go", ``, "no line in rooms"},
		{"an unknown inner room", "internal/attic/x.go", ``, "no line in rooms"},
		{"a long file", "edgecache/x.go", strings.Repeat("\n", maxLines), "at most 400"},
	}
	partitioning := map[string]bool{"OTI": true}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := parse(tt.path, []byte("package x\n"+tt.text+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			got := check(s, "fanfare", partitioning)
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("got %q, want no problem", got)
			case tt.want != "" && (len(got) != 1 || !strings.Contains(string(got[0]), tt.want)):
				t.Errorf("got %q, want one problem with %q", got, tt.want)
			}
		})
	}
}

func TestBannedNames(t *testing.T) {
	for _, name := range bannedNames {
		s, err := parse("edgecache/x.go", []byte("package "+name+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := check(s, "fanfare", nil); len(got) != 1 {
			t.Errorf("package %s: got %q, want one problem", name, got)
		}
	}
}
