//go:build gc && !appengine && !noasm

// Empty: with an assembler file in the package Go allows functions without a body, which
// tile_amd64.go declares.
