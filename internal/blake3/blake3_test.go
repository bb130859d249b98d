package blake3

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/zeebo/blake3"
)

// lengths are those at which something changes: blocks, chunks, lanes, subtrees, and one on each side.
func lengths() (list []int) {
	for _, n := range []int{0, 64, 128, 1024, 2048, 3072, 7 * 1024, 15 << 10, 16 << 10, 17 << 10, 31 << 10, 32 << 10, 33 << 10, 48 << 10,
		64 << 10, 255 << 10, 256 << 10, 257 << 10, 275 << 10, 511 << 10, 512 << 10, 768 << 10, 1 << 20, 3 << 20} {
		for d := -1; d <= 1; d++ {
			if n+d >= 0 {
				list = append(list, n+d)
			}
		}
	}
	return list
}

func random(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

func TestSum256(t *testing.T) {
	input := random(3<<20 + 1)
	for _, n := range lengths() {
		if got, want := Sum256(input[:n]), blake3.Sum256(input[:n]); got != want {
			t.Errorf("%d bytes: %x, want %x", n, got, want)
		}
	}
}

// TestHasher writes in pieces of random lengths, and asks for the hash in between.
func TestHasher(t *testing.T) {
	t.Run("ours", func(t *testing.T) { testHasher(t, New()) })
	t.Run("other", func(t *testing.T) { testHasher(t, &Hasher{other: blake3.New()}) })
}

func testHasher(t *testing.T, h *Hasher) {
	input, rng := random(3<<20), rand.New(rand.NewPCG(1, 2))
	for _, longest := range []int{100, 5000, 40_000, 300_000, 3 << 20} {
		h.Reset()
		for from, asked := 0, 0; from < len(input); {
			n := min(rng.IntN(longest+1), len(input)-from)
			if written, err := h.Write(input[from : from+n]); written != n || err != nil {
				t.Fatal(written, err)
			}
			from += n
			if from < asked && from < len(input) {
				continue
			}
			asked = from + len(input)/40
			want := blake3.Sum256(input[:from])
			if got := h.Sum([]byte("x")); got[0] != 'x' || [Size]byte(got[1:]) != want {
				t.Fatalf("%d bytes in pieces of up to %d: %x, want x%x", from, longest, got, want)
			}
		}
	}
	for _, n := range lengths() {
		h.Reset()
		h.Write(input[:min(n, len(input))])
		if got, want := h.Sum(nil), blake3.Sum256(input[:min(n, len(input))]); [Size]byte(got) != want {
			t.Errorf("%d bytes at once: %x, want %x", n, got, want)
		}
	}
}

// TestLanes has what there is no other way to: counters that do not fit into 32 bits.
func TestLanes(t *testing.T) {
	if !hasLanes {
		t.Skip("SKIPPED: this processor has no AVX-512")
	}
	input := random(lanes * chunkSize)
	var low, high, again values
	low.chunks(input, 1<<32-lanes, 0)
	high.chunks(input, 1<<32, 0)
	for lane := range lanes {
		again.partial(input[lane*chunkSize:(lane+1)*chunkSize], 1<<32+uint64(lane), 0)
		if [valueSize]byte(again[:]) != [valueSize]byte(high[lane*valueSize:]) {
			t.Errorf("chunk %d past 4 TiB differs", lane)
		}
		again.partial(input[lane*chunkSize:(lane+1)*chunkSize], 1<<32-lanes+uint64(lane), 0)
		if [valueSize]byte(again[:]) != [valueSize]byte(low[lane*valueSize:]) {
			t.Errorf("chunk %d before 4 TiB differs", lane)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	input := random(300_000)
	h := New()
	var sum [Size]byte
	if n := testing.AllocsPerRun(10, func() {
		sum = Sum256(input)
		h.Reset()
		h.write(input)
		h.Sum(sum[:0])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSum256(b *testing.B) {
	for _, n := range []int{1 << 10, 16 << 10, 275 << 10} {
		input := random(n)
		b.Run(fmt.Sprint("lanes/", n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				Sum256(input)
			}
		})
		b.Run(fmt.Sprint("zeebo/", n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				blake3.Sum256(input)
			}
		})
	}
}
