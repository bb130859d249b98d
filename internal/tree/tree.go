// Package tree finds the files that a publication names and streams them as tar, so that
// what was named is sent whole and as it was, or not at all.
package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// File is one regular file that is to be published.
type File struct {
	// Name is relative to what was named, with "/" between its parts; any bytes.
	Name string
	// Path is the file as a person would say it.
	Path string
	// Size is its length in bytes when it was found.
	Size int64

	// modified is when it was last changed.
	modified time.Time
	root     *os.Root // what Name is in; nil: the file was named itself, by Path
}

// Open opens the file for reading, by the same way that it was found.
func (f File) Open() (fs.File, error) {
	if f.root == nil {
		return os.Open(f.Path)
	}
	return f.root.Open(f.Name)
}

// Collect finds the files that paths name. A file gives itself under its own name, a
// directory all that lies in it under names relative to it.
//
// A symbolic link inside a directory is published as what it points at, which must lie in
// that directory too; a link out of it, a dangling one and a loop are errors. What is
// neither file nor directory (a socket, a device) is passed to skipped. The result is in
// order of name; two files of one name are an error.
func Collect(paths []string, skipped func(path string)) ([]File, error) {
	var files []File
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		switch {
		case info.IsDir():
			inside, err := collectDir(p, skipped)
			if err != nil {
				return nil, err
			}
			files = append(files, inside...)
		case info.Mode().IsRegular():
			files = append(files, File{
				Name: filepath.Base(p), Path: p, Size: info.Size(), modified: info.ModTime(),
			})
		default:
			return nil, fmt.Errorf("%s is neither a file nor a directory", p)
		}
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(files); i++ {
		if files[i].Name == files[i-1].Name {
			return nil, fmt.Errorf("%s and %s would both be published as %q: name them apart with --prefix in two publications",
				files[i-1].Path, files[i].Path, files[i].Name)
		}
	}
	return files, nil
}

// collectDir walks dir through os.Root, which refuses every way out of it.
func collectDir(dir string, skipped func(path string)) ([]File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	w := walk{dir: dir, root: root, skipped: skipped}
	info, err := root.Stat(".")
	if err != nil {
		return nil, err
	}
	if err := w.enter(".", []fs.FileInfo{info}); err != nil {
		return nil, err
	}
	return w.files, nil
}

// refuse stops before the directory of a daemon: who names a directory above it does not mean to
// hand the origin's signing key to the world.
func (w *walk) refuse(name string, entries []fs.DirEntry) error {
	has := func(file string) bool {
		return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == file })
	}
	switch {
	case has("signing.key") && has("origin.yaml"):
		return fmt.Errorf("%s is the directory of an origin, with its signing key: publish something else, or move it elsewhere", w.say(name))
	case has("edge.id") && has("bundles"):
		return fmt.Errorf("%s is the directory of an edge: publish something else, or move it elsewhere", w.say(name))
	}
	return nil
}

func (w *walk) say(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

// explain turns what the system says of a name in the directory into what to do.
func (w *walk) explain(name string, err error) error {
	link, linkErr := w.root.Lstat(name)
	if linkErr != nil || link.Mode()&fs.ModeSymlink == 0 {
		return err
	}
	target, _ := os.Readlink(w.say(name))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is a symbolic link to %s, which does not exist", w.say(name), target)
	}
	return fmt.Errorf("%s is a symbolic link to %s, outside of %s or in a loop: publish what it points at by its own name",
		w.say(name), target, w.dir)
}
