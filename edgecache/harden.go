package edgecache

// Harden is Sync for a goroutine beside the loop, one at a time: it waits for the disk while the
// loop goes on. What it made durable Durable tells.
func (c *Cache) Harden() error {
	c.writing.Lock()
	position, onDisk := c.position, c.onDisk
	state := c.tell()
	c.writing.Unlock()
	if position > onDisk {
		if err := c.index.sync(); err != nil {
			return err
		}
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	c.synced(position)
	c.state, c.stateFresh = state, false
	return c.unlink()
}

// Settle has Durable tell of all that is there, if that is durable, without waiting for the disk:
// as a rule it is after a Commit. If it returns false, Harden is needed.
func (c *Cache) Settle() bool {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.position > c.durable {
		return false
	}
	c.state, c.stateFresh = c.tell(), false
	return true
}

// Unsynced reports whether there is something that only the next Harden or Commit takes to the disk:
// work that the next Open would have to do again, if nothing else.
func (c *Cache) Unsynced() bool {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.position > c.onDisk
}

// Durable returns the State as the last Harden or Settle found it, with the progress of now. It does
// not wait for the disk. The slices are shared between calls and must not be changed. Only the loop
// calls it. Who uses Harden, Settle and Durable does not call Sync and State.
func (c *Cache) Durable() State {
	c.writing.Lock()
	state := c.state
	c.writing.Unlock()
	state.Progress = c.progress()
	return state
}
