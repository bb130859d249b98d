package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"fanfare/internal/api"
	"fanfare/internal/tree"
	"fanfare/testbed/sim"
)

const (
	waitLimit = 4 * time.Minute // for a publication to be served everywhere
	tag       = "demo"
)

// publish sends all files and watches every edge get them.
func (s *show) publish(ctx context.Context) error {
	before, err := s.counters(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	result, err := s.send(ctx, s.files, "/")
	if err != nil {
		return err
	}
	receipt, err := s.await(ctx, result.Sequences)
	if err != nil {
		return err
	}
	p := &s.report.Publication
	p.Seconds = since(start)
	after, err := s.counters(ctx)
	if err != nil {
		return err
	}
	p.Sequences = [2]uint64{result.First, result.Last}
	p.Bundles, p.Served = result.Bundles, receipt.Served
	p.WireBytes = after.wire - before.wire
	p.SourceSymbols = after.sender.SourceSymbolsSent - before.sender.SourceSymbolsSent
	p.RepairSymbols = after.sender.RepairSymbolsSent - before.sender.RepairSymbolsSent
	p.NACKs = after.sender.NACKsReceived - before.sender.NACKsReceived
	p.Ideal = idealWire(s.config, len(s.fleet.edges))
	if !receipt.Complete {
		s.report.problem("the publication was served at %d of %d edges only", receipt.Served, len(receipt.Edges))
	}
	return nil
}

// idealWire is the least that leaves the origin, headers included, for each byte of a file.
func idealWire(c Config, edges int) float64 {
	const (
		k       = 200
		symbol  = 1408
		headers = 14 + 20 + 8 + 28 // Ethernet, IPv4, UDP, ALC
	)
	return sim.Ideal(k, 0, sim.Losers{N: edges, P: c.Loss}) * (symbol + headers) / symbol
}

// counters is how much the origin has sent.
type counters struct {
	wire   uint64
	sender api.Sender
}

func (s *show) counters(ctx context.Context) (counters, error) {
	status, err := s.fleet.client.Status(ctx)
	if err != nil {
		return counters{}, err
	}
	if s.place.loopback {
		const ethernet = 14
		return counters{status.Sender.BytesSent + ethernet*status.Sender.PacketsSent, status.Sender}, nil
	}
	wire, err := s.place.wireBytes()
	return counters{wire, status.Sender}, err
}

func (s *show) send(ctx context.Context, files []tree.File, prefix string) (*api.PublishResult, error) {
	options := api.PublishOptions{Prefix: prefix, Tags: []string{tag}}
	return s.fleet.client.Publish(ctx, options, func(w io.Writer) error {
		return tree.WriteTar(w, files, func(int64) {})
	})
}

// await waits for a receipt and draws how far every edge is.
func (s *show) await(ctx context.Context, sequences api.Sequences) (*api.Receipt, error) {
	defer s.board.Close()
	receipt, err := s.fleet.client.Wait(ctx, sequences, waitLimit, s.draw)
	if err == nil {
		s.draw(receipt)
	}
	return receipt, err
}

func (s *show) draw(r *api.Receipt) {
	for _, e := range r.Edges {
		note := ""
		if e.Served {
			note = "served after " + took(e.Seconds)
		}
		if !s.config.JSON {
			s.board.Set(e.Name, int64(1000*e.Fraction), 1000, note)
		}
	}
}

// verify reads every file from every edge and compares it with what was published.
func (s *show) verify(ctx context.Context) error {
	s.say("Reading all of it back over HTTP from every edge ...")
	var same atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for _, edge := range s.fleet.edges {
		group.Go(func() error {
			return fetch(ctx, edge.Machine.Dial, edge.Address, s.paths, func(i int, answer *http.Response) error {
				if answer.StatusCode != http.StatusOK {
					return fmt.Errorf("status %s", answer.Status)
				}
				if err := compare(answer.Body, s.files[i]); err != nil {
					return err
				}
				same.Add(1)
				return nil
			})
		})
	}
	if err := group.Wait(); err != nil {
		s.report.problem("%v", err)
	}
	s.report.Publication.Verified = int(same.Load())
	return nil
}

// compare reports whether body is what the file holds.
func compare(body io.Reader, f tree.File) error {
	file, err := f.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	same, err := equal(body, file)
	if err == nil && !same {
		err = fmt.Errorf("not the bytes of %s", f.Path)
	}
	return err
}

// equal reports whether two readers hold the same bytes.
func equal(a, b io.Reader) (bool, error) {
	const chunk = 64 << 10
	var x, y [chunk]byte
	for {
		n, errA := io.ReadFull(a, x[:])
		m, errB := io.ReadFull(b, y[:])
		if n != m || !bytes.Equal(x[:n], y[:m]) {
			return false, nil
		}
		switch {
		case errA == nil && errB == nil:
		case (errA == io.EOF || errA == io.ErrUnexpectedEOF) && (errB == io.EOF || errB == io.ErrUnexpectedEOF):
			return true, nil
		default:
			return false, errors.Join(errA, errB)
		}
	}
}
