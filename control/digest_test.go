package control

import (
	"testing"
)

// TestRowSum: whatever a row has changes its sum.
func TestRowSum(t *testing.T) {
	sum := func(change func(v *version, f *fields, k *Key)) rowSum {
		f := fields{headers: []Header{{"a", "b"}, {"c", "d"}}, tags: []string{"t", "u"}}
		v := version{bundle: &bundle{sequence: 7}, fields: &f, offset: 1, length: 2, body: Hash{1}, number: 3}
		k := Key{"host", "/a/path/of/some/length"}
		change(&v, &f, &k)
		f.hash = f.mix()
		return v.sum(k)
	}
	seen := map[uint64]int{}
	for i, change := range []func(v *version, f *fields, k *Key){
		func(v *version, f *fields, k *Key) {},
		func(v *version, f *fields, k *Key) { v.bundle.sequence++ },
		func(v *version, f *fields, k *Key) { v.offset++ },
		func(v *version, f *fields, k *Key) { v.length++ },
		func(v *version, f *fields, k *Key) { v.body[31] = 1 },
		func(v *version, f *fields, k *Key) { v.body[0] = 2 },
		func(v *version, f *fields, k *Key) { k.Host += "x" },
		func(v *version, f *fields, k *Key) { k.Path += "x" },
		func(v *version, f *fields, k *Key) { k.Path += "\x00" },
		func(v *version, f *fields, k *Key) { k.Host, k.Path = "hos", "t"+k.Path },
		func(v *version, f *fields, k *Key) { f.headers[1].Value = "e" },
		func(v *version, f *fields, k *Key) { f.headers = f.headers[:1] },
		func(v *version, f *fields, k *Key) { f.tags[1] = "v" },
		func(v *version, f *fields, k *Key) { f.tags = f.tags[:1] },
		func(v *version, f *fields, k *Key) { f.headers, f.tags = nil, []string{"a", "b", "c", "d", "t", "u"} },
	} {
		for lane, n := range sum(change) {
			if at, found := seen[n]; found {
				t.Errorf("change %d, number %d: as that of change %d", i, lane, at)
			}
			seen[n] = i
		}
	}
}
