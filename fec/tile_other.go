//go:build !amd64 || !gc || appengine || noasm

package fec

const tileSide = 10

// hasTiles says that multiplyTile can be called.
var hasTiles = false

// multiplyTile is not called.
func multiplyTile([]uint64, [][]byte, [][]byte) int { return 0 }
