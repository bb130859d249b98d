package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fanfare/internal/api"
	"fanfare/internal/progress"
	"fanfare/internal/tree"
)

// publication is what one `fanfare publish` is asked to do.
type publication struct {
	target  target
	waiting waiting
	options api.PublishOptions
	headers []string
	json    bool
}

func newPublish() *cobra.Command {
	p := new(publication)
	c := &cobra.Command{
		Use:     "publish PATH...",
		GroupID: "content",
		Short:   "Publish files and directories to every edge",
		Long: `Publish sends files to every edge. A file is published under its own name, a directory's
files under their names in it, all below --prefix. It is all or nothing: if a file changes,
vanishes or cannot be read meanwhile, nothing is published.

Without --host the files answer for every host name. A new publication of the same URL
replaces the older one at each edge once it is complete there. URLs are taken as they are: an
index.html is served as /index.html, not as /. Edges answer with the headers given, and find the
type by the file's name; what they say themselves (Content-Length, ETag, Date, ...) is refused.

Publications are sent at the same time, small ones ahead of large ones. With --priority
urgent one goes before all others, with background after them; none is ever stopped for good.

Edges ask for what they lose, which takes a round trip. To spare most of that, repair goes with the
files unasked: with --proactive auto as much as the losses of the edges make worth while, and
none where nothing is lost; with a share such as 10% that much, for a deadline that leaves no time to
ask; with none none.`,
		Example: `  fanfare publish site/ --host www.example.org --wait
  fanfare publish model.bin --prefix /models/v7 --tag models --header 'Cache-Control: max-age=60'`,
		Args: atLeastOne("say what to publish: the PATH of a file or directory"),
		RunE: func(c *cobra.Command, paths []string) error { return p.run(c, paths) },
	}
	p.target.addTo(c)
	p.waiting.addTo(c, "served")
	c.Flags().StringVar(&p.options.Host, "host", "", "the `host` whose URLs these are (default: every host)")
	c.Flags().StringVar(&p.options.Prefix, "prefix", "/", "the URL `path` to publish below")
	c.Flags().StringArrayVar(&p.options.Tags, "tag", nil, "a `tag` to purge them by; may be repeated")
	c.Flags().StringArrayVar(&p.headers, "header", nil, "a `Name: value` that edges answer with; may be repeated")
	c.Flags().StringVar(&p.options.Priority, "priority", "normal", "the `class` to send it in: urgent, normal or background")
	c.Flags().StringVar(&p.options.Proactive, "proactive", "auto", "the `repair` to send unasked: auto, none, or a share of the files such as 10%")
	c.Flags().BoolVar(&p.json, "json", false, "print JSON, one value a line")
	return c
}

func (p *publication) run(c *cobra.Command, paths []string) error {
	if err := p.waiting.check(); err != nil {
		return err
	}
	if !slices.Contains(priorities, p.options.Priority) {
		return usagef("--priority %q is none of urgent, normal, background", p.options.Priority)
	}
	if _, _, err := api.ParseProactive(p.options.Proactive); err != nil {
		return usagef("--proactive %q is none of auto, none and a share such as 10%%", p.options.Proactive)
	}
	for _, header := range p.headers {
		name, value, ok := strings.Cut(header, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return usagef("--header %q is not of the form Name: value", header)
		}
		p.options.Headers = append(p.options.Headers, api.Header{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
	}
	files, err := tree.Collect(paths, func(path string) {
		fmt.Fprintf(os.Stderr, "fanfare: skipped %s: not a regular file\n", path)
	})
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errors.New("nothing to publish: there is no file in " + strings.Join(paths, ", "))
	}
	client := p.waiting.client(&p.target)
	result, err := p.send(c, client, files)
	if err != nil {
		return err
	}
	if p.json {
		err = printJSON(c.OutOrStdout(), result)
	} else {
		fmt.Fprintf(c.OutOrStdout(), "published %s, %s, as %s\n",
			count(result.Objects, "object"), progress.Bytes(result.Bytes), sequences(result.Sequences))
	}
	if err != nil || !p.waiting.wait {
		return err
	}
	return p.waiting.await(c, client, p.json)
}

// priorities are those that sender.ParsePriority knows; this command does without that package.
var priorities = []string{"", "urgent", "normal", "background"}

// send streams the files to the origin, with a bar if it takes long.
func (p *publication) send(c *cobra.Command, client *api.Client, files []tree.File) (*api.PublishResult, error) {
	var sum, sent int64
	for _, f := range files {
		sum += f.Size
	}
	start := time.Now()
	board := progress.New(os.Stderr)
	result, err := client.Publish(c.Context(), p.options, func(w io.Writer) error {
		return tree.WriteTar(w, files, func(n int64) {
			sent += n
			if !p.json && time.Since(start) > quiet {
				board.Set("to the origin", sent, sum, progress.Bytes(sent)+" of "+progress.Bytes(sum))
			}
		})
	})
	board.Close()
	return result, err
}

// quiet is how long work may take before it shows how far it is.
const quiet = 300 * time.Millisecond

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func sequences(s api.Sequences) string {
	if s.First == s.Last {
		return fmt.Sprintf("sequence %d", s.First)
	}
	return fmt.Sprintf("sequences %d to %d", s.First, s.Last)
}
