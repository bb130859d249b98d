package edge

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"fanfare/control"
	"fanfare/edgecache"
	"fanfare/internal/mcast"
	"fanfare/internal/session"
	"fanfare/receiver"

	"golang.org/x/sync/errgroup"
)

// Config is what an edge is run with.
type Config struct {
	// Session is the path of the session file.
	Session string
	// Dir is the edge's directory; it is made if it is missing. One process at a time.
	Dir string
	// Interface is the network interface to join the group on; empty: the kernel chooses.
	Interface string
	// HTTP is the address that content is served on, as in ":8080".
	HTTP string
	// Admin is the address for /healthz, /readyz and /metrics; empty: they are on HTTP.
	Admin string
	// Name is what the origin calls this edge (see CheckName); empty: the host's name.
	Name string
	// MaxBytes bounds the bundle files, in bytes; 0: no limit but the disk.
	MaxBytes int64
	// MemoryBytes bounds the symbols of blocks on their way; 0: edgecache.DefaultMemoryBytes.
	MemoryBytes int64
	// InjectLoss is the share, 0 to 1, of datagrams thrown away in either direction, to try
	// things out where nothing is lost.
	InjectLoss float64
	// Log takes changes of state; nil: slog.Default().
	Log *slog.Logger
}

// Validate returns a sentence that says what is wrong with c, if anything is.
func (c Config) Validate() error {
	switch {
	case c.Session == "":
		return errors.New("edge: no session file given")
	case c.Dir == "":
		return errors.New("edge: no directory given")
	case c.HTTP == "":
		return errors.New("edge: no address given to serve HTTP on")
	case c.MaxBytes < 0 || c.MemoryBytes < 0:
		return errors.New("edge: a size limit is negative")
	case !(c.InjectLoss >= 0 && c.InjectLoss < 1):
		return fmt.Errorf("edge: a loss of %g is not between 0 and 1", c.InjectLoss)
	case c.Name != "":
		return CheckName(c.Name)
	}
	return nil
}

// Run runs an edge until ctx ends, which takes at most a second, or something fails that it cannot
// live without. Errors are sentences for the operator.
func Run(ctx context.Context, c Config) error {
	e, err := Open(ctx, c)
	if err != nil {
		return err
	}
	return e.Run(ctx)
}

// Edge is an edge that has its directory and its HTTP addresses.
type Edge struct {
	cfg        Config
	log        *slog.Logger
	session    *session.Session
	generation control.Generation
	id         *identity

	// options are for group; peer is the origin's address, if there is a path to it.
	options mcast.Options
	peer    netip.AddrPort
	// unicast carries feedback; nil in a one-way session.
	group, unicast *mcast.Conn
	poller         *mcast.Poller
	content, admin *server // admin may be nil

	ready   readiness
	results chan any
	// turned is when the loop last went round, in nanoseconds since 1970.
	turned atomic.Int64
	// handler is the cache's, once it is open.
	handler atomic.Pointer[http.Handler]
}

// resultQueue is how many results of other goroutines wait for the loop at most.
const resultQueue = 64

// Open checks the configuration, locks the directory, finds the origin, and takes the HTTP
// addresses; Run must follow. ctx bounds the look-up of the origin's name.
func Open(ctx context.Context, c Config) (*Edge, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Name == "" {
		c.Name = defaultName()
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	s, err := session.Load(c.Session)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("edge: there is no session file %s: copy session.ff from the origin's directory", c.Session)
	}
	if err != nil {
		return nil, fmt.Errorf("edge: session file: %w", err)
	}
	e := &Edge{
		cfg: c, log: c.Log, session: s, results: make(chan any, resultQueue),
		generation: control.Generation{Order: s.Generation.Order, Random: s.Generation.Random},
	}
	e.ready.set(readyState{Reason: "starting"})
	if e.id, err = openIdentity(c.Dir); err != nil {
		return nil, err
	}
	if err := errors.Join(e.aim(ctx), e.listen()); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// HTTPAddr returns the address that content is served on.
func (e *Edge) HTTPAddr() net.Addr { return e.content.listener.Addr() }

// aim finds out what join needs, as far as it can be known in advance.
func (e *Edge) aim(ctx context.Context) (err error) {
	if !e.session.OneWay() {
		if e.peer, err = resolve(ctx, e.session.Origin, e.session.Group.Addr().Is6()); err != nil {
			return err
		}
	}
	e.options = mcast.Options{
		Group: e.session.Group, Source: e.session.Source, Interface: e.cfg.Interface,
		ReceiveBuffer: mcast.ReceiveBuffer(uint64(e.session.Rate)),
		Loss:          e.cfg.InjectLoss, LossSeed: e.random(lossStream).Uint64(),
	}
	return e.options.Validate()
}

// join opens the sockets. From then on they must be read: what overflows their buffers looks to the
// origin like the loss of an edge that cannot keep up.
func (e *Edge) join() (err error) {
	if e.group, err = mcast.Join(e.options); err != nil {
		return err
	}
	conns := []*mcast.Conn{e.group}
	if !e.session.OneWay() {
		if e.unicast, err = mcast.DialUnicast(e.peer, mcast.Options{}); err != nil {
			return err
		}
		conns = append(conns, e.unicast)
	}
	if e.poller, err = mcast.NewPoller(conns...); err != nil {
		return err
	}
	granted, wanted := e.group.Stats().ReceiveBuffer, e.options.ReceiveBuffer
	e.log.Info("joined", "group", e.session.Group, "source", e.session.Source, "interface", e.cfg.Interface,
		"origin", e.peer, "one_way", e.session.OneWay(), "name", e.cfg.Name, "receive_buffer", granted)
	if granted < wanted {
		e.log.Warn(fmt.Sprintf("the receive buffer is smaller than it should be, so packets may be lost here; allow it with sysctl -w net.core.rmem_max=%d", wanted),
			"granted", granted, "wanted", wanted)
	}
	return nil
}

// resolve finds the origin's address, of the group's family if it has one.
func resolve(ctx context.Context, address string, ipv6 bool) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("edge: origin %s: %w", address, err)
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "udp", port)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("edge: the origin's port in the session file: %w", err)
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(found) == 0 {
		return netip.AddrPort{}, fmt.Errorf("edge: the origin's address in the session file cannot be found: %w", err)
	}
	best := found[0]
	for _, addr := range found {
		if addr.Unmap().Is6() == ipv6 {
			best = addr
			break
		}
	}
	return netip.AddrPortFrom(best.Unmap(), uint16(number)), nil
}

// listen takes the HTTP addresses.
func (e *Edge) listen() (err error) {
	r := &reserved{healthz: http.HandlerFunc(e.healthz), readyz: &e.ready, metrics: newMetrics(e)}
	f := face{content: http.HandlerFunc(e.serveContent)}
	if e.cfg.Admin == "" {
		f.reserved = r
	} else if e.admin, err = listen(e.cfg.Admin, "--admin", adminFace{r}, e.log); err != nil {
		return err
	}
	e.content, err = listen(e.cfg.HTTP, "--http", f, e.log)
	return err
}

// serveContent is the cache, or 503 while it is not open yet.
func (e *Edge) serveContent(w http.ResponseWriter, r *http.Request) {
	if h := e.handler.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Retry-After", "1")
	http.Error(w, "this edge is starting", http.StatusServiceUnavailable)
}

// stuck is how long the loop may take for one turn before the edge is called unhealthy.
const stuck = 10 * time.Second

// healthz answers 200 while the loop goes round, or has not begun to.
func (e *Edge) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if at := e.turned.Load(); at != 0 && time.Since(time.Unix(0, at)) > stuck {
		http.Error(w, "the receiving loop is stuck", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// Run runs the edge, see the function Run, and closes it.
func (e *Edge) Run(ctx context.Context) (err error) {
	defer e.close()
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range e.servers() {
		group.Go(s.serve)
		group.Go(func() error {
			<-ctx.Done()
			s.stop()
			return nil
		})
	}
	group.Go(func() error { return e.receive(ctx) })
	if err := group.Wait(); err != nil {
		return err
	}
	e.log.Info("edge has stopped")
	return nil
}

func (e *Edge) servers() []*server {
	if e.admin == nil {
		return []*server{e.content}
	}
	return []*server{e.content, e.admin}
}

// receive opens the cache, which may take long since it reads what is half there, then joins the
// group, and has the loop run on both.
func (e *Edge) receive(ctx context.Context) error {
	cache, err := edgecache.Open(edgecache.Config{
		Dir: e.cfg.Dir, Name: e.cfg.Name, Channel: e.session.Channel, Generation: e.generation,
		Key:      ed25519.PublicKey(e.session.PublicKey),
		MaxBytes: e.cfg.MaxBytes, MemoryBytes: e.cfg.MemoryBytes, Log: e.log,
	})
	if err != nil {
		return err
	}
	handler := cache.Handler()
	e.handler.Store(&handler)
	if err = e.join(); err == nil {
		err = e.runLoop(ctx, cache)
	}
	for _, s := range e.servers() {
		s.stop() // no request is under way when the cache is closed
	}
	return errors.Join(err, cache.Close())
}

// Streams of random numbers; each has one owner.
const (
	engineStream = iota + 1
	feedStream
	lossStream
	unicastStream
	doubtStream
)

// random returns one of the edge's streams of random numbers, other ones at every start.
func (e *Edge) random(stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(e.id.edge, e.id.counter+stream))
}

// runLoop runs the loop and its workers until ctx ends.
func (e *Edge) runLoop(ctx context.Context, cache *edgecache.Cache) error {
	engine, err := receiver.New(e.engineConfig(), e.random(engineStream), mcast.NewClock().Now())
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	workers := e.newWorkers(cache)
	workers.start(ctx, group)
	group.Go(func() error {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		stop := context.AfterFunc(ctx, e.poller.Wake)
		defer stop()
		return newLoop(e, cache, engine, workers).run(ctx)
	})
	return group.Wait()
}

// close closes what Open and join opened.
func (e *Edge) close() {
	for _, s := range e.servers() {
		if s != nil {
			s.listener.Close() // an error: the server has closed it
		}
	}
	if e.poller != nil {
		e.poller.Close()
	}
	for _, c := range []*mcast.Conn{e.unicast, e.group} {
		if c != nil {
			c.Close()
		}
	}
	e.id.close()
}
