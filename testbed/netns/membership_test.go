package netns

import (
	"net/netip"
	"testing"
	"time"
)

var (
	sourceOne = netip.MustParseAddr("10.77.0.1")
	sourceTwo = netip.MustParseAddr("10.77.0.2")
	someGroup = netip.MustParseAddr("232.1.2.3")
	reporter  = netip.MustParseAddr("10.77.1.1")
)

func TestMemberships(t *testing.T) {
	one, two := []netip.Addr{sourceOne}, []netip.Addr{sourceTwo}
	type record struct {
		kind    byte
		sources []netip.Addr
	}
	tests := map[string]struct {
		records  []record
		one, two bool
	}{
		"nothing":             {nil, false, false},
		"any source":          {[]record{{changeToExclude, nil}}, true, true},
		"any, left":           {[]record{{changeToExclude, nil}, {changeToInclude, nil}}, false, false},
		"one source":          {[]record{{allowNewSources, one}}, true, false},
		"two sources":         {[]record{{allowNewSources, one}, {allowNewSources, two}}, true, true},
		"two, one left":       {[]record{{allowNewSources, one}, {allowNewSources, two}, {blockOldSources, one}}, false, true},
		"all left":            {[]record{{allowNewSources, one}, {blockOldSources, one}}, false, false},
		"all but one":         {[]record{{changeToExclude, one}}, false, true},
		"all but one or two":  {[]record{{changeToExclude, one}, {blockOldSources, two}}, false, false},
		"all but one, joined": {[]record{{changeToExclude, one}, {allowNewSources, one}}, true, true},
		"told again":          {[]record{{modeIsInclude, one}, {modeIsInclude, one}}, true, false},
		"told to exclude":     {[]record{{modeIsExclude, two}}, true, false},
		"a kind unheard of":   {[]record{{77, one}}, false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m, now := memberships{}, time.Now()
			who := member{router: 1, port: 2, group: someGroup, from: reporter}
			for _, r := range test.records {
				m.apply(who, groupRecord{r.kind, someGroup, r.sources}, now)
			}
			for source, want := range map[netip.Addr]bool{sourceOne: test.one, sourceTwo: test.two} {
				if got := m.wanted(1, 2, stream{source, someGroup}); got != want {
					t.Errorf("wants %v: %v, want %v", source, got, want)
				}
				if m.wanted(1, 3, stream{source, someGroup}) || m.wanted(0, 2, stream{source, someGroup}) {
					t.Error("another port wants it too")
				}
			}
			m.expire(now.Add(membershipLife + 1))
			if len(m) != 0 {
				t.Errorf("who does not answer stays: %v", m)
			}
		})
	}
}

func TestParseReport(t *testing.T) {
	report := []byte{
		0x22, 0, 0, 0, 0, 0, 0, 2, // a report of two records
		allowNewSources, 1, 0, 2, 232, 1, 2, 3, 10, 77, 0, 1, 10, 77, 0, 2, 9, 9, 9, 9, // with auxiliary data
		changeToExclude, 0, 0, 0, 239, 1, 1, 1,
	}
	got := parseReport(report, 4)
	if len(got) != 2 || got[0].kind != allowNewSources || got[0].group != someGroup || len(got[0].sources) != 2 ||
		got[0].sources[1] != sourceTwo || got[1].kind != changeToExclude || got[1].group.String() != "239.1.1.1" {
		t.Errorf("got %+v", got)
	}
	for length := range report { // cut short anywhere
		if n := len(parseReport(report[:length], 4)); n > 1 {
			t.Errorf("%d bytes: %d records", length, n)
		}
		parseReport(report[:length], 16)
	}
}

func FuzzParseReport(f *testing.F) {
	f.Add([]byte{0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 239, 1, 1, 1}, true)
	f.Fuzz(func(t *testing.T, b []byte, six bool) {
		length := 4
		if six {
			length = 16
		}
		for _, r := range parseReport(b, length) {
			if r.group.BitLen() != 8*length {
				t.Errorf("group %v", r.group)
			}
		}
	})
}
