package spool

import "io"

const (
	// pieceSize is how many bytes of a body are read, digested and written at a time: they stay in
	// a core's cache meanwhile.
	pieceSize = 256 << 10
	// piecesAtOnce is how many pieces there are: one is written, one goes into the digest of its body and
	// one into that of its block at the same time, and one is on the way between them.
	piecesAtOnce = 4
)

// copyFrom copies the bodies, end to end, into the bundle. Beside the goroutine that reads and writes
// two others digest, so that whoever waits for a large file waits for less. It returns
// io.ErrUnexpectedEOF if r ends too early; more than the objects have is not read.
func (w *bundleWriter) copyFrom(r io.Reader) error {
	if w.bytes <= pieceSize {
		piece := make([]byte, w.bytes)
		if err := readFull(r, piece); err != nil {
			return err
		}
		w.digestBodies(piece)
		w.digestBlocks(piece)
		return w.store(piece)
	}
	free := make(chan []byte, piecesAtOnce)
	read, inBody := make(chan []byte, piecesAtOnce), make(chan []byte, piecesAtOnce)
	for range piecesAtOnce {
		free <- make([]byte, pieceSize)
	}
	done := make(chan struct{})
	go func() {
		defer close(inBody)
		for piece := range read {
			w.digestBodies(piece)
			inBody <- piece
		}
	}()
	go func() {
		defer close(done)
		for piece := range inBody {
			w.digestBlocks(piece)
			free <- piece[:pieceSize]
		}
	}()
	var err error
	for left := w.bytes; left > 0 && err == nil; {
		piece := <-free
		piece = piece[:min(left, pieceSize)]
		left -= uint64(len(piece))
		if err = readFull(r, piece); err == nil {
			read <- piece
			err = w.store(piece)
		}
	}
	close(read)
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
