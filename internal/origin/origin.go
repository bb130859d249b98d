package origin

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"fanfare/control"
	"fanfare/internal/mcast"
	"fanfare/internal/origin/edges"
	"fanfare/internal/origin/marks"
	"fanfare/internal/origin/spool"
	"fanfare/internal/session"
)

// ErrRunning is wrapped by the error of Open for a directory that another origin runs in.
var ErrRunning = errors.New("an origin is running there already")

// Config says how an origin is run. Only Dir is needed.
type Config struct {
	// Dir is the directory that Init made.
	Dir string
	// Log is where changes of state are told; nil means slog.Default.
	Log *slog.Logger
	// API is ADDRESS:PORT for the local API on TCP, instead of that in origin.yaml; not
	// valid for what that says.
	API netip.AddrPort
}

// Run opens the origin that c names and runs it until ctx is done, which is no error, or
// something fails that cannot be gone on with. Errors are sentences for the operator.
func Run(ctx context.Context, c Config) error {
	o, err := Open(c)
	if err != nil {
		return err
	}
	return o.Run(ctx)
}

// Origin is one origin: Open makes it ready, Run runs it.
type Origin struct {
	dir     string
	api     netip.AddrPort // instead of that in config
	log     *slog.Logger
	config  *config
	session *session.Session
	key     ed25519.PrivateKey
	started time.Time

	lock    *os.File
	entries *entryLog
	marks   *marks.Table // has every entry's hash
	reached *headFile
	spool   *spool.Spool
	edges   *edges.Table
	loop    *loop
	servers []*server
	counts  apiCounts
	catchUp *catchUp
	guard   *guard
	// publishing limits how many publications are read at once.
	publishing slots

	// storing is held while edges are stored, so that what is stored last is the newest.
	storing sync.Mutex
	// appending is held by whoever appends to the log; it guards head, too, for them.
	appending sync.Mutex
	// mu guards the catalogue, and the head for readers.
	mu         sync.RWMutex
	catalogue  *control.Catalogue
	head       control.Head
	signedHead []byte
	released   map[uint64]release // bundles that nothing points to any more
	superseded chan struct{}      // has something when there are new ones

	// failure ends Run; from failed on nothing is appended any more.
	failure chan error
	failed  atomic.Bool
}

// Open opens the origin that c names, checks its log, and binds its sockets: from then on requests
// and feedback wait for Run. Errors are sentences for the operator.
func Open(c Config) (*Origin, error) {
	o := &Origin{
		dir: c.Dir, api: c.API, log: c.Log, started: time.Now(),
		publishing: newSlots(), failure: make(chan error, 1),
		released: make(map[uint64]release), superseded: make(chan struct{}, 1),
	}
	if o.log == nil {
		o.log = slog.Default()
	}
	if err := o.open(); err != nil {
		return nil, errors.Join(err, o.close())
	}
	return o, nil
}

func (o *Origin) open() error {
	if err := o.loadFiles(); err != nil {
		return err
	}
	lock, err := lockDir(o.dir)
	if err != nil {
		return err
	}
	o.lock = lock
	if o.entries, err = openLog(filepath.Join(o.dir, logName), o.log); err != nil {
		return err
	}
	o.marks = marks.New(o.entries.entry)
	o.spool = spool.New(filepath.Join(o.dir, spoolName))
	if err := o.replay(); err != nil {
		return err
	}
	saved, err := o.entries.loadEdges()
	if err != nil {
		return err
	}
	o.guard = newGuard(len(saved), o.session.OneWay())
	o.edges = edges.New(o.head.Generation, saved, o.guard.settle, o.log)
	if err := o.checkProof(); err != nil {
		return err
	}
	return o.bind()
}

// loadFiles reads configuration, session and key.
func (o *Origin) loadFiles() error {
	var err error
	if o.config, err = loadConfig(o.dir); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no origin in %s: make one with `fanfare origin init --dir %s`", o.dir, o.dir)
	} else if err != nil {
		return err
	}
	if o.session, err = session.Load(filepath.Join(o.dir, sessionName)); err != nil {
		return err
	}
	if err := o.config.fits(o.session); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(o.dir, configName), err)
	}
	if o.api.IsValid() {
		o.config.API = o.api
	}
	o.catchUp = newCatchUp(uint64(cmp.Or(o.config.CatchUpRate, o.session.Rate/catchUpShare)))
	o.key, err = loadKey(o.dir, o.session)
	return err
}

// bind opens the sockets.
func (o *Origin) bind() error {
	group, err := mcast.NewSender(mcast.Options{
		Group: o.session.Group, Source: o.session.Source, Interface: o.config.Interface,
		TTL: o.config.TTL, Loop: o.config.Loop, SendBuffer: sendBuffer(uint64(o.session.Rate)),
	})
	if err != nil {
		return err
	}
	feedback, err := mcast.ListenUnicast(o.config.Listen, mcast.Options{
		ReceiveBuffer: 4 << 20, PacketLimit: 2048,
	})
	if err != nil {
		group.Close()
		return fmt.Errorf("listening for feedback, listen in %s: %w", configName, err)
	}
	if o.loop, err = newLoop(o, group, feedback); err != nil {
		group.Close()
		feedback.Close()
		return err
	}
	return o.listen()
}

// lockDir takes the lock of an origin's directory.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", dir, ErrRunning)
		}
		return nil, fmt.Errorf("origin: lock: %w", err)
	}
	return f, nil
}

// Session returns what an edge must know. It must not be changed.
func (o *Origin) Session() *session.Session { return o.session }

// Run serves until ctx is done or something fails that cannot be gone on with, such as a
// sync. It closes the origin, in either case. Cancelling ctx is no error.
func (o *Origin) Run(ctx context.Context) error {
	o.log.Info("origin is running", "group", o.session.Group, "interface", o.config.Interface,
		"rate", o.session.Rate, "generation", o.session.Generation, "head", o.head.Sequence)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return o.loop.run(ctx) })
	group.Go(func() error { return o.keepHouse(ctx) })
	group.Go(func() error { o.marks.Run(ctx); return nil })
	group.Go(func() error {
		select {
		case err := <-o.failure:
			return err
		case <-ctx.Done():
			return nil
		}
	})
	for _, s := range o.servers {
		group.Go(func() error { return s.run(ctx) })
	}
	err := group.Wait()
	err = errors.Join(err, o.close())
	o.log.Info("origin has stopped")
	return err
}

// fail ends Run, and keeps anything more from being acknowledged.
func (o *Origin) fail(err error) {
	o.failed.Store(true)
	select {
	case o.failure <- err:
	default:
	}
}

// close lets go of everything that open took.
func (o *Origin) close() error {
	var err error
	for _, s := range o.servers {
		err = errors.Join(err, s.close())
	}
	if o.loop != nil {
		o.loop.close()
	}
	if o.edges != nil {
		o.edges.SaveAll()
		err = errors.Join(err, o.storeEdges())
	}
	if o.entries != nil {
		if !o.failed.Load() {
			err = errors.Join(err, o.settle())
		}
		err = errors.Join(err, o.entries.close())
	}
	if o.reached != nil {
		err = errors.Join(err, o.reached.close())
	}
	if o.lock != nil {
		err = errors.Join(err, o.lock.Close())
	}
	return err
}
