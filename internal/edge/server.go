package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fanfare/internal/cork"
	"fanfare/internal/crowd"
)

const (
	// httpGrace is how long requests under way may go on when the edge stops.
	httpGrace = 500 * time.Millisecond
	// peerPatience is how long a client's system may not answer. (A client that answers and reads
	// nothing is package cork's.)
	peerPatience = 2 * time.Minute
	// requestPatience is how long a request may take to come, with a body if it has one.
	requestPatience = 10 * time.Second
	// idlePatience is how long a connection may wait for its next request.
	idlePatience = 2 * time.Minute
	// filesEach is for how many files that the process may open a server has one connection at most;
	// the rest is for the cache.
	filesEach = 3
	// crowded is what the log says when others wait.
	crowded = "more clients than this edge serves at a time, a third of the open files that it may have (ulimit -n, or LimitNOFILE= of systemd): others wait"
)

// server is one listening HTTP server; its goroutine is serve.
type server struct {
	listener net.Listener
	gate     *gate
	http     http.Server
}

// listen opens addr, HOST:PORT or :PORT. Its error is a sentence for the operator.
func listen(addr, option string, handler http.Handler, log *slog.Logger) (*server, error) {
	config := net.ListenConfig{Control: limitPatience}
	l, err := config.Listen(context.Background(), "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("edge: %s %s is in use by another program; choose another port, or stop that program (ss -tlpn shows it)", option, addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("edge: %s %s is kept for the administrator; choose a port above 1023", option, addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("edge: %s %s is not an address of this machine; choose one that ip addr shows", option, addr)
	case err != nil:
		return nil, fmt.Errorf("edge: %s %s: %w", option, addr, err)
	}
	g := &gate{handler: handler}
	s := &server{gate: g, http: http.Server{
		ConnContext:    cork.ConnContext,
		Handler:        g,
		ReadTimeout:    requestPatience,
		IdleTimeout:    idlePatience, // and package cork sees to how long an answer may take
		MaxHeaderBytes: 64 << 10,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}}
	s.listener = crowd.Limit(&s.http, cork.Listener{Listener: l}, crowd.Most(filesEach), crowd.Warn(log, crowded, l.Addr()))
	return s, nil
}

// limitPatience has the kernel end connections whose peer is gone. Accepted connections inherit it.
func limitPatience(_, _ string, c syscall.RawConn) error {
	var err error
	controlled := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(peerPatience.Milliseconds()))
	})
	return errors.Join(controlled, err)
}

// serve answers until stop; it returns why it ended otherwise.
func (s *server) serve() error {
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("edge: HTTP server: %w", err)
	}
	return nil
}

// stop ends the server; requests under way get httpGrace. When it returns none is running. It may
// be called more than once.
func (s *server) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), httpGrace)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close() // breaks the connections, so that handlers end
	}
	s.gate.wait()
}

// reserved are the paths that the edge answers itself.
type reserved struct {
	healthz, readyz, metrics http.Handler
}

// handler returns nil for a path that is not reserved. A request's path is decoded, so no
// spelling of a reserved path reaches content.
func (r *reserved) handler(path string) http.Handler {
	switch path {
	case "/healthz":
		return r.healthz
	case "/readyz":
		return r.readyz
	case "/metrics":
		return r.metrics
	}
	return nil
}

// face is what the content address answers: content, and, without an address of their own,
// the reserved paths. It is no ServeMux: that would redirect paths such as /a//b.
type face struct {
	content  http.Handler
	reserved *reserved // nil: content only
}

func (f face) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.reserved != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		if h := f.reserved.handler(r.URL.Path); h != nil {
			h.ServeHTTP(w, r)
			return
		}
	}
	f.content.ServeHTTP(w, r)
}

// adminFace is what a separate admin address answers.
type adminFace struct{ reserved *reserved }

func (f adminFace) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := f.reserved.handler(strings.TrimSuffix(r.URL.Path, "/")); h != nil {
		h.ServeHTTP(w, r)
		return
	}
	http.Error(w, "here are /healthz, /readyz and /metrics", http.StatusNotFound)
}
