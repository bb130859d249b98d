package session

import "testing"

func TestShare(t *testing.T) {
	for text, want := range map[string]string{"20%": "20%", "0.2": "20%", " 12.5 % ": "12.5%", "0": "0%", "1": "100%", "33.3%": "33.3%"} {
		var s Share
		if err := s.UnmarshalText([]byte(text)); err != nil || s.String() != want {
			t.Errorf("%q reads as %s, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "%", "120%", "-1%", "NaN", "much"} {
		var s Share
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q reads as %s", text, s)
		}
	}
}
