package arch

import (
	"go/ast"
	"slices"
	"strings"
)

// impureImports are the standard packages, with those below them, that a pure package may
// not import, and what it does instead.
var impureImports = map[string]string{
	"net":         "use net/netip for addresses; sockets belong to internal/mcast",
	"os":          "take bytes and return bytes; files belong to the daemons and edgecache",
	"io/fs":       "take bytes and return bytes",
	"io/ioutil":   "take bytes and return bytes",
	"sync":        "one goroutine owns the state; locks belong to the caller",
	"context":     "nothing here blocks, so nothing can be cancelled",
	"log":         "count it in Stats or return an error; the daemons log",
	"syscall":     "system calls belong to impure packages",
	"runtime":     "results must not depend on the machine",
	"unsafe":      "not in a pure package",
	"C":           "the build has no cgo",
	"flag":        "take a Config",
	"crypto/rand": "take a *rand.Rand of math/rand/v2, or the bytes, from the caller",
	"math/rand":   "take a *rand.Rand of math/rand/v2 from the caller",
}

// pureExceptions lie below one of impureImports and are pure.
var pureExceptions = []string{"net/netip", "math/rand/v2"}

// impureNames are names in otherwise pure packages that are not pure.
var impureNames = map[string]struct {
	names  string
	advice string
}{
	"time": {"Now Since Until Sleep After AfterFunc NewTimer NewTicker Tick Timer Ticker Local LoadLocation", "take `now mono.Time` from the caller"},
	"fmt":  {"Print Printf Println Scan Scanf Scanln", "return a value; the caller prints"},
}

// pureNames are all the names that a pure package may use of a package that is only
// partly pure.
var pureNames = map[string]struct {
	names  string
	advice string
}{
	"math/rand/v2": {"Rand New PCG NewPCG ChaCha8 NewChaCha8 Source Zipf NewZipf", "the global source cannot be replayed: draw from the *rand.Rand that New was given"},
	"io": {
		"EOF ErrUnexpectedEOF Reader Writer ReaderAt WriterAt ReaderFrom WriterTo ByteReader ByteWriter ByteScanner RuneReader StringWriter Seeker Closer",
		"only the interfaces and end-of-file errors of io are pure",
	},
}

// checkPure returns what a file of a pure package does that it may not.
func checkPure(s *source, module string) (problems []problem) {
	for _, spec := range s.file.Imports {
		p := importPath(spec)
		if spec.Name != nil && spec.Name.Name == "." {
			problems = append(problems, s.problem(spec.Pos(), "dot import of %q hides what is used: import it by name", p))
		}
		switch {
		case below(p, module):
			target := strings.TrimPrefix(strings.TrimPrefix(p, module), "/")
			if k := kindOf(target); k == impure {
				problems = append(problems, s.problem(spec.Pos(), "pure package %s imports impure %s: turn the dependency round, or take what it gives as an argument", s.dir, target))
			}
		case p == "unsafe" && spec.Name != nil && spec.Name.Name == "_" && linknameFiles[s.path] != "":
		case isStandard(p, module):
			if advice, bad := impureImport(p); bad {
				problems = append(problems, s.problem(spec.Pos(), "pure package %s imports %q: %s", s.dir, p, advice))
			}
		case pureDependencies[s.dir][p] == "":
			problems = append(problems, s.problem(spec.Pos(), "pure package %s imports %q: if it is pure, give it a reason in pureDependencies of internal/arch/rooms_test.go", s.dir, p))
		}
	}
	s.selectors(func(imported string, sel *ast.SelectorExpr) {
		name := sel.Sel.Name
		if rule, ok := impureNames[imported]; ok && slices.Contains(strings.Fields(rule.names), name) {
			problems = append(problems, s.problem(sel.Pos(), "pure package %s uses %s.%s: %s", s.dir, imported, name, rule.advice))
		}
		if rule, ok := pureNames[imported]; ok && !slices.Contains(strings.Fields(rule.names), name) {
			problems = append(problems, s.problem(sel.Pos(), "pure package %s uses %s.%s: %s", s.dir, imported, name, rule.advice))
		}
	})
	ast.Inspect(s.file, func(n ast.Node) bool {
		if g, ok := n.(*ast.GoStmt); ok {
			problems = append(problems, s.problem(g.Pos(), "pure package %s starts a goroutine: return the work to the caller, as an event", s.dir))
		}
		return true
	})
	return problems
}

// impureImport returns what to do instead of importing a standard package, if it is impure.
func impureImport(p string) (advice string, bad bool) {
	if slices.Contains(pureExceptions, p) {
		return "", false
	}
	for dir, advice := range impureImports {
		if below(p, dir) {
			return advice, true
		}
	}
	return "", false
}
