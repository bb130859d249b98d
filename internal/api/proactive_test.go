package api

import "testing"

func TestParseProactive(t *testing.T) {
	for _, test := range []struct {
		text  string
		share float64
		auto  bool
	}{
		{"", 0, true}, {"auto", 0, true}, {"none", 0, false}, {"0%", 0, false}, {"10%", 0.1, false}, {"2.5%", 0.025, false}, {"100%", 1, false},
	} {
		if share, auto, err := ParseProactive(test.text); err != nil || share != test.share || auto != test.auto {
			t.Errorf("%q: %v, %v, %v", test.text, share, auto, err)
		}
	}
	for _, bad := range []string{"10", "0.1", "-1%", "101%", "NaN%", "%", "ten%", "automatic", "10 %x", "1e9%"} {
		if _, _, err := ParseProactive(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
