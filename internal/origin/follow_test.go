package origin

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"fanfare/internal/api"
	"fanfare/internal/wire"
)

// TestFollow waits for an edge over the request that appends what is waited for.
func TestFollow(t *testing.T) {
	dir := initOrigin(t)
	edge := newFakeEdge(t, dir)
	o := start(t, dir)
	edge.until("a heartbeat", func() bool { return edge.beats > 0 })
	for o.edges.Count() == 0 { // feedback may be lost
		edge.report(0, wire.Report{})
		time.Sleep(time.Millisecond)
	}
	client := o.client.Follow(hangsAfter)
	published, err := client.Publish(t.Context(), api.PublishOptions{}, tarOf(files{"a": "x"}))
	if err != nil {
		t.Fatal(err)
	}
	if len(o.publishing.small) != 0 {
		t.Error("it holds the place of a publication while it waits")
	}
	edge.report(0, wire.Report{Done: []wire.SequenceRange{{From: published.First, To: published.Last}}})
	receipt, err := client.Followed(t.Context(), nil, nil)
	if err != nil || !receipt.Complete || !receipt.Final || receipt.Sequences != published.Sequences || receipt.Served != 1 {
		t.Errorf("receipt %+v, %v", receipt, err)
	}

	client = o.client.Follow(20 * time.Millisecond)
	if _, err := client.Remove(t.Context(), []string{"/a"}); err != nil {
		t.Fatal(err)
	}
	if receipt, err := client.Followed(t.Context(), nil, nil); err != nil || receipt.Complete || !receipt.Final {
		t.Errorf("in vain: %+v, %v", receipt, err)
	}

	var refused *api.Error
	if _, err := o.client.Follow(api.MaxWait+1).Remove(t.Context(), []string{"/a"}); !errors.As(err, &refused) || refused.Status != http.StatusBadRequest {
		t.Errorf("too long a wait: %v", err)
	}
	if status, err := o.client.Status(t.Context()); err != nil || status.Head != published.Last+1 {
		t.Errorf("what was refused was done: %+v, %v", status, err)
	}
}
