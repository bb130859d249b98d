//go:build !race

package mcast

// overwriteBatches makes Read spoil the batch it returned before, to catch keepers.
const overwriteBatches = false
