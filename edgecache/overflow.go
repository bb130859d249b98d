package edgecache

import (
	"errors"
	"os"
)

const (
	// maxOverflowBytes is how large the file may become.
	maxOverflowBytes = 1 << 30
	// overflowGrowth is by how many symbols it grows.
	overflowGrowth = 1024
)

// errOverflow means that the file has no room for a symbol.
var errOverflow = errors.New("edgecache: no room for repair symbols")

// An overflow holds the repair symbols that memory has no room for: unlike source symbols they
// have no place in the bundle's file. It is a file without a name, so that nothing is left of it
// after a crash; what is in it would be of no use then. The loop owns it.
type overflow struct {
	disk *disk
	file *os.File // nil until the first symbol
	// length is what a slot holds, in bytes: every bundle of a session has symbols of that length.
	length int
	// slots is how many there are, free which of them are empty.
	slots uint32
	free  []uint32
}

// put stores a symbol and returns its slot, or an error: then it is not stored.
func (o *overflow) put(symbol []byte) (slot uint32, err error) {
	if o.file == nil {
		if err := o.open(len(symbol)); err != nil {
			return 0, err
		}
	}
	if len(symbol) != o.length {
		return 0, errOverflow
	}
	if len(o.free) == 0 {
		if err := o.grow(); err != nil {
			return 0, err
		}
	}
	slot = o.free[len(o.free)-1]
	if err := o.disk.writeAt(o.file, symbol, int64(slot)*int64(o.length)); err != nil {
		return 0, err
	}
	o.free = o.free[:len(o.free)-1]
	return slot, nil
}

// open makes the file.
func (o *overflow) open(length int) error {
	file, err := os.CreateTemp(o.disk.dir, ".overflow-*")
	if err != nil {
		return err
	}
	if err := os.Remove(file.Name()); err != nil {
		return errors.Join(err, file.Close())
	}
	o.file, o.length = file, length
	return nil
}

// grow makes empty slots.
func (o *overflow) grow() error {
	size := int64(o.slots+overflowGrowth) * int64(o.length)
	if size > maxOverflowBytes {
		return errOverflow
	}
	if err := o.disk.extend(o.file, size); err != nil {
		return err
	}
	for range overflowGrowth {
		o.free = append(o.free, o.slots)
		o.slots++
	}
	return nil
}

// get reads the symbol of a slot.
func (o *overflow) get(slot uint32, symbol []byte) error {
	_, err := o.file.ReadAt(symbol, int64(slot)*int64(o.length))
	return err
}

// drop empties a slot. When none is taken any more the file's space goes back.
func (o *overflow) drop(slot uint32) {
	o.free = append(o.free, slot)
	if len(o.free) == int(o.slots) && o.slots > overflowGrowth && o.file.Truncate(0) == nil {
		o.slots, o.free = 0, nil
	}
}

// close gives back the file.
func (o *overflow) close() {
	if o.file != nil {
		o.file.Close()
	}
}
