package fetch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Bundle asks for length bytes, above 0, of the bundle of an entry, from offset on. The origin may
// send fewer; n is how many come. The caller reads them and closes body, which ends the request;
// ctx must last until then. The bytes are not verified.
//
// Of an *api.Error Status is 404 if the origin does not have the bundle any more, 409 if its
// generation is another, and 503 if it has no time, see RetryAfter.
func (c *Client) Bundle(ctx context.Context, sequence uint64, generation string, offset, length int64) (body io.ReadCloser, n int64, err error) {
	path := fmt.Sprintf("/v1/bundles/%d?%s", sequence, url.Values{"generation": {generation}}.Encode())
	response, err := c.get(ctx, path, fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))
	if err != nil {
		return nil, 0, err
	}
	n = response.ContentLength
	got := response.Header.Get("Content-Range")
	begins := strings.HasPrefix(got, "bytes "+strconv.FormatInt(offset, 10)+"-")
	if response.StatusCode != http.StatusPartialContent || n <= 0 || n > length || !begins {
		response.Body.Close()
		return nil, 0, fmt.Errorf("fetch: %s does not answer like an origin: %s, %d bytes, Content-Range %q", c.address, response.Status, n, got)
	}
	return response.Body, n, nil
}
