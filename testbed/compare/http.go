package compare

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"fanfare/testbed/netns"
	"fanfare/testbed/report"
)

const (
	httpName = "http"
	bbrName  = "http-bbr"

	httpPort = "8081"
	// connections are how many one edge has open at a time when there are many files.
	connections = 8
	// sendBuffer is what the kernel may hold for a connection: with the default a single
	// connection is held back.
	sendBuffer = "4096 65536 16777216"
)

// The hidden commands that serve and fetch, as processes of their own, so that their processor
// time is known. The cmd registers them below `fanfare testbed`.
const (
	ServeCommand = "http-serve"
	FetchCommand = "http-fetch"
)

// pull is plain HTTP: every edge fetches every file from the origin, all at once. The clock
// starts when the first edge does, as if each knew at once that there is something new.
type pull struct {
	intoFiles
	name       string
	congestion string // of TCP; empty for the kernel's own choice
}

func (h *pull) describe(*Config) report.System {
	s := report.System{Name: h.name, About: "plain HTTP fan-out: Go's net/http, every edge fetches everything at once, many files over 8 connections, in programs that start with the clock; TCP's congestion control is the kernel's default"}
	if h.congestion != "" {
		s.About = "the same with TCP's congestion control " + strings.ToUpper(h.congestion)
		text, _ := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
		if !slices.Contains(strings.Fields(string(text)), h.congestion) {
			s.Missing = fmt.Sprintf("the kernel has not loaded it: modprobe tcp_%s", h.congestion)
		}
	}
	return s
}

func (h *pull) prepare(ctx context.Context, r *run) error {
	// Only this namespace's. Where it may not be set, it stays as it is.
	_ = r.bed.Origin.Do(func() error {
		return os.WriteFile("/proc/sys/net/ipv4/tcp_wmem", []byte(sendBuffer), 0o644)
	})
	address := r.httpAddress()
	if _, err := r.start(r.bed.Origin, exec.Command(r.config.Binary, "testbed", ServeCommand, r.work.dir, address, h.congestion)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readiness)
	defer cancel()
	for _, host := range r.bed.Edges {
		if err := reachable(ctx, host, address); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) httpAddress() string { return net.JoinHostPort(r.bed.Origin.Addr4.String(), httpPort) }

// reachable waits until a host can connect.
func reachable(ctx context.Context, host *netns.Host, address string) error {
	return patiently(ctx, "the origin to listen", func() bool {
		conn, err := host.Dial(ctx, "tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

func (h *pull) publish(r *run) error {
	for i := range r.bed.Edges {
		p, err := r.atEdge(i, exec.Command(r.config.Binary, "testbed", FetchCommand, "http://"+r.httpAddress(), r.work.list, r.folder(i)))
		if err != nil {
			return err
		}
		r.commands = append(r.commands, p)
	}
	return nil
}

// Serve serves the files of a directory over HTTP at address until the context is done.
func Serve(ctx context.Context, dir, address, congestion string) error {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return err
	}
	config := net.ListenConfig{Control: func(_, _ string, conn syscall.RawConn) (err error) {
		if congestion == "" {
			return nil
		}
		controlErr := conn.Control(func(fd uintptr) {
			err = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, congestion)
		})
		if controlErr != nil {
			return controlErr
		}
		return err
	}}
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.FileServer(http.Dir(dir)), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// Fetch gets the files that list names, one path to a line, by their base names from a
// server and writes each under that name into dir.
func Fetch(ctx context.Context, server, list, dir string) error {
	file, err := os.Open(list)
	if err != nil {
		return err
	}
	defer file.Close()
	var names []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		names = append(names, filepath.Base(lines.Text()))
	}
	if err := lines.Err(); err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}}
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(connections, len(names)) {
		group.Go(func() error {
			buffer := make([]byte, 256<<10)
			for {
				i := int(next.Add(1)) - 1
				if i >= len(names) {
					return nil
				}
				if err := fetchFile(ctx, client, server+"/"+names[i], filepath.Join(dir, names[i]), buffer); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

func fetchFile(ctx context.Context, client *http.Client, url, path string, buffer []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %s", url, answer.Status)
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	// Without os.File's own ReadFrom, which would allocate a small buffer for every file.
	_, err = io.CopyBuffer(struct{ io.Writer }{file}, answer.Body, buffer)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}
