package spool

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sync/errgroup"

	"fanfare/control"
	"fanfare/internal/api"
	"fanfare/internal/handover"
)

const (
	// aloneSize is from where on an object is a bundle of its own, in bytes.
	aloneSize = 1 << 20
	// bundleSize is what the bodies and rows of a bundle of small objects may have together.
	bundleSize = 4 << 20
	// maxObjects is what one publication may have.
	maxObjects = 1_000_000
	// tarBlock is what everything in a tar stream is a multiple of, in bytes.
	tarBlock = 512
	// readAhead is how far a stream is read ahead, in bytes: headers are small, and each read of the
	// connection is a system call. handedAhead is the same where files come beside the stream:
	// those that come with as many bytes must not be more than may wait, handover.MaxPending.
	readAhead   = 128 << 10
	handedAhead = 16 << 10
	// syncsAtOnce is how many bundles of one publication are synced at the same time.
	syncsAtOnce = 4
)

// Publication reads a tar stream into staged bundles. Small objects are gathered in memory until a
// bundle is full, since the rows come before the bodies; while that is written the next is gathered.
// Large ones are written as they come.
type Publication struct {
	// Objects is how many there are, Bytes what their bodies have together; so far.
	Objects int
	Bytes   uint64

	given   Intake
	spool   *Spool
	headers []control.Header

	seen    map[control.Key]struct{}
	small   []control.Object
	bodies  []byte
	arena   *[bundleSize]byte // that bodies are in; nil: in memory of their own
	rows    int               // what the rows of small may take, in bytes
	staged  []*Staged
	created []string      // every staged file there is
	single  bool          // what is staged now is all there is
	filling chan struct{} // has an element while a gathered bundle is being written
	broken  atomic.Bool   // sync has an error
	sync    errgroup.Group
}

// Receive begins a publication: it checks the options. Its error is an *api.Error.
func (s *Spool) Receive(intake Intake) (*Publication, error) {
	headers, err := intake.check()
	if err != nil {
		return nil, err
	}
	in := &Publication{
		given: intake, spool: s, headers: headers,
		seen: make(map[control.Key]struct{}), filling: make(chan struct{}, 1),
	}
	in.sync.SetLimit(syncsAtOnce)
	return in, nil
}

// Read stages everything in the stream, durably. After an error, and when the publication is
// not wanted any more, Discard removes the files.
func (in *Publication) Read(stream io.Reader) ([]*Staged, error) {
	ahead := readAhead
	if in.given.NextFile != nil {
		ahead = handedAhead
	}
	buffered := bufio.NewReaderSize(stream, ahead)
	counted := &countingReader{r: buffered}
	archive := tar.NewReader(counted)
	for {
		before := counted.n
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			// A stream that was cut between two files has no block of zeros at its end.
			if before > 0 && counted.n-before < tarBlock {
				return nil, truncated(io.ErrUnexpectedEOF)
			}
			break
		} else if err != nil {
			return nil, truncated(err)
		}
		if header.Typeflag == tar.TypeDir {
			continue
		}
		if err := in.add(header, archive); err != nil {
			return nil, err
		}
	}
	// What fails behind the last file fails the publication, too.
	if _, err := io.Copy(io.Discard, buffered); err != nil {
		return nil, truncated(err)
	}
	if in.Objects == 0 {
		return nil, api.BadRequest(errors.New("there is nothing to publish"), "name a file, or a directory that is not empty")
	}
	in.single = len(in.staged) == 0
	if err := in.flush(); err != nil {
		return nil, err
	}
	if err := in.sync.Wait(); err != nil {
		return nil, err
	}
	return in.staged, nil
}

// add takes one file of the stream.
func (in *Publication) add(header *tar.Header, body io.Reader) error {
	switch header.Typeflag {
	case handover.TypeRows:
		return in.addRows(header.Size, body)
	case tar.TypeReg:
		return in.addObject(header.Name, header.Size, body)
	}
	return api.BadRequest(fmt.Errorf("%q is not a regular file", header.Name), "only regular files can be published")
}

// addObject takes one file by its name, its size and its bytes.
func (in *Publication) addObject(name string, size int64, body io.Reader) error {
	key, err := control.FileKey(in.given.Options.Host, in.given.Options.Prefix, name)
	if err != nil {
		return api.BadRequest(fmt.Errorf("file name %q: %w", name, err), "")
	}
	if _, twice := in.seen[key]; twice {
		return api.BadRequest(fmt.Errorf("two files of this publication have the URL %s", key), "rename one of them, or publish them with different prefixes")
	}
	if in.Objects >= maxObjects {
		return api.BadRequest(fmt.Errorf("more than %d files in one publication", maxObjects), "publish them in several")
	}
	in.seen[key] = struct{}{}
	object := control.Object{Key: key, Length: uint64(size), Headers: in.headers, Tags: in.given.Options.Tags}
	if err := object.Validate(); err != nil {
		return api.BadRequest(err, "")
	}
	if in.given.Grow != nil {
		if err := in.given.Grow(object.Length + uint64(rowSize(&object))); err != nil {
			return err
		}
	}
	in.Objects++
	in.Bytes += object.Length
	if object.Length >= aloneSize {
		return in.stage([]control.Object{object}, body)
	}
	return in.addSmall(object, body)
}

// stage writes one bundle as its bytes come, and begins to sync it.
func (in *Publication) stage(objects []control.Object, bodies io.Reader) error {
	file, err := in.create()
	if err != nil {
		return err
	}
	s, err := fillBundle(file, objects, in.given.OTI, bodies)
	if err != nil {
		file.Close()
		return in.explain(err)
	}
	in.staged = append(in.staged, s)
	in.sync.Go(func() error { return in.note(syncStaged(file)) })
	return nil
}

// create makes a staged file, unless one before has failed.
func (in *Publication) create() (*os.File, error) {
	if in.broken.Load() {
		return nil, in.sync.Wait()
	}
	file, err := in.spool.create()
	if err != nil {
		return nil, err
	}
	in.created = append(in.created, file.Name())
	return file, nil
}

// explain says what to do about a full disk.
func (in *Publication) explain(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &api.Error{
			Status: http.StatusInsufficientStorage, Message: "the disk of the origin's spool is full; nothing was published",
			Hint: "make room in " + in.spool.dir,
		}
	}
	return err
}

// Discard removes the staged files that have not been given a name.
func (in *Publication) Discard() error {
	// An error of a sync has been told, or does not matter any more.
	_ = in.sync.Wait()
	var err error
	for _, path := range in.created {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// countingReader counts the bytes read through it.
type countingReader struct {
	r io.Reader
	n int64
}

// Read implements io.Reader.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// truncated is the error of a stream that broke off.
func truncated(err error) error {
	return &api.Error{
		Status:  http.StatusBadRequest,
		Message: fmt.Sprintf("the files broke off before their end (%v); nothing was published", err),
	}
}
