package sender

import (
	"fmt"
	"strings"
	"testing"

	"fanfare/fec"
	"fanfare/internal/mono"
)

// walk runs a first pass to its end and returns the symbols, groups parted by a bar. Packet
// sequence numbers count from 1.
func walk(t *testing.T, oti fec.OTI, proactive, width int) (f firstPass, order string) {
	t.Helper()
	part, err := oti.Partition()
	if err != nil {
		t.Fatal(err)
	}
	f = newFirstPass(part, 0)
	var b strings.Builder
	for sequence := uint32(1); !f.done(); sequence++ {
		if f.between() {
			f.begin(uint32(width), extra{each: uint8(proactive)})
		}
		sbn, esi := f.next()
		fmt.Fprintf(&b, "%d,%d ", sbn, esi)
		before := f.position
		f.sent(mono.Time(sequence), sequence)
		if f.position != before {
			b.WriteString("| ")
		}
	}
	return f, strings.TrimSpace(b.String())
}

func TestFirstPassOrder(t *testing.T) {
	oti := func(symbols, k, n int) fec.OTI {
		return fec.OTI{TransferLength: uint64(symbols), SymbolLength: 1, MaxBlock: uint16(k), MaxSymbols: uint16(n)}
	}
	for _, test := range []struct {
		name             string
		oti              fec.OTI
		proactive, width int
		want             string
	}{
		{"one block at a time", oti(4, 2, 4), 0, 1, "0,0 0,1 | 1,0 1,1 |"},
		{"in turns", oti(4, 2, 4), 0, 8, "0,0 1,0 0,1 1,1 |"},
		{"blocks of unequal length", oti(5, 2, 4), 0, 3, "0,0 1,0 2,0 0,1 1,1 |"},
		{"groups", oti(6, 2, 4), 0, 2, "0,0 1,0 0,1 1,1 | 2,0 2,1 |"},
		{"proactive", oti(3, 2, 4), 1, 2, "0,0 1,0 0,1 1,1 0,2 |"},
		{"proactive beyond n", oti(4, 2, 3), 9, 2, "0,0 1,0 0,1 1,1 0,2 1,2 |"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, got := walk(t, test.oti, test.proactive, test.width); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestFirstPassEnded(t *testing.T) {
	f, _ := walk(t, fec.OTI{TransferLength: 12, SymbolLength: 1, MaxBlock: 2, MaxSymbols: 4}, 0, 2)
	// Three groups of two blocks of two symbols end with packets 4, 8 and 12.
	for _, test := range []struct {
		sbn, sequence uint32
		want          bool
	}{
		{0, 3, false}, {0, 4, true}, {1, 4, true}, {2, 4, false}, {3, 8, true}, {5, 11, false}, {5, 12, true}, {6, 99, false},
	} {
		if got := f.ended(test.sbn, test.sequence); got != test.want {
			t.Errorf("block %d ended by packet %d: %v", test.sbn, test.sequence, got)
		}
	}
}

func TestFirstPassForgetsOldGroups(t *testing.T) {
	f, _ := walk(t, fec.OTI{TransferLength: 1000, SymbolLength: 1, MaxBlock: 1, MaxSymbols: 1}, 0, 1)
	if len(f.marks) > maxMarks {
		t.Errorf("%d marks", len(f.marks))
	}
	if !f.ended(3, 1) || f.ended(990, 900) || !f.ended(990, 991) {
		t.Error("what is forgotten counts as ended, what is not must not")
	}
}
