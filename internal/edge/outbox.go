package edge

import "context"

// outbox is where the goroutines beside the loop put what they have for it. The queue is bounded:
// who has more waits.
type outbox struct {
	results chan<- any
	wake    func() // has the loop look at results
}

// post hands a result to the loop, unless ctx ends before there is room.
func (o outbox) post(ctx context.Context, result any) {
	select {
	case o.results <- result:
		o.wake()
	case <-ctx.Done():
	}
}
