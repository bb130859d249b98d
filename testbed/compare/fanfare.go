package compare

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"

	"fanfare/internal/api"
	"fanfare/testbed/netns"
	"fanfare/testbed/report"
)

const (
	fanfareName  = "fanfare"
	fanfareGroup = "239.77.70.70:7070"
	fanfarePort  = "7071" // of the origin
	edgePort     = "8080"
	readiness    = 15 * time.Second
	readers      = 4 // requests under way at an edge when its files are verified

	// What the origin may send if a link's rate does not say: more than two processors carry to four
	// edges, so that they are never idle. Edges that cannot take it in slow the origin down.
	fanfareRate = 5_000_000_000
	fanfareLink = 0.98
)

// fanfare is ours: real daemons, started like an operator's, and `fanfare publish --wait`.
type fanfare struct{}

func (*fanfare) describe(c *Config) report.System {
	return report.System{
		Name: fanfareName, Own: true, Multicast: true,
		About: "this: multicast with NACKs and Reed-Solomon repair, files on disk and served over HTTP; " +
			rateText(fanfareLimit(c)) + "; the time includes that the publisher has every edge's word for it",
	}
}

func fanfareLimit(c *Config) uint64 { return c.rateOf(fanfareName, fanfareLink, fanfareRate) }

func (f *fanfare) prepare(ctx context.Context, r *run) error {
	ctx, cancel := context.WithTimeout(ctx, readiness)
	defer cancel()
	origin := r.bed.Origin
	address := net.JoinHostPort(origin.Addr4.String(), fanfarePort)
	made, err := r.start(origin, exec.Command(r.config.Binary, "origin", "init", "--dir", r.originDir(), "--group", fanfareGroup,
		"--interface", origin.Interface, "--advertise", address,
		"--rate", fmt.Sprint(fanfareLimit(r.config))))
	if err != nil {
		return err
	}
	select {
	case <-made.done:
	case <-ctx.Done():
		return fmt.Errorf("fanfare origin init: %w", ctx.Err())
	}
	if made.err != nil {
		return fmt.Errorf("fanfare origin init: %w: %s", made.err, made.lastWords())
	}
	if _, err := r.start(origin, exec.Command(r.config.Binary, "origin", "--dir", r.originDir(), "--log-level", "warn")); err != nil {
		return err
	}
	if err := ready(ctx, origin, address); err != nil {
		return err
	}
	for i, host := range r.bed.Edges {
		if _, err := r.atEdge(i, exec.Command(r.config.Binary, "edge", "--session", filepath.Join(r.originDir(), "session.ff"),
			"--dir", filepath.Join(r.folder(i), "cache"), "--interface", host.Interface, "--name", host.Name,
			"--http", net.JoinHostPort(host.Addr4.String(), edgePort), "--log-level", "warn")); err != nil {
			return err
		}
	}
	for _, host := range r.bed.Edges {
		if err := ready(ctx, host, net.JoinHostPort(host.Addr4.String(), edgePort)); err != nil {
			return err
		}
	}
	return joined(ctx, r.originDir(), len(r.bed.Edges))
}

func (r *run) originDir() string { return filepath.Join(r.dir, "origin") }

// ready waits until a daemon says that it is ready.
func ready(ctx context.Context, host *netns.Host, address string) error {
	transport := &http.Transport{DialContext: host.Dial}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Second}
	return patiently(ctx, host.Name+" to be ready", func() bool {
		answer, err := client.Get("http://" + address + "/readyz")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// joined waits until the origin has heard every edge.
func joined(ctx context.Context, dir string, edges int) error {
	client := api.NewUnix(dir)
	return patiently(ctx, "every edge to be heard by the origin", func() bool {
		status, err := client.Status(ctx)
		return err == nil && len(status.Edges) == edges
	})
}

// patiently calls done now and then until it is.
func patiently(ctx context.Context, what string, done func() bool) error {
	for !done() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

func (*fanfare) publish(r *run) error {
	path := r.work.dir
	if r.work.Files == 1 {
		path = filepath.Join(path, r.work.names[0])
	}
	client := r.config.Client
	if client == "" {
		client = r.config.Binary
	}
	return r.atOrigin(exec.Command(client, "publish", path, "--dir", r.originDir(), "--wait", "--timeout", r.config.Limit.String(), "--json"))
}

// arrived is true for every edge at once: when the publishing command says so.
func (*fanfare) arrived(r *run, _ int) bool {
	p := r.commands[0]
	return !p.running() && p.command.ProcessState.Success()
}

// verify reads every file over HTTP.
func (*fanfare) verify(r *run, edge int) error {
	host := r.bed.Edges[edge]
	transport := &http.Transport{DialContext: host.Dial, MaxIdleConnsPerHost: readers, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: r.config.Limit}
	var group errgroup.Group
	group.SetLimit(readers)
	for i, name := range r.work.names {
		group.Go(func() error {
			answer, err := client.Get("http://" + net.JoinHostPort(host.Addr4.String(), edgePort) + "/" + name)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			hash := blake3.New()
			if _, err := io.Copy(hash, answer.Body); err != nil {
				return err
			}
			if answer.StatusCode != http.StatusOK {
				return fmt.Errorf("%s is answered with status %s", name, answer.Status)
			}
			if digest(hash.Sum(nil)) != r.work.sums[i] {
				return fmt.Errorf("%s is not what was published", name)
			}
			return nil
		})
	}
	return group.Wait()
}
