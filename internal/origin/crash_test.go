package origin

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fanfare/control"
	"fanfare/internal/api"
	"fanfare/internal/origin/edges"
)

// crashDir, in the environment, has the test binary run an origin instead of tests.
const crashDir = "FANFARE_TEST_ORIGIN_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		err := Run(context.Background(), Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// startChild runs the origin in a process of its own and returns what kills it at once.
func startChild(t *testing.T, dir string) (client *api.Client, kill func()) {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), crashDir+"="+dir)
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	kill = func() {
		once.Do(func() {
			_ = command.Process.Kill() // SIGKILL
			_ = command.Wait()
		})
	}
	t.Cleanup(kill)
	client = api.NewUnix(dir)
	ctx, cancel := context.WithTimeout(t.Context(), hangsAfter)
	defer cancel()
	for {
		if _, err := client.Status(ctx); err == nil {
			return client, kill
		} else if ctx.Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// wantAcknowledged wants what was acknowledged: bodies by key, "" for what was purged.
func (o *running) wantAcknowledged(t *testing.T, acknowledged map[string]string) {
	t.Helper()
	for key, want := range acknowledged {
		parsed, err := control.ParseKey(key)
		if err != nil {
			t.Fatal(err)
		}
		o.mu.RLock()
		row, answer := o.catalogue.Lookup(parsed)
		o.mu.RUnlock()
		if want == "" {
			if answer != control.Absent && answer != control.Removed {
				t.Errorf("%s was purged and is %v", key, answer)
			}
			continue
		}
		if answer != control.Found {
			t.Errorf("%s was acknowledged and is %v", key, answer)
			continue
		}
		bundle, err := os.ReadFile(bundlePath(o.dir, row.Version))
		if err != nil || string(bundle[row.Offset:row.Offset+row.Length]) != want {
			t.Errorf("%s is not what was published: %v", key, err)
		}
	}
}

// Whatever was acknowledged before kill -9 is there after a restart, byte for byte, and what
// was purged is not.
func TestKill(t *testing.T) {
	dir := initOrigin(t)
	rng := rand.New(rand.NewPCG(1, 2))
	acknowledged := make(map[string]string) // key -> body; "" for purged
	n := 0
	for range 4 {
		client, kill := startChild(t, dir)
		var timer *time.Timer // from the first acknowledgement on
		for {
			name := fmt.Sprintf("f%d", n)
			body := strings.Repeat(name, 1+rng.IntN(200_000))
			n++
			if _, err := client.Publish(t.Context(), api.PublishOptions{}, tarOf(files{name: body})); err != nil {
				break
			}
			acknowledged["/"+name] = body
			if timer == nil {
				timer = time.AfterFunc(time.Duration(rng.IntN(100))*time.Millisecond, kill)
			}
			if n%3 > 0 {
				continue
			}
			if _, err := client.Purge(t.Context(), api.PurgeRequest{Keys: []string{"/" + name}}); err != nil {
				delete(acknowledged, "/"+name) // nobody knows
				break
			}
			acknowledged["/"+name] = ""
		}
		if timer == nil {
			t.Fatal("nothing was acknowledged")
		}
		timer.Stop()
		kill()
	}
	o := start(t, dir)
	o.wantAcknowledged(t, acknowledged)
	t.Logf("%d acknowledged", len(acknowledged))
	keys := o.keys(t)
	if !slices.IsSorted(keys) {
		t.Errorf("keys out of order: %q", keys)
	}
}

func TestForgettingAnEdgeSurvivesKill(t *testing.T) {
	dir := initOrigin(t)
	o := start(t, dir)
	o.stop()
	log, err := openLog(filepath.Join(dir, logName), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := log.saveEdges(map[uint64]edges.Saved{1: {Name: "a"}, 2: {Name: "b"}}, nil); err != nil {
		t.Fatal(err)
	}
	if err := log.close(); err != nil {
		t.Fatal(err)
	}
	client, kill := startChild(t, dir)
	if err := client.ForgetEdge(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	kill()
	client, _ = startChild(t, dir)
	status, err := client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(status.Edges) != 1 || status.Edges[0].Name != "b" {
		t.Errorf("edges after a kill: %v", status.Edges)
	}
}
