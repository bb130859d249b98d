package demo

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"fanfare/internal/api"
	"fanfare/testbed/daemon"
)

// purge takes the tag away and looks for a byte of it that is still served.
func (s *show) purge(ctx context.Context) error {
	watching, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	start := time.Now()
	var seen errgroup.Group
	for _, edge := range s.fleet.edges {
		seen.Go(func() error { return gone(watching, edge, s.paths[0]) })
	}
	purged, err := s.fleet.client.Purge(ctx, api.PurgeRequest{Tags: []string{tag}})
	if err != nil {
		return err
	}
	var noticed float64
	noticing := make(chan error, 1)
	go func() {
		err := seen.Wait()
		noticed = since(start)
		noticing <- err
	}()
	receipt, err := s.fleet.client.Wait(ctx, purged.Sequences, waitLimit, nil)
	if err != nil {
		return err
	}
	p := &s.report.Purge
	p.Seconds = since(start)
	if !receipt.Complete {
		s.report.problem("the purge was in force at %d of %d edges only", receipt.Served, len(receipt.Edges))
		cancel()
	}
	if err := <-noticing; err != nil {
		s.report.problem("clients never saw the purge: %v", err)
	}
	p.SeenSeconds, p.Objects = noticed, len(s.files)+1
	return s.countOld(ctx)
}

// gone asks an edge for a path again and again until the answer is 404.
func gone(ctx context.Context, edge *daemon.Process, path string) error {
	client := &http.Client{Transport: &http.Transport{DialContext: edge.Machine.Dial}}
	defer client.CloseIdleConnections()
	for {
		status := 0
		err := fetchOne(ctx, client, edge.Address, path, func(answer *http.Response) error {
			status = answer.StatusCode
			return nil
		})
		if err != nil || status == http.StatusNotFound {
			return err
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// countOld asks every edge for everything that was purged.
func (s *show) countOld(ctx context.Context) error {
	paths := append([]string{"/" + secondName}, s.paths...)
	var old atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for _, edge := range s.fleet.edges {
		group.Go(func() error {
			return fetch(ctx, edge.Machine.Dial, edge.Address, paths, func(_ int, answer *http.Response) error {
				if answer.StatusCode != http.StatusNotFound {
					old.Add(1)
				}
				return nil
			})
		})
	}
	err := group.Wait()
	if s.report.Purge.OldAnswers = int(old.Load()); s.report.Purge.OldAnswers > 0 {
		s.report.problem("%d requests were answered with what had been purged", s.report.Purge.OldAnswers)
	}
	return err
}
