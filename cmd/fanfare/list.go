package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"fanfare/internal/api"
	"fanfare/internal/progress"
)

func newList() *cobra.Command {
	var (
		target target
		limit  int
		asJSON bool
	)
	c := &cobra.Command{
		Use:     "ls [PREFIX]",
		GroupID: "content",
		Short:   "List what is published",
		Long: `Ls lists the objects that are published, in order of their keys: length, the sequence
that published it, tags and key.

A PREFIX is the beginning of a key: http://host/path, host/path, or /path for what is
published without a host.`,
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, arguments []string) error {
			if limit < 0 {
				return usagef("--limit %d is below 0; 0 lists all", limit)
			}
			client := target.client()
			prefix := strings.Join(arguments, "")
			table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', tabwriter.AlignRight)
			for after, left := "", limit; ; {
				page, err := client.List(c.Context(), prefix, after, left)
				if err != nil {
					return err
				}
				for _, row := range page.Rows {
					if asJSON {
						err = printJSON(c.OutOrStdout(), row)
					} else {
						err = printRow(table, row)
					}
					if err != nil {
						return err
					}
				}
				left -= len(page.Rows)
				if after = page.More; after == "" || limit > 0 && left <= 0 {
					return table.Flush()
				}
			}
		},
	}
	target.addTo(c)
	c.Flags().IntVar(&limit, "limit", 0, "list at most `N` (0: all)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, one object a line")
	return c
}

func printRow(table *tabwriter.Writer, row api.Row) error {
	tags := strings.Join(row.Tags, ",")
	if tags == "" {
		tags = "-"
	}
	_, err := fmt.Fprintf(table, "%s\t#%d\t%s\t  %s\n", progress.Bytes(row.Length), row.Sequence, tags, row.Key)
	return err
}
