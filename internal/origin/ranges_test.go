package origin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"fanfare/fec"
	"fanfare/internal/api"
	"fanfare/internal/fetch"
)

// chaos returns text that does not repeat.
func chaos(n int) string {
	b := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{1})
	rng.Read(b) // it never fails
	return string(b)
}

func TestParseRange(t *testing.T) {
	const length = 20 << 20
	for _, test := range []struct {
		header     string
		first, end uint64
		status     int
	}{
		{"bytes=0-0", 0, 1, 0},
		{"bytes=5-99", 5, 100, 0},
		{"bytes=0-99999999999", 0, maxRange, 0},
		{"bytes=7-", 7, 7 + maxRange, 0},
		{fmt.Sprintf("bytes=%d-%d", length-1, uint64(1<<64-1)), length - 1, length, 0},
		{fmt.Sprintf("bytes=%d-", length), 0, 0, 416},
		{fmt.Sprintf("bytes=%d-", uint64(1<<64-1)), 0, 0, 416},
		{"", 0, 0, 400},
		{"bytes=-5", 0, 0, 400},
		{"bytes=9-8", 0, 0, 400},
		{"bytes=0-1,3-4", 0, 0, 400},
		{"bytes=1", 0, 0, 400},
		{"bytes= 1-2", 0, 0, 400},
		{"bytes=+1-2", 0, 0, 400},
		{"bytes=1-99999999999999999999999", 0, 0, 400},
		{"lines=1-2", 0, 0, 400},
	} {
		first, end, err := parseRange(test.header, length, maxRange)
		var answer *api.Error
		status := 0
		if errors.As(err, &answer) {
			status = answer.Status
		}
		if first != test.first || end != test.end || status != test.status {
			t.Errorf("%q: %d to %d, %v", test.header, first, end, err)
		}
	}
}

// A block must fit into one answer, however long symbols are: an edge that never got a whole one would
// ask for it for ever.
func TestRangeHoldsBlock(t *testing.T) {
	for _, symbol := range []uint16{1408, 8896, 65408} {
		oti := fec.OTI{TransferLength: 100 << 20, SymbolLength: symbol, MaxBlock: 200, MaxSymbols: 255}
		part, err := oti.Partition()
		if err != nil {
			t.Fatal(err)
		}
		block := uint64(part.Length(1))
		first, end, err := parseRange(fmt.Sprintf("bytes=%d-%d", block, 2*block-1), oti.TransferLength, rangeLimit(oti))
		if err != nil || first != block || end != 2*block {
			t.Errorf("symbols of %d bytes: %d to %d of a block from %d to %d, %v", symbol, first, end, block, 2*block, err)
		}
	}
}

// TestBundleRanges fetches a bundle piece by piece on the port that edges use.
func TestBundleRanges(t *testing.T) {
	o := start(t, initOrigin(t))
	result := o.publish(t, files{"a": chaos(9 << 20)}, api.PublishOptions{})
	want, err := os.ReadFile(bundlePath(o.dir, result.First))
	if err != nil {
		t.Fatal(err)
	}
	client := fetch.New(o.session.Origin)
	defer client.Close()
	generation := o.session.Generation.String()
	get := func(offset, length int64) ([]byte, error) {
		body, n, err := client.Bundle(t.Context(), result.First, generation, offset, length)
		if err != nil {
			return nil, err
		}
		defer body.Close()
		got, err := io.ReadAll(body)
		if int64(len(got)) != n {
			t.Errorf("%d bytes instead of %d", len(got), n)
		}
		return got, err
	}
	if got, err := get(0, 100); err != nil || !bytes.Equal(got, want[:100]) {
		t.Errorf("the head: %v", err)
	}
	if got, err := get(12345, 1); err != nil || !bytes.Equal(got, want[12345:12346]) {
		t.Errorf("one byte: %v", err)
	}
	if got, err := get(int64(len(want))-7, 100); err != nil || !bytes.Equal(got, want[len(want)-7:]) {
		t.Errorf("the end: %v", err)
	}
	o.catchUp.rate = 4_000_000_000
	if got, err := get(100, 1<<40); err != nil || !bytes.Equal(got, want[100:100+maxRange]) {
		t.Errorf("more than one gets: %v", err)
	}
	status := func(err error) int {
		var answer *api.Error
		if errors.As(err, &answer) {
			return answer.Status
		}
		return 0
	}
	if _, err := get(int64(len(want)), 1); status(err) != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("behind the end: %v", err)
	}
	if _, _, err := client.Bundle(t.Context(), result.First, "1-2", 0, 1); status(err) != http.StatusConflict {
		t.Errorf("of another generation: %v", err)
	}
	if _, _, err := client.Bundle(t.Context(), result.First+1, generation, 0, 1); status(err) != http.StatusNotFound {
		t.Errorf("of no entry: %v", err)
	}
	s, err := o.client.Status(t.Context())
	if err != nil || s.CatchUp.Bytes != 100+1+7+maxRange || s.CatchUp.Sending != 0 || s.CatchUp.Rate != 4_000_000_000 {
		t.Errorf("%+v, %v", s.CatchUp, err)
	}
}

// TestRetiredBundleIsNotSent: who had begun to read it may go on.
func TestRetiredBundleIsNotSent(t *testing.T) {
	o := start(t, initOrigin(t))
	result := o.publish(t, files{"a": "text"}, api.PublishOptions{})
	if err := o.spool.Remove(result.First); err != nil {
		t.Fatal(err)
	}
	client := fetch.New(o.session.Origin)
	defer client.Close()
	_, _, err := client.Bundle(t.Context(), result.First, o.session.Generation.String(), 0, 1)
	if err == nil || !strings.Contains(err.Error(), "not any more") {
		t.Errorf("%v", err)
	}
}

// TestCatchUpIsFull has every place taken: the answer says when to come again.
func TestCatchUpIsFull(t *testing.T) {
	o := start(t, initOrigin(t))
	result := o.publish(t, files{"a": "text"}, api.PublishOptions{})
	client := fetch.New(o.session.Origin)
	defer client.Close()
	local := anEdge
	for i := range maxCatchUps {
		if i%maxCatchUpsEach == 0 {
			local = local.Next()
		}
		o.catchUp.enter(t.Context(), local)
	}
	o.catchUp.admitted += maxCatchUpsWaiting
	_, _, err := client.Bundle(t.Context(), result.First, o.session.Generation.String(), 0, 1)
	var answer *api.Error
	if !errors.As(err, &answer) || answer.Status != http.StatusServiceUnavailable || answer.RetryAfter < time.Second {
		t.Errorf("%+v", err)
	}
}

// TestSlowReaderIsCut has one that reads nothing of a range that no socket buffers hold.
func TestSlowReaderIsCut(t *testing.T) {
	o := start(t, initOrigin(t))
	o.catchUp.rate, o.catchUp.patience = 8_000_000_000, 100*time.Millisecond
	result := o.publish(t, files{"a": chaos(maxRange)}, api.PublishOptions{})
	conn, err := net.Dial("tcp", o.session.Origin)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /v1/bundles/%d?generation=%s HTTP/1.1\r\nHost: o\r\nRange: bytes=0-\r\n\r\n", result.First, o.session.Generation)
	for o.catchUp.snapshot().Requests == 0 || o.catchUp.snapshot().Sending > 0 {
		time.Sleep(time.Millisecond)
	}
	if s := o.catchUp.snapshot(); s.Cut != 1 || s.Bytes >= maxRange || s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
}

// TestShortBundle has the file of a bundle cut: the answer ends early, and nothing else does.
func TestShortBundle(t *testing.T) {
	o := start(t, initOrigin(t))
	result := o.publish(t, files{"a": chaos(100_000)}, api.PublishOptions{})
	if err := os.Truncate(bundlePath(o.dir, result.First), 5000); err != nil {
		t.Fatal(err)
	}
	client := fetch.New(o.session.Origin)
	defer client.Close()
	body, n, err := client.Bundle(t.Context(), result.First, o.session.Generation.String(), 0, 50_000)
	if err != nil || n != 50_000 {
		t.Fatal(n, err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != 5000 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
