package fetch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"fanfare/internal/api"
)

// maxProof is the longest answer to Prove, in bytes.
const maxProof = 4096

// Prove shows the origin a head or an entry as it was sent. If its log does not contain that, its
// directory is an older copy of itself, and it knows so from then on. If its generation is another,
// the error is an *api.Error with Status 409.
func (c *Client) Prove(ctx context.Context, signed []byte, generation string) (p api.Proof, err error) {
	path := "/v1/proof?" + url.Values{"generation": {generation}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.address+path, bytes.NewReader(signed))
	if err != nil {
		return p, fmt.Errorf("fetch: %w", err)
	}
	response, err := c.do(request)
	if err != nil {
		return p, err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(io.LimitReader(response.Body, maxProof)).Decode(&p); err != nil {
		return p, fmt.Errorf("fetch: answer of %s: %w", c.address, err)
	}
	return p, nil
}
