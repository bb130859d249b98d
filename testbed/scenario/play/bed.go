package play

import (
	"context"
	"errors"
	"time"

	"fanfare/testbed/report"
	"fanfare/testbed/scenario"
)

// errNotHere is wrapped by a bed's error for what it cannot do here. The step is left out, and
// said to be.
var errNotHere = errors.New("not here")

// power is what happens to a machine.
type power int

const (
	powerKill  power = iota // kill -9
	powerStop               // SIGTERM
	powerStart              // first or again
)

// bed is where a scenario runs. One goroutine calls it, but for what during runs.
type bed interface {
	// where says in one sentence what the machines are.
	where() string
	// start makes everything and starts all but the edges that join later; time begins.
	start(ctx context.Context) error
	// now is the time since start.
	now() time.Duration
	// sleep lets time pass.
	sleep(ctx context.Context, d time.Duration) error
	// during does something that may take long and calls tick now and then meanwhile.
	during(do func() error, tick func()) error

	publish(ctx context.Context, p *publication) error
	purge(ctx context.Context, p *scenario.Purge, keys []string) error
	// measurePurge purges one key and notes when every edge has done so.
	measurePurge(ctx context.Context, key string) (report.Purge, error)
	power(ctx context.Context, name string, what power) error
	pause(ctx context.Context, name string, d time.Duration) error
	plug(name string, in bool) error
	setLink(edge string, down, up scenario.Faults) error
	clockJump(name string, by time.Duration) error
	fillDisk(edge string, full bool) error

	// look brings the edges' progress of all publications up to date, and returns the counters.
	look(ctx context.Context) report.Sample
	// behind says of each edge what it lacks of the log, "" if nothing.
	behind(ctx context.Context) ([]string, error)
	// verify compares what the edges serve with what they should.
	verify(ctx context.Context, l *ledger) (*findings, error)
	// finish fills in what the bed itself knows of the result.
	finish(ctx context.Context, r *report.Result)
	close() error
}

// findings are what was not as it must be: a sentence each.
type findings struct {
	// answers counts objects that were compared, digests catalogues, refusals purged objects that
	// were asked for.
	answers, digests, refusals int
	differ, digest, purged     []string
}

// publication is one publish step under way.
type publication struct {
	step *scenario.Publish
	// objects are its files.
	objects []*object
	bytes   int64
	// at is when it was called, acked how long that took.
	at, acked   time.Duration
	first, last uint64
	bundles     int
	// fraction is what each edge has of it, 0 to 1, served after how long it served all of it; -1: not
	// yet.
	fraction []float64
	served   []time.Duration
}

// object is one file of a publication.
type object struct {
	key         string // //HOST/PATH or /PATH
	host, path  string
	name        string // of the file, below the publication's prefix
	size        int64
	seed        [32]byte // of its content
	tags        []string
	publication string
}
