package origin

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What is only for one-way sessions is refused in others.
func TestOneWayKeys(t *testing.T) {
	s := testSession(t, initOrigin(t))
	for lines, want := range map[string]string{
		"proactive: 20%\n":                         "`fanfare publish --proactive`",
		"proactive: 10%\n":                         "proactive is for one-way", // the default, too
		"carousel_pause: 1s\n":                     "carousel_pause is for one-way",
		"proactive: 20%\ncarousel_pause: 1500ms\n": "proactive",
	} {
		c, err := loadConfig(written(t, lines))
		if err != nil {
			t.Errorf("%q: %v", lines, err)
			continue
		}
		s.Mode = "two-way"
		if err := c.fits(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", lines, err, want)
		}
		s.Mode = "one-way"
		if err := c.fits(s); err != nil {
			t.Errorf("%q in a one-way session: %v", lines, err)
		}
	}
	c, err := loadConfig(written(t, "proactive: 0\ncarousel_pause: 1500ms\n"))
	if err != nil || c.proactive() != 0 || c.carouselPause() != 1500*time.Millisecond {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = loadConfig(written(t, "")); err != nil || c.proactive() != 0.1 || c.carouselPause() != time.Second || c.fits(s) != nil {
		t.Errorf("without the keys: %+v, %v", c, err)
	}
	if _, err = loadConfig(written(t, "carousel_pause: -1s\n")); err == nil || !strings.Contains(err.Error(), "negative") {
		t.Errorf("a negative pause: %v", err)
	}
}

// What init makes of a one-way origin and of another can be opened.
func TestInitOneWayKeys(t *testing.T) {
	for _, oneWay := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "o")
		err := Init(InitConfig{
			Dir: dir, Group: testSession(t, initOrigin(t)).Group, Interface: "lo",
			OneWay: oneWay, Proactive: 0.2, CarouselPause: time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		c, err := loadConfig(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.fits(testSession(t, dir)); err != nil {
			t.Error(err)
		}
		if has := c.Proactive != nil && c.CarouselPause != nil && c.proactive() == 0.2 && c.carouselPause() == time.Minute; has != oneWay {
			t.Errorf("one-way %v: %+v", oneWay, c)
		}
	}
}
