package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"fanfare/internal/handover"
)

// upload is what a publication is written to over a Unix socket: package tree knows that it
// takes open files.
type upload struct {
	*bufio.Writer
	conn *handover.Conn
}

// SendFile hands over the file with the descriptor fd to the origin, which reads it for itself, from
// its beginning; upload owns fd. The file's row must be written next (see package handover), and then
// Flush be called.
func (u *upload) SendFile(fd int) error { return u.conn.Send(fd) }

// Publish publishes the files of a tar stream, all or none. write writes the stream (see
// package tree); if it fails nothing is published and its error is the result. An origin on this
// machine can be handed open files instead of their bytes.
func (c *Client) Publish(ctx context.Context, options PublishOptions, write func(io.Writer) error) (*PublishResult, error) {
	query := url.Values{"host": {options.Host}, "prefix": {options.Prefix}, "tag": options.Tags}
	for _, h := range options.Headers {
		query.Add("header", h.Name+":"+h.Value)
	}
	if options.Priority != "" {
		query.Set("priority", options.Priority)
	}
	if options.Proactive != "" {
		query.Set("proactive", options.Proactive)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	exchange, conn, err := c.exchange(ctx)
	if err != nil {
		return nil, err
	}
	if conn != nil {
		defer conn.Close()
	}
	reader, writer := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		sent <- c.write(writer, conn, write)
	}()
	response, err := c.do(ctx, exchange, http.MethodPost, "/v1/publish", query, "application/x-tar", reader)
	reader.CloseWithError(io.ErrClosedPipe)
	// A reason of our own not to send on is better than what the transport makes of it; a
	// closed pipe or connection only says that the other side has answered already.
	if local := <-sent; local != nil && !errors.Is(local, io.ErrClosedPipe) && !errors.Is(local, net.ErrClosed) {
		if response != nil {
			response.Body.Close()
		}
		return nil, local
	}
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	result := new(PublishResult)
	if err := json.NewDecoder(response.Body).Decode(result); err != nil {
		return nil, fmt.Errorf("api: answer of %s: %w", c.where, err)
	}
	return result, nil
}

// write has the tar stream of a publication written to the body of its request.
func (c *Client) write(body *io.PipeWriter, conn *handover.Conn, write func(io.Writer) error) error {
	// A tar stream comes in small pieces, and each write into a pipe waits for its reader.
	buffered := bufio.NewWriterSize(body, 128<<10)
	var stream io.Writer = buffered
	if conn != nil {
		stream = &upload{Writer: buffered, conn: conn}
	}
	err := write(stream)
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		// net/http compares the error of a body, and not every error can be.
		body.CloseWithError(errors.New(err.Error()))
	}
	body.Close()
	return err
}

// exchange returns what carries the request of one publication: over a Unix socket on a
// connection of its own, since the files must go where their headers go.
func (c *Client) exchange(ctx context.Context) (*http.Client, *handover.Conn, error) {
	if c.socket == "" {
		return c.http, nil, nil
	}
	conn, err := handover.Dial(ctx, c.socket)
	if err != nil {
		return nil, nil, c.explain(err)
	}
	t := transport(func(context.Context, string, string) (net.Conn, error) { return conn, nil })
	t.DisableKeepAlives = true
	return &http.Client{Transport: t}, conn, nil
}
