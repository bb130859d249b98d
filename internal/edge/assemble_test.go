package edge

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"fanfare/fec"
	"fanfare/internal/wire"
)

// controlPackets returns a message of n bytes and all packets of its control object.
func controlPackets(t *testing.T, toi uint32, n, symbolLength int) ([]byte, []wire.Packet) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	message := make([]byte, n)
	for i := range message {
		message[i] = byte(rng.Uint32())
	}
	k := (n + symbolLength - 1) / symbolLength
	oti := fec.OTI{TransferLength: uint64(n), SymbolLength: uint16(symbolLength), MaxBlock: uint16(k), MaxSymbols: 255}
	padded := append(append([]byte(nil), message...), make([]byte, k*symbolLength-n)...)
	encoder, err := fec.NewEncoder(k, 255, symbolLength)
	if err != nil {
		t.Fatal(err)
	}
	var source [][]byte
	for i := range k {
		source = append(source, padded[i*symbolLength:][:symbolLength])
	}
	repair := make([][]byte, k)
	for i := range repair {
		repair[i] = make([]byte, symbolLength)
	}
	if err := encoder.Encode(source, k, repair); err != nil {
		t.Fatal(err)
	}
	var packets []wire.Packet
	for esi, symbol := range append(source, repair...) {
		packets = append(packets, wire.Packet{TOI: toi, HasOTI: true, OTI: oti, SourceBlockLength: uint16(k), ESI: uint16(esi), Payload: symbol})
	}
	return message, packets
}

func TestAssemble(t *testing.T) {
	for _, n := range []int{64, 300, 1000, 4096} {
		a := newAssembler()
		message, packets := controlPackets(t, 7, n, 64)
		k := len(packets) / 2
		for i, p := range packets { // every second source symbol is lost
			if i < k && i%2 == 1 {
				continue
			}
			if err := a.add(&p); err != nil {
				t.Fatal(err)
			}
		}
		got, err := a.finish(7)
		if err != nil || !bytes.Equal(got, message) {
			t.Errorf("%d bytes: %d came back, %v", n, len(got), err)
		}
		if len(a.objects) != 0 {
			t.Errorf("%d objects are left", len(a.objects))
		}
	}
}

func TestAssembleRefuses(t *testing.T) {
	_, packets := controlPackets(t, 7, 100, 64)
	good := packets[0]
	tests := []struct {
		name   string
		change func(p *wire.Packet)
	}{
		{"without OTI", func(p *wire.Packet) { p.HasOTI = false }},
		{"too long", func(p *wire.Packet) { p.OTI.TransferLength = 4097; p.OTI.MaxBlock = 255 }},
		{"empty", func(p *wire.Packet) { p.OTI.TransferLength = 0 }},
		{"two blocks", func(p *wire.Packet) { p.OTI.MaxBlock = 1 }},
		{"second block", func(p *wire.Packet) { p.SBN = 1 }},
		{"short symbol", func(p *wire.Packet) { p.Payload = p.Payload[:10] }},
	}
	for _, test := range tests {
		p := good
		test.change(&p)
		if err := newAssembler().add(&p); !errors.Is(err, errControlShape) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	a := newAssembler()
	for toi := uint32(1); ; toi++ {
		p := good
		p.TOI = toi
		if err := a.add(&p); err != nil {
			if !errors.Is(err, errControlFull) || toi != maxAssembled+1 {
				t.Errorf("object %d: %v", toi, err)
			}
			break
		}
	}
}
