package origin

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fanfare/control"
	"fanfare/internal/api"
	"fanfare/internal/tree"
)

// Files that are handed over open, among others that are not, are published like those, and
// whatever their descriptor points at.
func TestPublishHandedOver(t *testing.T) {
	dir := initOrigin(t)
	o := start(t, dir)
	in := t.TempDir()
	rng := rand.NewChaCha8([32]byte{7})
	want := map[string][]byte{}
	for name, size := range map[string]int{
		"a-empty": 0, "b-small": 100, "c-handed": 70_000, "d-small": 200, "e-large": 1 << 20, "f-larger": 5<<20 + 12_345, "g-handed": 900_000,
	} {
		want["/"+name] = make([]byte, size)
		rng.Read(want["/"+name])
		if err := os.WriteFile(filepath.Join(in, name), want["/"+name], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := tree.Collect([]string{in}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	var told int64
	var stream int64
	result, err := o.client.Publish(t.Context(), api.PublishOptions{}, func(w io.Writer) error {
		err := tree.WriteTar(w, found, func(n int64) { told += n })
		stream = told
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if result.Objects != len(want) || uint64(stream) != result.Bytes {
		t.Fatalf("published %+v, told of %d bytes", result, stream)
	}
	for sequence := result.First; sequence <= result.Last; sequence++ {
		manifest, err := o.manifestOf(sequence)
		if err != nil {
			t.Fatal(err)
		}
		content := mustRead(t, bundlePath(dir, sequence))
		for _, object := range manifest.Objects {
			body := want[object.Key.Path]
			if !bytes.Equal(content[object.Offset:object.Offset+object.Length], body) || object.Digest != control.Sum(body) {
				t.Errorf("%s is not what was published", object.Key)
			}
			delete(want, object.Key.Path)
		}
	}
	if len(want) > 0 {
		t.Errorf("%d files are missing", len(want))
	}
}

// Over TCP the stream itself carries everything.
func TestPublishLargeOverTCP(t *testing.T) {
	dir := initOrigin(t)
	address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), freePort(t))
	text := strings.Replace(string(mustRead(t, filepath.Join(dir, configName))), `#api: "127.0.0.1:7701"`, `api: "`+address.String()+`"`, 1)
	if err := os.WriteFile(filepath.Join(dir, configName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, dir)
	client := api.NewTCP(address.String())
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := tree.Collect([]string{large}, nil)
	if err != nil {
		t.Fatal(err)
	}
	result, err := client.Publish(t.Context(), api.PublishOptions{}, func(w io.Writer) error {
		return tree.WriteTar(w, found, func(int64) {})
	})
	if err != nil || result.Bytes != 2<<20 {
		t.Errorf("over TCP: %+v, %v", result, err)
	}
}
