package demo

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// fetchers is how many requests one edge has under way at a time, like a browser's six
// connections.
const fetchers = 6

// dialer opens connections from one machine of the demo.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// fetch gets every path from the server at address and hands the answers' bodies to check,
// on several goroutines at once. It stops at the first error.
func fetch(ctx context.Context, dial dialer, address string, paths []string, check func(i int, answer *http.Response) error) error {
	transport := &http.Transport{DialContext: dial, MaxIdleConnsPerHost: fetchers, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(fetchers, len(paths)) {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(paths) {
					return nil
				}
				if err := fetchOne(ctx, client, address, paths[i], func(answer *http.Response) error { return check(i, answer) }); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

func fetchOne(ctx context.Context, client *http.Client, address, path string, check func(*http.Response) error) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := check(answer); err != nil {
		return fmt.Errorf("http://%s%s: %w", address, path, err)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}
