package edgecache

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"fanfare/internal/cork"
)

// forbidden is set in the environment of a process in which sendfile(2) is to fail.
const forbidden = "EDGECACHE_TEST_FORBID_SENDFILE"

// Large objects leave by sendfile(2), and small ones do not: where the kernel forbids that call,
// the large ones do not arrive.
func TestSendfile(t *testing.T) {
	if os.Getenv(forbidden) == "" {
		t.Run("allowed", func(t *testing.T) { testSendfile(t, true) })
		t.Run("forbidden", func(t *testing.T) {
			c := exec.Command(os.Args[0], "-test.run", "^TestSendfile$", "-test.v")
			c.Env = append(os.Environ(), forbidden+"=1")
			output, err := c.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			if strings.Contains(string(output), "--- SKIP") {
				t.Skipf("SKIPPED\n%s", output)
			}
		})
		return
	}
	if err := forbidSendfile(); err != nil {
		t.Skip("SKIPPED, no seccomp filter can be had here: ", err)
	}
	testSendfile(t, false)
}

// testSendfile checks that a small object arrives over TCP, and that a large one does or does not.
func testSendfile(t *testing.T, large bool) {
	o := newOrigin(t)
	o.oti.SymbolLength, o.oti.MaxBlock, o.oti.MaxSymbols = 1024, 100, 120
	e := openEdge(t, o, o.config(t.TempDir()))
	content := random(1, cork.Limit+1)
	e.deliver(o.publish(file("/small.bin", string(content[1:])), file("/large.bin", string(content))))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := http.Server{Handler: e.Handler(), ConnContext: cork.ConnContext}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(cork.Listener{Listener: l}) }()
	t.Cleanup(func() { server.Close(); <-ended })
	for _, test := range []struct {
		path, ranges string
		want         []byte
		arrives      bool
	}{
		{"/small.bin", "", content[1:], true},
		{"/large.bin", "", content, large},
		{"/large.bin", "bytes=1-", content[1:], true},
		{"/large.bin", "bytes=0-", content, large},
	} {
		r, err := http.NewRequest(http.MethodGet, "http://"+l.Addr().String()+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if test.ranges != "" {
			r.Header.Set("Range", test.ranges)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil && test.arrives {
			t.Fatal(err)
		}
		var got []byte
		if err == nil {
			got, err = io.ReadAll(answer.Body)
			answer.Body.Close()
		}
		if arrives := err == nil && bytes.Equal(got, test.want); arrives != test.arrives {
			t.Errorf("%s %s: %d bytes, %v; should it arrive? %v", test.path, test.ranges, len(got), err, test.arrives)
		}
	}
}

// forbidSendfile has sendfile(2) fail with EPERM in this process, from now on.
func forbidSendfile() error {
	const (
		allow  = 0x7fff0000 // SECCOMP_RET_ALLOW
		refuse = 0x00050000 // SECCOMP_RET_ERRNO
	)
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // seccomp_data.nr
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_SENDFILE, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: refuse | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: allow},
	}
	runtime.LockOSThread() // the first call is for one thread, the second brings all to where that is
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&filter)))
	if errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	if thread != 0 {
		return fmt.Errorf("seccomp: thread %d cannot take the filter", thread)
	}
	return nil
}
