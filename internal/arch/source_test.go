package arch

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// source is one Go file of the module that is not a test.
type source struct {
	path  string // below the module's root, with slashes
	dir   string // its package, likewise
	lines int
	fset  *token.FileSet
	file  *ast.File
}

// problem is a broken rule.
type problem string

// problem says what is wrong at a position and what to do about it.
func (s *source) problem(pos token.Pos, format string, args ...any) problem {
	return problem(fmt.Sprintf("%s:%d: ", s.path, s.fset.Position(pos).Line) + fmt.Sprintf(format, args...))
}

// parse reads one file. dir and name are below the module's root.
func parse(name string, text []byte) (*source, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, 0) // resolves names: a local `time` is not the package
	if err != nil {
		return nil, err
	}
	return &source{path: name, dir: path.Dir(name), lines: bytes.Count(text, []byte("\n")), fset: fset, file: file}, nil
}

// load reads the module's name and every Go file that is not a test.
func load(t *testing.T) (module string, sources []*source) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(mod), "\n")
	module = strings.TrimSpace(strings.TrimPrefix(first, "module"))
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p != root && (name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		s, err := parse(filepath.ToSlash(rel), text)
		if err != nil {
			return err
		}
		sources = append(sources, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) < len(partitioningFiles) {
		t.Fatalf("only %d Go files below %s: the walk is broken", len(sources), root)
	}
	return module, sources
}

// importPath returns what a file imports, without quotes.
func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value
	}
	return p
}

// importName returns the name under which a file knows an import.
func importName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	p := importPath(spec)
	base := path.Base(p)
	if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" {
		base = path.Base(path.Dir(p)) // math/rand/v2 is rand
	}
	return base
}

// selectors calls visit for every pkg.Name in the file where pkg is an imported package.
func (s *source) selectors(visit func(imported string, sel *ast.SelectorExpr)) {
	imports := map[string]string{}
	for _, spec := range s.file.Imports {
		imports[importName(spec)] = importPath(spec)
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		// Obj is set for what the file itself declares, local variables included.
		if id, ok := sel.X.(*ast.Ident); ok && id.Obj == nil {
			if p, ok := imports[id.Name]; ok {
				visit(p, sel)
			}
		}
		return true
	})
}

// isStandard reports whether an import is of the standard library.
func isStandard(p, module string) bool {
	first, _, _ := strings.Cut(p, "/")
	return !strings.Contains(first, ".") && !below(p, module)
}
