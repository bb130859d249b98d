//go:build !amd64 || !gc || appengine || noasm

package fec

// eachTile calls f for no way of multiplying tiles: there is none.
func eachTile(func(name string)) {}
