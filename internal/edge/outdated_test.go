package edge

import (
	"crypto/ed25519"
	"log/slog"
	"strings"
	"testing"

	"fanfare/control"
	"fanfare/edgecache"
)

// A one-way edge tells once that the origin is outdated, in however many ways that shows.
func TestOneWordOfAnOutdatedOrigin(t *testing.T) {
	var text strings.Builder
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := key.Public().(ed25519.PublicKey)
	log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cache, err := edgecache.Open(edgecache.Config{Dir: t.TempDir(), Channel: testChannel, Generation: testGeneration, Key: public, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	for i, raw := range signedLog(t, 2, key) {
		e, err := control.Open(raw, public)
		if err == nil {
			err = cache.Apply(raw, e)
		}
		if err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
	}
	l := &loop{log: log, cache: cache, verifier: verifier{key: public}, feed: newFeed(nil), refused: map[string]bool{}, counts: packetCounts{}, doubt: doubt{taken: 1}}
	for sequence := range uint64(2) { // one before what it has signed, one that differs
		head := control.Head{Channel: testChannel, Generation: testGeneration, Sequence: sequence + 1, Hash: control.Hash{1}}
		l.openHead(0, control.SignHead(head, key), 2)
	}
	raw, err := control.Sign(&control.Entry{
		Channel: testChannel, Generation: testGeneration, Sequence: 3, Previous: control.Hash{1},
		Kind: control.KindPurge, Purge: []control.Selector{{Kind: control.SelectAll}},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	e, err := control.Open(raw, public)
	if err != nil {
		t.Fatal(err)
	}
	l.apply(0, entry{raw: raw, Entry: e})
	if got := strings.Count(text.String(), "\n"); got != 1 || !strings.Contains(text.String(), "the origin's log ") {
		t.Errorf("%d lines:\n%s", got, &text)
	}
}
