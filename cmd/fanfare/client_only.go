//go:build client

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
)

// heavyCommands hand their command lines on, as they are, to the whole command.
func heavyCommands() []*cobra.Command {
	var list []*cobra.Command
	for _, c := range []struct{ name, group, short string }{
		{"origin", "daemon", originShort}, {"edge", "daemon", edgeShort},
		{"demo", "try", demoShort}, {"testbed", "try", testbedShort},
	} {
		list = append(list, &cobra.Command{
			Use: c.name, GroupID: c.group, Short: c.short, DisableFlagParsing: true,
			RunE: func(*cobra.Command, []string) error { return handOn() },
		})
	}
	return list
}

// handOn becomes the whole command. It returns only if that cannot be.
func handOn() error {
	own, err := os.Executable()
	if err != nil {
		return err
	}
	whole := filepath.Join(filepath.Dir(own), wholeCommand)
	err = syscall.Exec(whole, os.Args, os.Environ())
	return fmt.Errorf("this command is the client only, and the whole one, which belongs beside it, cannot be run as %s: %w", whole, err)
}
