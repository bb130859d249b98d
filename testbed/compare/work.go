package compare

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/zeebo/blake3"

	"fanfare/internal/progress"
	"fanfare/testbed/report"
)

// Works are the names of what can be brought to the edges.
var Works = []string{bigWork, smallWork, latencyWork}

const (
	bigWork     = "big"
	smallWork   = "small"
	latencyWork = "latency"

	smallBytes   = 10_240
	latencyBytes = 102_400
)

// digest is the BLAKE3 of a file.
type digest [32]byte

// work is a directory of files of random bytes.
type work struct {
	report.Work
	dir   string
	names []string // relative to dir, in order
	size  int64    // of each
	sums  []digest // of each
	list  string   // path of a file that names all, one to a line, by their paths
}

// newWork writes the files of a work into a directory below dir.
func newWork(dir, name string, c *Config) (*work, error) {
	w := &work{Work: report.Work{Name: name, Files: 1}, dir: filepath.Join(dir, "work-"+name), list: filepath.Join(dir, "list-"+name)}
	switch name {
	case bigWork:
		w.size = c.BigBytes
		w.About = "one file of " + progress.Bytes(w.size)
	case smallWork:
		w.size, w.Files = smallBytes, c.SmallFiles
		w.About = fmt.Sprintf("%d files of %s", w.Files, progress.Bytes(w.size))
	case latencyWork:
		w.size, w.Latency = latencyBytes, true
		w.About = fmt.Sprintf("one file of %s: the time is what counts", progress.Bytes(w.size))
	}
	w.Bytes = w.size * int64(w.Files)
	if err := os.Mkdir(w.dir, 0o755); err != nil {
		return nil, err
	}
	source := rand.NewChaCha8([32]byte{0: 7})
	var paths strings.Builder
	for i := range w.Files {
		file := fmt.Sprintf("f%05d.bin", i)
		sum, err := writeRandom(filepath.Join(w.dir, file), w.size, source)
		if err != nil {
			return nil, err
		}
		w.names, w.sums = append(w.names, file), append(w.sums, sum)
		fmt.Fprintln(&paths, filepath.Join(w.dir, file))
	}
	return w, os.WriteFile(w.list, []byte(paths.String()), 0o644)
}

// writeRandom makes a file of size random bytes.
func writeRandom(path string, size int64, source *rand.ChaCha8) (sum digest, err error) {
	file, err := os.Create(path)
	if err != nil {
		return sum, err
	}
	hash := blake3.New()
	chunk := make([]byte, min(size, 1<<20))
	for left := size; left > 0 && err == nil; left -= int64(len(chunk)) {
		chunk = chunk[:min(left, int64(len(chunk)))]
		source.Read(chunk)
		hash.Write(chunk)
		_, err = file.Write(chunk)
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	hash.Sum(sum[:0])
	return sum, err
}
