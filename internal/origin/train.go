package origin

// What lies between the engine and the wire is short, since nothing overtakes there: a purge waits for
// the packets that are made already, and for those in the socket.
const (
	// trainPackets is how many packets are made, and go to the kernel, at once at most: a few trains.
	trainPackets = 128
	// leastPackets is how many there may be at any rate.
	leastPackets = 4
	// trainMillis of the rate are made at once, bufferMillis fit into the socket, but so many bytes.
	trainMillis  = 2
	bufferMillis = 4
	leastBuffer  = 16 << 10
	mostBuffer   = 1 << 20
)

// trainLength returns how many packets of some bytes are made at once at a rate in bits per second.
func trainLength(rate uint64, bytes int) int {
	packets := float64(rate) * trainMillis / 8000 / float64(max(bytes, 1))
	return int(min(max(packets, leastPackets), trainPackets))
}

// sendBuffer returns how large the group's socket's buffer should be at a rate in bits per second, in
// bytes.
func sendBuffer(rate uint64) int {
	bytes := float64(rate) * bufferMillis / 8000
	return int(min(max(bytes, leastBuffer), mostBuffer))
}
