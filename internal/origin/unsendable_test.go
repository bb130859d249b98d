package origin

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

func TestUnsendable(t *testing.T) {
	var u unsendable
	now := mono.Time(0)
	for range 2 {
		told := 0
		for range 3 {
			for sequence := range uint64(100) {
				if u.news(now, sequence) {
					told++
				}
				now = now.Add(unsendableAgain / 1000)
			}
		}
		if told != maxUnsendable {
			t.Errorf("%d lines", told)
		}
		now = now.Add(unsendableAgain)
	}
}

// However often edges ask for what cannot be read, the log tells of it once a minute, with a remedy.
func TestUnsendableIsToldOnce(t *testing.T) {
	var log bytes.Buffer
	o, err := Open(Config{Dir: initOrigin(t), Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	now := o.loop.clock.Now()
	for range 100 {
		o.loop.dropObject(now, wire.DataTOI(7), errors.New("the file is gone"))
	}
	if n := strings.Count(log.String(), "a bundle cannot be sent"); n != 1 || !strings.Contains(log.String(), "remedy=") {
		t.Errorf("%d times: %s", n, &log)
	}
	if n := o.loop.stats.PayloadErrors; n != 100 {
		t.Errorf("%d were counted", n)
	}
	o.loop.dropObject(now.Add(2*time.Minute), wire.DataTOI(7), errors.New("the file is gone"))
	if n := strings.Count(log.String(), "a bundle cannot be sent"); n != 2 {
		t.Errorf("%d times after a while: %s", n, &log)
	}
}
