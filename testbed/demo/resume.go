package demo

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"fanfare/internal/api"
	"fanfare/internal/progress"
	"fanfare/internal/tree"
	"fanfare/testbed/daemon"
)

const (
	secondName  = "second-publication.bin"
	secondBytes = 48 << 20
	killBetween = 0.15 // how much of it the edge must have before it is killed
)

// killAndResume publishes one large file, kills an edge in the middle, starts it again, and
// waits until it serves the file all the same.
func (s *show) killAndResume(ctx context.Context) error {
	path := filepath.Join(s.dir, secondName)
	if err := writeNoise(path, secondBytes); err != nil {
		return err
	}
	files, err := tree.Collect([]string{path}, func(string) {})
	if err != nil {
		return err
	}
	victim := s.fleet.edges[len(s.fleet.edges)-1]
	s.say("Publishing %s more, and killing %s (kill -9) in the middle ...", progress.Bytes(secondBytes), victim.Name)
	result, err := s.send(ctx, files, "/")
	if err != nil {
		return err
	}
	r := &s.report.Resume
	r.Edge, r.Bytes = victim.Name, secondBytes
	if r.KilledAt, err = s.killInTheMiddle(ctx, victim, result.Sequences); err != nil {
		return err
	}
	restart := time.Now()
	if err := victim.Start(); err != nil {
		return err
	}
	receipt, err := s.awaitResumed(ctx, victim, result.Sequences, restart)
	if err != nil {
		return err
	}
	r.Seconds = since(restart)
	if !receipt.Complete {
		s.report.problem("the second publication was served at %d of %d edges only", receipt.Served, len(receipt.Edges))
	}
	if r.ResumedAt < r.KilledAt/2 {
		s.report.problem("%s took up at %.0f %% only, after it was killed at %.0f %%", r.Edge, 100*r.ResumedAt, 100*r.KilledAt)
	}
	return s.verifyOne(ctx, victim, files[0])
}

// killInTheMiddle kills victim as soon as it has reported a good part of the sequences, and
// returns how much that was.
func (s *show) killInTheMiddle(ctx context.Context, victim *daemon.Process, sequences api.Sequences) (at float64, err error) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	_, err = s.fleet.client.Wait(waiting, sequences, waitLimit, func(r *api.Receipt) {
		if at == 0 {
			s.draw(r)
		}
		for _, e := range r.Edges {
			if e.Name == victim.Name && e.Fraction >= killBetween && !e.Served && at == 0 {
				at = e.Fraction
				victim.Kill()
				cancel()
			}
		}
	})
	s.board.Close()
	switch {
	case at > 0:
		return at, nil
	case err != nil:
		return 0, err
	}
	return 0, fmt.Errorf("%s had the second publication before it could be killed in the middle", victim.Name)
}

// awaitResumed waits for everybody, and notes how much the restarted edge had when it was
// heard first.
func (s *show) awaitResumed(ctx context.Context, victim *daemon.Process, sequences api.Sequences, restart time.Time) (*api.Receipt, error) {
	defer s.board.Close()
	r := &s.report.Resume
	receipt, err := s.fleet.client.Wait(ctx, sequences, waitLimit, func(receipt *api.Receipt) {
		s.draw(receipt)
		for _, e := range receipt.Edges {
			heard := e.SilentSeconds >= 0 && duration(e.SilentSeconds) < time.Since(restart)
			if e.Name == victim.Name && heard && r.ResumedAt == 0 && e.Fraction > 0 {
				r.ResumedAt = e.Fraction
			}
		}
	})
	if err == nil {
		s.draw(receipt)
	}
	return receipt, err
}

// verifyOne reads one file back from one edge.
func (s *show) verifyOne(ctx context.Context, edge *daemon.Process, f tree.File) error {
	err := fetch(ctx, edge.Machine.Dial, edge.Address, []string{"/" + f.Name}, func(_ int, answer *http.Response) error {
		return compare(answer.Body, f)
	})
	if err != nil {
		s.report.problem("%v", err)
	}
	return ctx.Err()
}

// writeNoise makes a file of bytes that nothing can compress.
func writeNoise(path string, bytes int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyN(f, rand.NewChaCha8([32]byte{}), bytes)
	return err
}
