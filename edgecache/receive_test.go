package edgecache

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"fanfare/fec"
)

// arrival is a symbol as a packet would bring it.
type arrival struct {
	sbn uint32
	esi int
}

// arrivals returns k symbols of each block, any, in random order over the whole bundle.
func arrivals(m *made, rng *rand.Rand) []arrival {
	var all []arrival
	for sbn := range m.part.Blocks() {
		k := m.part.SourceSymbols(sbn)
		for _, esi := range rng.Perm(int(m.part.OTI().MaxSymbols))[:k] {
			all = append(all, arrival{sbn, esi})
		}
	}
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// bring stores symbols as the loop does: a block is finished when it has k, and asked for anew
// when it fails.
func (e *edge) bring(m *made, all []arrival) (asked int) {
	e.t.Helper()
	have := map[uint32]int{}
	for _, a := range all {
		err := e.Symbol(m.sequence(), a.sbn, a.esi, m.symbol(e.t, a.sbn, a.esi))
		if err != nil && !errors.Is(err, ErrMemory) {
			e.t.Fatal(err)
		}
		if have[a.sbn]++; have[a.sbn] < m.part.SourceSymbols(a.sbn) {
			continue
		}
		err = e.FinishBlock(m.sequence(), a.sbn)
		for esi := 0; err != nil; esi = 0 {
			if !errors.Is(err, ErrTooFew) && !errors.Is(err, ErrMemory) {
				e.t.Fatalf("block %d: %v", a.sbn, err)
			}
			if asked++; asked > 10000 {
				e.t.Fatal("no end of asking")
			}
			for ; esi < m.part.SourceSymbols(a.sbn); esi++ {
				if err := e.Symbol(m.sequence(), a.sbn, esi, m.symbol(e.t, a.sbn, esi)); err != nil {
					e.t.Fatal(err)
				}
			}
			err = e.FinishBlock(m.sequence(), a.sbn)
		}
	}
	return asked
}

func TestSymbolsInAnyOrder(t *testing.T) {
	for seed := range uint64(4) {
		for _, memory := range []int64{0, 64 << 10, 20 << 10, 1} {
			t.Run(fmt.Sprintf("seed %d memory %d", seed, memory), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 2))
				o := newOrigin(t)
				o.oti = fec.OTI{SymbolLength: 128, MaxBlock: 20, MaxSymbols: 60}
				o.inline = int(seed%2) * 4000
				cfg := o.config(t.TempDir())
				cfg.MemoryBytes = memory
				e := openEdge(t, o, cfg)
				text := string(random(seed, 70_001))
				m := o.publish(file("/a", text))
				e.apply(m)
				if err := e.Begin(1, m.part.OTI()); err != nil {
					t.Fatal(err)
				}
				asked := e.bring(m, arrivals(m, rng))
				e.commit(m)
				e.want(at("/a"), 200, text)
				s := e.Stats()
				if asked > 0 || s.BlocksEmptied > 0 {
					t.Errorf("asked %d: %+v", asked, s)
				}
				if spilled := s.BlocksSpilled > 0 && s.SymbolsSpilled > 0; spilled != (memory > 0) {
					t.Errorf("spilled %v: %+v", spilled, s)
				}
				if limit := max(memory, 4096+128); memory > 0 && s.MemoryBytes > limit {
					t.Errorf("%d bytes in memory, limit %d", s.MemoryBytes, limit)
				}
				if s.BlocksDecoded == 0 || s.BlocksWritten != uint64(m.part.Blocks()) {
					t.Errorf("%d blocks: %+v", m.part.Blocks(), s)
				}
			})
		}
	}
}

func TestSymbolArguments(t *testing.T) {
	o := newOrigin(t)
	e := openEdge(t, o, o.config(t.TempDir()))
	m := o.publish(file("/a", string(random(1, 5000))))
	if err := e.Symbol(1, 0, 0, make([]byte, 64)); !errors.Is(err, ErrUnknown) {
		t.Errorf("before Begin: %v", err)
	}
	e.apply(m)
	if err := e.Begin(1, m.part.OTI()); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		sbn    uint32
		esi    int
		length int
		want   error
	}{
		{"good", 0, 0, 64, nil},
		{"again", 0, 0, 64, nil},
		{"repair", 0, 19, 64, nil},
		{"repair again", 0, 19, 64, nil},
		{"no such block", m.part.Blocks(), 0, 64, ErrSymbol},
		{"far block", 1<<32 - 1, 0, 64, ErrSymbol},
		{"beyond n", 0, 20, 64, ErrSymbol},
		{"negative", 0, -1, 64, ErrSymbol},
		{"short", 0, 1, 63, ErrSymbol},
		{"long", 0, 1, 65, ErrSymbol},
		{"empty", 0, 1, 0, ErrSymbol},
	}
	for _, test := range tests {
		if err := e.Symbol(1, test.sbn, test.esi, make([]byte, test.length)); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	if err := e.FinishBlock(1, 0); !errors.Is(err, ErrTooFew) {
		t.Errorf("finish with 2 symbols: %v", err)
	}
	if err := e.FinishBlock(1, m.part.Blocks()); !errors.Is(err, ErrSymbol) {
		t.Errorf("finish of no block: %v", err)
	}
	other := m.part.OTI()
	other.TransferLength++
	if err := e.Begin(1, other); !errors.Is(err, ErrOTI) {
		t.Errorf("begin with other OTI: %v", err)
	}
}

func TestPoisonedBlockIsRefused(t *testing.T) {
	o := newOrigin(t)
	e := openEdge(t, o, o.config(t.TempDir()))
	text := string(random(3, 12_000))
	m := o.publish(file("/a", text))
	e.apply(m)
	e.receive(m, 0)
	last := m.part.Blocks() - 1
	for sbn := range m.part.Blocks() {
		if sbn == 0 || sbn == last {
			continue
		}
		e.receive(m, sbn)
	}
	for esi := range m.part.SourceSymbols(last) {
		if err := e.Symbol(1, last, esi, make([]byte, 64)); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.FinishBlock(1, last); !errors.Is(err, ErrDigest) {
		t.Fatalf("poisoned block: %v", err)
	}
	e.commit()
	e.want(at("/a"), 503, "")
	e.receive(m, last)
	e.commit(m)
	e.want(at("/a"), 200, text)
	if s := e.Stats(); s.BlocksPoisoned != 1 {
		t.Errorf("%+v", s)
	}
}

// A bundle that comes before its entry is written unverified, and verified afterwards.
func TestBundleBeforeItsEntry(t *testing.T) {
	for _, inline := range []int{0, 4000} {
		o := newOrigin(t)
		o.inline = inline
		e := openEdge(t, o, o.config(t.TempDir()))
		text := string(random(3, 12_000))
		m := o.publish(file("/a", text))
		wrong := *m
		wrong.bytes = append([]byte{}, m.bytes...)
		wrong.bytes[len(wrong.bytes)-1] ^= 1
		e.receive(&wrong)
		e.commit()
		if s := e.Stats(); s.Bytes != 0 {
			t.Errorf("%d bytes set aside without an entry", s.Bytes)
		}
		e.apply(m)
		e.commit()
		bad := e.Poisoned()
		last := m.part.Blocks() - 1
		if len(bad) != 1 || bad[0] != (Block{1, last}) {
			t.Fatalf("poisoned: %v", bad)
		}
		if whole := e.Whole(1); len(whole) != 1 || whole[0] != (BlockRange{0, last}) {
			t.Errorf("whole: %v", whole)
		}
		e.receive(m, last)
		e.commit(m)
		e.want(at("/a"), 200, text)
	}
}

func TestManifestLast(t *testing.T) {
	o := newOrigin(t)
	e := openEdge(t, o, o.config(t.TempDir()))
	text := string(random(3, 12_000))
	m := o.publish(file("/a", text))
	e.apply(m)
	for sbn := m.part.Blocks(); sbn > 0; sbn-- {
		e.receive(m, sbn-1)
	}
	e.commit(m)
	e.want(at("/a"), 200, text)
}

func TestUnannounced(t *testing.T) {
	o := newOrigin(t)
	e := openEdge(t, o, o.config(t.TempDir()))
	oti := o.oti
	oti.TransferLength = 1 << 40 // nobody signed this
	if err := e.Begin(10, oti); !errors.Is(err, ErrLimit) {
		t.Errorf("2^31 blocks: %v", err)
	}
	oti.TransferLength = 64 * 8 * maxUnannouncedBlocks
	for i := range uint64(maxUnannounced) {
		if err := e.Begin(10+i, oti); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Begin(1, oti); !errors.Is(err, ErrLimit) {
		t.Errorf("one more: %v", err)
	}
	e.Abort(10, "test")
	if err := e.Begin(1, oti); err != nil {
		t.Errorf("after one went: %v", err)
	}
	if err := e.Symbol(1, 7, 0, make([]byte, 64)); err != nil {
		t.Error(err)
	}
	m := o.publish(file("/a", "x")) // entry 1 says otherwise
	e.apply(m)
	if err := e.Symbol(1, 7, 0, make([]byte, 64)); !errors.Is(err, ErrUnknown) {
		t.Errorf("symbol of a bundle that is not: %v", err)
	}
	e.receive(m)
	e.commit(m)
	e.want(at("/a"), 200, "x")
	e.reopen()
	e.wantFiles("1")
}

func TestResume(t *testing.T) {
	o := newOrigin(t)
	o.oti = fec.OTI{SymbolLength: 1024, MaxBlock: 16, MaxSymbols: 20}
	e := openEdge(t, o, o.config(t.TempDir()))
	text := string(random(3, 400_000))
	m := o.publish(file("/a", text), file("/zero", string(make([]byte, 50_000))))
	e.apply(m)
	e.receive(m, 0, 3, 4, 9)
	// A block of which only some symbols are in the file, and one that rotted.
	if _, err := e.incoming[1].file.WriteAt(make([]byte, 1024), m.part.Offset(12)); err != nil {
		t.Fatal(err)
	}
	if _, err := e.incoming[1].file.WriteAt([]byte{1, 2, 3}, m.part.Offset(4)+77); err != nil {
		t.Fatal(err)
	}
	e.reopen()
	want := []BlockRange{{0, 1}, {3, 1}, {9, 1}}
	if err := e.Begin(1, m.part.OTI()); err != nil {
		t.Fatal(err)
	}
	if whole := e.Whole(1); fmt.Sprint(whole) != fmt.Sprint(want) {
		t.Fatalf("whole after reopening: %v, want %v", whole, want)
	}
	if s := e.Stats(); s.BlocksResumed != 3 {
		t.Errorf("%+v", s)
	}
	e.receive(m)
	e.reopen() // whole, not committed
	e.commit()
	e.want(at("/a"), 200, text)
}

func TestAbort(t *testing.T) {
	o := newOrigin(t)
	e := openEdge(t, o, o.config(t.TempDir()))
	m := o.publish(file("/a", "x"))
	e.apply(m)
	now := e.now()
	e.clock(now)
	if err := e.Begin(1, m.part.OTI()); err != nil {
		t.Fatal(err)
	}
	e.Abort(1, "no symbols came")
	if s := e.State(); len(s.Failed) != 1 || s.Failed[0] != (Failure{1, "no symbols came"}) || s.Complete != 0 {
		t.Errorf("state: %+v", s)
	}
	if err := e.Begin(1, m.part.OTI()); !errors.Is(err, ErrFailed) {
		t.Errorf("begin at once: %v", err)
	}
	if w := e.Wanted(9); len(w) != 0 {
		t.Errorf("wanted: %v", w)
	}
	e.clock(now.Add(DefaultRetryAfter))
	if w := e.Wanted(9); len(w) != 1 {
		t.Errorf("wanted later: %v", w)
	}
	e.receive(m)
	e.commit(m)
	e.Abort(1, "too late")
	e.want(at("/a"), 200, "x")
	if s := e.State(); len(s.Failed) != 0 {
		t.Errorf("state: %+v", s)
	}
}

func TestOrphansAreRemoved(t *testing.T) {
	o := newOrigin(t)
	cfg := o.config(t.TempDir())
	e := openEdge(t, o, cfg)
	e.deliver(o.publish(file("/a", "x")))
	for _, name := range []string{"77", "lost+found.txt"} {
		if err := os.WriteFile(e.disk.dir+"/"+name, []byte("?"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	e.reopen()
	e.wantFiles("1")
	e.want(at("/a"), 200, "x")
}

// TestUnannouncedBytes fills what is kept of bundles without entry: one more symbol costs its bundle,
// and when that is announced it is received all the same.
func TestUnannouncedBytes(t *testing.T) {
	o := newOrigin(t)
	e := openEdge(t, o, o.config(t.TempDir()))
	e.maxUnannounced = 10 * 64
	oti := o.oti
	oti.TransferLength = 64 * 8 * 100
	m := o.publish(file("/a", "x"))
	for sequence, symbols := range map[uint64]int{7: 10, m.sequence(): 0} {
		begun := oti
		if sequence == m.sequence() {
			begun = m.entry.Publish.OTI
		}
		if err := e.Begin(sequence, begun); err != nil {
			t.Fatal(err)
		}
		for i := range symbols {
			if err := e.Symbol(sequence, 0, i, make([]byte, 64)); err != nil && i < 8 {
				t.Fatal(err)
			}
		}
	}
	for i := range 8 {
		// The last ones have no room.
		_ = e.Symbol(7, 1, i, make([]byte, 64))
	}
	if err := e.Symbol(7, 2, 0, make([]byte, 64)); !errors.Is(err, ErrUnknown) || e.unannounced != 0 {
		t.Errorf("beyond the limit: %v, %d bytes are kept", err, e.unannounced)
	}
	e.apply(m)
	e.receive(m)
	e.commit(m)
	e.want(at("/a"), 200, "x")
	if e.unannounced != 0 {
		t.Errorf("%d bytes are left", e.unannounced)
	}
}
