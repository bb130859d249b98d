package arch

import (
	"go/ast"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestArchitecture(t *testing.T) {
	module, sources := load(t)
	partitioning := map[string]bool{}
	for _, s := range sources {
		if slices.Contains(partitioningFiles, s.path) {
			maps.Copy(partitioning, declared(s.file))
		}
	}
	if !partitioning["OTI"] || !partitioning["Partition"] {
		t.Fatalf("%v no longer declare OTI and Partition: mend partitioningFiles", partitioningFiles)
	}
	for _, s := range sources {
		for _, p := range check(s, module, partitioning) {
			t.Error(p)
		}
	}
}

// TestLongFiles keeps the list of exceptions true.
func TestLongFiles(t *testing.T) {
	_, sources := load(t)
	for path, reason := range longFiles {
		i := slices.IndexFunc(sources, func(s *source) bool { return s.path == path })
		if i < 0 || sources[i].lines <= maxLines {
			t.Errorf("%s needs no exception any more: take it out of longFiles", path)
		}
		if reason == "" {
			t.Errorf("%s has no reason in longFiles", path)
		}
	}
}

// check returns the rules that a file breaks. partitioning are the names of fec that an
// engine may use.
func check(s *source, module string, partitioning map[string]bool) (problems []problem) {
	if name := s.file.Name.Name; slices.Contains(bannedNames, name) {
		problems = append(problems, s.problem(s.file.Name.Pos(), "package %s: name it after the one idea it holds", name))
	}
	if s.lines > maxLines && longFiles[s.path] == "" {
		problems = append(problems, s.problem(s.file.End(), "%d lines, at most %d: take a mechanism out into a type of its own, or give a reason in longFiles of internal/arch/rooms_test.go", s.lines, maxLines))
	}
	problems = append(problems, checkImporters(s, module)...)
	switch kindOf(s.dir) {
	case impure:
	case pure:
		problems = append(problems, checkPure(s, module)...)
	case engine:
		problems = append(problems, checkPure(s, module)...)
		problems = append(problems, checkEngine(s, module, partitioning)...)
	default:
		problems = append(problems, s.problem(s.file.Name.Pos(), "package %s has no line in rooms of internal/arch/rooms_test.go: say there what it is", s.dir))
	}
	return problems
}

// checkEngine returns what an engine imports or uses of the module that it may not.
func checkEngine(s *source, module string, partitioning map[string]bool) (problems []problem) {
	for _, spec := range s.file.Imports {
		p := importPath(spec)
		if target, ok := strings.CutPrefix(p, module+"/"); ok && !engineImports[target] && !below(target, s.dir) {
			problems = append(problems, s.problem(spec.Pos(), "engine %s imports %s: engines know only %v; hand in what it needs by a Handle call", s.dir, target, slices.Sorted(maps.Keys(engineImports))))
		}
	}
	s.selectors(func(imported string, sel *ast.SelectorExpr) {
		if imported == module+"/fec" && !partitioning[sel.Sel.Name] {
			problems = append(problems, s.problem(sel.Pos(), "engine %s uses fec.%s: engines see no payload; encoding and decoding belong to the loop around them", s.dir, sel.Sel.Name))
		}
	})
	return problems
}

// checkImporters returns the packages that a file imports though they are not for it.
func checkImporters(s *source, module string) (problems []problem) {
	for _, spec := range s.file.Imports {
		target, ok := strings.CutPrefix(importPath(spec), module+"/")
		if !ok {
			continue
		}
		for room, allowed := range importers {
			if below(target, room) && !below(s.dir, room) && !slices.ContainsFunc(allowed, func(dir string) bool { return below(s.dir, dir) }) {
				problems = append(problems, s.problem(spec.Pos(), "%s imports %s, which is for %v only: share a type through a package of its own", s.dir, target, allowed))
			}
		}
	}
	return problems
}

// declared returns the exported names that a file declares at its top level.
func declared(file *ast.File) map[string]bool {
	names := map[string]bool{}
	add := func(id *ast.Ident) {
		if id.IsExported() {
			names[id.Name] = true
		}
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				add(d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					add(spec.Name)
				case *ast.ValueSpec:
					for _, id := range spec.Names {
						add(id)
					}
				}
			}
		}
	}
	return names
}
