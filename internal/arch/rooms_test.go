package arch

import "strings"

// kind says which rules a package lives under.
type kind int

const (
	// impure packages do I/O, keep time and start goroutines.
	impure kind = iota + 1
	// pure packages get everything they know from their caller (see pure_test.go).
	pure
	// engine packages are pure and see no payload: of the module they import only
	// engineImports, and of fec only what oti.go and partition.go declare.
	engine
)

// rooms classifies every package of the module, by its path below the module's. A line
// holds for the packages below it, too, unless they have their own; "cmd" and "testbed"
// themselves hold no code.
var rooms = map[string]kind{
	"sender":             engine,
	"receiver":           engine,
	"fec":                pure,
	"control":            pure,
	"internal/wire":      pure,
	"internal/carousel":  pure,
	"internal/mono":      pure,
	"testbed/netem":      pure,
	"testbed/sim":        pure,
	"cmd/fanfare":        impure,
	"edgecache":          impure,
	"internal/api":       impure,
	"internal/arch":      impure,
	"internal/cork":      impure,
	"internal/crowd":     impure,
	"internal/edge":      impure,
	"internal/fetch":     impure,
	"internal/handover":  impure,
	"internal/mcast":     impure,
	"internal/origin":    impure,
	"internal/progress":  impure,
	"internal/session":   impure,
	"internal/tree":      impure,
	"internal/writeback": impure,
	"testbed/compare":    impure,
	"testbed/daemon":     impure,
	"testbed/demo":       impure,
	"testbed/netns":      impure,
	"testbed/report":     impure,
	"testbed/scenario":   impure,
	"testbed/throughput": impure,
}

// engineImports are the packages of the module that an engine may import.
var engineImports = map[string]bool{"fec": true, "internal/mono": true, "internal/wire": true}

// partitioningFiles are the files of fec whose exported names an engine may use: symbols
// have names there, and no bytes.
var partitioningFiles = []string{"fec/oti.go", "fec/partition.go"}

// importers are packages that only the packages below the named ones may import: the two
// daemons are put together by commands and testbed, never by each other.
var importers = map[string][]string{
	"internal/origin": {"cmd", "testbed"},
	"internal/edge":   {"cmd", "testbed"},
}

// pureDependencies are the packages of other modules that a pure package may import, and
// why they are as good as pure.
var pureDependencies = map[string]map[string]string{
	"fec":           {"github.com/klauspost/reedsolomon": "multiplies slices in GF(2^8)", "github.com/klauspost/cpuid/v2": "which routine does, all to the same result"},
	"control":       {"github.com/vmihailenco/msgpack/v5": "encodes values", "github.com/vmihailenco/msgpack/v5/msgpcode": "its constants", "github.com/zeebo/blake3": "hashes bytes"},
	"internal/wire": {"github.com/vmihailenco/msgpack/v5": "encodes values", "github.com/vmihailenco/msgpack/v5/msgpcode": "its constants"},
}

// linknameFiles are the files of pure packages that may import unsafe, by the name _ alone: it lets
// them call another module's functions by go:linkname, for the reason given, and do nothing else.
var linknameFiles = map[string]string{
	"fec/tile_amd64.go": "reedsolomon's routines for several symbols at once, which its API does not give out",
}

// longFiles are the files that may have more than maxLines lines, and why.
var longFiles = map[string]string{}

// maxLines is how long a file may be, tests aside.
const maxLines = 400

// bannedNames are package names that say nothing about what is inside.
var bannedNames = []string{"util", "utils", "manager", "managers", "helper", "helpers", "common"}

// kindOf returns the kind of the package at a path below the module's, by its own line in
// rooms or that of the nearest package above it; 0 if there is none.
func kindOf(path string) kind {
	for {
		if k, ok := rooms[path]; ok {
			return k
		}
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return 0
		}
		path = path[:i]
	}
}

// below reports whether path is dir or below it.
func below(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+"/")
}
