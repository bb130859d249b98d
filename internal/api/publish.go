package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Publish publishes the files of a tar stream, all or none. write writes the stream (see
// package tree); if it fails nothing is published and its error is the result.
func (c *Client) Publish(ctx context.Context, options PublishOptions, write func(io.Writer) error) (*PublishResult, error) {
	query := url.Values{"host": {options.Host}, "prefix": {options.Prefix}, "tag": options.Tags}
	for _, h := range options.Headers {
		query.Add("header", h.Name+":"+h.Value)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reader, writer := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		// A tar stream comes in small pieces, and each write into a pipe waits for its reader.
		buffered := bufio.NewWriterSize(writer, 128<<10)
		err := write(buffered)
		if err == nil {
			err = buffered.Flush()
		}
		if err != nil {
			// net/http compares the error of a body, and not every error can be.
			writer.CloseWithError(errors.New(err.Error()))
		}
		writer.Close()
		sent <- err
	}()
	response, err := c.do(ctx, http.MethodPost, "/v1/publish", query, "application/x-tar", reader)
	reader.CloseWithError(io.ErrClosedPipe)
	// A reason of our own not to send on is better than what the transport makes of it; a
	// closed pipe only says that the other side has answered already.
	if local := <-sent; local != nil && !errors.Is(local, io.ErrClosedPipe) {
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
