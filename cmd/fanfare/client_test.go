//go:build !client

package main

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fanfare/sender"
)

// goTool runs the go command in this directory and returns what it prints.
func goTool(t *testing.T, arguments ...string) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("SKIPPED, there is no go command here")
	}
	text, err := exec.Command("go", arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(arguments, " "), err, text)
	}
	return string(text)
}

// Every package that a command is linked with is initialized when it starts. The client knows
// none of the heavy ones.
func TestClientIsLight(t *testing.T) {
	light := []string{
		"fanfare/cmd/fanfare", "fanfare/internal/api", "fanfare/internal/handover", "fanfare/internal/progress", "fanfare/internal/tree",
		"github.com/spf13/cobra", "github.com/spf13/pflag", "golang.org/x/sys/unix", "golang.org/x/term",
	}
	allowed := map[string]bool{}
	for _, path := range light {
		allowed[path] = true
	}
	for path := range strings.Lines(goTool(t, "list", "-tags", "client", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")) {
		if path = strings.TrimSpace(path); path != "" && !allowed[path] {
			t.Errorf("the client imports %s: is it light? See GODEBUG=inittrace=1", path)
		}
	}
	all := strings.Fields(goTool(t, "list", "-tags", "client", "-deps", "."))
	for _, heavy := range []string{"net/http", "crypto/tls", "crypto/x509"} {
		if slices.Contains(all, heavy) {
			t.Errorf("the client imports %s", heavy)
		}
	}
}

// The client hands on what is not its own to the whole command beside it.
func TestClientHandsOn(t *testing.T) {
	dir := t.TempDir()
	client := filepath.Join(dir, "fanfare")
	goTool(t, "build", "-tags", "client", "-o", client, ".")
	run := func(arguments ...string) string {
		text, _ := exec.Command(client, arguments...).CombinedOutput() // the status is the whole command's
		return string(text)
	}
	if got := run("purge"); !strings.Contains(got, "say what to purge") {
		t.Errorf("purge: %s", got)
	}
	if got := run("origin", "init", "--group", "x"); !strings.Contains(got, "client only") || !strings.Contains(got, wholeCommand) {
		t.Errorf("alone: %s", got)
	}
	whole := filepath.Join(dir, wholeCommand)
	echo, err := exec.LookPath("echo")
	if err != nil {
		t.Skip("SKIPPED, there is no echo here")
	}
	if text, err := exec.Command("cp", echo, whole).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, text)
	}
	if got := run("edge", "--dir", "x", "-h"); got != "edge --dir x -h\n" {
		t.Errorf("the whole command was given %q", got)
	}
}

// The priorities that the command takes are those that the origin knows.
func TestPriorities(t *testing.T) {
	for _, name := range priorities {
		if _, err := sender.ParsePriority(name); err != nil {
			t.Error(err)
		}
	}
	for p := sender.Normal; p.String() != "unknown"; p++ {
		if !slices.Contains(priorities, p.String()) {
			t.Errorf("priority %v is missing", p)
		}
	}
}
