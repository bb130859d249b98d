package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// Bundle asks for length bytes, above 0, of the bundle of an entry, from offset on. The origin may
// send fewer; n is how many come. The caller reads them and closes body, which ends the request;
// ctx must last until then. The bytes are not verified.
//
// Of an *Error Status is 404 if the origin does not have the bundle any more, 409 if its generation
// is another, and 503 if it has no time, see RetryAfter.
func (c *Client) Bundle(ctx context.Context, sequence uint64, generation string, offset, length int64) (body io.ReadCloser, n int64, err error) {
	address := fmt.Sprintf("%s/v1/bundles/%d?%s", c.base, sequence, url.Values{"generation": {generation}}.Encode())
	request, err := http.NewRequestWithContext(ctx, "GET", address, nil)
	if err != nil {
		return nil, 0, fmt.Errorf("api: %w", err)
	}
	request.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))
	response, err := c.send(c.http, request)
	if err != nil {
		return nil, 0, err
	}
	n = response.ContentLength
	begins := "bytes " + strconv.FormatInt(offset, 10) + "-"
	got := response.Header.Get("Content-Range")
	if response.StatusCode != http.StatusPartialContent || n <= 0 || n > length || len(got) < len(begins) || got[:len(begins)] != begins {
		response.Body.Close()
		return nil, 0, fmt.Errorf("api: %s does not answer like an origin: %s, %d bytes, Content-Range %q", c.where, response.Status, n, got)
	}
	return response.Body, n, nil
}
