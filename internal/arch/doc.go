// Package arch holds the walls of the house as a test: which package may import which,
// what a pure package may not touch, and how large a file may grow.
//
// It reads the sources with go/parser, all build tags alike, and takes milliseconds:
//
//	go test ./internal/arch
//
// Test files are exempt. A new package fails the test until it has its line in
// rooms_test.go; a failure says the file, the line and what to do.
package arch
