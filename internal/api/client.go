package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fanfare/internal/handover"
)

// ErrNoOrigin is wrapped by the error of every call that nobody answers.
var ErrNoOrigin = errors.New("no origin answers")

// Client speaks to one origin. It may be used by many goroutines; one that Follow made, by one.
type Client struct {
	network, address string
	host             string // as requests name it
	// follow is what Follow asked for; nil for nothing.
	follow *follow
	// hint is for the error when nobody answers.
	hint string
	most int64 // how long a value of an answer may be
	// grace is finalGrace.
	grace time.Duration
}

// NewUnix returns a client of the origin whose directory is dir.
func NewUnix(dir string) *Client {
	return &Client{
		network: "unix", address: filepath.Join(dir, SocketName), host: "origin", most: maxValue, grace: finalGrace,
		hint: fmt.Sprintf("start it with `fanfare origin --dir %s`, or say with --dir where it is", dir),
	}
}

// NewTCP returns a client of the origin whose API listens at address, HOST:PORT.
func NewTCP(address string) *Client {
	return &Client{
		network: "tcp", address: address, host: address, most: maxValue, grace: finalGrace,
		hint: "is it running, and is that the address of its API?",
	}
}

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

// MaxWait is the longest timeout of Wait and Follow.
const MaxWait = 24 * time.Hour

// Wait waits until every expected edge serves the entries of s, which must be of the origin's
// generation if s says one, or for timeout; progress, if
// not nil, is called with each intermediate receipt. It returns the final one. That edges are
// missing is no error: see Receipt.Complete.
func (c *Client) Wait(ctx context.Context, s Sequences, timeout time.Duration, progress func(*Receipt)) (*Receipt, error) {
	query := url.Values{
		"first": {strconv.FormatUint(s.First, 10)}, "last": {strconv.FormatUint(s.Last, 10)},
		"timeout": {timeout.String()},
	}
	if s.Generation != "" {
		query.Set("generation", s.Generation)
	}
	e, a, err := c.ask(ctx, c.request("GET", "/v1/wait", query, ""), nil)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return c.receipts(ctx, newValues(a.body, c.most), progress)
}

// call sends value, if not nil, as JSON, and decodes the answer into result, if not nil.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, value, result any) error {
	var body []byte
	contentType := ""
	if value != nil {
		var err error
		if body, err = json.Marshal(value); err != nil {
			return fmt.Errorf("api: %w", err)
		}
		contentType = "application/json"
	}
	e, a, err := c.ask(ctx, c.request(method, path, query, contentType), body)
	if err != nil {
		return err
	}
	return c.take(ctx, e, a, nil, result)
}

// dial connects to the origin.
func (c *Client) dial(ctx context.Context) (*exchange, error) {
	var conn net.Conn
	var err error
	if c.network == "unix" {
		conn, err = handover.Dial(ctx, c.address)
	} else {
		dialer := net.Dialer{Timeout: 5 * time.Second}
		conn, err = dialer.DialContext(ctx, c.network, c.address)
	}
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	return newExchange(ctx, conn), nil
}

// request returns a request. One that changes something asks for receipts if Follow did.
func (c *Client) request(method, path string, query url.Values, contentType string) *request {
	if c.follow != nil && method == "POST" {
		query = maps.Clone(query)
		if query == nil {
			query = url.Values{}
		}
		query.Set("wait", c.follow.timeout.String())
	}
	return &request{method: method, path: path, query: query, contentType: contentType}
}

// ask sends a request with its body, and returns the head of the answer; a status other than 2xx is
// an error. The caller closes the exchange.
func (c *Client) ask(ctx context.Context, q *request, body []byte) (*exchange, *answer, error) {
	e, err := c.dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	// One that does not take all of a request may still say why.
	_, writeErr := e.conn.Write(append(q.appendHead(nil, c.host, len(body)), body...))
	a, err := e.readAnswer()
	if err != nil && writeErr != nil {
		err = writeErr
	}
	if err = c.judge(ctx, a, err); err != nil {
		e.Close()
		return nil, nil, err
	}
	return e, a, nil
}

// judge returns the error that an answer is, or that there is none because of err.
func (c *Client) judge(ctx context.Context, a *answer, err error) error {
	if err != nil {
		return c.explain(ctx, err)
	}
	if a.status/100 != 2 {
		return ReadError(a.status, a.text, a.retryAfter, a.body)
	}
	return nil
}

// take judges the answer of an exchange and decodes it into result, if not nil. It closes the
// exchange, but for one that Follow goes on with.
func (c *Client) take(ctx context.Context, e *exchange, a *answer, err error, result any) error {
	if err = c.judge(ctx, a, err); err != nil || result == nil {
		e.Close()
		return err
	}
	v := newValues(a.body, c.most)
	if err := v.next(result); err != nil {
		e.Close()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("api: answer of %s: %w", c.address, err)
	}
	if change, ok := result.(interface{ appended() Sequences }); ok && c.follow != nil {
		c.follow.keep(e, v, change.appended(), c.grace)
		return nil
	}
	e.Close()
	return nil
}

// explain makes of an error of the connection one that says what to do.
func (c *Client) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var operation *net.OpError
	if errors.As(err, &operation) && operation.Op == "dial" {
		if errors.Is(err, syscall.EACCES) {
			return fmt.Errorf("no permission to speak to the origin at %s: run this as the user that runs the origin, or as one of its group", c.address)
		}
		return fmt.Errorf("%w at %s: %s", ErrNoOrigin, c.address, c.hint)
	}
	for _, gone := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, gone) {
			return fmt.Errorf("the origin at %s went away before it answered (%w), and may have done what it was asked or not: ask again when it is back, which does no harm", c.address, err)
		}
	}
	return fmt.Errorf("talking to the origin at %s: %w", c.address, err)
}

// ReadError returns the error that an answer tells whose status is not 2xx: text is that in words,
// such as 404 Not Found, retryAfter the header field of that name.
func ReadError(status int, text, retryAfter string, body io.Reader) *Error {
	content, _ := io.ReadAll(io.LimitReader(body, 64<<10))
	e := &Error{Status: status}
	if seconds, err := strconv.ParseUint(retryAfter, 10, 16); err == nil {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	if json.Unmarshal(content, e) != nil || e.Message == "" {
		e.Message = strings.TrimSpace(text + " " + string(content[:min(len(content), 200)]))
	}
	return e
}
