package api

import (
	"context"
	"io"
	"net/url"
)

// Publish publishes the files of a tar stream, all or none. write writes the stream (see
// package tree); if it fails nothing is published and its error is the result. An origin on this
// machine can be handed open files instead of their bytes.
func (c *Client) Publish(ctx context.Context, options PublishOptions, write func(io.Writer) error) (*PublishResult, error) {
	query := url.Values{}
	for name, value := range map[string]string{
		"host": options.Host, "prefix": options.Prefix, "priority": options.Priority, "proactive": options.Proactive,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	query["tag"] = options.Tags
	for _, h := range options.Headers {
		query.Add("header", h.Name+":"+h.Value)
	}
	e, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	head := c.request("POST", "/v1/publish", query, "application/x-tar").appendHead(nil, c.host, -1)
	answer, local, err := newUpload(e, head).finish(write)
	if local != nil {
		e.Close()
		return nil, local
	}
	result := new(PublishResult)
	return result, c.take(ctx, e, answer, err, result)
}
