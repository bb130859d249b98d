package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrNoOrigin is wrapped by the error of every call that nobody answers.
var ErrNoOrigin = errors.New("no origin answers")

// Client speaks to one origin. It may be used by many goroutines.
type Client struct {
	http *http.Client
	base string
	// socket is the path of a Unix socket; empty for TCP.
	socket string
	// waits says that the caller will wait for the edges; see WillWait.
	waits bool
	// where and hint are for the error when nobody answers.
	where, hint string
}

// NewUnix returns a client of the origin whose directory is dir.
func NewUnix(dir string) *Client {
	socket := filepath.Join(dir, SocketName)
	var dialer net.Dialer
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "unix", socket)
	}
	return &Client{
		http:   &http.Client{Transport: transport(dial)},
		base:   "http://origin",
		socket: socket,
		where:  socket,
		hint:   fmt.Sprintf("start it with `fanfare origin --dir %s`", dir),
	}
}

// NewTCP returns a client of the origin whose API listens at address, HOST:PORT.
func NewTCP(address string) *Client {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	return &Client{
		http:  &http.Client{Transport: transport(dialer.DialContext)},
		base:  "http://" + address,
		where: address,
		hint:  "is it running, and is that the address of its API?",
	}
}

// transport is one for long uploads: each write to the connection is a system call.
func transport(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Transport {
	return &http.Transport{DialContext: dial, DisableCompression: true, WriteBufferSize: 128 << 10}
}

// WillWait says that Wait will follow what is published or taken away from now on: an origin that
// no edge can answer refuses it then, instead of Wait when it is too late.
func (c *Client) WillWait() { c.waits = true }

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Purge purges what request selects.
func (c *Client) Purge(ctx context.Context, request PurgeRequest) (Invalidation, error) {
	var i Invalidation
	return i, c.call(ctx, "POST", "/v1/purge", nil, request, &i)
}

// Remove removes keys.
func (c *Client) Remove(ctx context.Context, keys []string) (Invalidation, error) {
	var i Invalidation
	return i, c.call(ctx, "POST", "/v1/remove", nil, RemoveRequest{Keys: keys}, &i)
}

// List returns at most limit rows (0: as many as the origin likes) whose key begins with
// prefix and comes after the given one, as in Listing.More.
func (c *Client) List(ctx context.Context, prefix, after string, limit int) (Listing, error) {
	var l Listing
	query := url.Values{"prefix": {prefix}, "after": {after}}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	return l, c.call(ctx, "GET", "/v1/ls", query, nil, &l)
}

// Status returns how the origin and its edges are.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	s := new(Status)
	return s, c.call(ctx, "GET", "/v1/status", nil, nil, s)
}

// ForgetEdge makes the edge of that name unexpected, until it is heard again.
func (c *Client) ForgetEdge(ctx context.Context, name string) error {
	return c.call(ctx, "DELETE", "/v1/edges/"+url.PathEscape(name), nil, nil, nil)
}

// MaxWait is the longest timeout of Wait.
const MaxWait = 24 * time.Hour

// Wait waits until every expected edge serves the entries of s, or for timeout; progress, if
// not nil, is called with each intermediate receipt. It returns the final one. That edges are
// missing is no error: see Receipt.Complete.
func (c *Client) Wait(ctx context.Context, s Sequences, timeout time.Duration, progress func(*Receipt)) (*Receipt, error) {
	query := url.Values{
		"first": {strconv.FormatUint(s.First, 10)}, "last": {strconv.FormatUint(s.Last, 10)},
		"timeout": {timeout.String()},
	}
	response, err := c.do(ctx, c.http, "GET", "/v1/wait", query, "", nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	decoder := json.NewDecoder(response.Body)
	for {
		receipt := new(Receipt)
		if err := decoder.Decode(receipt); err != nil {
			return nil, fmt.Errorf("the origin at %s stopped answering while edges were waited for: %w", c.where, err)
		}
		if receipt.Final {
			return receipt, nil
		}
		if progress != nil {
			progress(receipt)
		}
	}
}

// Entries hands the entries from sequence from on to each, in order, until the origin has
// sent as many as it likes for one request; none at all means that from is above the head.
// It returns the head of the log. The slice is valid during the call of each only. If the
// origin's generation is another, the error is an *Error with Status 409.
func (c *Client) Entries(ctx context.Context, from uint64, generation string, each func(raw []byte) error) (head uint64, err error) {
	query := url.Values{"from": {strconv.FormatUint(from, 10)}, "generation": {generation}}
	response, err := c.do(ctx, c.http, "GET", "/v1/entries", query, "", nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	head, err = strconv.ParseUint(response.Header.Get(HeadHeader), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("api: %s does not answer like an origin: no %s header", c.where, HeadHeader)
	}
	reader := bufio.NewReader(response.Body)
	var buffer []byte
	for {
		buffer, err = ReadEntry(reader, buffer)
		if err == io.EOF {
			return head, nil
		} else if err != nil {
			return head, err
		}
		if err := each(buffer); err != nil {
			return head, err
		}
	}
}

// call sends request, if not nil, as JSON, and decodes the answer into answer, if not nil.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, request, answer any) error {
	var body io.Reader
	contentType := ""
	if request != nil {
		text, err := json.Marshal(request)
		if err != nil {
			return fmt.Errorf("api: %w", err)
		}
		body, contentType = bytes.NewReader(text), "application/json"
	}
	response, err := c.do(ctx, c.http, method, path, query, contentType, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if answer == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		return fmt.Errorf("api: answer of %s: %w", c.where, err)
	}
	return nil
}

// do sends one request by exchange; a status other than 200 is an error.
func (c *Client) do(ctx context.Context, exchange *http.Client, method, path string, query url.Values, contentType string, body io.Reader) (*http.Response, error) {
	address := c.base + path
	if c.waits && method == http.MethodPost {
		query = maps.Clone(query)
		if query == nil {
			query = url.Values{}
		}
		query.Set("wait", "true")
	}
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	return c.send(exchange, request)
}

// send sends a request by exchange; a status other than 2xx is an error.
func (c *Client) send(exchange *http.Client, request *http.Request) (*http.Response, error) {
	response, err := exchange.Do(request)
	if err != nil {
		return nil, c.explain(err)
	}
	if response.StatusCode/100 != 2 {
		defer response.Body.Close()
		return nil, readError(response)
	}
	return response, nil
}

// explain makes of a transport's error one that says what to do.
func (c *Client) explain(err error) error {
	var operation *net.OpError
	if errors.As(err, &operation) && operation.Op == "dial" {
		if errors.Is(err, syscall.EACCES) {
			return fmt.Errorf("no permission to speak to the origin at %s: run this as the user that runs the origin", c.where)
		}
		return fmt.Errorf("%w at %s: %s", ErrNoOrigin, c.where, c.hint)
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("talking to the origin at %s: %w", c.where, err)
}

// readError returns the error that an answer tells.
func readError(response *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	e := &Error{Status: response.StatusCode}
	if seconds, err := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 16); err == nil {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	if json.Unmarshal(text, e) != nil || e.Message == "" {
		e.Message = strings.TrimSpace(response.Status + " " + string(text[:min(len(text), 200)]))
	}
	return e
}
