package origin

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"testing"

	"fanfare/internal/api"
)

func TestSlots(t *testing.T) {
	s := newSlots()
	ended, end := context.WithCancel(t.Context())
	end()
	var large []*slot
	for range largeAtOnce {
		p, err := s.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 4 { // it waits for its place once
			if err := p.grow(t.Context(), 1<<40); err != nil {
				t.Fatal(err)
			}
		}
		large = append(large, p)
	}
	p, err := s.enter(t.Context())
	if err != nil || p.grow(t.Context(), smallBytes) != nil {
		t.Fatal("a small publication had no place")
	}
	if err := p.grow(ended, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a third large publication: %v", err)
	}
	p.leave()
	large[0].leave()
	large[0].leave()
	if len(s.small) != 0 || len(s.large) != largeAtOnce-1 {
		t.Errorf("%d small and %d large places are taken", len(s.small), len(s.large))
	}
}

// TestSmallPublicationBesideLarge publishes while so many large publications are being read that one
// more would wait.
func TestSmallPublicationBesideLarge(t *testing.T) {
	o := start(t, initOrigin(t))
	begun := make(chan struct{})
	release := make(chan struct{})
	done := make(chan error)
	for i := range largeAtOnce {
		go func() {
			_, err := o.client.Publish(t.Context(), api.PublishOptions{}, func(w io.Writer) error {
				archive := tar.NewWriter(w)
				if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: string(rune('a' + i)), Size: 4 << 20}); err != nil {
					return err
				}
				if _, err := archive.Write(make([]byte, 2<<20)); err != nil {
					return err
				}
				begun <- struct{}{}
				<-release
				if _, err := archive.Write(make([]byte, 2<<20)); err != nil {
					return err
				}
				return archive.Close()
			})
			done <- err
		}()
	}
	for range largeAtOnce {
		<-begun
	}
	o.publish(t, files{"small": "s"}, api.PublishOptions{})
	if _, err := o.client.Purge(t.Context(), api.PurgeRequest{All: true}); err != nil {
		t.Error(err)
	}
	close(release)
	for range largeAtOnce {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
