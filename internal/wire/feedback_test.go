package wire

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func sampleFeedback() Feedback {
	return Feedback{
		TSI: 1, Edge: 0x0102030405060708, Counter: 300, Instance: 2, PacketSequence: 3, EchoTime: 4,
		EchoHeld: 250 * time.Microsecond, Backlog: 5, Intake: 6,
		NACKs: []NACK{{TOI: 1<<31 + 1, SBN: 5, Count: 2, Symbols: 6}, {TOI: 1<<31 + 1, SBN: 8, Count: 1, Symbols: NeedAll}},
		Report: &Report{
			Name: "edge-1", GenerationOrder: 1, GenerationRandom: 2, Mark: 3, MarkHash: [16]byte{2, 15: 3}, Digest: [32]byte{1, 31: 32},
			Newest: 21, Complete: 4,
			Done: []SequenceRange{{6, 6}, {8, 9}}, Failed: []Failure{{7, "disk full"}}, Progress: []Progress{{10, 11}},
			PacketsReceived: 12, PacketsLost: 13, SocketDrops: 14, NACKsSent: 15, BlocksDecoded: 16, BlocksPoisoned: 17,
			BlocksFetched: 18, PacketsMarked: 19, LossPPM: 50_000, LossEventPPM: 20, BurstMilli: 1_500,
		},
	}
}

const (
	sampleFeedbackHead = `9c 04 01 cf0102030405060708 cd012c 02 03 04 ccfa 05 06
	98 ce80000001 05 02 06  00 08 01 cdffff`
	sampleReportHex = `dc0016 a6656467652d31 01 02 03
	c410 02000000000000000000000000000003 c420 0100000000000000000000000000000000000000000000000000000000000020 15 04
	94 06 06 08 09  92 07 a96469736b2066756c6c  92 0a 0b
	0c 0d 0e 0f 10 11 12 13 cdc350 14 cd05dc`
)

func TestFeedbackGolden(t *testing.T) {
	whole := sampleFeedback()
	asks := sampleFeedback()
	asks.Report = nil
	tests := []struct {
		name string
		f    Feedback
		hex  string
	}{
		{"with a report", whole, sampleFeedbackHead + sampleReportHex},
		{"asks only", asks, sampleFeedbackHead + "c0"},
	}
	for _, test := range tests {
		want := unhex(t, test.hex)
		if got := AppendFeedback(nil, &test.f); !bytes.Equal(got, want) {
			t.Errorf("%s: AppendFeedback:\n got %x\nwant %x", test.name, got, want)
		}
		got := Feedback{Edge: 9, NACKs: make([]NACK, 9), Report: &Report{Name: "other", Failed: []Failure{{1, "disk"}, {2, "x"}}}}
		if err := ParseFeedback(want, &got); err != nil || !reflect.DeepEqual(got, test.f) {
			t.Errorf("%s: ParseFeedback: %v\n got %+v\nwant %+v", test.name, err, got, test.f)
		}
	}
}

// heaviestFeedback has the maximum of everything, and every number at its widest.
func heaviestFeedback() Feedback {
	f := Feedback{
		TSI: math.MaxUint32, Edge: math.MaxUint64, Counter: math.MaxUint64, Instance: math.MaxUint64,
		PacketSequence: math.MaxUint32, EchoTime: math.MaxUint32, EchoHeld: math.MaxInt64, Backlog: math.MaxUint8, Intake: math.MaxUint64,
		Report: &Report{
			Name: strings.Repeat("n", MaxName+9), GenerationOrder: math.MaxUint32, GenerationRandom: math.MaxUint64,
			Mark: math.MaxUint64, Newest: math.MaxUint64, Complete: math.MaxUint64,
			PacketsReceived: math.MaxUint64, PacketsLost: math.MaxUint64, SocketDrops: math.MaxUint64,
			NACKsSent: math.MaxUint64, BlocksDecoded: math.MaxUint64, BlocksPoisoned: math.MaxUint64,
			BlocksFetched: math.MaxUint64, PacketsMarked: math.MaxUint64,
			LossPPM: math.MaxUint32, LossEventPPM: math.MaxUint32, BurstMilli: math.MaxUint32,
		},
	}
	for i := range MaxNACKs + 3 {
		f.NACKs = append(f.NACKs, NACK{math.MaxUint32 - uint32(i), 1 << 16, math.MaxUint32 - 1<<16, math.MaxUint16})
	}
	for i := range uint64(MaxRanges + 3) {
		f.Report.Done = append(f.Report.Done, SequenceRange{1<<63 + 2*i, 1<<63 + 2*i})
	}
	for range MaxFailures + 3 {
		f.Report.Failed = append(f.Report.Failed, Failure{math.MaxUint64, strings.Repeat("r", MaxReason+9)})
	}
	for range MaxProgress + 3 {
		f.Report.Progress = append(f.Report.Progress, Progress{math.MaxUint64, math.MaxUint32})
	}
	return f
}

// The heaviest message respects MaxFeedback, with a report and without, and so does every
// shorter list of NACKs; MaxReport is exact.
func TestFeedbackLimit(t *testing.T) {
	if n := len(appendReport(nil, heaviestFeedback().Report)); n != MaxReport {
		t.Errorf("the heaviest report has %d bytes, MaxReport is %d", n, MaxReport)
	}
	for _, report := range []bool{true, false} {
		for n := range MaxNACKs + 3 {
			f := heaviestFeedback()
			if !report {
				f.Report = nil
			}
			f.NACKs = f.NACKs[:n]
			b := AppendFeedback(nil, &f)
			if len(b) > MaxFeedback {
				t.Fatalf("%d bytes with %d NACKs, report: %v", len(b), n, report)
			}
			if len(f.NACKs) != n {
				t.Fatal("AppendFeedback changed the NACKs")
			}
			var got Feedback
			if err := ParseFeedback(b, &got); err != nil {
				t.Fatal(err)
			}
			if len(got.NACKs) < n && len(b) < MaxFeedback-2*maxBlocksBytes {
				t.Fatalf("%d of %d NACKs were sent in %d bytes", len(got.NACKs), n, len(b))
			}
			cut := f.Fit(MaxFeedback)
			if cut != n-len(got.NACKs) || !reflect.DeepEqual(append([]NACK{}, f.NACKs...), append([]NACK{}, got.NACKs...)) {
				t.Fatalf("Fit cuts %d of %d, AppendFeedback sends %d", cut, n, len(got.NACKs))
			}
			if report && len(got.NACKs) < min(n, 16) {
				t.Fatalf("only %d of %d NACKs beside the heaviest report", len(got.NACKs), n)
			}
		}
	}
}

// An engine that leaves room for a report keeps every NACK that Fit left.
func TestFeedbackFitBeforeReport(t *testing.T) {
	f := heaviestFeedback()
	full := f.Report
	f.Report = nil
	f.Fit(MaxFeedback - MaxReport)
	kept := len(f.NACKs)
	f.Report = full
	if cut := f.Fit(MaxFeedback); cut != 0 || kept < 16 {
		t.Errorf("%d NACKs were kept, and %d cut once the report was there", kept, cut)
	}
}

func TestFeedbackTexts(t *testing.T) {
	f := sampleFeedback()
	f.Report.Name = strings.Repeat("é", MaxName)                             // cut between characters
	f.Report.Failed[0].Reason = "a\xffb" + strings.Repeat("\xfe", MaxReason) // not UTF-8
	var got Feedback
	if err := ParseFeedback(AppendFeedback(nil, &f), &got); err != nil {
		t.Fatal(err)
	}
	if got.Report.Name != strings.Repeat("é", MaxName/2) {
		t.Errorf("name %q", got.Report.Name)
	}
	reason := got.Report.Failed[0].Reason
	if !utf8.ValidString(reason) || !strings.HasPrefix(reason, "a\ufffdb\ufffd") || len(reason) > MaxReason {
		t.Errorf("reason %q", reason)
	}
}

func TestFeedbackRefuses(t *testing.T) {
	const head = "9c 04 01 01 01 01 01 01 01 01 01 "
	const digest = " c420 0000000000000000000000000000000000000000000000000000000000000000 "
	const hash = " c410 00000000000000000000000000000000 "
	const reportHead = head + "90 dc0016 a0 01 01 01" + hash + digest + "01 01 "
	const counters = " 01 01 01 01 01 01 01 01 01 01 01"
	tests := []struct {
		name, hex string
		want      error
	}{
		{"control: nothing wrong", reportHead + "90 90 90" + counters, nil},
		{"version 0", "91 00", ErrFormat},
		{"a backlog of 256", "9c 04 01 01 01 01 01 01 01 cd0100 01 90 c0", ErrLimit},
		{"neither report nor nil", head + "90 c2", ErrType},
		{"no report", head + "90", ErrTruncated},
		{"bytes behind nil", head + "90 c0 c0", ErrTrailing},
		{"bytes behind the report", reportHead + "90 90 90" + counters + " 01", ErrTrailing},
		{"129 NACKs", head + "dc0204" + strings.Repeat("01", 516) + "c0", ErrLimit},
		{"half a NACK", head + "92 01 01 c0", ErrValue},
		{"NACK without a TOI", head + "94 00 01 01 01 c0", ErrValue},
		{"NACK of no block", head + "94 01 01 00 01 c0", ErrValue},
		{"NACK beyond the last block", head + "94 01 02 ceffffffff 01 c0", ErrValue},
		{"negative erasure count", head + "94 01 01 01 ff c0", ErrType},
		{"report of 15 fields", head + "90 9f" + strings.Repeat(" 01", 15), ErrValue},
		{"name of 65 bytes", head + "90 dc0016 d941" + strings.Repeat("61", 65), ErrLimit},
		{"name not UTF-8", head + "90 dc0016 a2fffe 01 01 01" + hash + digest, ErrValue},
		{"hash of 15 bytes", head + "90 dc0016 a0 01 01 01 c40f" + strings.Repeat("00", 15) + digest + "01 01 90 90 90" + counters, ErrValue},
		{"hash of 17 bytes", head + "90 dc0016 a0 01 01 01 c411" + strings.Repeat("00", 17) + digest + "01 01 90 90 90" + counters, ErrLimit},
		{"digest of 31 bytes", head + "90 dc0016 a0 01 01 01" + hash + "c41f" + strings.Repeat("00", 31) + " 01 01 90 90 90" + counters, ErrValue},
		{"digest of 33 bytes", head + "90 dc0016 a0 01 01 01" + hash + "c421" + strings.Repeat("00", 33) + " 01 01 90 90 90" + counters, ErrLimit},
		{"a range backwards", reportHead + "92 05 04 90 90" + counters, ErrValue},
		{"ranges that overlap", reportHead + "94 05 06 06 07 90 90" + counters, ErrValue},
		{"ranges side by side", reportHead + "94 05 06 07 07 90 90" + counters, nil},
		{"17 ranges", reportHead + "dc0022" + strings.Repeat("01", 34) + "90 90" + counters, ErrLimit},
		{"5 failures", reportHead + "90 9a" + strings.Repeat("01a0", 5) + "90" + counters, ErrLimit},
		{"reason of 97 bytes", reportHead + "90 92 01 d961" + strings.Repeat("61", 97) + "90" + counters, ErrLimit},
		{"5 in progress", reportHead + "90 90 9a" + strings.Repeat("01", 10) + counters, ErrLimit},
	}
	for _, test := range tests {
		var f Feedback
		if err := ParseFeedback(unhex(t, test.hex), &f); err != test.want {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	whole := unhex(t, sampleFeedbackHead+sampleReportHex)
	for n := range whole {
		var f Feedback
		if err := ParseFeedback(whole[:n], &f); err != ErrTruncated {
			t.Errorf("the first %d bytes: %v, want %v", n, err, ErrTruncated)
		}
	}
}

func TestFeedbackAllocations(t *testing.T) {
	f := sampleFeedback()
	var got Feedback
	buffer := make([]byte, 0, MaxFeedback)
	allocations := testing.AllocsPerRun(100, func() {
		buffer = AppendFeedback(buffer[:0], &f)
		if err := ParseFeedback(buffer, &got); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations, want none", allocations)
	}
}

func FuzzParseFeedback(f *testing.F) {
	heaviest := heaviestFeedback()
	f.Add(unhex(f, sampleFeedbackHead+sampleReportHex))
	f.Add(unhex(f, sampleFeedbackHead+"c0"))
	f.Add(AppendFeedback(nil, &heaviest))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m, again Feedback
		if err := ParseFeedback(b, &m); err != nil {
			if Reason(err) == "other" {
				t.Fatalf("%v is not one of ours", err)
			}
			return
		}
		encoded := AppendFeedback(nil, &m)
		if err := ParseFeedback(encoded, &again); err != nil || len(encoded) > MaxFeedback {
			t.Fatalf("%v, %d bytes", err, len(encoded))
		}
		if m.Fit(MaxFeedback); len(m.NACKs) == 0 && len(again.NACKs) == 0 {
			m.NACKs, again.NACKs = nil, nil
		}
		if !reflect.DeepEqual(m, again) {
			t.Fatalf("%+v came back as\n%+v", m, again)
		}
	})
}

func BenchmarkFeedback(b *testing.B) {
	f := sampleFeedback()
	var got Feedback
	buffer := AppendFeedback(nil, &f)
	b.Run("Append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buffer = AppendFeedback(buffer[:0], &f)
		}
	})
	b.Run("Parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := ParseFeedback(buffer, &got); err != nil {
				b.Fatal(err)
			}
		}
	})
}
