package api

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
)

// A publication larger than a piece comes whole, and one that is refused meanwhile does not hang.
func TestUploadOfManyPieces(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 3*uploadPiece/10)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Equal(body, content) {
			http.Error(w, "other bytes", http.StatusBadRequest)
			return
		}
		io.WriteString(w, `{"first":1,"last":1,"objects":1}`)
	})
	for _, size := range []int{1, 1000, uploadPiece, len(content)} {
		_, err := c.Publish(t.Context(), PublishOptions{}, func(w io.Writer) error {
			for rest := content; len(rest) > 0; rest = rest[min(size, len(rest)):] {
				if n, err := w.Write(rest[:min(size, len(rest))]); err != nil || n != min(size, len(rest)) {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("in writes of %d bytes: %v", size, err)
		}
	}
}

// What comes instead of an answer during an upload is the error, not that the upload was given up.
func TestGarbageDuringUpload(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(c, "SSH-2.0-OpenSSH\r\n")
		io.Copy(io.Discard, c)
	}()
	_, err = NewTCP(l.Addr().String()).Publish(t.Context(), PublishOptions{}, func(w io.Writer) error {
		for piece := make([]byte, uploadPiece); ; {
			if _, err := w.Write(piece); err != nil {
				return err
			}
		}
	})
	if !errors.Is(err, errAnswer) {
		t.Errorf("%v", err)
	}
	<-ended
}
