package scenario

import "testing"

func TestRandom(t *testing.T) {
	for seed := range uint64(400) {
		s := Random(seed, "")
		text := s.Format()
		if string(Random(seed, "").Format()) != string(text) {
			t.Fatalf("seed %d gives two scenarios", seed)
		}
		if seed%20 > 0 {
			continue
		}
		again, err := Parse("soak.yaml", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if string(again.Format()) != string(text) {
			t.Fatalf("seed %d is read as something else:\n%s\n%s", seed, text, again.Format())
		}
	}
}
