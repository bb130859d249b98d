package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"fanfare/internal/api"
)

func newPurge() *cobra.Command {
	var (
		request api.PurgeRequest
		all     bool
	)
	c := invalidation(&cobra.Command{
		Use:     "purge [KEY...]",
		GroupID: "content",
		Short:   "Stop every edge serving what is published under a key, tag or prefix",
		Long: `Purge makes every edge forget what was published until now under the keys, tags and
prefixes given. It acts at each edge the moment it arrives, and is final: no late repair
and no restart brings the old version back. What is published afterwards is not touched.

A KEY is a URL (http://host/path), host/path, or /path for the path on every host.`,
		Example: `  fanfare purge http://www.example.org/index.html --wait
  fanfare purge --tag models
  fanfare purge --prefix www.example.org/img/`,
	}, "purged", func(ctx context.Context, client *api.Client, keys []string) (api.Invalidation, error) {
		request.Keys, request.All = keys, all
		if len(keys)+len(request.Tags)+len(request.Prefixes) == 0 && !all {
			return api.Invalidation{}, usagef("say what to purge: a KEY, --tag, --prefix, or --all for everything")
		}
		return client.Purge(ctx, request)
	})
	c.Flags().StringArrayVar(&request.Tags, "tag", nil, "purge what has this `tag`; may be repeated")
	c.Flags().StringArrayVar(&request.Prefixes, "prefix", nil, "purge every key that begins with this `key`; may be repeated")
	c.Flags().BoolVar(&all, "all", false, "purge everything")
	return c
}

func newRemove() *cobra.Command {
	c := invalidation(&cobra.Command{
		Use:     "rm KEY...",
		GroupID: "content",
		Short:   "Say that keys are no more: edges answer 404",
		Long: `Rm purges keys and says that they are no more, so that edges answer 404 without asking
anybody.

A KEY is a URL (http://host/path), host/path, or /path for the path on every host.`,
		Example: `  fanfare rm http://www.example.org/old.html --wait`,
		Args:    atLeastOne("say what is no more: a KEY, such as /old.html"),
	}, "removed", func(ctx context.Context, client *api.Client, keys []string) (api.Invalidation, error) {
		return client.Remove(ctx, keys)
	})
	c.Aliases = []string{"remove"}
	return c
}

// invalidation completes a command that appends entries which take content away.
func invalidation(c *cobra.Command, done string, do func(context.Context, *api.Client, []string) (api.Invalidation, error)) *cobra.Command {
	var (
		target  target
		waiting waiting
		asJSON  bool
	)
	target.addTo(c)
	waiting.addTo(c, "in force")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, one value a line")
	c.RunE = func(c *cobra.Command, keys []string) error {
		if err := waiting.check(); err != nil {
			return err
		}
		client := waiting.client(&target)
		result, err := do(c.Context(), client, keys)
		if err != nil {
			return err
		}
		if asJSON {
			err = printJSON(c.OutOrStdout(), result)
		} else {
			note := ""
			if result.Objects == 0 {
				note = ": nothing that is published matches"
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s %s as %s%s\n", done, count(result.Objects, "object"), sequences(result.Sequences), note)
		}
		if err != nil || !waiting.wait {
			return err
		}
		return waiting.await(c, client, asJSON)
	}
	return c
}
