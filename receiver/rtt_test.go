package receiver

import (
	"testing"
	"time"

	"fanfare/internal/mono"
)

func TestRTT(t *testing.T) {
	var r rtt
	if got := r.wait(33 * ms); got != 33*ms {
		t.Errorf("waits %v without a measurement, want the hint", got)
	}
	r.send(mono.Time(10*ms), 100)
	r.echo(mono.Time(40*ms), 99, 0) // not ours
	r.echo(mono.Time(40*ms), 0, 0)
	if r.smoothed != 0 || r.acknowledged != 0 {
		t.Error("took the echo of a message never sent")
	}
	r.echo(mono.Time(40*ms), 100, 10*ms)
	if r.smoothed != 20*ms || r.acknowledged != 100 || r.wait(0) != 20*ms+rttMargin {
		t.Errorf("round trip %v, waits %v", r.smoothed, r.wait(0))
	}
	r.send(mono.Time(50*ms), 101)
	r.echo(mono.Time(78*ms), 101, 0)
	if r.smoothed != 21*ms || r.wait(0) != 21*ms+8*ms {
		t.Errorf("round trip %v, waits %v", r.smoothed, r.wait(0))
	}
	for counter := range uint64(40) {
		r.send(mono.Time(100*ms), 200+counter)
	}
	r.echo(mono.Time(100*ms), 201, 0)
	r.echo(mono.Time(100*ms), 239, time.Hour)
	r.echo(mono.Time(100*ms), 239, -time.Hour)
	if r.smoothed != 21*ms || r.acknowledged != 239 {
		t.Errorf("round trip %v after impossible echoes", r.smoothed)
	}
}
