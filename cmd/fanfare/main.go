// Fanfare sends content to every edge at once, by reliable multicast. This is its one
// command: the two daemons, and what an operator says to them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit statuses, the same for every command.
const (
	exitDone       = 0
	exitFailed     = 1
	exitUsage      = 2
	exitIncomplete = 3 // the origin did its part, but not every edge has followed
)

// errIncomplete ends a command whose output has said already which edges are missing.
var errIncomplete = errors.New("not every edge serves it")

// usageError is a command line that cannot be meant.
type usageError struct{ error }

func usagef(format string, arguments ...any) error {
	return usageError{fmt.Errorf(format, arguments...)}
}

func main() { os.Exit(run(os.Args[1:])) }

func run(arguments []string) int {
	// The process ends with the command: to let go of the signals before would only cost time.
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	root := newRoot()
	root.SetArgs(arguments)
	command, err := root.ExecuteContextC(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errIncomplete):
		return exitIncomplete
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "fanfare: %s\nSee `%s --help`.\n", sentence(err), command.CommandPath())
		return exitUsage
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "fanfare: stopped")
		return exitFailed
	}
	fmt.Fprintf(os.Stderr, "fanfare: %s\n", sentence(err))
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "fanfare",
		Short: "Content to every edge at once, by reliable multicast",
		Long: `Fanfare sends files and invalidations from one origin to any number of edges by IP
multicast, repairs what the network loses, and serves the files at every edge by HTTP.

Try it on this machine:             fanfare demo
Make an origin and run it:          fanfare origin init --help, fanfare origin --help
Run an edge:                        fanfare edge --help
Publish, and wait for every edge:   fanfare publish site/ --wait

Exit status: 0 done, 1 failed, 2 wrong usage, 3 done at the origin but not at every edge.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          unknownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(badFlag)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SuggestionsMinimumDistance = 2
	root.AddGroup(
		&cobra.Group{ID: "daemon", Title: "Daemons:"},
		&cobra.Group{ID: "content", Title: "Content (spoken to a running origin):"},
		&cobra.Group{ID: "try", Title: "Trying it out:"},
	)
	root.AddCommand(
		newPublish(), newPurge(), newRemove(), newList(), newStatus(), newForget(),
	)
	root.AddCommand(heavyCommands()...)
	return root
}

// wholeCommand is what the command is called beside one built with the tag client.
const wholeCommand = "fanfared"

// What the commands are that the client hands on (see client_only.go).
const (
	originShort  = "Run an origin, or make one (origin init)"
	edgeShort    = "Run an edge: receive what the origin publishes, and serve it over HTTP"
	demoShort    = "See the whole of it on this machine, without configuration"
	testbedShort = "Make a network with faults and see what happens"
)

// badFlag makes a usage error of one of a flag, without what package strconv says of its own functions.
func badFlag(_ *cobra.Command, err error) error {
	if text, _, number := strings.Cut(err.Error(), ": strconv."); number {
		return usagef("%s: not a number that fits", text)
	}
	return usageError{err}
}

// unknownCommand refuses what is no command's name, with those that look like it.
func unknownCommand(c *cobra.Command, arguments []string) error {
	if len(arguments) == 0 {
		return nil
	}
	message := fmt.Sprintf("there is no command %q", arguments[0])
	for _, name := range c.SuggestionsFor(arguments[0]) {
		message += fmt.Sprintf("; is it `fanfare %s`?", name)
	}
	return usageError{errors.New(message)}
}

// atLeastOne refuses a command line without arguments; missing says what should be there.
func atLeastOne(missing string) cobra.PositionalArgs {
	return func(_ *cobra.Command, given []string) error {
		if len(given) == 0 {
			return usagef("%s", missing)
		}
		return nil
	}
}

// arguments turns cobra's complaint about the number of arguments into a usage error.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		if err := check(c, given); err != nil {
			return usageError{err}
		}
		return nil
	}
}
