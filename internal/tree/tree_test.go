package tree

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tree makes files (name: content), or symbolic links (name: "-> target"), below a new directory.
func newTree(t *testing.T, content map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range content {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(body, "-> "); ok {
			err = os.Symlink(target, full)
		} else {
			err = os.WriteFile(full, []byte(body), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func names(files []File) string {
	var all []string
	for _, f := range files {
		all = append(all, f.Name)
	}
	return strings.Join(all, " ")
}

func noneSkipped(t *testing.T) func(string) {
	return func(path string) { t.Errorf("skipped %s", path) }
}

func TestCollect(t *testing.T) {
	dir := newTree(t, map[string]string{
		"b/deep/x.txt": "x", "a.txt": "", "with space%41": "w", "not\xffutf8": "n",
		"link.txt": "-> b/deep/x.txt", "linked": "-> b",
	})
	files, err := Collect([]string{dir}, noneSkipped(t))
	if err != nil {
		t.Fatal(err)
	}
	want := "a.txt b/deep/x.txt link.txt linked/deep/x.txt not\xffutf8 with space%41"
	if got := names(files); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	single, err := Collect([]string{filepath.Join(dir, "b/deep/x.txt")}, noneSkipped(t))
	if err != nil || names(single) != "x.txt" {
		t.Errorf("a file gives %q, %v; want its own name", names(single), err)
	}
	empty, err := Collect([]string{t.TempDir()}, noneSkipped(t))
	if err != nil || len(empty) != 0 {
		t.Errorf("an empty directory gives %q, %v", names(empty), err)
	}
}

// A large directory is looked at by several goroutines.
func TestCollectLarge(t *testing.T) {
	content := map[string]string{"d/link": "-> f0007", "d/pipe": ""}
	for i := range 5*statAtOnce + 3 {
		content[fmt.Sprintf("d/f%04d", i)] = strings.Repeat("x", i)
	}
	dir := newTree(t, content)
	pipe := filepath.Join(dir, "d/pipe")
	if err := errors.Join(os.Remove(pipe), unix.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	var skipped []string
	files, err := Collect([]string{dir}, func(path string) { skipped = append(skipped, path) })
	if err != nil || len(files) != len(content)-1 || len(skipped) != 1 || skipped[0] != pipe {
		t.Fatalf("%d files, skipped %q, %v", len(files), skipped, err)
	}
	for i, f := range files {
		want, info := content[f.Name], fs.FileInfo(nil)
		if f.Name == "d/link" {
			want = content["d/f0007"]
		}
		if info, err = os.Stat(f.Path); err != nil || f.Size != int64(len(want)) || !f.modified.Equal(info.ModTime()) {
			t.Errorf("%+v, %v, of %d bytes", f, err, len(want))
		}
		if i > 0 && files[i-1].Name >= f.Name {
			t.Errorf("%q comes before %q", files[i-1].Name, f.Name)
		}
	}
}

func TestCollectRefuses(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content map[string]string
		want    string
	}{
		"link out":              {map[string]string{"a": "-> " + outside}, "outside of"},
		"link up and out":       {map[string]string{"a": "-> ../../etc/passwd"}, "outside of"},
		"dangling link":         {map[string]string{"a": "-> nothing"}, "does not exist"},
		"link to itself":        {map[string]string{"a": "-> a"}, "in a loop"},
		"link to a parent":      {map[string]string{"d/up": "-> ../d"}, "a loop"},
		"an origin's directory": {map[string]string{"o/origin.yaml": "", "o/signing.key": "k"}, "signing key"},
		"an edge's directory":   {map[string]string{"deep/e/edge.id": "", "deep/e/bundles/1": ""}, "directory of an edge"},
	} {
		_, err := Collect([]string{newTree(t, c.content)}, noneSkipped(t))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
	dir := newTree(t, map[string]string{"x/same": "1", "y/same": "2"})
	_, err := Collect([]string{filepath.Join(dir, "x"), filepath.Join(dir, "y")}, noneSkipped(t))
	if err == nil || !strings.Contains(err.Error(), "both be published") {
		t.Errorf("two files of one name: %v", err)
	}
}

func TestWriteTarRoundTrip(t *testing.T) {
	dir := newTree(t, map[string]string{"a.txt": "alpha", "empty": "", "not\xffutf8": "n", strings.Repeat("long/", 40) + "x": "l"})
	files, err := Collect([]string{dir}, noneSkipped(t))
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	var told int64
	if err := WriteTar(&archive, files, func(n int64) { told += n }); err != nil {
		t.Fatal(err)
	}
	if told != 7 {
		t.Errorf("progress was told of %d bytes, want 7", told)
	}
	reader := tar.NewReader(&archive)
	for _, f := range files {
		header, err := reader.Next()
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(reader)
		want, _ := os.ReadFile(filepath.Join(dir, f.Name))
		if header.Name != f.Name || !bytes.Equal(body, want) {
			t.Errorf("%q came back as %q with %d bytes", f.Name, header.Name, len(body))
		}
	}
}

func TestWriteTarRefusesWhatChanges(t *testing.T) {
	change := map[string]func(path string) error{
		"shorter": func(p string) error { return os.Truncate(p, 1) },
		"longer":  func(p string) error { return os.WriteFile(p, []byte("alpha and more"), 0o644) },
	}
	for name, alter := range change {
		dir := newTree(t, map[string]string{"a.txt": "alpha"})
		files, err := Collect([]string{dir}, noneSkipped(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := alter(filepath.Join(dir, "a.txt")); err != nil {
			t.Fatal(err)
		}
		if err := WriteTar(io.Discard, files, func(int64) {}); !errors.Is(err, ErrChanged) {
			t.Errorf("%s before it is read: %v, want ErrChanged", name, err)
		}
	}
	dir := newTree(t, map[string]string{"a.txt": "alpha"})
	files, err := Collect([]string{dir}, noneSkipped(t))
	if err != nil {
		t.Fatal(err)
	}
	touch := func(int64) {
		later := time.Now().Add(time.Hour)
		os.Chtimes(filepath.Join(dir, "a.txt"), later, later)
	}
	if err := WriteTar(io.Discard, files, touch); !errors.Is(err, ErrChanged) {
		t.Errorf("written while it is read: %v, want ErrChanged", err)
	}
	os.Remove(filepath.Join(dir, "a.txt"))
	if err := WriteTar(io.Discard, files, touch); err == nil || !strings.Contains(err.Error(), "vanished") {
		t.Errorf("removed before it is read: %v", err)
	}
}
