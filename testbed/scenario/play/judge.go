package play

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"fanfare/internal/progress"
	"fanfare/testbed/report"
	"fanfare/testbed/scenario"
)

// maxDetails is how many of the things that are wrong are told.
const maxDetails = 8

// judge sums up the result and compares it with what was expected.
func (x *execution) judge() {
	x.sumUp()
	x.invariants()
	x.bounds()
	x.result.Verdict = report.Held
	for _, e := range x.result.Expectations {
		if e.Verdict == report.Failed {
			x.result.Verdict = report.Failed
		}
	}
}

// expected reports whether an edge should serve a publication in the end.
func (x *execution) expected(i int, p *publication) bool {
	return x.up[i] && x.plugged[i] && !x.ledger.failing[[2]string{x.result.Edges[i].Name, p.step.Name}]
}

// sumUp computes publications and totals.
func (x *execution) sumUp() {
	r := x.result
	for _, p := range x.publications {
		out := report.Publication{
			Name: p.step.Name, Objects: len(p.objects), Bytes: p.bytes, First: p.first, Last: p.last,
			At: p.at.Seconds(), Acked: p.acked.Seconds(),
		}
		for i := range r.Edges {
			seconds := -1.0
			if p.served[i] >= 0 {
				seconds = p.served[i].Seconds()
			}
			out.Edges = append(out.Edges, seconds)
			if x.expected(i, p) {
				out.Expected++
				if p.served[i] >= 0 {
					out.Served++
					out.Seconds = max(out.Seconds, seconds)
				}
			}
		}
		if out.Served < out.Expected {
			out.Seconds = -1
		}
		r.Publications = append(r.Publications, out)
		r.Totals.PublishedBytes += p.bytes
	}
	if n := len(r.Samples); n > 0 {
		first, last := &r.Samples[0], &r.Samples[n-1]
		r.Totals.WireBytes = last.WireBytes - first.WireBytes
		r.Totals.FeedbackBytes = last.FeedbackBytes - first.FeedbackBytes
	}
	r.Totals.Overhead = float64(r.Totals.WireBytes) / float64(max(r.Totals.PublishedBytes, 1))
	r.Totals.FeedbackShare = float64(r.Totals.FeedbackBytes) / float64(max(r.Totals.WireBytes, 1))
	var latencies []float64
	for _, p := range r.Purges {
		for _, s := range p.Edges {
			if s >= 0 {
				latencies = append(latencies, s)
			}
		}
	}
	slices.Sort(latencies)
	r.Totals.PurgeP50, r.Totals.PurgeP99, r.Totals.PurgeMax = quantile(latencies, 0.5), quantile(latencies, 0.99), quantile(latencies, 1)
}

// quantile returns the smallest value that a share q of them is not above; 0 if there is none.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	i := int(q*float64(len(sorted))+0.999999) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

// add notes how an expectation came out.
func (x *execution) add(name, want, got string, held bool, details []string) {
	e := report.Expectation{Name: name, Want: want, Got: got, Verdict: report.Held}
	if !held {
		e.Verdict = report.Failed
	}
	if len(details) > maxDetails {
		details = append(details[:maxDetails:maxDetails], fmt.Sprintf("and %d more", len(details)-maxDetails))
	}
	e.Details = details
	x.result.Expectations = append(x.result.Expectations, e)
}

// invariants judges what must hold in every run.
func (x *execution) invariants() {
	f := x.findings
	if f == nil {
		return // it did not come so far; the reason says why
	}
	x.add("all bytes equal", "every object at every edge", fmt.Sprintf("%d compared, %d differ", f.answers, len(f.differ)), len(f.differ) == 0, f.differ)
	x.add("catalogue digests equal", "the origin's, at its head", fmt.Sprintf("%d compared, %d differ", f.digests, len(f.digest)), len(f.digest) == 0, f.digest)
	x.add("nothing purged is served", "no answer with it", fmt.Sprintf("%d asked for, %d served", f.refusals, len(f.purged)), len(f.purged) == 0, f.purged)
}

// completion judges when the edges, but for some, served a publication.
func (x *execution) completion(p *publication, bound scenario.Duration, but scenario.Names) {
	name := "completion of " + p.step.Name
	if len(but) > 0 {
		name += ", but at " + strings.Join(but, ", ")
	}
	expected, served, last := 0, 0, time.Duration(0)
	for i, e := range x.result.Edges {
		if !x.expected(i, p) || slices.Contains(but, e.Name) {
			continue
		}
		expected++
		if p.served[i] >= 0 {
			served++
			last = max(last, p.served[i])
		}
	}
	got := fmt.Sprintf("%d of %d edges", served, expected)
	if served == expected {
		got = took(last.Seconds())
	}
	x.add(name, "within "+time.Duration(bound).String(), got, served == expected && last <= time.Duration(bound), nil)
}

// bounds judges what the scenario expects.
func (x *execution) bounds() {
	want, r := &x.s.Expect, x.result
	if x.findings == nil {
		return // it was not finished, so there is nothing to compare
	}
	for _, p := range x.publications {
		bound := p.step.Within
		switch {
		case len(p.step.But) > 0:
			x.completion(p, bound, p.step.But)
			bound = want.Completion
		case bound == 0 || want.Completion != 0 && want.Completion < bound:
			bound = want.Completion
		}
		if bound != 0 {
			x.completion(p, bound, nil)
		}
	}
	x.purgeBound("purge latency, median", want.PurgeP50, r.Totals.PurgeP50)
	x.purgeBound("purge latency, p99", want.PurgeP99, r.Totals.PurgeP99)
	if want.Overhead > 0 {
		x.add("bytes sent over bytes published", "at most "+strconv.FormatFloat(want.Overhead, 'f', -1, 64),
			fmt.Sprintf("%.3f", r.Totals.Overhead), len(r.Samples) > 0 && r.Totals.Overhead <= want.Overhead, nil)
	}
	if want.Feedback > 0 {
		x.add("feedback over bytes sent", "at most "+want.Feedback.String(),
			fmt.Sprintf("%.3g%%", 100*r.Totals.FeedbackShare), len(r.Samples) > 0 && r.Totals.FeedbackShare <= float64(want.Feedback), nil)
	}
	for _, f := range want.Failures {
		i := x.index(f.Edge)
		problem := r.Edges[i].Problem
		p := x.publication(f.Publication)
		failed := p != nil && p.served[i] < 0 && problem != ""
		if problem == "" {
			problem = "no problem told"
		}
		x.add(f.Edge+" cannot store "+f.Publication, "it says why", problem, failed, nil)
	}
}

func (x *execution) purgeBound(name string, bound scenario.Duration, got float64) {
	if bound == 0 {
		return
	}
	missing := 0
	for _, p := range x.result.Purges {
		for i, s := range p.Edges {
			if s < 0 && x.up[i] && x.plugged[i] {
				missing++
			}
		}
	}
	text := took(got)
	if missing > 0 {
		text += fmt.Sprintf(", and %d never", missing)
	}
	x.add(name, "at most "+time.Duration(bound).String(), text,
		len(x.result.Purges) > 0 && missing == 0 && got <= time.Duration(bound).Seconds(), nil)
}

func took(seconds float64) string {
	return progress.Took(time.Duration(seconds * float64(time.Second)))
}
