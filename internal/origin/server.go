package origin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"fanfare/internal/api"
	"fanfare/internal/crowd"
	"fanfare/internal/handover"
)

const (
	// stopTime is what requests that are being answered have when the origin stops.
	stopTime = 500 * time.Millisecond
	// patience is how long a piece of an answer may take to reach its reader.
	patience = 10 * time.Second
	// requestPatience is how long a request may take to come, with its body unless that is a
	// publication's; answerPatience how long the whole answer may take to reach its reader, unless it is
	// sent in pieces, each with its own patience; idlePatience how long a connection may wait for its
	// next request.
	requestPatience = time.Minute
	answerPatience  = time.Minute
	idlePatience    = 2 * time.Minute
	// filesEach is for how many files that the process may open each of the servers has one connection
	// at most.
	filesEach = 5
	// crowded is what the log says when others wait.
	crowded = "more connections than the open files that the system allows leave room for (ulimit -n, or LimitNOFILE= of systemd): others wait"
	// maxLocalHeader is for the tags and headers of a publication, which are in its query; bytes.
	maxLocalHeader, maxEdgeHeader = 1 << 20, 32 << 10
	// maxSocketPath is the longest path of a Unix socket, in bytes.
	maxSocketPath = 107
)

// server is one HTTP listener. run waits for the requests that it began.
type server struct {
	listener net.Listener
	http     http.Server
	requests sync.WaitGroup
	cancel   context.CancelFunc
}

// apiCounts counts requests. Counters only grow.
type apiCounts struct {
	requests, failed atomic.Uint64
}

// listen opens the listeners: the Unix socket, the TCP address of the local API if there is
// one, and the TCP port that edges use.
func (o *Origin) listen() error {
	unix, err := listenUnix(filepath.Join(o.dir, api.SocketName))
	if err != nil {
		return err
	}
	o.serve(unix, o.localHandler())
	if o.config.API.IsValid() {
		tcp, err := listenTCP(o.config.API, "the local API")
		if err != nil {
			return err
		}
		o.serve(tcp, o.localHandler())
	}
	tcp, err := listenTCP(o.config.Listen, "edges")
	if err != nil {
		return err
	}
	o.serve(tcp, o.edgeHandler()).http.MaxHeaderBytes = maxEdgeHeader
	return nil
}

// serve adds a server to those that Run runs.
func (o *Origin) serve(listener net.Listener, handler http.Handler) *server {
	base, cancel := context.WithCancel(context.Background())
	s := &server{cancel: cancel}
	s.http = http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.requests.Add(1)
			defer s.requests.Done()
			defer o.failOnPanic(r)
			handler.ServeHTTP(w, r)
		}),
		ConnContext:       handover.WithConn,
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       requestPatience,
		WriteTimeout:      answerPatience,
		IdleTimeout:       idlePatience,
		MaxHeaderBytes:    maxLocalHeader,
		ErrorLog:          slog.NewLogLogger(o.log.Handler(), slog.LevelDebug),
	}
	s.listener = crowd.Limit(&s.http, listener, crowd.Most(filesEach), crowd.Warn(o.log, crowded, listener.Addr()))
	o.servers = append(o.servers, s)
	return s
}

// failOnPanic, deferred, ends the origin if the request panics: the log and what is known of it
// may be apart, and only a restart brings them together again.
func (o *Origin) failOnPanic(r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p != http.ErrAbortHandler {
		o.log.Error("request panicked", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
		o.fail(fmt.Errorf("origin: %s %s: panic: %v", r.Method, r.URL.Path, p))
	}
	panic(http.ErrAbortHandler) // closes the connection without another word
}

// run answers requests until ctx is done.
func (s *server) run(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(s.listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("origin: %s: %w", s.listener.Addr(), err)
	case <-ctx.Done():
	}
	err := s.close()
	if serve := <-failed; !errors.Is(serve, http.ErrServerClosed) {
		err = errors.Join(err, serve)
	}
	return err
}

// close ends the listener and all requests, and waits for them. A second one does nothing.
func (s *server) close() error {
	// Those who wait for edges are sent away first.
	s.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	s.requests.Wait()
	// A server that never served does not know its listener.
	if closeErr := s.listener.Close(); closeErr != nil && !errors.Is(closeErr, net.ErrClosed) {
		err = errors.Join(err, closeErr)
	}
	return err
}

// listenUnix listens at path. A socket that is there is removed if nobody answers.
func listenUnix(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("the path of the API's socket is longer than the %d bytes that the system allows: %s: choose a directory with a shorter path", maxSocketPath, path)
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return nil, fmt.Errorf("%s: another program answers there", path)
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	// The directory keeps others out until this is done.
	if err := os.Chmod(path, 0o660); err != nil {
		listener.Close()
		return nil, err
	}
	return handover.Listener{UnixListener: listener}, nil
}

// listenTCP listens at an address, for purpose.
func listenTCP(address netip.AddrPort, purpose string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address.String())
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("TCP port %d, for %s, is in use by another program: choose another in %s", address.Port(), purpose, configName)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s, for %s, is no address of this machine: correct it in %s", address.Addr(), purpose, configName)
	case err != nil:
		return nil, fmt.Errorf("listening for %s: %w", purpose, err)
	}
	return listener, nil
}

// endpoint makes a handler of a function: its error becomes the answer.
func (o *Origin) endpoint(f func(w http.ResponseWriter, r *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.counts.requests.Add(1)
		if err := f(w, r); err != nil {
			o.answerError(w, r, err)
		}
	})
}

// answerError answers with an error; one that is not the client's is logged, too.
func (o *Origin) answerError(w http.ResponseWriter, r *http.Request, err error) {
	o.counts.failed.Add(1)
	var answer *api.Error
	if !errors.As(err, &answer) {
		o.log.Error("request failed", "path", r.URL.Path, "error", err)
		answer = &api.Error{Status: http.StatusInternalServerError, Message: err.Error()}
	}
	writeJSON(w, answer.Status, answer)
}

// writeJSON answers with a value. The client may be gone; then nobody needs it.
func writeJSON(w http.ResponseWriter, status int, value any) {
	// What was asked for may have taken long. (Every connection has a deadline.)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerPatience))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
