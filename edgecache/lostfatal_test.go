package edgecache

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// lostFatal, in the environment, has TestLostFatal do what ends its process.
const lostFatal = "FANFARE_TEST_LOST_FATAL"

// An index that cannot write any more ends the process, even if it is a request that meets it first: net/http
// would keep a process that serves, but stores and reports nothing any more.
func TestLostFatal(t *testing.T) {
	if os.Getenv(lostFatal) != "" {
		loseUntilFatal(t)
		return
	}
	test := exec.Command(os.Args[0], "-test.run=^TestLostFatal$", "-test.timeout=30s")
	test.Env = append(os.Environ(), lostFatal+"=1", "TMPDIR="+t.TempDir())
	said, err := test.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || !strings.Contains(string(said), "panic: ") || strings.Contains(string(said), "test timed out") {
		t.Errorf("%v: %s", err, said)
	}
}

// loseUntilFatal has requests find lost bundles while the index cannot write.
func loseUntilFatal(t *testing.T) {
	o := newOrigin(t)
	o.inline = 8000
	var fails errorfs.Toggle
	fails.Injector = errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileWrite {
			return errorfs.ErrInjected
		}
		return nil
	})
	c, err := open(o.config(t.TempDir()), system{index: errorfs.Wrap(vfs.NewMem(), &fails)})
	if err != nil {
		t.Fatal(err)
	}
	c.SetReady(true)
	e := &edge{t, c, o} // which cannot be closed any more
	const bundles = 100 // whose records fill several of the blocks in which the index writes
	for i := range bundles {
		e.deliver(o.publish(file(fmt.Sprint("/", i), string(random(uint64(i), 50_000)))))
	}
	e.State()
	fails.On()
	handler := e.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = "edge.example"
		handler.ServeHTTP(w, r)
	}))
	for i := range bundles {
		if err := os.Remove(e.disk.path(uint64(i + 1))); err != nil {
			t.Fatal(err)
		}
		answer, err := http.Get(fmt.Sprint(server.URL, "/", i))
		if err != nil {
			t.Logf("a request was answered by a panic: %v", err)
			return // and the process lives on
		}
		answer.Body.Close()
	}
}
