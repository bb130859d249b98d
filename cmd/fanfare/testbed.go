package main

import (
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"
)

func newTestbed() *cobra.Command {
	c := &cobra.Command{
		Use:     "testbed",
		GroupID: "try",
		Short:   "Networks with faults on this machine: measure, and compare with others",
		Long: `Testbed runs origins and edges in networks with faults that it makes on this machine, out of
network namespaces, as root or without.`,
		Args: unknownCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newCompare(), newServe(), newFetch())
	return c
}

// writePage writes a file with what write writes.
func writePage(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}
