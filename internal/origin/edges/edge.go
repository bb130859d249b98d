package edges

import (
	"strings"
	"time"
	"unicode"

	"fanfare/internal/wire"
)

// maxProgress is of how many bundles on their way to one edge it is remembered how far they are.
const maxProgress = 256

// edge is an expected edge.
type edge struct {
	id      uint64
	name    string
	first   time.Time // seen
	last    time.Time // seen, at whatever start of the origin
	saved   time.Time // last, as stored
	counter uint64    // of its latest feedback
	// heard says that it was seen since the origin's start; before that the report is empty.
	// silentTold says that the log has told since that it is not heard any more.
	heard, silentTold bool

	foreign bool // its reports are of another generation
	// foreignTold says that the log has told so.
	foreignTold bool
	// stray says that its reports are of a log that this origin does not have, strayTold that the log
	// of this process has told so.
	stray, strayTold bool
	// awaited says that it was expected at the start, and has not told yet that it follows the log.
	awaited bool
	rtt     time.Duration
	// demoted says that the sender does not answer its NACKs.
	demoted bool
	report  wire.Report
	// recent is of all reports, whichever log they are of; newest is the newest entry that one told of
	// which this origin does not have, 0 if the last did not.
	recent recent
	newest uint64
	// blocks has how many source blocks of a bundle the edge had, at most, of those that are not
	// in force there yet: a bundle that is being made durable is in no report.
	blocks map[uint64]uint32
	// served has the publications of Table.tracked that it serves, and since when.
	served map[uint64]time.Time
}

// serves reports whether the edge serves all entries from first to last.
func (e *edge) serves(first, last uint64) bool {
	if e.report.Complete >= last {
		return true
	}
	first = max(first, e.report.Complete+1)
	for _, r := range e.report.Done {
		if r.From <= first && first <= r.To {
			if r.To >= last {
				return true
			}
			first = r.To + 1
		}
	}
	return false
}

// noteProgress keeps what the latest report says of bundles on their way.
func (e *edge) noteProgress() {
	for sequence := range e.blocks {
		if e.serves(sequence, sequence) {
			delete(e.blocks, sequence)
		}
	}
	for _, p := range e.report.Progress {
		if _, known := e.blocks[p.Sequence]; known || len(e.blocks) < maxProgress {
			e.blocks[p.Sequence] = max(e.blocks[p.Sequence], p.Blocks)
		}
	}
}

// printable returns a text from the network as it may be shown on a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// copyReport copies r into dst, whose slices are used again.
func copyReport(dst, r *wire.Report) {
	done, failed, progress := dst.Done[:0], dst.Failed[:0], dst.Progress[:0]
	*dst = *r
	dst.Done = append(done, r.Done...)
	dst.Failed = append(failed, r.Failed...)
	dst.Progress = append(progress, r.Progress...)
	for i := range dst.Failed {
		dst.Failed[i].Reason = printable(dst.Failed[i].Reason)
	}
}
