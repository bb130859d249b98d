package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fanfare/internal/api"
	"fanfare/internal/tree"
)

// backup copies the directory of the origin, which must not run.
func (w *world) backup(name string) string {
	w.t.Helper()
	dir := filepath.Join(w.dir, name)
	if err := os.CopyFS(dir, os.DirFS(w.originDir())); err != nil {
		w.t.Fatal(err)
	}
	return dir
}

// restore puts a copy in the place of the origin's directory.
func (w *world) restore(dir string) {
	w.t.Helper()
	if err := errors.Join(os.RemoveAll(w.originDir()), os.CopyFS(w.originDir(), os.DirFS(dir))); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) stopOrigin() {
	w.t.Helper()
	if err := w.origin.Stop(); err != nil {
		w.t.Fatal(err)
	}
}

// tryPublish publishes one file that may be refused.
func (w *world) tryPublish(name, text string) (api.Sequences, error) {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
	found, err := tree.Collect([]string{path}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	result, err := w.client.Publish(context.Background(), api.PublishOptions{},
		func(stream io.Writer) error { return tree.WriteTar(stream, found, func(int64) {}) })
	if err != nil {
		return api.Sequences{}, err
	}
	return result.Sequences, nil
}

// wantRefusal wants the error of an origin that runs on an older copy.
func wantRefusal(t *testing.T, what string, err error) {
	t.Helper()
	var refused *api.Error
	if !errors.As(err, &refused) || refused.Status != http.StatusConflict || !strings.Contains(refused.Message, "older copy") {
		t.Errorf("%s: %v, want a refusal", what, err)
	}
}

// wantTold waits until an edge says that its origin is outdated, in an answer with that status.
func (w *world) wantTold(n *node, status int) {
	w.t.Helper()
	w.until(n.name+" tells that the origin is outdated", 10*time.Second, func() error {
		response, body, err := n.get("/readyz")
		if err == nil && (response.StatusCode != status || !strings.Contains(body, "older copy")) {
			err = fmt.Errorf("%s: %s", response.Status, body)
		}
		return err
	})
}

// TestRestoredFromAnOlderCopy stops an origin, puts a backup in its place, and publishes at once:
// that is refused, since the edges show what the origin has signed since. They serve on what was
// acknowledged. With the newest copy back all goes on.
func TestRestoredFromAnOlderCopy(t *testing.T) {
	w := newWorld(t, worldConfig{Edges: 2})
	ctx := context.Background()
	file := func(text string) map[string][]byte { return map[string][]byte{"f": []byte(text)} }
	w.await(w.publish(file("one"), "x"), 10*time.Second)
	w.await(w.publish(map[string][]byte{"gone": []byte("gone")}, "x"), 10*time.Second)
	w.stopOrigin()
	older := w.backup("older")
	w.startOrigin()
	w.publish(file("two"), "x")
	purged, err := w.client.Purge(ctx, purgeKey("/gone"))
	if err != nil {
		t.Fatal(err)
	}
	delete(w.files, "/gone")
	w.await(purged.Sequences, 10*time.Second)
	w.await(w.publish(file("three"), "x"), 10*time.Second)
	w.stopOrigin()
	newest := w.backup("newest")

	for _, again := range []string{"restored", "restarted", "without edges"} {
		switch again {
		case "restored":
			w.restore(older)
		case "without edges":
			// What was shown before the restart counts still.
			for _, n := range w.edges {
				n.Kill()
			}
		}
		w.startOrigin()
		_, err = w.tryPublish("f", "new")
		wantRefusal(t, again+", publish", err)
		_, err = w.client.Purge(ctx, api.PurgeRequest{All: true})
		wantRefusal(t, again+", purge", err)
		_, err = w.client.Remove(ctx, []string{"/f"})
		wantRefusal(t, again+", remove", err)
		if s, err := w.client.Status(ctx); err != nil || s.Head != 2 || !strings.Contains(s.Outdated, "entry 5") {
			t.Errorf("%s, status: %v, %s", again, err, w.status())
		}
		if again != "without edges" {
			for _, n := range w.edges {
				w.wantTold(n, http.StatusOK)
			}
			w.check() // what was acknowledged
			w.checkGone("/gone")
		}
		w.stopOrigin()
	}
	// An edge that starts now serves nothing: it cannot know what else was purged.
	w.startOrigin()
	for _, n := range w.edges {
		n.start(w)
		w.wantTold(n, http.StatusServiceUnavailable)
	}
	w.stopOrigin()

	w.restore(newest)
	w.startOrigin()
	w.await(w.publish(file("four"), "x"), 20*time.Second)
	w.awaitEdges()
	w.check()
	w.checkGone("/gone")
	if s, err := w.client.Status(ctx); err != nil || s.Outdated != "" || s.Edges[0].Stray || s.Edges[0].Behind != 0 {
		t.Errorf("at the end: %v, %s", err, w.status())
	}
}

// TestRestoredWhileEdgesWereAway has the older copy publish more than was forgotten, which nobody can
// keep it from: no edge is there. When they come they take nothing of it, and it learns what it is.
func TestRestoredWhileEdgesWereAway(t *testing.T) {
	for _, running := range []bool{true, false} { // edges, while the older copy publishes: stopped, or dead
		t.Run(fmt.Sprintf("paused=%v", running), func(t *testing.T) {
			w := newWorld(t, worldConfig{Edges: 1})
			n := w.edges[0]
			w.await(w.publish(map[string][]byte{"f": []byte("one")}, "x"), 10*time.Second)
			w.stopOrigin()
			older := w.backup("older")
			w.startOrigin()
			w.publish(map[string][]byte{"f": []byte("two")}, "x")
			w.await(w.publish(map[string][]byte{"f": []byte("three")}, "x"), 10*time.Second)
			w.stopOrigin()
			newest := w.backup("newest")

			w.restore(older)
			if running {
				signal(t, n.PID(), syscall.SIGSTOP)
			} else {
				n.Kill()
			}
			w.startOrigin()
			var last api.Sequences
			for i := range 5 {
				var err error
				if last, err = w.tryPublish("f", fmt.Sprint("new ", i)); err != nil {
					t.Fatal(err)
				}
			}
			if running {
				signal(t, n.PID(), syscall.SIGCONT)
				w.wantTold(n, http.StatusOK)
			} else {
				n.start(w)
				w.wantTold(n, http.StatusServiceUnavailable)
			}
			receipt, err := w.client.Wait(context.Background(), last, 300*time.Millisecond, nil)
			if err != nil || receipt.Served != 0 {
				t.Errorf("receipt %+v, %v", receipt, err)
			}
			if _, body, err := n.get("/f"); err != nil || strings.Contains(body, "new") {
				t.Errorf("the edge serves %q, %v", body, err)
			}
			_, err = w.tryPublish("f", "newer")
			wantRefusal(t, "publish", err)
			w.stopOrigin()

			w.restore(newest)
			w.startOrigin()
			w.awaitEdges()
			w.check()
			w.await(w.publish(map[string][]byte{"f": []byte("four")}, "x"), 20*time.Second)
			w.check()
		})
	}
}

func signal(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

// TestRestoredOneWay: an edge that cannot ask the origin tells what it hears, and serves on.
func TestRestoredOneWay(t *testing.T) {
	w := newWorld(t, worldConfig{Edges: 1, OneWay: true})
	n := w.edges[0]
	arrive := func(text string) {
		t.Helper()
		if _, err := w.tryPublish("f", text); err != nil {
			t.Fatal(err)
		}
		w.files["/f"] = []byte(text)
		w.until("the edge serves "+text, 10*time.Second, func() error {
			_, body, err := n.get("/f")
			if err == nil && body != text {
				err = fmt.Errorf("it serves %q", body)
			}
			return err
		})
	}
	arrive("one")
	w.stopOrigin()
	older := w.backup("older")
	w.startOrigin()
	arrive("two")
	w.stopOrigin()
	w.restore(older)
	w.startOrigin()
	w.until("the edge tells", 10*time.Second, func() error {
		if !strings.Contains(string(logOf(n.Process)), "the origin's log ends before what it has signed") {
			return errors.New("nothing")
		}
		return nil
	})
	w.check()
	n.Kill()
	n.start(w)
	w.wantTold(n, http.StatusServiceUnavailable)
}
