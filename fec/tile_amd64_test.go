//go:build gc && !appengine && !noasm

package fec

// eachTile calls f once for each way of multiplying tiles that this machine has.
func eachTile(f func(name string)) {
	if !hasTiles {
		return
	}
	defer func(had bool) { hasAVX512 = had }(hasAVX512)
	if hasAVX512 {
		f("AVX-512")
	}
	hasAVX512 = false
	f("AVX")
}
