// Package fetch is the client of what an edge asks of its origin over HTTP: entries of the log, and
// ranges of bundles; and of what the edge shows it. The requests and their errors are those of
// package api.
package fetch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"fanfare/internal/api"
)

// Client speaks to one origin, over connections that are kept. It may be used by many goroutines.
type Client struct {
	http    *http.Client
	address string
}

// New returns a client of the origin that edges reach at address, HOST:PORT.
func New(address string) *Client {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	return &Client{
		http:    &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableCompression: true}},
		address: address,
	}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Entries hands the entries from sequence from on to each, in order, until the origin has
// sent as many as it likes for one request; none at all means that from is above the head.
// It returns the head of the log. The slice is valid during the call of each only. If the
// origin's generation is another, the error is an *api.Error with Status 409.
func (c *Client) Entries(ctx context.Context, from uint64, generation string, each func(raw []byte) error) (head uint64, err error) {
	query := url.Values{"from": {strconv.FormatUint(from, 10)}, "generation": {generation}}
	response, err := c.get(ctx, "/v1/entries?"+query.Encode(), "")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	head, err = strconv.ParseUint(response.Header.Get(api.HeadHeader), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("fetch: %s does not answer like an origin: no %s header", c.address, api.HeadHeader)
	}
	reader := bufio.NewReader(response.Body)
	var buffer []byte
	for {
		buffer, err = api.ReadEntry(reader, buffer)
		if errors.Is(err, io.EOF) {
			return head, nil
		} else if err != nil {
			return head, err
		}
		if err := each(buffer); err != nil {
			return head, err
		}
	}
}

// get sends a request as do does. ranges is the Range, if not empty.
func (c *Client) get(ctx context.Context, path, ranges string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.address+path, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	if ranges != "" {
		request.Header.Set("Range", ranges)
	}
	return c.do(request)
}

// do sends a request; a status other than 2xx is an error.
func (c *Client) do(request *http.Request) (*http.Response, error) {
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.explain(err)
	}
	if response.StatusCode/100 != 2 {
		defer response.Body.Close()
		return nil, api.ReadError(response.StatusCode, response.Status, response.Header.Get("Retry-After"), response.Body)
	}
	return response, nil
}

// explain makes of a transport's error one that says what to do.
func (c *Client) explain(err error) error {
	var operation *net.OpError
	if errors.As(err, &operation) && operation.Op == "dial" {
		return fmt.Errorf("%w at %s: is it running, and is that the address that it advertises?", api.ErrNoOrigin, c.address)
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("talking to the origin at %s: %w", c.address, err)
}
