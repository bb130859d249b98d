package cork

import (
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestPatience(t *testing.T) {
	type step struct {
		taken   uint64
		waiting bool
		cut     bool
	}
	tests := []struct {
		name  string
		steps []step
	}{
		{"takes nothing", []step{{0, true, false}, {0, true, false}, {0, true, false}, {0, true, true}, {0, true, true}}},
		{"takes nothing any more", []step{{leastTaken, true, false}, {leastTaken, true, false}, {leastTaken, true, false}, {leastTaken, true, false}, {leastTaken, true, true}}},
		{"takes next to nothing", []step{{1, true, false}, {2, true, false}, {3, true, false}, {4, true, true}}},
		{"takes little, but enough", []step{{leastTaken / 2, true, false}, {leastTaken, true, false}, {leastTaken, true, false}, {leastTaken + 1, true, false}, {2 * leastTaken, true, false}, {2 * leastTaken, true, false}}},
		{"wants nothing", []step{{7, false, false}, {7, false, false}, {7, false, false}, {7, false, false}, {7, false, false}}},
		{"has all between", []step{{7, true, false}, {7, true, false}, {7, true, false}, {9, false, false}, {9, true, false}, {9, true, false}, {9, true, false}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := patience{steps: idleSteps}
			for i, s := range test.steps {
				if cut := p.spent(s.taken, s.waiting); cut != s.cut {
					t.Fatalf("step %d: %v", i, cut)
				}
			}
		})
	}
}

// A client that reads nothing is cut, however it is written to.
func TestStalledClient(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 1<<20)
	for name, write := range map[string]func(c *Conn) error{
		"by write": func(c *Conn) (err error) {
			for err == nil {
				_, err = io.WriteString(c, content)
			}
			return err
		},
		"by sendfile": func(c *Conn) (err error) {
			for err == nil {
				_, err = c.ReadFrom(section(t, content, 0, int64(len(content))))
			}
			return err
		},
		"by copying": func(c *Conn) (err error) {
			for err == nil {
				_, err = c.ReadFrom(strings.NewReader(content))
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, client := pair(t)
			c.patience.step = time.Millisecond
			if err := c.wait(); err != nil {
				t.Fatal(err)
			}
			if err := write(c); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("it ended with %v", err)
			}
			c.Close()
			if _, err := io.Copy(io.Discard, client); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the client is told %v", err)
			}
		})
	}
}

// A client that is slow gets everything, whatever the number of steps that takes.
func TestSlowClient(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 1<<20)
	for name, write := range map[string]func(c *Conn) (int64, error){
		"by write":    func(c *Conn) (int64, error) { n, err := io.WriteString(c, content); return int64(n), err },
		"by sendfile": func(c *Conn) (int64, error) { return c.ReadFrom(section(t, content, 0, int64(len(content)))) },
	} {
		t.Run(name, func(t *testing.T) {
			c, client := pair(t)
			c.patience = patience{step: 2 * time.Millisecond, steps: math.MaxInt}
			if err := c.wait(); err != nil {
				t.Fatal(err)
			}
			written := make(chan error, 1)
			go func() {
				n, err := write(c)
				if err == nil && (n != int64(len(content)) || c.patience.taken == 0) {
					err = errors.New("not all was written, or no step was over")
				}
				c.Close()
				written <- err
			}()
			var got strings.Builder
			for {
				time.Sleep(3 * time.Millisecond) // that is how slow it is
				if _, err := io.CopyN(&got, client, 256<<10); err == io.EOF {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			if err := <-written; err != nil {
				t.Error(err)
			}
			if got.String() != content {
				t.Errorf("%d bytes came, and not those that were sent", got.Len())
			}
		})
	}
}

// A deadline that a handler sets is kept, and not taken for the end of a step.
func TestForeignDeadline(t *testing.T) {
	c, client := pair(t)
	if err := c.SetWriteDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Write([]byte("late")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d, %v", n, err)
	}
	if err := c.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	c.patience.step = 0
	if err := c.wait(); err != nil {
		t.Fatal(err)
	}
	c.patience.step = time.Minute // the step before the next is over
	if _, err := c.Write([]byte("now")); err != nil {
		t.Error(err)
	}
	if got := all(t, c, client); got != "now" {
		t.Errorf("%q came", got)
	}
}
