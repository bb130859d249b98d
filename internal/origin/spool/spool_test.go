package spool

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fanfare/fec"
)

// stage has a spool stage a publication of bodies by name.
func stage(t *testing.T, s *Spool, bodies map[string]string) []*Staged {
	t.Helper()
	var stream bytes.Buffer
	archive := tar.NewWriter(&stream)
	for _, name := range slices.Sorted(maps.Keys(bodies)) {
		try(t, archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(bodies[name])), Mode: 0o644}))
		try(t, second(archive.Write([]byte(bodies[name]))))
	}
	try(t, archive.Close())
	in, err := s.Receive(Intake{OTI: fec.OTI{SymbolLength: 1408, MaxBlock: 200, MaxSymbols: 255}})
	try(t, err)
	staged, err := in.Read(&stream)
	try(t, err)
	return staged
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// names returns the files of a spool.
func names(t *testing.T, s *Spool) (list []string) {
	t.Helper()
	files, err := os.ReadDir(s.dir)
	try(t, err)
	for _, f := range files {
		list = append(list, f.Name())
	}
	return list
}

// The way of bundles through a spool, a small one's by way of the log, and what the next start finds.
func TestSpool(t *testing.T) {
	s := New(t.TempDir())
	large := strings.Repeat("l", aloneSize)
	small, two := stage(t, s, map[string]string{"a": "small"}), stage(t, s, map[string]string{"b": large, "c": large})
	bundles := map[uint64]*Staged{1: small[0], 2: two[0], 3: two[1]}
	logged, err := s.Name(bundles)
	try(t, err)
	if len(logged) != 1 || string(logged[1]) != "small" {
		t.Errorf("%d bundles go into the log", len(logged))
	}
	var size uint64
	for sequence, b := range bundles {
		s.Keep(sequence, b)
		size += b.Publish.OTI.TransferLength
	}
	if s.Size() != size {
		t.Errorf("%d bytes, %d were kept", s.Size(), size)
	}
	for _, want := range [][]uint64{{1}, nil} {
		if settled, err := s.Settle(); err != nil || !slices.Equal(settled, want) {
			t.Errorf("settled %v, %v; want %v", settled, err, want)
		}
	}
	try(t, s.Remove(2))
	if _, kept := s.OTI(2); kept || s.Size() != size-bundles[2].Publish.OTI.TransferLength {
		t.Errorf("removed, and kept: %v, %d bytes", kept, s.Size())
	}
	try(t, s.Remove(2)) // it is gone already

	stage(t, s, map[string]string{"d": "never published"})
	try(t, os.WriteFile(s.path(1), []byte("torn"), 0o600))
	next := New(s.dir)
	if _, err := next.Adopt(1, &small[0].Publish); !errors.Is(err, errDamaged) {
		t.Errorf("a bundle that is torn: %v", err)
	}
	if _, err := next.Adopt(2, &bundles[2].Publish); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a bundle that was removed: %v", err)
	}
	try(t, next.Restore(1, logged[1]))
	try(t, next.Sync())
	for _, sequence := range []uint64{1, 3} {
		manifest, err := next.Adopt(sequence, &bundles[sequence].Publish)
		try(t, err)
		if len(manifest.Objects) != 1 || manifest.Objects[0].Digest != bundles[sequence].Manifest.Objects[0].Digest {
			t.Errorf("the manifest of bundle %d is %+v", sequence, manifest)
		}
	}
	if removed, err := next.Sweep(); err != nil || removed != 1 {
		t.Errorf("%d files are swept, %v", removed, err)
	}
	if got := names(t, next); !slices.Equal(got, []string{"1.bundle", "3.bundle"}) {
		t.Errorf("the spool has %q", got)
	}
}

// Bundles are named all or none.
func TestNameFails(t *testing.T) {
	for _, lost := range []uint64{1, 2} {
		s := New(t.TempDir())
		large := strings.Repeat("l", aloneSize)
		staged := stage(t, s, map[string]string{"a": large, "b": large})
		bundles := map[uint64]*Staged{1: staged[0], 2: staged[1]}
		try(t, os.Remove(bundles[lost].path))
		if _, err := s.Name(bundles); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrSync) {
			t.Errorf("without the file of bundle %d: %v", lost, err)
		}
		if named, _ := filepath.Glob(filepath.Join(s.dir, "*"+bundleSuffix)); len(named) > 0 {
			t.Errorf("without the file of bundle %d: %q are named", lost, named)
		}
	}
	s := New(t.TempDir())
	small := stage(t, s, map[string]string{"a": strings.Repeat("s", 100)})
	small[0].content = nil
	try(t, os.Truncate(small[0].path, 99))
	if _, err := s.Name(map[uint64]*Staged{1: small[0]}); !errors.Is(err, errDamaged) {
		t.Errorf("a bundle for the log that was cut: %v", err)
	}
	if err := New(filepath.Join(s.dir, "none")).Sync(); !errors.Is(err, ErrSync) {
		t.Errorf("sync of a directory that is not there: %v", err)
	}
}
