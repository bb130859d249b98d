package spool

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"pgregory.net/rapid"

	"fanfare/control"
	"fanfare/fec"
)

// Bundles of any shape have the bodies where the manifest says, and the digests of all blocks.
func TestBundleShapes(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		oti := fec.OTI{
			SymbolLength: uint16(64 * rapid.IntRange(1, 22).Draw(t, "E/64")),
			MaxBlock:     uint16(rapid.IntRange(1, 200).Draw(t, "B")), MaxSymbols: 255,
		}
		lengths := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(0, 100), rapid.IntRange(0, 200_000)), 1, 20).Draw(t, "lengths")
		rng := rand.NewChaCha8([32]byte{byte(len(lengths))})
		var objects []control.Object
		var bodies []byte
		want := make(map[string]string)
		for i, n := range lengths {
			body := make([]byte, n)
			rng.Read(body)
			key, err := control.FileKey("", "", fmt.Sprintf("f%02d", i))
			if err != nil {
				t.Fatal(err)
			}
			objects = append(objects, control.Object{Key: key, Length: uint64(n)})
			want[key.Path] = string(body)
			bodies = append(bodies, body...)
		}
		file, err := os.CreateTemp(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(file.Name())
		defer file.Close()
		s, err := fillBundle(file, objects, oti, bytes.NewReader(bodies))
		if err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		if uint64(len(content)) != s.Publish.OTI.TransferLength {
			t.Fatalf("a file of %d bytes, transfer length %d", len(content), s.Publish.OTI.TransferLength)
		}
		checkBundle(t, &s.Publish, content, want)
	})
}

// An entry with the longest inline manifest fits into one symbol.
func TestInlineEntryFits(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	for _, symbolLength := range []int{1408, 1344, 448} {
		for n := 1; n < symbolLength; n += 7 {
			object := control.Object{Key: control.Key{Path: "/" + string(bytes.Repeat([]byte{'a'}, n))}}
			file, err := os.CreateTemp(t.TempDir(), "")
			if err != nil {
				t.Fatal(err)
			}
			s, err := fillBundle(file, []control.Object{object}, fec.OTI{SymbolLength: uint16(symbolLength), MaxBlock: 200, MaxSymbols: 255}, bytes.NewReader(nil))
			file.Close()
			if err != nil {
				t.Fatal(err)
			}
			if s.Publish.Manifest == nil {
				break
			}
			e := control.Entry{
				Channel: 1<<32 - 1, Generation: control.Generation{Order: 1<<32 - 1, Random: 1<<64 - 1},
				Sequence: 1<<64 - 1, Time: 1<<63 - 1, Kind: control.KindPublish, Publish: &s.Publish,
			}
			raw, err := control.Sign(&e, key)
			if err != nil || len(raw) > symbolLength {
				t.Fatalf("a manifest of %d bytes makes an entry of %d, symbols have %d: %v", len(s.Publish.Manifest), len(raw), symbolLength, err)
			}
		}
	}
}

func TestBundleTooShort(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	objects := []control.Object{{Key: control.Key{Path: "/a"}, Length: 10}}
	if _, err := fillBundle(file, objects, fec.OTI{SymbolLength: 64, MaxBlock: 4, MaxSymbols: 8}, bytes.NewReader([]byte("short"))); err == nil {
		t.Error("a body that is too short was taken")
	}
}

// checkBundle checks all digests of a bundle, and that it has exactly these objects.
func checkBundle(t *rapid.T, p *control.Publish, b []byte, want map[string]string) {
	t.Helper()
	layout, err := p.Layout()
	if err != nil {
		t.Fatal(err)
	}
	encoded := p.Manifest
	if !layout.Inline {
		encoded = b[:p.ManifestLength]
	}
	manifest, err := control.DecodeManifest(encoded, p)
	if err != nil {
		t.Fatal(err)
	}
	partition, err := p.OTI.Partition()
	if err != nil {
		t.Fatal(err)
	}
	digests := append(append([]control.Hash(nil), p.ManifestDigests...), manifest.Digests...)
	for sbn := range partition.Blocks() {
		start := partition.Offset(sbn)
		if control.Sum(b[start:start+partition.Length(sbn)]) != digests[sbn] {
			t.Errorf("block %d has another digest", sbn)
		}
	}
	for _, o := range manifest.Objects {
		body := b[o.Offset : o.Offset+o.Length]
		if want[o.Key.Path] != string(body) || control.Sum(body) != o.Digest {
			t.Errorf("%s is not what was published", o.Key)
		}
	}
	if len(manifest.Objects) != len(want) {
		t.Errorf("%d objects, want %d", len(manifest.Objects), len(want))
	}
}
