package demo

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"fanfare/internal/progress"
)

// Report is what the demo saw.
type Report struct {
	Where string  `json:"where"`
	Edges int     `json:"edges"`
	Loss  float64 `json:"loss"`
	Files int     `json:"files"`
	Bytes int64   `json:"bytes"`

	Publication Publication `json:"publication"`
	Resume      Resume      `json:"resume"`
	Purge       Purge       `json:"purge"`
	HTTP        HTTP        `json:"http"`

	// Problems is empty if everything was as it must be.
	Problems []string `json:"problems"`
}

// Publication is the first one: all files to all edges.
type Publication struct {
	Sequences [2]uint64 `json:"sequences"`
	Bundles   int       `json:"bundles"`
	// Seconds from the start of `fanfare publish` until every edge served everything.
	Seconds float64 `json:"seconds"`
	Served  int     `json:"served"`
	// WireBytes left the origin meanwhile, Ethernet headers and all.
	WireBytes uint64 `json:"wire_bytes"`
	// Ideal is the least that any code with blocks of k symbols could have sent on average,
	// headers included, per byte of the files.
	Ideal         float64 `json:"ideal"`
	SourceSymbols uint64  `json:"source_symbols"`
	RepairSymbols uint64  `json:"repair_symbols"`
	NACKs         uint64  `json:"nacks"`
	// Verified is how many answers over HTTP were the same as the file, byte for byte.
	Verified int `json:"verified"`
}

// Resume is the second publication, in the middle of which an edge is killed.
type Resume struct {
	Bytes int64  `json:"bytes"`
	Edge  string `json:"edge"`
	// KilledAt and ResumedAt are how much of it the edge had, 0 to 1.
	KilledAt  float64 `json:"killed_at"`
	ResumedAt float64 `json:"resumed_at"`
	// Seconds from the restart until the edge served it.
	Seconds float64 `json:"seconds"`
}

// Purge is what became of a tag's objects.
type Purge struct {
	Objects int `json:"objects"`
	// Seconds from the call until the last edge had said that it is in force.
	Seconds float64 `json:"seconds"`
	// SeenSeconds from the call until the last edge's clients saw it.
	SeenSeconds float64 `json:"seen_seconds"`
	// OldAnswers is how many requests after that brought old bytes: 0 or it is broken.
	OldAnswers int `json:"old_answers"`
}

// HTTP is the same files fetched by every edge by plain HTTP over the same links.
type HTTP struct {
	WireBytes uint64  `json:"wire_bytes"`
	Seconds   float64 `json:"seconds"`
	// Finished is false if it was stopped before every edge had every file.
	Finished bool    `json:"finished"`
	Fraction float64 `json:"fraction"`
}

func (r *Report) problem(format string, arguments ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, arguments...))
}

// print writes the report as a short table and says what to try next.
func (r *Report) print(w io.Writer) {
	p := r.Publication
	times := func(bytes uint64) float64 { return float64(bytes) / float64(max(r.Bytes, 1)) }
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  files\t%d, %s; bundles %d; sequences %d to %d\n", r.Files, progress.Bytes(r.Bytes), p.Bundles, p.Sequences[0], p.Sequences[1])
	fmt.Fprintf(table, "  receipt\tserved at %d/%d edges in %s (%s to each)\n", p.Served, r.Edges, took(p.Seconds), progress.Rate(r.Bytes, duration(p.Seconds)))
	fmt.Fprintf(table, "  verified over HTTP\t%d answers, byte for byte\n", p.Verified)
	fmt.Fprintf(table, "  left the origin\t%s: %.3f times the files; ideal %.3f\n", progress.Bytes(p.WireBytes), times(p.WireBytes), p.Ideal)
	if r.HTTP.Finished {
		fmt.Fprintf(table, "  by plain HTTP pull\t%s: %.3f times the files, in %s\n", progress.Bytes(r.HTTP.WireBytes), times(r.HTTP.WireBytes), took(r.HTTP.Seconds))
	} else {
		fmt.Fprintf(table, "  by plain HTTP pull\t%.0f %% of the files in %s, when it was stopped; %s\n", 100*r.HTTP.Fraction, took(r.HTTP.Seconds), progress.Bytes(r.HTTP.WireBytes))
	}
	fmt.Fprintf(table, "  repair\t%d NACKs, %d repair symbols for %d source symbols\n", p.NACKs, p.RepairSymbols, p.SourceSymbols)
	fmt.Fprintf(table, "  kill -9\t%s had %.0f %% of %s, took up at %.0f %%, done in %s\n", r.Resume.Edge, 100*r.Resume.KilledAt, progress.Bytes(r.Resume.Bytes), 100*r.Resume.ResumedAt, took(r.Resume.Seconds))
	fmt.Fprintf(table, "  purge of a tag\t%d objects gone for clients after %s, receipt after %s\n", r.Purge.Objects, took(r.Purge.SeenSeconds), took(r.Purge.Seconds))
	fmt.Fprintf(table, "  old bytes after it\t%d\n", r.Purge.OldAnswers)
	table.Flush()
	fmt.Fprintln(w)
	if len(r.Problems) > 0 {
		fmt.Fprintln(w, "Not as it must be:")
		for _, problem := range r.Problems {
			fmt.Fprintln(w, "  -", problem)
		}
		return
	}
	fmt.Fprint(w, `Everything was as it must be. Next, with two machines on one network:

  here    fanfare origin init --dir o --group 239.255.70.70:7070 --interface eth0
          fanfare origin --dir o
          (copy o/session.ff to the other one)
  there   fanfare edge --session session.ff --dir e --interface eth0 --http :8080
  here    fanfare publish --dir o --wait FILES...
  there   curl http://localhost:8080/NAME
`)
}

func took(s float64) string { return progress.Took(duration(s)) }

func duration(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
