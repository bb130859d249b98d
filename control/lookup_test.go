package control

import "testing"

// Pages of any length, one after the other, are all keys in order.
func TestListInPages(t *testing.T) {
	c, _ := filled(t, 4, 250)
	for _, limit := range []int{1, 7, 100, 333, 999, 1000, 2000} {
		var after Key
		for n := 0; ; {
			rows := c.List(Key{}, after, limit)
			if len(rows) != min(limit, 1000-n) {
				t.Fatalf("limit %d: a page of %d after %d keys", limit, len(rows), n)
			}
			for i := range rows {
				if rows[i].Key.Compare(after) <= 0 {
					t.Fatalf("limit %d: %v comes after %v", limit, rows[i].Key, after)
				}
				after = rows[i].Key
			}
			if n += len(rows); n == 1000 {
				break
			}
		}
	}
	if rows := c.List(Key{}, Key{}, 0); len(rows) != 0 {
		t.Errorf("%d keys of none", len(rows))
	}
}

// BenchmarkList lists 100,000 keys in pages of 1,000.
func BenchmarkList(b *testing.B) {
	c, _ := filled(b, 100, 1000)
	for b.Loop() {
		var after Key
		for rows := c.List(Key{}, after, 1000); len(rows) > 0; rows = c.List(Key{}, after, 1000) {
			after = rows[len(rows)-1].Key
		}
	}
}
