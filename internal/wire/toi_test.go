package wire

import "testing"

func TestTOI(t *testing.T) {
	tests := []struct {
		sequence uint64
		control  uint32
	}{
		{1, 1},
		{2, 2},
		{1<<31 - 2, 1<<31 - 2},
		{1<<31 - 1, 1<<31 - 1},
		{1 << 31, 1},
		{1<<31 + 1, 2},
		{2 * (1<<31 - 1), 1<<31 - 1},
		{2*(1<<31-1) + 1, 1},
		{5*(1<<31-1) + 77, 77},
	}
	for _, test := range tests {
		control, data := ControlTOI(test.sequence), DataTOI(test.sequence)
		if control != test.control || data != test.control+1<<31 {
			t.Errorf("sequence %d: TOIs %d and %d, want %d and %d", test.sequence, control, data, test.control, test.control+1<<31)
		}
		if !IsControl(control) || IsData(control) || IsControl(data) || !IsData(data) {
			t.Errorf("sequence %d: kinds of TOIs %d and %d are confused", test.sequence, control, data)
		}
	}
	for _, toi := range []uint32{HeartbeatTOI, 1 << 31} {
		if IsControl(toi) || IsData(toi) {
			t.Errorf("TOI %d is taken for an object", toi)
		}
		if got := Sequence(toi, 5); got != 0 {
			t.Errorf("TOI %d stands for sequence %d, want 0", toi, got)
		}
	}
}

// Around every wrap and far from it, the sequence comes back from both TOIs whatever
// sequence within 2^30 is known.
func TestSequence(t *testing.T) {
	centres := []uint64{1, 2, 1 << 30, 1<<31 - 2, 1<<31 - 1, 1 << 31, 1<<31 + 1, 1<<32 - 2, 1<<32 - 1, 1 << 32, 3 << 40, 1<<63 + 12345}
	offsets := []int64{0, 1, 2, 3, 1000, 1 << 20, 1<<30 - 1}
	check := func(sequence, near uint64) {
		for _, toi := range []uint32{ControlTOI(sequence), DataTOI(sequence)} {
			if got := Sequence(toi, near); got != sequence {
				t.Errorf("Sequence(%d, %d) = %d, want %d", toi, near, got, sequence)
			}
		}
	}
	for _, sequence := range centres {
		for _, offset := range offsets {
			check(sequence, sequence+uint64(offset))
			if sequence > uint64(offset) {
				check(sequence, sequence-uint64(offset))
			}
		}
	}
	check(1, 0)       // nothing known yet
	check(1<<20, 0)   // a late joiner
	check(1<<30-1, 0) // the farthest
}

func TestSymbolLength(t *testing.T) {
	tests := []struct {
		mtu  int
		ipv6 bool
		want int // 0: refused
	}{
		{1500, false, 1408},
		{1500, true, 1344},
		{9000, false, 8896},
		{9000, true, 8832},
		{1280, true, 1152},
		{576, false, 448},
		{1499, false, 1344},
		{65535, false, 65408},
		{575, false, 0},
		{1279, true, 0},
		{65536, false, 0},
		{-1, false, 0},
	}
	for _, test := range tests {
		got, err := SymbolLength(test.mtu, test.ipv6)
		if got != test.want || (err == nil) != (test.want > 0) {
			t.Errorf("SymbolLength(%d, %v) = %d, %v, want %d", test.mtu, test.ipv6, got, err, test.want)
		}
		if test.want > 0 && got < MinHeartbeat {
			t.Errorf("at MTU %d a heartbeat of %d bytes does not fit into %d", test.mtu, MinHeartbeat, got)
		}
	}
}
