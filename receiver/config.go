package receiver

import (
	"errors"
	"fmt"

	"fanfare/fec"
)

// Errors that an Engine returns.
var (
	// ErrConfig is wrapped by errors about a Config.
	ErrConfig = errors.New("receiver: bad configuration")
	// ErrObject is wrapped by errors about an ObjectInfo.
	ErrObject = errors.New("receiver: bad object")
	// ErrFull says that Config.MaxObjects objects are held: the loop expects the object again
	// when another one is whole.
	ErrFull = errors.New("receiver: too many objects")
)

// Config is what an Engine is made with. The zero value of a field is its default, where
// it has one.
type Config struct {
	// TSI is the session; packets of others are counted and dropped.
	TSI uint32
	// Edge names this receiver in its feedback. It must not be shared with another.
	Edge uint64
	// Counter is what the numbering of feedback begins above; it must be at least the last
	// number used before a restart (the time in nanoseconds since 1970 will do).
	Counter uint64

	// Unicast says that the loop can get blocks otherwise than from packets, see Missing and
	// Supply: one that fails with ErrPoisoned is left to it, and never asked for again. Without,
	// such a block is asked for anew, ever more rarely.
	Unicast bool

	// OneWay says that there is no path to the sender: nothing is ever asked for or reported, and
	// what is missing comes when the sender repeats everything.
	OneWay bool

	// MaxObjects limits the objects that are not whole yet; default 4,096.
	MaxObjects int
	// MaxUnexpected limits those of them that began with a packet and are not expected yet;
	// default 64.
	MaxUnexpected int
	// MaxOpenBlocks limits the blocks with state: those with a symbol, but not whole; default
	// 4,096, and 65,536 with OneWay, where blocks wait for a whole cycle; about 120 bytes each. A
	// symbol of one more block is refused, and asked for later.
	MaxOpenBlocks int
	// MaxAskedBlocks limits the blocks asked for at a time; default 256, oldest first. So a
	// receiver that lacks everything floods nobody.
	MaxAskedBlocks int
	// MaxRanges limits the runs of whole blocks, and those of poisoned ones, that are remembered
	// of all objects; default 65,536. With more no further block is opened for a symbol; those that are
	// asked for still are, and close gaps between runs.
	MaxRanges int
}

// Validate returns an error that wraps ErrConfig if no engine can run with c.
func (c Config) Validate() error {
	if c.MaxObjects < 0 || c.MaxUnexpected < 0 || c.MaxOpenBlocks < 0 || c.MaxAskedBlocks < 0 || c.MaxRanges < 0 {
		return fmt.Errorf("%w: negative limit", ErrConfig)
	}
	return nil
}

// withDefaults returns c with every zero field that has a default set to it.
func (c Config) withDefaults() Config {
	setDefault(&c.MaxObjects, 4096)
	setDefault(&c.MaxUnexpected, 64)
	if c.OneWay {
		setDefault(&c.MaxOpenBlocks, 65536)
	}
	setDefault(&c.MaxOpenBlocks, 4096)
	setDefault(&c.MaxAskedBlocks, 256)
	setDefault(&c.MaxRanges, 65536)
	return c
}

func setDefault(field *int, value int) {
	if *field == 0 {
		*field = value
	}
}

// BlockRange is Count source blocks from SBN.
type BlockRange struct{ SBN, Count uint32 }

// ObjectInfo describes an object to be received.
type ObjectInfo struct {
	// TOI names the object.
	TOI uint32
	// OTI says how it is cut. It may be the zero value for a control object of which only the
	// sequence is known: the first packet tells.
	OTI fec.OTI
	// Whole lists blocks that are there already (after a restart), in any order.
	Whole []BlockRange
}
