package throughput

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"fanfare/testbed/netns"
)

// barePort is where the bare server listens.
const barePort = 8082

// bareRoot is, in the environment of a process that is to be the bare server, the directory that it
// serves.
const bareRoot = "THROUGHPUT_BARE_ROOT"

// runBare is the least that net/http can do, to see what is its own and what is the edge's: it has
// the files in memory, and gives each to the server in one Write, with a length and a type. It
// returns if this process is no bare server.
func runBare() {
	root := os.Getenv(bareRoot)
	if root == "" {
		return
	}
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	names, err := filepath.Glob(filepath.Join(root, "*"))
	if err != nil {
		fail(err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		if files["/"+filepath.Base(name)], err = os.ReadFile(name); err != nil {
			fail(err)
		}
	}
	fail(http.ListenAndServe(fmt.Sprint(":", barePort), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := files[r.URL.Path]
		w.Header()["Content-Type"] = []string{"application/octet-stream"}
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
		_, _ = w.Write(body) // whoever is gone needs no answer
	})))
}

// startBare starts a bare server in a host and waits until it answers. It is ended with the
// benchmark.
func startBare(b *testing.B, host *netns.Host, root string) *exec.Cmd {
	b.Helper()
	var output bytes.Buffer
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), bareRoot+"="+root)
	c.Stderr = &output
	if err := host.Start(c); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = c.Process.Kill() // it may have ended
		_ = c.Wait()         // an exit by the signal
	})
	awaitServer(b, host, barePort, &output)
	return c
}
