//go:build !client

package main

import "github.com/spf13/cobra"

// heavyCommands are those that are, or start, daemons. What they need takes milliseconds to
// initialize in every process, whatever it is asked for; built with the tag client the command
// does without it.
func heavyCommands() []*cobra.Command {
	return []*cobra.Command{newOrigin(), newEdge(), newDemo(), newTestbed()}
}
