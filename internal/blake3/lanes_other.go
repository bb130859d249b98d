//go:build !amd64

package blake3

const hasLanes = false

func compress16(*job) { panic("blake3: no such routine for this processor") }
