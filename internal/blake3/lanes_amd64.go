package blake3

import "github.com/klauspost/cpuid/v2"

// hasLanes says that compress16 can be called.
var hasLanes = cpuid.CPU.Supports(cpuid.AVX512F)

// compress16 does what j says for 16 inputs at a time.
//
//go:noescape
func compress16(j *job)
