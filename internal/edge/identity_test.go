package edge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestIdentity(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	first, err := openIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openIdentity(dir); err == nil || !strings.Contains(err.Error(), "in use by another edge") {
		t.Errorf("a second edge on the directory: %v", err)
	}
	first.close()
	second, err := openIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	if second.edge != first.edge || second.edge == 0 {
		t.Errorf("id %x, then %x", first.edge, second.edge)
	}
	if second.counter <= first.counter || second.counter-first.counter < 1<<32 {
		t.Errorf("counter %x after %x", second.counter, first.counter)
	}
	// With the clock set back the epoch still grows; with the file lost to a backup of it
	// the clock carries it.
	path := filepath.Join(dir, identityFile)
	if _, err := second.file.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	before := second.counter
	if err := second.start(path, time.Unix(1000, 0)); err != nil {
		t.Fatal(err)
	}
	if second.counter != before+1<<32 {
		t.Errorf("counter %x after %x with the clock set back", second.counter, before)
	}
	second.close()
}

func TestIdentityDamaged(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"x", "edge 0 epoch 1\n", "edge zz epoch 1\n"} {
		if err := os.WriteFile(filepath.Join(dir, identityFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if id, err := openIdentity(dir); err == nil {
			t.Errorf("%q is taken for edge %x", text, id.edge)
			id.close()
		}
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"a", "edge-1.example.com", "A_b:9", strings.Repeat("x", 64)} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", "a b", "a/b", "é", "a\n", strings.Repeat("x", 65)} {
		if CheckName(name) == nil {
			t.Errorf("%q is accepted", name)
		}
	}
	if err := CheckName(defaultName()); err != nil {
		t.Errorf("default name %q: %v", defaultName(), err)
	}
}
