package origin

import "io"

const (
	// pieceSize is how many bytes of a body are read, digested and written at a time: they stay in
	// a core's cache meanwhile.
	pieceSize = 256 << 10
	// piecesAtOnce is how many pieces there are: one is digested while the next is written.
	piecesAtOnce = 3
)

// copyFrom copies the bodies, end to end, into the bundle. Beside a core that reads and writes
// another one digests, so that whoever waits for a large file waits for less. It returns
// io.ErrUnexpectedEOF if r ends too early; more than the objects have is not read.
func (w *bundleWriter) copyFrom(r io.Reader) error {
	if w.bytes <= pieceSize {
		piece := make([]byte, w.bytes)
		if err := readFull(r, piece); err != nil {
			return err
		}
		w.digest(piece)
		return w.store(piece)
	}
	free, full := make(chan []byte, piecesAtOnce), make(chan []byte, piecesAtOnce)
	for range piecesAtOnce {
		free <- make([]byte, pieceSize)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for piece := range full {
			w.digest(piece)
			free <- piece[:pieceSize]
		}
	}()
	var err error
	for left := w.bytes; left > 0 && err == nil; {
		piece := <-free
		piece = piece[:min(left, pieceSize)]
		left -= uint64(len(piece))
		if err = readFull(r, piece); err == nil {
			full <- piece
			err = w.store(piece)
		}
	}
	close(full)
	<-done
	return err
}

// readFull is io.ReadFull for a reader that must not have ended.
func readFull(r io.Reader, p []byte) error {
	_, err := io.ReadFull(r, p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
