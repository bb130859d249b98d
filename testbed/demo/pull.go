package demo

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"fanfare/internal/tree"
)

// pullLimit is how long plain HTTP may take to bring everything to every edge.
const pullLimit = 20 * time.Second

// pull measures plain HTTP: every edge fetches every file from the origin's machine.
func (s *show) pull(ctx context.Context) error {
	s.say("Fetching the same files by plain HTTP over the same links, for comparison ...")
	defer s.board.Close()
	total := int64(len(s.files) * len(s.place.edges))
	result, err := measurePull(ctx, s.place, filesHandler(s.files, s.paths), s.paths, pullLimit, func(done int64) {
		if !s.config.JSON {
			s.board.Set("plain HTTP", done, total, "")
		}
	})
	if err != nil {
		return err
	}
	s.report.HTTP = HTTP{
		WireBytes: result.Bytes, Seconds: result.Took.Seconds(), Finished: result.Finished,
		Fraction: float64(result.Files) / float64(total),
	}
	return nil
}

// filesHandler serves the files under their URLs.
func filesHandler(files []tree.File, paths []string) http.Handler {
	at := make(map[string]tree.File, len(files))
	for i, path := range paths {
		at[path] = files[i]
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := at[r.URL.EscapedPath()]
		if !ok {
			http.NotFound(w, r)
			return
		}
		opened, err := f.Open()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer opened.Close()
		if seeker, ok := opened.(io.ReadSeeker); ok {
			http.ServeContent(w, r, f.Name, time.Time{}, seeker)
		}
	})
}

// pull is what plain HTTP took to bring the same files to every edge.
type pull struct {
	Bytes    uint64        // on the wire
	Took     time.Duration // until the last edge had the last file
	Files    int64         // fetched, all edges together
	Finished bool          // false: it was stopped at its time limit
}

// measurePull serves the files from the origin's machine and fetches all of them from
// every edge's machine at once, within limit.
func measurePull(ctx context.Context, p *place, handler http.Handler, paths []string, limit time.Duration, tell func(done int64)) (pull, error) {
	listener, err := p.origin.listen("tcp", net.JoinHostPort(p.origin.address, "0"))
	if err != nil {
		return pull{}, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		server.Close()
		<-served
	}()

	before, err := p.wireBytes()
	if err != nil {
		return pull{}, err
	}
	start := time.Now()
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	group, limited := errgroup.WithContext(limited)
	var files atomic.Int64
	for _, edge := range p.edges {
		group.Go(func() error {
			return fetch(limited, edge.Dial, listener.Addr().String(), paths, func(_ int, answer *http.Response) error {
				if answer.StatusCode != http.StatusOK {
					return fmt.Errorf("status %s", answer.Status)
				}
				if _, err := io.Copy(io.Discard, answer.Body); err != nil {
					return err
				}
				tell(files.Add(1))
				return nil
			})
		})
	}
	err = group.Wait()
	result := pull{Took: time.Since(start), Files: files.Load(), Finished: err == nil}
	after, wireErr := p.wireBytes()
	switch {
	case wireErr != nil:
		return pull{}, wireErr
	case err != nil && time.Since(start) < limit:
		return pull{}, err
	case ctx.Err() != nil:
		return pull{}, ctx.Err()
	}
	result.Bytes = after - before
	return result, nil
}
