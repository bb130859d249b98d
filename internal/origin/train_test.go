package origin

import "testing"

func TestTrainAndBufferFollowTheRate(t *testing.T) {
	for _, test := range []struct {
		rate          uint64
		train, buffer int
	}{
		{64_000, 4, 16 << 10},
		{10_000_000, 4, 16 << 10},
		{200_000_000, 34, 100_000},
		{1_000_000_000, 128, 500_000},
		{10_000_000_000, 128, 1 << 20},
	} {
		if n := trainLength(test.rate, 1468); n != test.train {
			t.Errorf("%d bit/s: trains of %d packets, want %d", test.rate, n, test.train)
		}
		if n := sendBuffer(test.rate); n != test.buffer {
			t.Errorf("%d bit/s: a buffer of %d bytes, want %d", test.rate, n, test.buffer)
		}
	}
}
