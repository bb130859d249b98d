package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fanfare/internal/api"
	"fanfare/internal/fetch"
)

func TestPublishListPurgeRestart(t *testing.T) {
	dir := initOrigin(t)
	o := start(t, dir)
	big := strings.Repeat("large ", 700_000) // 4.2 MB: a bundle of its own, with the manifest in it
	first := o.publish(t, files{"a": "alpha", "b/c": "", "big": big}, api.PublishOptions{Tags: []string{"t1"}})
	if first.First != 1 || first.Objects != 3 || first.Bytes != uint64(5+len(big)) || first.Bundles != 2 || first.Last != 2 {
		t.Errorf("first publication: %+v", first)
	}
	second := o.publish(t, files{"a": "beta"}, api.PublishOptions{
		Host: "Example.COM", Prefix: "/p", Headers: []api.Header{{Name: "Cache-Control", Value: "max-age=5"}},
	})
	if second.First != 3 || second.Last != 3 {
		t.Errorf("second publication: %+v", second)
	}
	want := []string{"/a", "/b/c", "/big", "//example.com/p/a"}
	if got := o.keys(t); !slices.Equal(got, want) {
		t.Errorf("keys %q, want %q", got, want)
	}
	listing, err := o.client.List(t.Context(), "//example.com/", "", 10)
	if err != nil || len(listing.Rows) != 1 {
		t.Fatalf("listing %+v, %v", listing, err)
	}
	row := listing.Rows[0]
	if row.Length != 4 || row.Sequence != 3 || len(row.Headers) != 1 || row.Headers[0].Name != "cache-control" {
		t.Errorf("row %+v", row)
	}
	if s, err := o.client.Purge(t.Context(), api.PurgeRequest{Keys: []string{"/a"}}); err != nil || s.First != 4 || s.Last != 4 {
		t.Errorf("purge %+v, %v", s, err)
	}
	if s, err := o.client.Remove(t.Context(), []string{"/b/c"}); err != nil || s.Last != 5 {
		t.Errorf("remove %+v, %v", s, err)
	}
	want = []string{"/big", "//example.com/p/a"}
	if got := o.keys(t); !slices.Equal(got, want) {
		t.Errorf("after the purge: keys %q, want %q", got, want)
	}
	before, err := o.client.Status(t.Context())
	if err != nil || before.Head != 5 || before.Objects != 2 {
		t.Fatalf("status %+v, %v", before, err)
	}
	o.stop()

	// What no entry knows is thrown away at the next start.
	orphan := filepath.Join(dir, spoolName, "9.bundle")
	if err := os.WriteFile(orphan, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	o = start(t, dir)
	if got := o.keys(t); !slices.Equal(got, want) {
		t.Errorf("after the restart: keys %q, want %q", got, want)
	}
	after, err := o.client.Status(t.Context())
	if err != nil || after.Head != 5 || after.Digest != before.Digest {
		t.Errorf("status after the restart %+v, %v; before %+v", after, err, before)
	}
	if _, err := os.Stat(orphan); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("orphan: %v", err)
	}
}

func TestPublishRefuses(t *testing.T) {
	dir := initOrigin(t)
	o := start(t, dir)
	broken := errors.New("the disk broke")
	tests := []struct {
		name    string
		options api.PublishOptions
		write   func(io.Writer) error
		want    string
	}{
		{"nothing", api.PublishOptions{}, tarOf(files{}), "nothing to publish"},
		{"dots", api.PublishOptions{}, tarOf(files{"a/../b": "x"}), "a/../b"},
		{"host", api.PublishOptions{Host: "a/b"}, tarOf(files{"a": "x"}), "--host"},
		{"header", api.PublishOptions{Headers: []api.Header{{Name: "a b", Value: "x"}}}, tarOf(files{"a": "x"}), "header"},
		{"tag", api.PublishOptions{Tags: []string{"a b"}}, tarOf(files{"a": "x"}), "tag"},
		{"reader fails", api.PublishOptions{}, func(w io.Writer) error {
			if err := tarOf(files{"a": "x"})(w); err != nil {
				return err
			}
			return broken
		}, "the disk broke"},
		{"twice", api.PublishOptions{}, func(w io.Writer) error {
			// The second stream follows without the end of the first.
			return twice(w, files{"a": "x"})
		}, "two files of this publication have the URL /a"},
		{"refused early", api.PublishOptions{}, tarOf(files{"..": "x", "z": strings.Repeat("z", 8<<20)}), `".."`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := o.client.Publish(t.Context(), test.options, test.write)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
	if status, err := o.client.Status(t.Context()); err != nil || status.Head != 0 || status.SpoolBytes != 0 {
		t.Errorf("status %+v, %v", status, err)
	}
	left, err := os.ReadDir(filepath.Join(dir, spoolName))
	if err != nil || len(left) != 0 {
		t.Errorf("the spool has %v, %v", left, err)
	}
}

// Every byte of a file name that is legal comes back in the key.
func TestPublishNames(t *testing.T) {
	o := start(t, initOrigin(t))
	o.publish(t, files{"a b%61": "1", "\xff\xfe": "2", "d/é?#": "3", strings.Repeat("long/", 60) + "x": "4"}, api.PublishOptions{})
	want := []string{"/%FF%FE", "/a%20b%2561", "/d/%C3%A9%3F%23"}
	got := o.keys(t)
	for _, key := range want {
		if !slices.Contains(got, key) {
			t.Errorf("keys %q lack %q", got, key)
		}
	}
}

func TestOneOriginOnly(t *testing.T) {
	dir := initOrigin(t)
	o := start(t, dir)
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrRunning) {
		t.Errorf("a second origin: %v", err)
	}
	o.stop()
	_, err := o.client.Status(t.Context())
	if !errors.Is(err, api.ErrNoOrigin) || !strings.Contains(err.Error(), "fanfare origin --dir "+dir) {
		t.Errorf("a stopped origin: %v", err)
	}
	if _, err := Open(Config{Dir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "origin init") {
		t.Errorf("no origin: %v", err)
	}
}

func TestRetire(t *testing.T) {
	dir := initOrigin(t)
	path := filepath.Join(dir, configName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), "retire_after: 30s", "retire_after: 0s", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	o := start(t, dir)
	o.publish(t, files{"a": "1"}, api.PublishOptions{Tags: []string{"x"}})
	a := bundleName(o.publish(t, files{"a": "2"}, api.PublishOptions{}).First)
	o.publish(t, files{"b": "3"}, api.PublishOptions{Tags: []string{"x"}})
	if _, err := o.client.Purge(t.Context(), api.PurgeRequest{Tags: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir, a)
	if got := o.keys(t); !slices.Equal(got, []string{"/a"}) {
		t.Errorf("keys %q", got)
	}
	// A key that a tag killed, beside a live one of the same path for one host: a purge by
	// name would kill both, so the bundle stays.
	c := bundleName(o.publish(t, files{"c": "4"}, api.PublishOptions{Tags: []string{"y"}}).First)
	o.publish(t, files{"d": "5"}, api.PublishOptions{Tags: []string{"y"}})
	hc := bundleName(o.publish(t, files{"c": "6"}, api.PublishOptions{Host: "h"}).First)
	if _, err := o.client.Purge(t.Context(), api.PurgeRequest{Tags: []string{"y"}}); err != nil {
		t.Fatal(err)
	}
	want := []string{a, c, hc}
	slices.Sort(want)
	wantFiles(t, dir, want...)
	o.stop()
	o = start(t, dir)
	if got := o.keys(t); !slices.Equal(got, []string{"/a", "//h/c"}) {
		t.Errorf("keys after the restart %q", got)
	}
	wantFiles(t, dir, want...)
}

func bundleName(sequence uint64) string { return fmt.Sprintf("%d.bundle", sequence) }

// wantFiles waits until the spool has exactly these files.
func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hangsAfter)
	defer cancel()
	for {
		entries, err := os.ReadDir(filepath.Join(dir, spoolName))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if slices.Equal(names, want) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the spool has %q, want %q", names, want)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestEdgePort(t *testing.T) {
	dir := initOrigin(t)
	o := start(t, dir)
	o.publish(t, files{"a": "1"}, api.PublishOptions{})
	o.publish(t, files{"b": "1"}, api.PublishOptions{})
	s := testSession(t, dir)
	edge := fetch.New(s.Origin)
	defer edge.Close()
	var lengths []int
	head, err := edge.Entries(t.Context(), 1, s.Generation.String(), func(raw []byte) error {
		lengths = append(lengths, len(raw))
		return nil
	})
	if err != nil || head != 2 || len(lengths) != 2 {
		t.Errorf("head %d, entries %v, %v", head, lengths, err)
	}
	var refused *api.Error
	if _, err := edge.Entries(t.Context(), 1, "2-0000000000000000", nil); !errors.As(err, &refused) || refused.Status != http.StatusConflict {
		t.Errorf("another generation: %v", err)
	}
	if _, err := api.NewTCP(s.Origin).Status(t.Context()); !errors.As(err, &refused) || refused.Status != http.StatusNotFound {
		t.Errorf("the local API at the port for edges: %v", err)
	}
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ok\n", "/metrics": "fanfare_sender_packets_sent_total"} {
		response, err := http.Get("http://" + s.Origin + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != 200 || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s %v: %.300s", path, response.Status, err, body)
		}
	}
}
