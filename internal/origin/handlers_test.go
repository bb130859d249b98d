package origin

import (
	"strings"
	"testing"

	"fanfare/internal/api"
)

// What would take away nothing, or more than was meant, is refused.
func TestPurgeRefuses(t *testing.T) {
	o := start(t, initOrigin(t))
	for _, test := range []struct {
		request api.PurgeRequest
		want    string
	}{
		{api.PurgeRequest{}, "nothing was named"},
		{api.PurgeRequest{Keys: []string{"index.html"}}, "write /index.html"},
		{api.PurgeRequest{Prefixes: []string{"img"}}, "write /img"},
		{api.PurgeRequest{Keys: []string{""}}, "not a key"},
		{api.PurgeRequest{Prefixes: []string{""}}, "not a key"},
		{api.PurgeRequest{Keys: []string{"/a", "/b?c"}}, "query"},
		{api.PurgeRequest{Tags: []string{"a b"}}, "tag"},
	} {
		if _, err := o.client.Purge(t.Context(), test.request); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("purge of %+v: %v", test.request, err)
		}
	}
	if _, err := o.client.Remove(t.Context(), []string{"index.html"}); err == nil || !strings.Contains(err.Error(), "index.html/ for that host") {
		t.Errorf("remove: %v", err)
	}
	if _, err := o.client.Purge(t.Context(), api.PurgeRequest{Keys: []string{"h/"}, Prefixes: []string{"h/"}}); err != nil {
		t.Errorf("purge of a host: %v", err)
	}
	if status, err := o.client.Status(t.Context()); err != nil || status.Head != 1 {
		t.Errorf("head %d, %v", status.Head, err)
	}
}
