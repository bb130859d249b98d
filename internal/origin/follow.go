package origin

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"fanfare/internal/api"
)

const (
	// progressEvery is how often a receipt that is not final is sent.
	progressEvery = 100 * time.Millisecond
	// gatherEdges is how soon a receipt says that one more edge serves what is followed: others may
	// join it until then. That all do is told at once.
	gatherEdges = 10 * time.Millisecond
)

// change is a request that appends entries: it returns which, and what it answers.
type change func(w http.ResponseWriter, r *http.Request) (result any, s api.Sequences, err error)

// followed is the handler of a change, after which come receipts if its sender wants them.
func (o *Origin) followed(f change) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		timeout, follow, err := o.followQuery(r)
		if err == nil {
			err = o.refusal() // before what may be much is read
		}
		var result any
		var sequences api.Sequences
		if err == nil {
			result, sequences, err = f(w, r)
		}
		switch {
		case err != nil:
			body := newBody(w, r)
			o.answerError(w, r, err)
			body.drain()
		case !follow:
			writeJSON(w, http.StatusOK, result)
		default:
			answer := newLines(w)
			if answer.put(result) == nil {
				o.sendReceipts(r.Context(), answer, sequences, timeout)
			} // else who asked is gone
		}
		return nil
	}
}

// followQuery reads whether the sender of a change waits for the edges, and how long.
func (o *Origin) followQuery(r *http.Request) (timeout time.Duration, follow bool, err error) {
	query := r.URL.Query()
	if !query.Has("wait") {
		return 0, false, nil
	}
	if err := o.errNoReceipts(); err != nil {
		return 0, false, err
	}
	timeout, err = parseTimeout(query.Get("wait"))
	return timeout, true, err
}

// sendReceipts sends receipts until all expected edges serve the entries, the time is over, or
// who waits is gone.
func (o *Origin) sendReceipts(ctx context.Context, answer *lines, s api.Sequences, timeout time.Duration) {
	deadline, next := time.NewTimer(timeout), time.NewTimer(progressEvery)
	defer deadline.Stop()
	defer next.Stop()
	told, soon := 0, false
	for final := false; ; {
		changed := o.edges.Changes()
		served, all := o.edges.Serving(s)
		if all || final {
			receipt := o.edges.Receipt(time.Now(), s, o.spool.OTI)
			receipt.Final = true
			_ = answer.send(receipt) // who waited may be gone
			return
		}
		if served != told && !soon {
			next.Reset(gatherEdges)
			soon = true
		}
		select {
		case <-ctx.Done():
			return
		case <-deadline.C:
			final = true
		case <-changed:
		case <-next.C:
			receipt := o.edges.Receipt(time.Now(), s, o.spool.OTI)
			if answer.send(receipt) != nil {
				return
			}
			told, soon = receipt.Served, false
			next.Reset(progressEvery)
		}
	}
}

// lines is an answer of JSON values, one a line.
type lines struct {
	encoder    *json.Encoder
	controller *http.ResponseController
}

func newLines(w http.ResponseWriter) *lines {
	w.Header().Set("Content-Type", "application/x-ndjson")
	return &lines{json.NewEncoder(w), http.NewResponseController(w)}
}

// put has a value go out with the next one. A result is mostly followed by its final receipt within
// milliseconds, in which its reader would only be in the way of those who are at work.
func (l *lines) put(value any) error {
	_ = l.controller.SetWriteDeadline(time.Now().Add(patience))
	return l.encoder.Encode(value)
}

// send has a value, and what was put before, go out at once.
func (l *lines) send(value any) error {
	if err := l.put(value); err != nil {
		return err
	}
	return l.controller.Flush()
}
