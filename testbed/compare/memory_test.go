package compare

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestPlace(t *testing.T) {
	parent := t.TempDir()
	for name, parent := range map[string]string{"in memory": "", "named": parent} {
		t.Run(name, func(t *testing.T) {
			p, err := newPlace(parent)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(p.about)
			if parent != "" && filepath.Dir(p.dir) != parent {
				t.Errorf("in %s, want it below %s", p.dir, parent)
			}
			if err := os.WriteFile(filepath.Join(p.dir, "file"), make([]byte, 3<<20), 0o644); err != nil {
				t.Error(err)
			}
			if err := p.remove(); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(p.dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("still there afterwards: %v", err)
			}
		})
	}
}

func TestWarm(t *testing.T) {
	if err := warm(5 << 20); err != nil {
		t.Error(err)
	}
}
