package compare

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/zeebo/blake3"

	"fanfare/testbed/report"
)

// system is one of those compared. Its methods are given the run that they serve.
type system interface {
	// describe says what it is, and whether something is missing.
	describe(c *Config) report.System
	// prepare starts what runs before the clock does, and waits until it is ready.
	prepare(ctx context.Context, r *run) error
	// publish starts the publishing command, the moment the clock starts.
	publish(r *run) error
	// arrived says whether everything is at an edge.
	arrived(r *run, edge int) bool
	// verify compares every file at an edge with what was published.
	verify(r *run, edge int) error
}

// Systems are the names of those that can be compared, our own first.
func Systems() []string {
	return []string{fanfareName, uftpName, udpcastName, normName, httpName, bbrName}
}

func newSystem(name string) system {
	switch name {
	case uftpName:
		return new(uftp)
	case udpcastName:
		return new(udpcast)
	case normName:
		return new(norm)
	case httpName:
		return &pull{name: httpName}
	case bbrName:
		return &pull{name: bbrName, congestion: "bbr"}
	}
	return new(fanfare)
}

// intoFiles is the part that systems share whose edges end up with plain files.
type intoFiles struct{}

// arrived looks at the files in order, and only once at each that is there in full. A system
// must not write the end of a file under its own name before the beginning.
func (intoFiles) arrived(r *run, edge int) bool {
	for r.next[edge] < len(r.work.names) {
		info, err := os.Stat(filepath.Join(r.folder(edge), r.work.names[r.next[edge]]))
		if err != nil || info.Size() != r.work.size {
			return false
		}
		r.next[edge]++
	}
	return true
}

func (intoFiles) verify(r *run, edge int) error {
	for i, name := range r.work.names {
		file, err := os.Open(filepath.Join(r.folder(edge), name))
		if err != nil {
			return err
		}
		hash := blake3.New()
		_, err = io.Copy(hash, file)
		file.Close()
		if err != nil {
			return err
		}
		if digest(hash.Sum(nil)) != r.work.sums[i] {
			return fmt.Errorf("%s is not what was published", name)
		}
	}
	return nil
}
