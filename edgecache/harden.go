package edgecache

// Harden is Sync for a goroutine beside the loop, one at a time: it waits for the disk while the
// loop goes on. What it made durable Durable tells. A caller uses these two, or State.
func (c *Cache) Harden() error {
	c.writing.Lock()
	position, durable := c.position, c.durable
	state := c.tell()
	c.writing.Unlock()
	if position > durable {
		if err := c.index.sync(); err != nil {
			return err
		}
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	c.durable = max(c.durable, position)
	c.state, c.stateFresh = state, false
	return c.unlink()
}

// Durable returns the State that the last Harden made durable, with the progress of now. It does
// not wait for the disk. The slices are shared between calls and must not be changed. Only the
// loop calls it.
func (c *Cache) Durable() State {
	c.writing.Lock()
	state := c.state
	c.writing.Unlock()
	state.Progress = c.progress()
	return state
}
