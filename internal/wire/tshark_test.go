package wire

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTshark has Wireshark's dissectors read what Append writes, every sample packet of
// the golden test, and looks for each field in what they say.
func TestTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed (Debian: apt-get install tshark), so no other program has read our packets")
	}
	const port = 4321
	capture := pcapHeader()
	for _, s := range samples() {
		capture = appendFrame(capture, port, Append(nil, &s.packet))
	}
	file := filepath.Join(t.TempDir(), "alc.pcap")
	if err := os.WriteFile(file, capture, 0o644); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), tshark, "-r", file, "-d", fmt.Sprintf("udp.port==%d,alc", port), "-V")
	var complaints strings.Builder
	command.Stderr = &complaints
	command.WaitDelay = time.Second
	output, err := command.Output()
	if err != nil {
		t.Fatalf("tshark: %v\n%s", err, complaints.String())
	}
	frames := strings.Split(string(output), "Asynchronous Layered Coding\n")[1:]
	if len(frames) != len(samples()) {
		t.Fatalf("tshark found %d ALC packets, want %d:\n%s", len(frames), len(samples()), output)
	}
	for i, s := range samples() {
		said := make(map[string]bool)
		for line := range strings.Lines(frames[i]) {
			said[strings.TrimSpace(line)] = true
		}
		for _, want := range tsharkLines(&s.packet) {
			if !said[want] {
				t.Errorf("%s: tshark does not say %q", s.name, want)
			}
		}
		if strings.Contains(frames[i], "Malformed") {
			t.Errorf("%s: tshark calls it malformed", s.name)
		}
		if t.Failed() {
			t.Fatalf("it says:\n%s", frames[i])
		}
	}
}

// tsharkLines returns what tshark must say about a packet, line by line.
func tsharkLines(p *Packet) []string {
	flag := func(set bool, bits, name string) string {
		if set {
			return fmt.Sprintf(".... .... .... %s = %s: Set", strings.Replace(bits, "x", "1", 1), name)
		}
		return fmt.Sprintf(".... .... .... %s = %s: Not set", strings.Replace(bits, "x", "0", 1), name)
	}
	lines := []string{
		"Version: 1",
		"Codepoint: 129",
		fmt.Sprintf("Header length: %d", HeaderLength(p)-payloadIDLength),
		fmt.Sprintf("Congestion Control Information: %08x%08x", p.PacketSequence, p.SendTime),
		fmt.Sprintf("Transport Session Identifier: %d", p.TSI),
		fmt.Sprintf("Transport Object Identifier: %d", p.TOI),
		flag(p.CloseSession, "..x.", "Close Session flag"),
		flag(p.CloseObject, "...x", "Close Object flag"),
		"FEC Encoding ID: Small Block Systematic FEC Codes (129)",
		fmt.Sprintf("Source Block Number: %d", p.SBN),
		fmt.Sprintf("Source Block Length: %d", p.SourceBlockLength),
		fmt.Sprintf("Encoding Symbol ID: 0x%08x", p.ESI),
		fmt.Sprintf("Payload: %x", p.Payload),
	}
	if p.HasAuth {
		lines = append(lines,
			"Header Extension Type (HET): EXT_AUTH, Packet authentication (1)",
			fmt.Sprintf("Header Extension Data: %02x%02x%x", p.Auth.KeyEpoch, p.Auth.SequenceHigh, p.Auth.Tag))
	}
	if p.HasOTI {
		lines = append(lines,
			"Header Extension Type (HET): EXT_FTI, FEC Object Transmission Information (64)",
			fmt.Sprintf("Transfer Length: %d", p.OTI.TransferLength),
			"FEC Instance ID: 0",
			fmt.Sprintf("Encoding Symbol Length: %d", p.OTI.SymbolLength),
			fmt.Sprintf("Maximum Source Block Length: %d", p.OTI.MaxBlock),
			fmt.Sprintf("Maximum Number of Encoding Symbols: %d", p.OTI.MaxSymbols))
	}
	return lines
}

// pcapHeader begins a capture file of Ethernet frames.
func pcapHeader() []byte {
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = binary.LittleEndian.AppendUint16(b, 2) // version 2.4
	b = binary.LittleEndian.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)              // time zone and accuracy
	b = binary.LittleEndian.AppendUint32(b, 65535) // longest frame
	return binary.LittleEndian.AppendUint32(b, 1)  // LINKTYPE_ETHERNET
}

// appendFrame appends to a capture file one frame: payload in UDP in IPv4 multicast.
func appendFrame(file []byte, port uint16, payload []byte) []byte {
	var f []byte
	f = append(f, 0x01, 0, 0x5e, 1, 2, 3, 2, 0, 0, 0, 0, 1, 0x08, 0x00)
	ip := []byte{0x45, 0, 0, 0, 0, 0, 0x40, 0, 1, 17, 0, 0, 192, 0, 2, 1, 239, 1, 2, 3}
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)+8+len(payload)))
	var sum uint32
	for i := 0; i < len(ip); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(ip[i:]))
	}
	binary.BigEndian.PutUint16(ip[10:], ^uint16(sum+sum>>16))
	f = append(f, ip...)
	f = binary.BigEndian.AppendUint16(f, 40000)
	f = binary.BigEndian.AppendUint16(f, port)
	f = binary.BigEndian.AppendUint16(f, uint16(8+len(payload)))
	f = append(f, 0, 0) // no UDP checksum
	f = append(f, payload...)
	file = append(file, make([]byte, 8)...) // time
	file = binary.LittleEndian.AppendUint32(file, uint32(len(f)))
	file = binary.LittleEndian.AppendUint32(file, uint32(len(f)))
	return append(file, f...)
}
