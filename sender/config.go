package sender

import (
	"errors"
	"fmt"
	"time"

	"fanfare/fec"
	"fanfare/internal/wire"
)

// Errors that an Engine returns.
var (
	// ErrConfig is wrapped by errors about a Config.
	ErrConfig = errors.New("sender: bad configuration")
	// ErrObject is wrapped by errors about an ObjectInfo.
	ErrObject = errors.New("sender: bad object")
	// ErrExists says that an object with this TOI is being held already.
	ErrExists = errors.New("sender: object is there already")
	// ErrFull says that Config.MaxObjects objects are held, and none of them is idle.
	ErrFull = errors.New("sender: too many objects")
)

// Config is what an Engine is made with. The zero value of a field is its default, where
// it has one.
type Config struct {
	// TSI is the session that every packet carries.
	TSI uint32
	// Instance tells this start of the sender from all others; the caller draws it at random.
	Instance uint64
	// Started is the data TOI of the newest entry of the log at this start, 0 if the log is
	// empty: receivers take every data object up to it as sent in full before, and ask for
	// what they miss.
	Started uint32
	// Rate is the most that is sent, in bits per second, headers included. Required.
	Rate uint64
	// MinRate makes the rate adaptive, between MinRate and Rate: it follows what TCP would send to
	// the edges that are well (RFC 8085). 0 means that the path is provisioned: Rate is fixed.
	MinRate uint64
	// PacketOverhead is what a packet costs outside its LCT header and payload (UDP, IP,
	// Ethernet), in bytes; it is charged to the rate.
	PacketOverhead int

	// OneWay says that edges have no path to here: feedback is ignored, an object is forgotten as
	// soon as it has been sent (ObjectForgotten), and heartbeats come every 200 ms or more rarely, as
	// nobody waits for them.
	OneWay bool

	// MaxObjects limits the objects held; default 4,096. A new one displaces the one that
	// has been idle longest.
	MaxObjects int
	// MaxRepairBlocks limits the blocks with repair state; default 65,536, about 120 bytes
	// each. What is refused is asked for again.
	MaxRepairBlocks int
	// MaxEdges limits the edges remembered for GRTT and group size; default 16,384. The asks
	// of an edge beyond it are honoured all the same.
	MaxEdges int
	// FeedbackRate is how many feedback messages a second all edges together should send at most;
	// default 1,000. Half of it is for reports: they are told to report so rarely that it is kept,
	// and that reports take no more than 0.5 % of Rate in groups of up to 100 edges, 0.05 % at 10,000.
	FeedbackRate int
	// ExpectedEdges is how many edges are likely to be there at the start, such as those heard by
	// the instance before: they must not all report at once. It counts until all had time to.
	ExpectedEdges int
	// Keep is how long an object is held after its last transmission; default 60 s.
	Keep time.Duration
	// MaxUnfinished is how many blocks the edges may be unable to finish, as far as their asks tell,
	// before new data waits for repair; default as many as fit into 64 MiB of an edge's memory, at
	// most 4,096.
	MaxUnfinished int
	// Demote bounds how far an edge may fall behind the others; on by default.
	Demote DemoteConfig
	// InitialGRTT is the estimate of the group's round trip before the first feedback; default
	// 20 ms.
	InitialGRTT time.Duration
}

// Validate returns an error that wraps ErrConfig if no engine can run with c.
func (c Config) Validate() error {
	switch {
	case c.Rate < minRate || c.Rate > maxRate:
		return fmt.Errorf("%w: rate %d bit/s is not between %d and %d", ErrConfig, c.Rate, uint64(minRate), uint64(maxRate))
	case c.MinRate != 0 && (c.MinRate < minRate || c.MinRate > c.Rate):
		return fmt.Errorf("%w: minimum rate %d bit/s is not between %d and %d", ErrConfig, c.MinRate, uint64(minRate), c.Rate)
	case c.MinRate != 0 && c.OneWay:
		return fmt.Errorf("%w: an adaptive rate needs reports, which a one-way session has not", ErrConfig)
	case c.PacketOverhead < 0 || c.PacketOverhead > 1024:
		return fmt.Errorf("%w: packet overhead of %d bytes", ErrConfig, c.PacketOverhead)
	case c.MaxObjects < 0 || c.MaxRepairBlocks < 0 || c.MaxEdges < 0 || c.FeedbackRate < 0 || c.ExpectedEdges < 0 || c.Keep < 0 || c.InitialGRTT < 0 || c.Demote.Lag < 0 || c.MaxUnfinished < 0:
		return fmt.Errorf("%w: negative limit", ErrConfig)
	case c.Demote.LossPPM > 1e6:
		return fmt.Errorf("%w: demotion at a loss of %d packets per million", ErrConfig, c.Demote.LossPPM)
	case c.Started != 0 && !wire.IsData(c.Started):
		return fmt.Errorf("%w: started at TOI %d, which is not of a data object", ErrConfig, c.Started)
	}
	return nil
}

// Bounds of Config.Rate, in bits per second.
const (
	minRate = 8_000
	maxRate = 1_000_000_000_000
)

// withDefaults returns c with every zero field that has a default set to it.
func (c Config) withDefaults() Config {
	setDefault(&c.MaxObjects, 4096)
	setDefault(&c.MaxRepairBlocks, 65536)
	setDefault(&c.MaxEdges, 16384)
	setDefault(&c.FeedbackRate, 1000)
	setDefault(&c.Keep, 60*time.Second)
	setDefault(&c.InitialGRTT, 20*time.Millisecond)
	c.ExpectedEdges = min(c.ExpectedEdges, c.MaxEdges)
	return c
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// ObjectInfo describes an object to be sent or repaired.
type ObjectInfo struct {
	// TOI names the object: wire.ControlTOI or wire.DataTOI of a sequence.
	TOI uint32
	// OTI says how the object is cut. A control object must have exactly one source block.
	OTI fec.OTI
	// Sent says that the first pass is over, be it by an earlier instance: the object is only
	// repaired.
	Sent bool
	// Priority says which of several data objects goes first. Control objects have none: they
	// stand above all.
	Priority Priority
	// Start is the ESI, modulo n, at which the pass begins with each block: it sends as many symbols
	// as ever from there on. So a carousel that adds an object again with a Start of what it
	// has sent of each block so far sends fresh symbols. Adding a data object that is held and has
	// nothing to send replaces it if Start is not 0.
	Start int
	// Proactive is how many repair symbols follow the source symbols of each block unasked; it is
	// clamped to n-k. 0 is as many as the losses that edges report make worth while, none if
	// they report none; NoProactive is none in any case.
	Proactive int
}
