package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"fanfare/fec"
)

// samples are the packets of the golden test, by what they show.
func samples() []sample {
	return []sample{
		{"source symbol", Packet{
			TSI: 0x11223344, TOI: 1<<31 + 7, PacketSequence: 0x01020304, SendTime: 0xa0b0c0d0,
			SBN: 0x00050607, SourceBlockLength: 200, ESI: 199, Payload: []byte("symbol"),
		}, `14a0 0581 01020304 a0b0c0d0 11223344 80000007
			00050607 00c8 00c7 73796d626f6c`},
		{"with EXT_FTI", Packet{
			TSI: 1, TOI: 9, PacketSequence: 1<<32 - 1, SendTime: 1,
			HasOTI: true, OTI: fec.OTI{TransferLength: 4, SymbolLength: 4, MaxBlock: 160, MaxSymbols: 255},
			SourceBlockLength: 1, ESI: 254, Payload: []byte{1, 2, 3, 4},
		}, `14a0 0981 ffffffff 00000001 00000001 00000009
			4004 000000000004 0000 0004 00a0 00ff
			00000000 0001 00fe 01020304`},
		{"with EXT_AUTH and EXT_FTI", Packet{
			TSI: 1, TOI: 1<<32 - 1, PacketSequence: 2, SendTime: 3, CloseObject: true,
			HasAuth: true, Auth: Auth{KeyEpoch: 5, SequenceHigh: 6,
				Tag: [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
			HasOTI: true, OTI: fec.OTI{TransferLength: 0x0102030405, SymbolLength: 2, MaxBlock: 255, MaxSymbols: 255},
			SBN: 1, SourceBlockLength: 255, ESI: 0, Payload: []byte{0xee, 0xff},
		}, `14a1 0e81 00000002 00000003 00000001 ffffffff
			0105 05 06 0102030405060708090a0b0c0d0e0f10
			4004 000102030405 0000 0002 00ff 00ff
			00000001 00ff 0000 eeff`},
		{"heartbeat that closes the session", Packet{
			TSI: 0xffffffff, TOI: HeartbeatTOI, PacketSequence: 2, SendTime: 3, CloseSession: true,
			Payload: []byte{0xc0},
		}, `14a2 0581 00000002 00000003 ffffffff 00000000
			00000000 0000 0000 c0`},
	}
}

type sample struct {
	name   string
	packet Packet
	hex    string
}

func (s sample) bytes(t testing.TB) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s.hex), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPacketGolden(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			want := s.bytes(t)
			got := Append([]byte("before"), &s.packet)
			if !bytes.Equal(got, append([]byte("before"), want...)) {
				t.Errorf("Append:\n got %x\nwant %x", got[6:], want)
			}
			if n := HeaderLength(&s.packet); n != len(want)-len(s.packet.Payload) {
				t.Errorf("HeaderLength %d, want %d", n, len(want)-len(s.packet.Payload))
			}
			dirty := Packet{CloseSession: true, CloseObject: true, HasOTI: true, HasAuth: true, SBN: 9, ESI: 9,
				OTI: fec.OTI{MaxBlock: 9}, Auth: Auth{KeyEpoch: 9}, Payload: []byte("old")}
			if err := Parse(want, &dirty); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(dirty, s.packet) {
				t.Errorf("Parse:\n got %+v\nwant %+v", dirty, s.packet)
			}
			if &dirty.Payload[0] != &want[len(want)-len(dirty.Payload)] {
				t.Error("the payload is a copy")
			}
		})
	}
}

func randomPacket(r *rand.Rand) Packet {
	k := 1 + r.IntN(fec.MaxSymbols)
	n := k + r.IntN(fec.MaxSymbols-k+1)
	p := Packet{
		TSI: r.Uint32(), TOI: r.Uint32() | 1, PacketSequence: r.Uint32(), SendTime: r.Uint32(),
		CloseSession: r.IntN(2) == 0, CloseObject: r.IntN(2) == 0,
		SBN: r.Uint32(), SourceBlockLength: uint16(k), ESI: uint16(r.IntN(n)),
		Payload: make([]byte, 1+r.IntN(1500)),
	}
	for i := range p.Payload {
		p.Payload[i] = byte(r.Uint32())
	}
	if p.HasOTI = r.IntN(2) == 0; p.HasOTI {
		p.OTI = fec.OTI{TransferLength: r.Uint64N(1 << 32), SymbolLength: uint16(len(p.Payload)), MaxBlock: uint16(k), MaxSymbols: uint16(n)}
	}
	if p.HasAuth = r.IntN(2) == 0; p.HasAuth {
		p.Auth = Auth{KeyEpoch: byte(r.Uint32()), SequenceHigh: byte(r.Uint32()), Tag: [16]byte{byte(r.Uint32()), 15: byte(r.Uint32())}}
	}
	return p
}

func TestPacketRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var got Packet
	for range 5000 {
		want := randomPacket(r)
		b := Append(nil, &want)
		if err := Parse(b, &got); err != nil {
			t.Fatalf("%v: %+v", err, want)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v\nwant %+v", got, want)
		}
		for n := range HeaderLength(&want) {
			if err := Parse(b[:n], &got); err != ErrShort {
				t.Fatalf("the first %d bytes: %v, want %v", n, err, ErrShort)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const rest = " 00000001 00000001 00000001 00000009" // CCI, TSI, TOI
	fixed := func(words byte) string { return fmt.Sprintf("14a0 %02x81", words) + rest }
	const id, symbol = " 00000000 0001 0000", " 01020304"
	const fti = " 4004 000000000004 0000 0004 00a0 00ff"
	const auth = " 0105 0506 0102030405060708090a0b0c0d0e0f10"
	tests := []struct {
		name, hex string
		want      error
	}{
		{"control: nothing wrong", fixed(9) + fti + id + symbol, nil},
		{"nothing", "", ErrShort},
		{"version 0", "04a0 0581" + rest + id + symbol, ErrVersion},
		{"version 2", "24a0 0581" + rest + id + symbol, ErrVersion},
		{"32-bit CCI", "10a0 0581" + rest + id + symbol, ErrFlags},
		{"96-bit CCI", "18a0 0581" + rest + id + symbol, ErrFlags},
		{"no TSI", "1420 0581" + rest + id + symbol, ErrFlags},
		{"no TOI", "1480 0581" + rest + id + symbol, ErrFlags},
		{"half words", "14b0 0581" + rest + id + symbol, ErrFlags},
		{"PSI and reserved bits are not looked at", "17ac 0581" + rest + id + symbol, nil},
		{"codepoint 0", "14a0 0500" + rest + id + symbol, ErrCodepoint},
		{"HDR_LEN 0", fixed(0) + id + symbol, ErrHeaderLength},
		{"HDR_LEN 4", fixed(4) + id + symbol, ErrHeaderLength},
		{"HDR_LEN beyond the packet", fixed(255) + fti + id + symbol, ErrShort},
		{"HDR_LEN up to the end", fixed(8) + id + symbol, ErrShort},
		{"HEL 0", fixed(6) + " 02000000" + id + symbol, ErrExtension},
		{"HEL beyond the header", fixed(6) + " 02020000" + id + symbol + symbol, ErrExtension},
		{"HEL 255", fixed(6) + " 7fff0000" + id + symbol, ErrExtension},
		{"EXT_NOP is skipped", fixed(7) + " 0002000000000000" + id + symbol, nil},
		{"a one-word extension is skipped", fixed(6) + " ffffffff" + id + symbol, nil},
		{"unknown extensions before EXT_FTI", fixed(12) + " c0000000 0202 0000 00000000" + fti + id + symbol, nil},
		{"EXT_FTI too short", fixed(8) + " 4003 000000000004 0000 0004" + id + symbol, ErrExtension},
		{"EXT_FTI too long", fixed(10) + " 4005 000000000004 0000 0004 00a0 00ff 00000000" + id + symbol, ErrExtension},
		{"EXT_FTI twice", fixed(13) + fti + fti + id + symbol, ErrExtension},
		{"EXT_AUTH of another length", fixed(6) + " 01010000" + id + symbol, ErrExtension},
		{"EXT_AUTH twice", fixed(15) + auth + auth + id + symbol, ErrExtension},
		{"FEC Instance ID 1", fixed(9) + " 4004 000000000004 0001 0004 00a0 00ff" + id + symbol, ErrOTI},
		{"E of 0", fixed(9) + " 4004 000000000004 0000 0000 00a0 00ff" + id, ErrOTI},
		{"B of 0", fixed(9) + " 4004 000000000004 0000 0004 0000 00ff" + id + symbol, ErrOTI},
		{"n of 256", fixed(9) + " 4004 000000000004 0000 0004 00a0 0100" + id + symbol, ErrOTI},
		{"n below B", fixed(9) + " 4004 000000000004 0000 0004 00a0 009f" + id + symbol, ErrOTI},
		{"more than 2^32 blocks", fixed(9) + " 4004 ffffffffffff 0000 0001 0001 00ff" + id + " 01", ErrOTI},
		{"TOI 2^31", "14a0 0581 00000001 00000001 00000001 80000000" + id + symbol, ErrTOI},
		{"k of 0", fixed(5) + " 00000000 0000 0000" + symbol, ErrPayloadID},
		{"k of 256", fixed(5) + " 00000000 0100 0000" + symbol, ErrPayloadID},
		{"ESI 255", fixed(5) + " 00000000 0001 00ff" + symbol, ErrPayloadID},
		{"k above B", fixed(9) + fti + " 00000000 00a1 0000" + symbol, ErrPayloadID},
		{"ESI not below n", fixed(9) + " 4004 000000000004 0000 0004 0001 0002 00000000 0001 0002" + symbol, ErrPayloadID},
		{"no symbol", fixed(5) + id, ErrPayload},
		{"symbol shorter than E", fixed(9) + fti + id + " 010203", ErrPayload},
		{"symbol longer than E", fixed(9) + fti + id + symbol + "05", ErrPayload},
	}
	for _, test := range tests {
		var p Packet
		err := Parse(sample{hex: test.hex}.bytes(t), &p)
		if err != test.want {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

func TestReason(t *testing.T) {
	if got := Reason(ErrOTI); got != "oti" {
		t.Errorf("Reason(ErrOTI) = %q", got)
	}
	if got := Reason(errors.Join(errors.New("mcast: read"), ErrShort)); got != "short" {
		t.Errorf("Reason of a wrapped ErrShort = %q", got)
	}
	if got := Reason(errors.New("else")); got != "other" {
		t.Errorf("Reason of an error of another package = %q", got)
	}
}

func TestPacketAllocations(t *testing.T) {
	p := samples()[2].packet
	p.Payload = make([]byte, 1408)
	p.OTI.SymbolLength = 1408
	buffer := make([]byte, 0, 1500)
	var got Packet
	allocations := testing.AllocsPerRun(1000, func() {
		buffer = Append(buffer[:0], &p)
		if Parse(buffer, &got) != nil || Parse(buffer[:30], &got) != ErrShort {
			t.Fatal("not parsed")
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations for Append and Parse, want none", allocations)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range samples() {
		f.Add(s.bytes(f))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var p, again Packet
		if err := Parse(b, &p); err != nil {
			if Reason(err) == "other" {
				t.Fatalf("%v is not one of ours", err)
			}
			return
		}
		if err := Parse(Append(nil, &p), &again); err != nil {
			t.Fatalf("%v: %+v", err, p)
		}
		if !reflect.DeepEqual(p, again) {
			t.Fatalf("%+v came back as %+v", p, again)
		}
	})
}

func benchmarkPacket() Packet {
	return Packet{TSI: 1, TOI: 1<<31 + 1, PacketSequence: 1, SendTime: 1, SBN: 3, SourceBlockLength: 200, ESI: 3, Payload: make([]byte, 1408)}
}

func BenchmarkParse(b *testing.B) {
	for name, oti := range map[string]bool{"bare": false, "fti": true} {
		p := benchmarkPacket()
		p.HasOTI, p.OTI = oti, fec.OTI{TransferLength: 1 << 30, SymbolLength: 1408, MaxBlock: 200, MaxSymbols: 255}
		buffer := Append(nil, &p)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := Parse(buffer, &p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for name, payload := range map[string]int{"header": 0, "symbol": 1408} {
		p := benchmarkPacket()
		p.Payload = p.Payload[:payload]
		buffer := make([]byte, 0, 1500)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				buffer = Append(buffer[:0], &p)
			}
		})
	}
}
