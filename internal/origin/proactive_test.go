package origin

import (
	"strings"
	"testing"

	"fanfare/fec"
	"fanfare/internal/api"
	"fanfare/internal/wire"
	"fanfare/sender"
)

func TestRepairPolicy(t *testing.T) {
	large := fec.OTI{TransferLength: 1408 * 4000, SymbolLength: 1408, MaxBlock: 200, MaxSymbols: fec.MaxSymbols}
	small := large
	small.TransferLength = 1408 * 7
	for _, test := range []struct {
		text         string
		block        uint16
		large, small int
	}{
		{"", 200, 0, 0},
		{"auto", 200, 0, 0},
		{"none", 200, sender.NoProactive, sender.NoProactive},
		{"0%", 200, sender.NoProactive, sender.NoProactive},
		{"10%", 200, 20, 1},
		{"30%", 160, 48, 3},
		{"100%", 96, 96, 7},
	} {
		policy, err := parseRepairPolicy(test.text)
		if err != nil {
			t.Fatal(err)
		}
		cut := policy.cut(large)
		if cut.MaxBlock != test.block {
			t.Errorf("%q: blocks of %d symbols, want %d", test.text, cut.MaxBlock, test.block)
		}
		if got := policy.symbols(cut); got < test.large-1 || got > test.large {
			t.Errorf("%q: %d for each block, want %d", test.text, got, test.large)
		}
		if got := policy.symbols(small); got != test.small {
			t.Errorf("%q: %d for a small bundle, want %d", test.text, got, test.small)
		}
	}
	if got := (repairPolicy{fixed: true, share: 0.1}).symbols(fec.OTI{SymbolLength: 1, MaxBlock: 1, MaxSymbols: 1}); got != sender.NoProactive {
		t.Errorf("%d for an empty bundle", got)
	}
}

func TestPublishWithRepair(t *testing.T) {
	dir := initOrigin(t)
	edge := newFakeEdge(t, dir)
	o := start(t, dir)
	edge.until("a heartbeat", func() bool { return edge.beats > 0 })
	for i, test := range []struct {
		policy string
		least  int
	}{{"50%", 50}, {"none", 0}, {"", 0}} {
		o.publish(t, files{"file": strings.Repeat("x", 100*1408)}, api.PublishOptions{Proactive: test.policy})
		sequence := uint64(i) + 1
		edge.until("the bundle", func() bool { _, ok := edge.bundle(sequence); return ok })
		edge.until("its repair", func() bool {
			toi, repair := wire.DataTOI(sequence), 0
			part, err := edge.otis[toi].Partition()
			if err != nil {
				t.Fatal(err)
			}
			for name := range edge.symbols {
				if name[0] == toi && int(name[2]) >= part.SourceSymbols(name[1]) {
					repair++
				}
			}
			if repair > 0 && test.least == 0 {
				t.Errorf("--proactive %q: %d repair symbols", test.policy, repair)
			}
			return repair >= test.least
		})
	}
	if _, err := o.client.Publish(t.Context(), api.PublishOptions{Proactive: "much"}, tarOf(files{"a": ""})); err == nil ||
		!strings.Contains(err.Error(), "auto, none, or a share") {
		t.Errorf("much: %v", err)
	}
}
