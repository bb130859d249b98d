package sender

// MaxBlock returns k, how many source symbols a block of n = 255 should have at most, for the loss in
// packets per million that nearly all edges do not exceed: the more is lost the fewer, so that n - k
// repair symbols practically never run out (20 % loss, 100 edges, k = 200: 1.17 of ideal; k = 128:
// 1.00).
func MaxBlock(lossPPM uint32) int {
	switch {
	case lossPPM <= 80_000:
		return 200
	case lossPPM <= 180_000:
		return 160
	case lossPPM <= 300_000:
		return 128
	}
	return 96
}

// MaxBlockPercentile is the share of edges, in per cent, whose loss decides MaxBlock.
const MaxBlockPercentile = 95
