package edge

import (
	"encoding/json"
	"net/http"
	"sync"
)

// readiness is what /readyz tells: written by the loop, read by HTTP.
//
// An edge is ready when it has caught up: every entry up to the newest verified head heard
// since the start is in force, and every bundle that was wanted at that moment can be served.
// From then on it stays ready while it runs; what it lacks later is told by reports. While the origin
// is outdated it is not in step with it, says so, and serves on: to take all edges out of service
// would not help anybody.
type readiness struct {
	mu    sync.Mutex
	state readyState
}

// readyState is the JSON of /readyz.
type readyState struct {
	Ready bool `json:"ready"`
	// Reason says in a few words what is waited for; empty once ready.
	Reason string `json:"reason,omitempty"`
	// Origin says in a sentence that the origin runs on an older copy of its directory, and lacks
	// what is here; empty otherwise. An edge that starts in that time does not become ready.
	Origin string `json:"origin,omitempty"`
	// Mark is the sequence up to which the catalogue is exact; Head the newest one heard, 0
	// before the first verified heartbeat.
	Mark uint64 `json:"mark"`
	Head uint64 `json:"head"`
	// Missing are bundles that readiness waits for, the first few of Outstanding.
	Missing     []uint64 `json:"missing,omitempty"`
	Outstanding int      `json:"outstanding"`
}

func (r *readiness) set(s readyState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state = s
}

func (r *readiness) get() readyState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// ServeHTTP answers 200 when ready, else 503, with the state as JSON.
func (r *readiness) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	s := r.get()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !s.Ready {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(s) // an error is the client's connection gone
}
