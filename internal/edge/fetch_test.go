package edge

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"fanfare/control"
	"fanfare/internal/api"
	"fanfare/internal/fetch"
)

const testChannel = 77

var testGeneration = control.Generation{Order: 1, Random: 0xfeed}

// logServer answers /v1/entries from a log, at most 100 entries at a time.
func logServer(t *testing.T, log [][]byte, head int) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("generation") != testGeneration.String() {
			w.WriteHeader(http.StatusConflict)
			return
		}
		from, _ := strconv.Atoi(r.FormValue("from"))
		w.Header().Set(api.HeadHeader, strconv.Itoa(head))
		var body []byte
		for i := from - 1; i < min(len(log), from+99); i++ {
			body = api.AppendEntry(body, log[i])
		}
		w.Write(body)
	}))
	t.Cleanup(s.Close)
	return s
}

// signedLog returns n signed purges, one after the other.
func signedLog(t *testing.T, n int, key ed25519.PrivateKey) (log [][]byte) {
	t.Helper()
	var previous control.Hash
	for i := range n {
		raw, err := control.Sign(&control.Entry{
			Channel: testChannel, Generation: testGeneration, Sequence: uint64(i + 1), Previous: previous,
			Kind: control.KindPurge, Purge: []control.Selector{{Kind: control.SelectAll}},
		}, key)
		if err != nil {
			t.Fatal(err)
		}
		previous = control.HashEntry(raw)
		log = append(log, raw)
	}
	return log
}

// fetchAll runs one fetch and returns what came.
func fetchAll(server *httptest.Server, key ed25519.PublicKey, generation control.Generation) (got []entry, next uint64, err error) {
	results := make(chan any, 100)
	f := &fetcher{
		client: fetch.New(strings.TrimPrefix(server.URL, "http://")), key: key,
		channel: testChannel, generation: generation, outbox: outbox{results, func() {}},
	}
	next, err = f.fetch(context.Background(), 1)
	close(results)
	for r := range results {
		got = append(got, r.([]entry)...)
	}
	return got, next, err
}

func TestFetch(t *testing.T) {
	public, private, _ := ed25519.GenerateKey(nil)
	log := signedLog(t, 350, private)
	got, next, err := fetchAll(logServer(t, log, 350), public, testGeneration)
	if err != nil || next != 351 || len(got) != 350 {
		t.Fatalf("%d entries, next %d, %v", len(got), next, err)
	}
	for i, e := range got {
		if e.Sequence != uint64(i+1) || string(e.raw) != string(log[i]) {
			t.Fatalf("entry %d is %d", i+1, e.Sequence)
		}
	}
	if _, next, err := fetchAll(logServer(t, nil, 0), public, testGeneration); next != 1 || err != nil {
		t.Errorf("empty log: next %d, %v", next, err)
	}
}

func TestFetchRefuses(t *testing.T) {
	public, private, _ := ed25519.GenerateKey(nil)
	stranger, _, _ := ed25519.GenerateKey(nil)
	log := signedLog(t, 10, private)
	_, _, err := fetchAll(logServer(t, log, 10), public, control.Generation{Order: 2, Random: 1})
	if !errors.Is(err, errOtherGeneration) {
		t.Errorf("other generation: %v", err)
	}
	_, next, err := fetchAll(logServer(t, log, 10), stranger, testGeneration)
	if !errors.Is(err, control.ErrSignature) || next != 1 {
		t.Errorf("other key: next %d, %v", next, err)
	}
	swapped := append([][]byte(nil), log...)
	swapped[3], swapped[4] = swapped[4], swapped[3]
	got, next, err := fetchAll(logServer(t, swapped, 10), public, testGeneration)
	if err == nil || next != 4 || len(got) != 3 {
		t.Errorf("entries in disorder: %d came, next %d, %v", len(got), next, err)
	}
	if _, next, err = fetchAll(logServer(t, log, 20), public, testGeneration); err == nil || next != 11 {
		t.Errorf("a head that is never reached: next %d, %v", next, err)
	}
}
