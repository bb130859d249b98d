package origin

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"

	"fanfare/internal/api"
)

// A stream that ends early is refused wherever it ends, between two files too.
func TestPublishCutStream(t *testing.T) {
	var stream bytes.Buffer
	w := tar.NewWriter(&stream)
	for _, name := range []string{"a", "b"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: 700}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, 700)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	data := stream.Len()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	o := start(t, initOrigin(t))
	publish := func(n int) error {
		_, err := o.client.Publish(t.Context(), api.PublishOptions{}, func(body io.Writer) error {
			_, err := body.Write(stream.Bytes()[:n])
			return err
		})
		return err
	}
	for n := 1; n <= data; n += 100 {
		if err := publish(n); err == nil || !strings.Contains(err.Error(), "nothing was published") {
			t.Errorf("%d of %d bytes: %v", n, stream.Len(), err)
		}
	}
	for _, n := range []int{512 + 700, 1536, data} {
		if err := publish(n); err == nil {
			t.Errorf("%d of %d bytes are published", n, stream.Len())
		}
	}
	if err := publish(stream.Len()); err != nil {
		t.Error(err)
	}
}
