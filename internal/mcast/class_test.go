package mcast

import "testing"

// A mark of congestion arrives with its datagrams, single ones and trains, and ends with them.
// The sender plays the router that marks.
func TestMarks(t *testing.T) {
	for _, group := range []string{"239.77.1.2", "ff15::7777"} {
		t.Run(group, func(t *testing.T) {
			b := newBed(t)
			o := b.options(group)
			c, s := b.conn(Join(o)), b.conn(NewSender(o))
			classes := []struct {
				class  uint8
				marked bool
			}{
				{TrafficClass(46, false) | ecnCE, true}, {TrafficClass(46, true), false}, {0, false}, {ecnCE, true},
			}
			for _, test := range classes {
				if err := s.SetTrafficClass(test.class); err != nil {
					t.Fatal(err)
				}
				for _, batch := range [][][]byte{train(1, 100), train(5, 1000)} {
					b.writeAll(s, batch)
					for seen := 0; seen < len(batch); {
						for _, d := range b.read(c) {
							seen++
							if d.Marked != test.marked {
								t.Errorf("class %#02x, %d datagrams: Marked is %v", test.class, len(batch), d.Marked)
							}
						}
					}
				}
			}
		})
	}
}

func TestTrafficClass(t *testing.T) {
	if got := TrafficClass(46, true); got != 0xba {
		t.Errorf("expedited forwarding and ECT(0) is %#02x, want 0xba", got)
	}
	b := newBed(t)
	o := b.options("239.77.1.2")
	s := b.conn(NewSender(o))
	s.Close()
	if err := s.SetTrafficClass(1); err == nil {
		t.Error("a closed socket takes a traffic class")
	}
}
