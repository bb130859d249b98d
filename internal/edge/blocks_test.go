package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fanfare/fec"
	"fanfare/internal/api"
	"fanfare/internal/fetch"
)

// bundleServer answers requests for bundle 7 with at most limit bytes of b each.
func bundleServer(t *testing.T, b []byte, limit int64, change func(w http.ResponseWriter) (goOn bool)) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/bundles/7" || r.FormValue("generation") != testGeneration.String() {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		var first, last int64
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last); err != nil || last >= int64(len(b)) {
			t.Errorf("asked for %q of %d bytes", r.Header.Get("Range"), len(b))
		}
		if change != nil && !change(w) {
			return
		}
		end := min(last+1, first+limit)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, end-1, len(b)))
		w.Header().Set("Content-Length", fmt.Sprint(end-first))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(b[first:end])
	}))
	t.Cleanup(s.Close)
	return s
}

// aRun is all blocks of a bundle of some bytes.
func aRun(t *testing.T, length int) blockRun {
	t.Helper()
	part, err := fec.OTI{TransferLength: uint64(length), SymbolLength: 100, MaxBlock: 10, MaxSymbols: 20}.Partition()
	if err != nil {
		t.Fatal(err)
	}
	return blockRun{sequence: 7, toi: 9, part: part, count: part.Blocks()}
}

// fetchRun fetches a run, and gives back every buffer after the next result has come.
func fetchRun(server *httptest.Server, run blockRun) (got map[uint32][]byte, err error) {
	results := make(chan any)
	f := newBlockFetcher(fetch.New(strings.TrimPrefix(server.URL, "http://")), testGeneration.String(), outbox{results, func() {}})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go f.run(ctx)
	f.requests <- run
	got = map[uint32][]byte{}
	for r := range results {
		switch r := r.(type) {
		case fetchedBlock:
			got[r.sbn] = bytes.Clone(r.bytes)
			clear(r.bytes)
			f.giveBack(r)
		case runDone:
			if len(f.buffers) != blockBuffers {
				err = errors.New("a buffer is lost")
			}
			return got, errors.Join(err, r.err)
		}
	}
	return got, nil
}

func TestFetchBlocks(t *testing.T) {
	b := make([]byte, 12_345)
	rand.NewChaCha8([32]byte{}).Read(b)
	run := aRun(t, len(b))
	for _, limit := range []int64{1 << 20, 5000, 1001} { // blocks have 1,000 bytes, or a few less
		run.first, run.count = 0, run.part.Blocks()
		got, err := fetchRun(bundleServer(t, b, limit, nil), run)
		if err != nil || uint32(len(got)) != run.count {
			t.Fatalf("limit %d: %d blocks, %v", limit, len(got), err)
		}
		for sbn, bytes := range got {
			if string(bytes) != string(b[run.part.Offset(sbn):][:run.part.Length(sbn)]) {
				t.Errorf("limit %d: block %d differs", limit, sbn)
			}
		}
		run.first, run.count = 3, 2
		if got, err := fetchRun(bundleServer(t, b, limit, nil), run); err != nil || len(got) != 2 || got[3] == nil || got[4] == nil {
			t.Errorf("limit %d: a part of it: %d blocks, %v", limit, len(got), err)
		}
	}
}

func TestFetchBlocksRefuses(t *testing.T) {
	b := make([]byte, 12_345)
	run := aRun(t, len(b))
	status := func(code int) func(w http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(code)
			return false
		}
	}
	cut := func(w http.ResponseWriter) bool {
		w.Header().Set("Content-Range", "bytes 0-12344/12345")
		w.Header().Set("Content-Length", "12345")
		w.WriteHeader(http.StatusPartialContent)
		w.Write(b[:2500])
		return false
	}
	for _, test := range []struct {
		name   string
		limit  int64
		change func(w http.ResponseWriter) bool
		want   string
		blocks int
	}{
		{"full", 1 << 20, status(503), "503", 0},
		{"gone", 1 << 20, status(404), "404", 0},
		{"not even a block", 999, nil, "999 bytes of a block", 0},
		{"all of it", 1 << 20, status(200), "does not answer like an origin", 0},
		{"cut", 1 << 20, cut, "block 2: unexpected EOF", 2},
		{"another range", 1 << 20, func(w http.ResponseWriter) bool {
			w.Header().Set("Content-Range", "bytes 5-9/12345")
			w.Header().Set("Content-Length", "5")
			w.WriteHeader(http.StatusPartialContent)
			return false
		}, "does not answer like an origin", 0},
	} {
		got, err := fetchRun(bundleServer(t, b, test.limit, test.change), run)
		if err == nil || !strings.Contains(err.Error(), test.want) || len(got) != test.blocks {
			t.Errorf("%s: %d blocks, %v", test.name, len(got), err)
		}
		var refused *api.Error
		if errors.As(err, &refused) && refused.RetryAfter != 7*time.Second {
			t.Errorf("%s: come again after %v", test.name, refused.RetryAfter)
		}
	}
}

// TestFetchBlocksEnds sees to it that the end of the edge ends a request, whatever it waits for.
func TestFetchBlocksEnds(t *testing.T) {
	b := make([]byte, 12_345)
	server := bundleServer(t, b, 1<<20, nil)
	f := newBlockFetcher(fetch.New(strings.TrimPrefix(server.URL, "http://")), testGeneration.String(), outbox{make(chan any), func() {}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { f.run(ctx); close(ended) }()
	f.requests <- aRun(t, len(b)) // nobody takes the results
	for len(f.buffers) == blockBuffers {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-ended
}
