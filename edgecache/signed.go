package edgecache

// keepMark has the entry at the new mark kept as the origin signed it, though all else of it is in
// the rows: it proves which log they are of. The caller holds writing, and has not applied b yet.
func (c *Cache) keepMark(b batch, mark uint64) {
	raw := c.applying.raw
	if raw == nil || c.applying.sequence != mark {
		// It was applied before. If it cannot be read the older one stays, which proves a little
		// less.
		raw, _ = c.index.get(sequenceKey(tagEntry, mark))
	}
	if raw != nil {
		b.set([]byte{tagSigned}, raw)
	}
}

// Signed returns entries, as sent, by which the origin can be shown what it signed: the one at the
// mark, and the highest of those above if there are any; none if nothing was applied yet.
func (c *Cache) Signed() (raw [][]byte, err error) {
	mark, highest := c.Position()
	keys := [][]byte{{tagSigned}}
	if highest > mark {
		keys = append(keys, sequenceKey(tagEntry, highest))
	}
	for _, key := range keys {
		one, err := c.index.get(key)
		if err != nil {
			return nil, err
		}
		if one != nil {
			raw = append(raw, one)
		}
	}
	return raw, nil
}
