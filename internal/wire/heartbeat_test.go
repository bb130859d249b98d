package wire

import (
	"bytes"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sampleHeartbeat() Heartbeat {
	return Heartbeat{
		Instance: 0x1122334455667788, Head: []byte("head"), Rate: 200_000_000,
		GRTT: 2 * time.Millisecond, Edges: 3, ReportInterval: 250 * time.Millisecond, Started: 1<<31 + 5,
		First:       []Position{{TOI: 1<<31 + 5, SBN: 300}},
		Waiting:     []TOIRange{{First: 1<<31 + 2, Last: 1<<31 + 3}},
		Outstanding: []Outstanding{{TOI: 1<<31 + 4, SBN: 1, Count: 2, Symbols: 3}, {TOI: 1<<31 + 4, SBN: 7, Count: 1, Symbols: 200}, {TOI: 9, Count: 1, Symbols: 1}},
		Truncated:   true,
		Echoes:      []Echo{{Edge: 5, Counter: 6, Held: 70 * time.Microsecond, Demoted: true}},
	}
}

const sampleHeartbeatHex = `9d 02 cf1122334455667788 c40468656164 ce0bebc200 cd07d0 03 ce0003d090 ce80000005
	92 ce80000005 cd012c  92 ce80000002 ce80000003
	9c ce80000004 01 02 03  00 07 01 ccc8  09 00 01 01
	c3 94 05 06 46 c3`

func TestHeartbeatGolden(t *testing.T) {
	h, want := sampleHeartbeat(), unhex(t, sampleHeartbeatHex)
	if got := AppendHeartbeat(nil, &h, 1344); !bytes.Equal(got, want) {
		t.Errorf("AppendHeartbeat:\n got %x\nwant %x", got, want)
	}
	got := Heartbeat{Instance: 3, Head: []byte("longer than before"), First: make([]Position, 5), Waiting: make([]TOIRange, 3), Echoes: make([]Echo, 3)}
	if err := ParseHeartbeat(want, &got); err != nil || !reflect.DeepEqual(got, h) {
		t.Errorf("ParseHeartbeat: %v\n got %+v\nwant %+v", err, got, h)
	}
}

// heaviestHeartbeat has the maximum of everything, and every number at its widest.
func heaviestHeartbeat() Heartbeat {
	h := Heartbeat{
		Instance: math.MaxUint64, Head: make([]byte, MaxHead), Rate: math.MaxUint64,
		GRTT: 100 * time.Hour, Edges: math.MaxUint32, ReportInterval: 100 * time.Hour, Started: math.MaxUint32,
	}
	for range MaxPositions {
		h.First = append(h.First, Position{math.MaxUint32, math.MaxUint32})
	}
	for range MaxWaiting {
		h.Waiting = append(h.Waiting, TOIRange{math.MaxUint32, math.MaxUint32})
	}
	for i := range MaxOutstanding {
		h.Outstanding = append(h.Outstanding, Outstanding{math.MaxUint32 - uint32(i), 1 << 16, math.MaxUint32 - 1<<16, math.MaxUint16})
	}
	for range MaxEchoes {
		h.Echoes = append(h.Echoes, Echo{math.MaxUint64, math.MaxUint64, 100 * time.Hour, true})
	}
	return h
}

// The heaviest heartbeat respects every limit from MinHeartbeat on; what is cut is cut
// from the end, and the cut of Outstanding is told.
func TestHeartbeatLimit(t *testing.T) {
	h := heaviestHeartbeat()
	for limit := MinHeartbeat; limit <= 2800; limit++ {
		b := AppendHeartbeat([]byte("before"), &h, limit)[6:]
		if len(b) > limit {
			t.Fatalf("%d bytes, limit %d", len(b), limit)
		}
		var got Heartbeat
		if err := ParseHeartbeat(b, &got); err != nil {
			t.Fatalf("limit %d: %v", limit, err)
		}
		outstanding, echoes := len(got.Outstanding), len(got.Echoes)
		if !reflect.DeepEqual(got.First, h.First) || !reflect.DeepEqual(got.Waiting, h.Waiting) || !bytes.Equal(got.Head, h.Head) {
			t.Fatalf("limit %d: First, Waiting or Head was cut", limit)
		}
		if outstanding > 0 && !reflect.DeepEqual(got.Outstanding, h.Outstanding[:outstanding]) {
			t.Fatalf("limit %d: not the front of Outstanding", limit)
		}
		if got.Truncated != (outstanding < MaxOutstanding) {
			t.Fatalf("limit %d: %d outstanding, Truncated %v", limit, outstanding, got.Truncated)
		}
		switch limit {
		case MinHeartbeat:
			if outstanding+echoes != 0 {
				t.Errorf("MinHeartbeat is not the minimum: %d outstanding, %d echoes fit", outstanding, echoes)
			}
		case 1344:
			if outstanding < 25 || echoes < MaxEchoes {
				t.Errorf("limit 1344: only %d outstanding and %d echoes", outstanding, echoes)
			}
		case 2800:
			if outstanding < MaxOutstanding || echoes < MaxEchoes {
				t.Errorf("limit 2800: %d outstanding and %d echoes", outstanding, echoes)
			}
		}
	}
}

// A heartbeat as it is in the middle of a large repair is not cut at MTU 1,500.
func TestHeartbeatUsual(t *testing.T) {
	h := usualHeartbeat()
	var got Heartbeat
	if err := ParseHeartbeat(AppendHeartbeat(nil, &h, 1344), &got); err != nil || !reflect.DeepEqual(got, h) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, h)
	}
}

func usualHeartbeat() Heartbeat {
	h := heaviestHeartbeat()
	h.GRTT, h.ReportInterval, h.Outstanding, h.First, h.Head = time.Millisecond, time.Second, h.Outstanding[:0], h.First[:2], h.Head[:160]
	h.Waiting = h.Waiting[:2]
	for i := range MaxOutstanding {
		h.Outstanding = append(h.Outstanding, Outstanding{1<<31 + 77 + uint32(i/90), 30_000 + uint32(2*i), 1, uint16(i)})
	}
	for i := range h.Echoes {
		h.Echoes[i].Held = 1500 * time.Microsecond
	}
	return h
}

func TestHeartbeatRefuses(t *testing.T) {
	// A heartbeat cut before Waiting, and one before Outstanding and Echoes.
	const (
		first = "9d 02 01 c400 01 01 01 01 01 "
		begin = first + "90 "
	)
	tests := []struct {
		name, hex string
		want      error
	}{
		{"control: nothing wrong", begin + "90 90 c2 90", nil},
		{"wide numbers are legal", "9d 02 cf0000000000000001 c400 cd0001 01 01 01 01 dc0000 90 90 c2 90", nil},
		{"nothing", "", ErrTruncated},
		{"version 1", "91 01", ErrFormat},
		{"a map", "8d 02", ErrType},
		{"too few fields", "9c 02 01 c400 01 01 01 01 01 90 90 90 c2", ErrValue},
		{"bytes behind", begin + "90 90 c2 90 00", ErrTrailing},
		{"negative fixint", "9d 02 ff c400 01 01 01 01 01 90 90 90 c2 90", ErrType},
		{"negative int8", "9d 02 d0ff c400 01 01 01 01 01 90 90 90 c2 90", ErrType},
		{"nil for a number", "9d 02 c0 c400 01 01 01 01 01 90 90 90 c2 90", ErrType},
		{"head of 257 bytes", "9d 02 01 c50101 " + strings.Repeat("00", 257) + "01 01 01 01 01 90 90 90 c2 90", ErrLimit},
		{"head longer than the message", "9d 02 01 c4ff 00", ErrTruncated},
		{"text for the head", "9d 02 01 a0 01 01 01 01 01 90 90 90 c2 90", ErrType},
		{"edges above 32 bits", "9d 02 01 c400 01 01 cf0000000100000000 01 01 90 90 90 c2 90", ErrLimit},
		{"GRTT above 32 bits", "9d 02 01 c400 01 cf0000000100000000 01 01 01 90 90 90 c2 90", ErrLimit},
		{"half a position", first + "91 01 90 90 c2 90", ErrValue},
		{"half a range", first + "90 91 01 90 c2 90", ErrValue},
		{"5 ranges", first + "90 9a" + strings.Repeat("01", 10) + "90 c2 90", ErrLimit},
		{"9 positions", first + "dc0012" + strings.Repeat("01", 18) + "90 90 c2 90", ErrLimit},
		{"an array longer than the message", first + "9e 01 01", ErrTruncated},
		{"a 32-bit array", first + "dd00000002 01 01", ErrType},
		{"97 outstanding", begin + "90 dc0184" + strings.Repeat("01", 4*97) + "c2 90", ErrLimit},
		{"65,535 outstanding", begin + "90 dcfffc", ErrLimit},
		{"TOI missing in the first run", begin + "90 94 00 01 01 01 c2 90", ErrValue},
		{"no blocks", begin + "90 94 01 01 00 01 c2 90", ErrValue},
		{"blocks beyond 2^32", begin + "90 94 01 ceffffffff 02 01 c2 90", ErrValue},
		{"the last block of all", begin + "90 94 01 ceffffffff 01 01 c2 90", nil},
		{"symbols above 16 bits", begin + "90 94 01 01 01 ce00010000 c2 90", ErrLimit},
		{"a number for Truncated", begin + "90 90 01 90", ErrType},
		{"17 echoes", begin + "90 90 c2 dc0044" + strings.Repeat("01", 68), ErrLimit},
	}
	for _, test := range tests {
		var h Heartbeat
		if err := ParseHeartbeat(unhex(t, test.hex), &h); err != test.want {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	whole := unhex(t, sampleHeartbeatHex)
	for n := range whole {
		var h Heartbeat
		if err := ParseHeartbeat(whole[:n], &h); err != ErrTruncated {
			t.Errorf("the first %d bytes: %v, want %v", n, err, ErrTruncated)
		}
	}
}

// A head that cannot be right is left out, positions beyond the limit too, and a duration
// is never negative.
func TestHeartbeatClamps(t *testing.T) {
	h := sampleHeartbeat()
	h.Head, h.GRTT, h.First = make([]byte, MaxHead+1), -time.Second, make([]Position, MaxPositions+1)
	h.Echoes[0].Held = math.MaxInt64
	var got Heartbeat
	if err := ParseHeartbeat(AppendHeartbeat(nil, &h, 1344), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Head) != 0 || got.GRTT != 0 || len(got.First) != MaxPositions || got.Echoes[0].Held != maxDuration {
		t.Errorf("got %+v", got)
	}
}

func TestHeartbeatAllocations(t *testing.T) {
	h := usualHeartbeat()
	var got Heartbeat
	buffer := make([]byte, 0, 1500)
	allocations := testing.AllocsPerRun(100, func() {
		buffer = AppendHeartbeat(buffer[:0], &h, 1344)
		if err := ParseHeartbeat(buffer, &got); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations, want none", allocations)
	}
}

// The library reads what we write: the primitives are MessagePack.
func TestMessagePackLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	values := []uint64{0, 127, 128, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, math.MaxUint64}
	for range 200 {
		values = append(values, r.Uint64()>>r.IntN(64))
	}
	for _, v := range values {
		theirs, err := msgpack.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if len(appendUint(nil, v)) != uintLength(v) {
			t.Errorf("uintLength(%d) is wrong", v)
		}
		var back uint64
		if err := msgpack.Unmarshal(appendUint(nil, v), &back); err != nil || back != v {
			t.Errorf("%d: the library reads %d, %v", v, back, err)
		}
		m := message{b: theirs}
		if got := m.uint64(); got != v || m.end() != nil {
			t.Errorf("%d: we read %d, %v, from %x", v, got, m.err, theirs)
		}
	}
	h, f := sampleHeartbeat(), sampleFeedback()
	for _, b := range [][]byte{AppendHeartbeat(nil, &h, 1344), AppendFeedback(nil, &f)} {
		var all []any
		if err := msgpack.Unmarshal(b, &all); err != nil {
			t.Errorf("the library refuses %x: %v", b, err)
		}
	}
	for _, text := range []string{"", "a", strings.Repeat("é", 15), strings.Repeat("x", 31), strings.Repeat("x", 32), strings.Repeat("x", 255)} {
		var back string
		if err := msgpack.Unmarshal(appendString(nil, text), &back); err != nil || back != text {
			t.Errorf("%q: the library reads %q, %v", text, back, err)
		}
	}
}

func FuzzParseHeartbeat(f *testing.F) {
	usual, heaviest := usualHeartbeat(), heaviestHeartbeat()
	f.Add(unhex(f, sampleHeartbeatHex))
	f.Add(AppendHeartbeat(nil, &usual, 1344))
	f.Add(AppendHeartbeat(nil, &heaviest, 1344))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h, again Heartbeat
		if err := ParseHeartbeat(b, &h); err != nil {
			if Reason(err) == "other" {
				t.Fatalf("%v is not one of ours", err)
			}
			return
		}
		if err := ParseHeartbeat(AppendHeartbeat(nil, &h, 65536), &again); err != nil || !reflect.DeepEqual(h, again) {
			t.Fatalf("%v\n %+v came back as\n %+v", err, h, again)
		}
	})
}

func BenchmarkHeartbeat(b *testing.B) {
	h := usualHeartbeat()
	var got Heartbeat
	buffer := AppendHeartbeat(nil, &h, 1344)
	b.Run("Append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buffer = AppendHeartbeat(buffer[:0], &h, 1344)
		}
	})
	b.Run("Parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := ParseHeartbeat(buffer, &got); err != nil {
				b.Fatal(err)
			}
		}
	})
	// The same with the library, as quick as it can be had: why msgpack.go exists.
	b.Run("ParseLibrary", func(b *testing.B) {
		b.ReportAllocs()
		reader := bytes.NewReader(nil)
		decoder := msgpack.NewDecoder(reader)
		for b.Loop() {
			reader.Reset(buffer)
			decoder.Reset(reader)
			if err := libraryHeartbeat(decoder, &got); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// libraryHeartbeat reads a heartbeat by the library's decoder, with the least of checks.
func libraryHeartbeat(d *msgpack.Decoder, h *Heartbeat) error {
	var err error
	number := func() (v uint64) {
		if err == nil {
			v, err = d.DecodeUint64()
		}
		return v
	}
	array := func() (n int) {
		if err == nil {
			n, err = d.DecodeArrayLen()
		}
		return n
	}
	array()
	number()
	h.Instance = number()
	n, err := d.DecodeBytesLen()
	if err != nil || n > MaxHead {
		return ErrLimit
	}
	h.Head = h.Head[:n]
	if err := d.ReadFull(h.Head); err != nil {
		return err
	}
	h.Rate, h.GRTT, h.Edges = number(), time.Duration(number()), uint32(number())
	h.ReportInterval, h.Started = time.Duration(number()), uint32(number())
	h.First = h.First[:0]
	for range array() / 2 {
		h.First = append(h.First, Position{uint32(number()), uint32(number())})
	}
	h.Waiting = h.Waiting[:0]
	for range array() / 2 {
		h.Waiting = append(h.Waiting, TOIRange{uint32(number()), uint32(number())})
	}
	h.Outstanding = h.Outstanding[:0]
	for range array() / 4 {
		h.Outstanding = append(h.Outstanding, Outstanding{uint32(number()), uint32(number()), uint32(number()), uint16(number())})
	}
	if h.Truncated, err = d.DecodeBool(); err != nil {
		return err
	}
	h.Echoes = h.Echoes[:0]
	for range array() / 4 {
		h.Echoes = append(h.Echoes, Echo{Edge: number(), Counter: number(), Held: time.Duration(number())})
		if err == nil {
			h.Echoes[len(h.Echoes)-1].Demoted, err = d.DecodeBool()
		}
	}
	return err
}
