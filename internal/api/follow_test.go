package api

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// Receipts come over the request that made the change, as often as a client is asked to.
func TestFollow(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.Query().Get("wait"); got != "5s" {
			http.Error(w, "no wait: "+got, http.StatusBadRequest)
			return
		}
		io.WriteString(w, `{"first":3,"last":4,"objects":5}`+"\n")
		io.WriteString(w, `{"served":1}`+"\n"+`{"served":2,"final":true}`+"\n")
	}).Follow(5 * time.Second)
	if _, err := c.Followed(t.Context(), nil); err == nil {
		t.Error("nothing was asked for, and followed")
	}
	for range 2 {
		result, err := c.Purge(t.Context(), PurgeRequest{All: true})
		if err != nil || result.Last != 4 || result.Objects != 5 {
			t.Fatalf("%+v, %v", result, err)
		}
		seen := 0
		receipt, err := c.Followed(t.Context(), func(r *Receipt) { seen += r.Served })
		if err != nil || receipt.Served != 2 || seen != 1 {
			t.Errorf("%+v, %v, %d before", receipt, err, seen)
		}
	}
}
