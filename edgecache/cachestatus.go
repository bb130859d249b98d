package edgecache

import (
	"net/url"

	"github.com/dunglas/httpsfv"
)

// detail says why a request was no hit.
type detail int

const (
	detailAbsent detail = iota
	detailIncomplete
	detailEvicted
	detailStale
	detailKey
	detailError
	detailMethod
	details
)

// cacheStatus has the values of Cache-Status (RFC 9211) that an edge gives.
type cacheStatus struct {
	hit  []string
	miss [details][]string
}

// newCacheStatus makes the values for an edge of that name. A name that is no token becomes a
// string, and bytes that no string may have are percent-encoded.
func newCacheStatus(name string) cacheStatus {
	if name == "" {
		name = "fanfare"
	}
	value := func(set func(p *httpsfv.Params)) []string {
		for _, id := range []any{httpsfv.Token(name), name, url.PathEscape(name)} {
			item := httpsfv.NewItem(id)
			set(item.Params)
			if s, err := httpsfv.Marshal(httpsfv.List{item}); err == nil {
				return []string{s}
			}
		}
		return nil
	}
	words := [details]httpsfv.Token{"absent", "incomplete", "evicted", "stale", "key", "error", ""}
	s := cacheStatus{hit: value(func(p *httpsfv.Params) { p.Add("hit", true) })}
	for d := range details {
		s.miss[d] = value(func(p *httpsfv.Params) {
			if d == detailMethod {
				p.Add("fwd", httpsfv.Token("method"))
				return
			}
			p.Add("fwd", httpsfv.Token("miss"))
			p.Add("detail", words[d])
		})
	}
	return s
}
