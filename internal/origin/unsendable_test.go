package origin

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fanfare/internal/api"
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

// A bundle whose file is gone is not called back, however often edges ask: all that the engine made of it would be
// numbers of packets that nobody gets. Once the file is back, so is the bundle.
func TestRecallWithoutFile(t *testing.T) {
	o, err := Open(Config{Dir: initOrigin(t), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	var stream bytes.Buffer
	if err := tarOf(files{"a": "text"})(&stream); err != nil {
		t.Fatal(err)
	}
	result, err := o.publish(&stream, nil, api.PublishOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l, now, toi := o.loop, o.loop.clock.Now(), wire.DataTOI(result.Last)
	l.runCalls(now)
	l.control, l.bundles = nil, newBacklog() // as if they had been sent, and forgotten
	path := filepath.Join(o.dir, "spool", fmt.Sprintf("%d.bundle", result.Last))
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	before := l.engine.Stats().Objects
	for range 3 {
		l.recall(now, toi)
	}
	if n := l.engine.Stats().Objects - before; n != 0 || l.stats.PayloadErrors != 3 {
		t.Errorf("%d objects are to be sent, %d errors", n, l.stats.PayloadErrors)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	l.recall(now, toi)
	if n := l.engine.Stats().Objects - before; n != 1 {
		t.Errorf("%d objects are to be sent once the file is back", n)
	}
}
