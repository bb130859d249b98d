package edge

import (
	"net/http"
	"sync"
)

// gate counts the requests under way, so that what they read can be closed after the last of them.
type gate struct {
	handler http.Handler

	mu     sync.Mutex
	inside int
	closed bool
	empty  chan struct{} // made by wait if somebody is inside, closed by the last who leaves
}

// ServeHTTP has handler answer, unless the gate is closed.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.enter() {
		http.Error(w, "this edge is stopping", http.StatusServiceUnavailable)
		return
	}
	defer g.leave()
	g.handler.ServeHTTP(w, r)
}

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.inside++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.inside == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
}

// wait closes the gate and returns when nobody is inside.
func (g *gate) wait() {
	g.mu.Lock()
	g.closed = true
	if g.inside == 0 {
		g.mu.Unlock()
		return
	}
	if g.empty == nil {
		g.empty = make(chan struct{})
	}
	empty := g.empty
	g.mu.Unlock()
	<-empty
}
