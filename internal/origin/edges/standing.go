package edges

// Standing is how what an edge has is related to this origin's log, by its report.
type Standing uint8

const (
	// Follows: what it has is a part of the log, as far as can be told.
	Follows Standing = iota
	// KnowsMore: its catalogue is, but it has entries behind the head, or says so.
	KnowsMore
	// Strays: its catalogue is not; nothing else that it reports means anything here.
	Strays
	// Unjudged: whether it is, is being looked up; the report counts for nothing, but the next may.
	Unjudged
)
