package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// errNothingFollowed is returned by Followed without a request before it.
var errNothingFollowed = errors.New("api: nothing was asked for that could be followed")

// follow is the rest of an answer that goes on with receipts.
type follow struct {
	timeout  time.Duration
	exchange *exchange
	decoder  *json.Decoder
}

// keep takes over an exchange, of whose answer the result was read.
func (f *follow) keep(e *exchange, decoder *json.Decoder) {
	f.close()
	f.exchange, f.decoder = e, decoder
}

func (f *follow) close() {
	if f.exchange != nil {
		f.exchange.Close()
		f.exchange, f.decoder = nil, nil
	}
}

// Follow returns a client for one Publish, Purge or Remove that is to be followed to the edges, for
// timeout at most: Followed, to be called after it, waits as Wait does, over the same request. An
// origin that no edge can answer refuses it before it does anything.
func (c *Client) Follow(timeout time.Duration) *Client {
	following := *c
	following.follow = &follow{timeout: timeout}
	return &following
}

// Followed is Wait for what a client of Follow has asked for.
func (c *Client) Followed(ctx context.Context, progress func(*Receipt)) (*Receipt, error) {
	if c.follow == nil || c.follow.exchange == nil {
		return nil, errNothingFollowed
	}
	defer c.follow.close()
	return c.receipts(ctx, c.follow.decoder, progress)
}

// receipts reads receipts up to the final one.
func (c *Client) receipts(ctx context.Context, decoder *json.Decoder, progress func(*Receipt)) (*Receipt, error) {
	for {
		receipt := new(Receipt)
		if err := decoder.Decode(receipt); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("the origin at %s stopped answering while edges were waited for: %w", c.address, err)
		}
		if receipt.Final {
			return receipt, nil
		}
		if progress != nil {
			progress(receipt)
		}
	}
}
