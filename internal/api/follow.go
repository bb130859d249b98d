package api

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var (
	// ErrGone is wrapped by the error of Followed when the origin went away and did not come back in
	// time. What it had acknowledged stands.
	ErrGone = errors.New("the origin went away while edges were waited for")
	// errNothingFollowed is returned by Followed without a request before it.
	errNothingFollowed = errors.New("api: nothing was asked for that could be followed")
	// errBroken is wrapped by the error of an answer that ended before the final receipt.
	errBroken = errors.New("stopped answering")
)

// Limits of waiting for an origin that went away.
const (
	// minAgain is the first pause before it is asked again; it doubles up to maxAgain.
	minAgain, maxAgain = 50 * time.Millisecond, time.Second
	// finalGrace is how long after its time the final receipt may take to come, before an origin that is
	// silent counts as gone.
	finalGrace = 5 * time.Second
)

// follow is the rest of an answer that goes on with receipts.
type follow struct {
	timeout  time.Duration
	exchange *exchange
	values   *values
	// sequences are what is waited for, until when.
	sequences Sequences
	until     time.Time
}

// keep takes over an exchange, of whose answer the result was read.
func (f *follow) keep(e *exchange, v *values, s Sequences, grace time.Duration) {
	f.close()
	f.exchange, f.values, f.sequences, f.until = e, v, s, time.Now().Add(f.timeout)
	// An origin may hang, or the path to it be cut without a word.
	_ = e.conn.SetReadDeadline(f.until.Add(grace))
}

func (f *follow) close() {
	if f.exchange != nil {
		f.exchange.Close()
		f.exchange, f.values = nil, nil
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

// Followed is Wait for what a client of Follow has asked for. If the origin goes away meanwhile
// nothing is lost that it acknowledged: lost, if not nil, is called once, and the wait goes on when
// the origin is back, or ends with ErrGone when its time is over, as it does if the origin says nothing.
func (c *Client) Followed(ctx context.Context, progress func(*Receipt), lost func(error)) (*Receipt, error) {
	f := c.follow
	if f == nil || f.exchange == nil {
		return nil, errNothingFollowed
	}
	receipt, err := c.receipts(ctx, f.values, progress)
	f.close()
	if !errors.Is(err, errBroken) {
		return receipt, err
	}
	if lost != nil && time.Now().Before(f.until) {
		lost(err)
	}
	return c.resume(ctx, err, progress)
}

// resume waits for an origin that went away, as err says, and goes on where Followed was.
func (c *Client) resume(ctx context.Context, err error, progress func(*Receipt)) (*Receipt, error) {
	until := c.follow.until
	bounded, cancel := context.WithDeadline(ctx, until.Add(c.grace))
	defer cancel()
	for again := minAgain; ; again = min(2*again, maxAgain) {
		left := time.Until(until)
		if left <= 0 {
			return nil, fmt.Errorf("%w and was not back in time: %w", ErrGone, err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(min(again, left)):
		}
		var receipt *Receipt
		receipt, err = c.Wait(bounded, c.follow.sequences, max(time.Until(until), 0), func(r *Receipt) {
			again = minAgain // it is there
			if progress != nil {
				progress(r)
			}
		})
		var answer *Error
		if err == nil || ctx.Err() != nil || errors.As(err, &answer) && answer.Status < 500 {
			return receipt, err
		}
	}
}

// receipts reads receipts up to the final one.
func (c *Client) receipts(ctx context.Context, v *values, progress func(*Receipt)) (*Receipt, error) {
	for {
		receipt := new(Receipt)
		if err := v.next(receipt); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("the origin at %s %w: %w", c.address, errBroken, err)
		}
		if receipt.Final {
			return receipt, nil
		}
		if progress != nil {
			progress(receipt)
		}
	}
}
