package play

import (
	"archive/tar"
	"context"
	"io"
	"path"
	"slices"
	"sync"
	"time"

	"fanfare/internal/api"
	"fanfare/testbed/scenario"
)

// followLimit is how long a publication is followed.
const followLimit = 30 * time.Minute

// publish sends the files of a publication to the origin and follows them from there.
func (b *realBed) publish(ctx context.Context, p *publication) error {
	options := api.PublishOptions{Host: p.step.Host, Prefix: p.step.Path, Tags: p.objects[0].tags, Priority: p.step.Priority}
	if len(p.objects) == 1 {
		options.Prefix = path.Dir(p.step.Path)
	}
	start := time.Now()
	result, err := b.client.Publish(ctx, options, func(w io.Writer) error { return writeTar(w, p) })
	if err != nil {
		return err
	}
	p.acked = time.Since(start)
	p.first, p.last, p.bundles = result.First, result.Last, result.Bundles
	f := &follower{bed: b, p: p, acked: time.Now()}
	f.fraction = slices.Clone(p.fraction)
	f.served = slices.Clone(p.served)
	b.follow = append(b.follow, f)
	b.group.Add(1)
	go f.run(b.watching)
	return nil
}

// writeTar writes the files of a publication.
func writeTar(w io.Writer, p *publication) error {
	archive := tar.NewWriter(w)
	for _, o := range p.objects {
		name := o.name
		if name == "" {
			name = path.Base(p.step.Path)
		}
		header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: o.size, Mode: 0o644, Format: tar.FormatGNU}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(archive, o.content()); err != nil {
			return err
		}
	}
	return archive.Close()
}

// follower follows the receipt of a publication; its goroutine owns nothing but what mu guards.
type follower struct {
	bed   *realBed
	p     *publication
	acked time.Time

	mu       sync.Mutex
	fraction []float64
	served   []time.Duration
}

// run asks for the receipt until every edge serves the publication, and again when the origin
// ends in between.
func (f *follower) run(ctx context.Context) {
	defer f.bed.group.Done()
	if f.bed.s.Session.OneWay() {
		f.ask(ctx)
		return
	}
	for {
		receipt, err := f.bed.client.Wait(ctx, api.Sequences{First: f.p.first, Last: f.p.last}, followLimit, f.take)
		if err == nil {
			f.take(receipt)
			if f.all() {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(tickEvery):
		}
	}
}

// take takes a receipt in. What an edge was once seen to have it keeps.
func (f *follower) take(r *api.Receipt) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range r.Edges {
		i := slices.IndexFunc(f.bed.s.Topology.Edges, func(x scenario.Edge) bool { return x.Name == e.Name })
		if i < 0 {
			continue
		}
		f.fraction[i] = max(f.fraction[i], e.Fraction)
		if !e.Served || f.served[i] >= 0 {
			continue
		}
		// The origin knows best when its report came, unless it was started again since.
		at := time.Since(f.acked)
		if e.Seconds > 0 {
			at = min(at, time.Duration(e.Seconds*float64(time.Second)))
		}
		f.served[i] = f.p.acked + at
		f.bed.ledger.arrive(e.Name, f.p.step.Name)
	}
}

func (f *follower) all() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !slices.Contains(f.served, -1)
}

// copyTo brings the publication up to date.
func (f *follower) copyTo() {
	f.mu.Lock()
	defer f.mu.Unlock()
	copy(f.p.fraction, f.fraction)
	copy(f.p.served, f.served)
}

func (b *realBed) purge(ctx context.Context, p *scenario.Purge, keys []string) error {
	request := api.PurgeRequest{Keys: keys, All: p.All}
	if p.Tag != "" {
		request.Tags = []string{p.Tag}
	}
	if p.Prefix != "" {
		request.Prefixes = []string{p.Prefix}
	}
	_, err := b.client.Purge(ctx, request)
	return err
}
