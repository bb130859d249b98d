package carousel

import (
	"testing"

	"fanfare/fec"
	"fanfare/internal/wire"
	"fanfare/sender"
)

func oti(symbols, k, n int) fec.OTI {
	return fec.OTI{TransferLength: uint64(symbols) * 100, SymbolLength: 100, MaxBlock: uint16(k), MaxSymbols: uint16(n)}
}

func TestUnasked(t *testing.T) {
	data, control := wire.DataTOI(1), wire.ControlTOI(1)
	for _, test := range []struct {
		name  string
		share float64
		toi   uint32
		oti   fec.OTI
		want  int
	}{
		{"full block", 0.2, data, oti(1000, 200, 255), 42},
		{"one symbol", 0.2, data, oti(1, 200, 255), 3},
		{"shorter than a block", 0.1, data, oti(50, 200, 255), 7},
		{"no more than there are", 1, data, oti(1000, 200, 255), 55},
		{"none", 0, data, oti(1000, 200, 255), sender.NoProactive},
		{"entry of one symbol", 0.2, control, oti(1, 1, 1), sender.NoProactive},
		{"longer entry", 0.2, control, oti(5, 5, 20), 5},
	} {
		if got := Unasked(test.share, test.toi, test.oti); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

// TestFreshSymbols checks that a pass begins where the one before it ended, and that k and the
// share leave some symbols for it that were not sent.
func TestFreshSymbols(t *testing.T) {
	for _, share := range []float64{0, 0.1, 0.2, 0.5, 1} {
		o := oti(1000, int(MaxBlock(share)), fec.MaxSymbols)
		o.TransferLength = 100 * 5 * uint64(o.MaxBlock)
		next := 0
		for cycle := range uint64(1000) {
			info, bytes, ok := Bundle(share, Step{Sequence: 7, Bundle: true, Cycle: cycle}, o)
			if !ok || info.TOI != wire.DataTOI(7) || info.Start != next || info.Priority != sender.Background {
				t.Fatalf("cycle %d: %+v, want start %d", cycle, info, next)
			}
			sent := int(o.MaxBlock) + max(info.Proactive, 0)
			if sent >= fec.MaxSymbols {
				t.Fatalf("share %v: every cycle sends all symbols", share)
			}
			if want := uint64(5 * sent * 164); bytes+1 < want || bytes > want {
				t.Fatalf("%d bytes, want %d", bytes, want)
			}
			next = (next + sent) % fec.MaxSymbols
		}
	}
	if _, _, ok := Bundle(0.1, Step{Sequence: 1}, oti(0, 200, 255)); ok {
		t.Error("an empty bundle is to be sent")
	}
	if info, bytes := Entry(0.1, 3, oti(1, 1, 1)); info.TOI != wire.ControlTOI(3) || bytes != 3*164 {
		t.Errorf("%+v, %d bytes", info, bytes)
	}
}
