package handover

import (
	"errors"
	"testing"
	"time"
)

func TestRows(t *testing.T) {
	rows := []Row{
		{"a/b c\xff", 0, time.Unix(0, 0)},
		{"x", 1 << 40, time.Unix(1<<33, 999_999_999)},
		{"", 300, time.Unix(-5, 1)},
	}
	var b []byte
	for i := range rows {
		b = rows[i].Append(b)
	}
	for _, want := range rows {
		got, rest, err := ParseRow(b)
		if err != nil || got.Name != want.Name || got.Size != want.Size || !got.Modified.Equal(want.Modified) {
			t.Fatalf("%+v, %v; want %+v", got, err, want)
		}
		b = rest
	}
	if len(b) > 0 {
		t.Errorf("%d bytes are left", len(b))
	}
	one := rows[1].Append(nil)
	for n := range one {
		if _, _, err := ParseRow(one[:n]); !errors.Is(err, ErrRow) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
}

func FuzzParseRow(f *testing.F) {
	row := Row{"name", 70000, time.Unix(1e9, 5)}
	f.Add(row.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, rest, err := ParseRow(b)
		if err != nil {
			return
		}
		again, none, err := ParseRow(r.Append(nil))
		if err != nil || len(none) > 0 || again != r || len(rest) > len(b) {
			t.Fatalf("%+v became %+v, %v", r, again, err)
		}
	})
}
