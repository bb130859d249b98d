package api

// Proof is the answer to an edge that shows the origin what it has signed.
type Proof struct {
	// Outdated says that the log lacks it, or that the origin knew already that its directory is an
	// older copy; Head is where the log ends.
	Outdated bool   `json:"outdated"`
	Head     uint64 `json:"head"`
}
