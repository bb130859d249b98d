//go:build !client

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"fanfare": main, "get": get})
}

// TestCommands runs the command as an operator would: each file in testdata is a story.
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PORT", freePort(t))
			e.Setenv("HTTP", "127.0.0.1:"+freePort(t))
			e.Setenv("GROUP", "239.255.70.71:"+freePort(t))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": exitStatus, "eventually": eventually,
		},
	})
}

// freePort returns a port that is free for UDP and TCP on 127.0.0.1, and below those that the kernel gives
// to connections: while it is not listened on, other tests' do not take it.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000))
		l, err := net.Listen("tcp4", address)
		if err != nil {
			continue
		}
		u, err := net.ListenPacket("udp4", address)
		l.Close()
		if err == nil {
			u.Close()
			return strings.TrimPrefix(address, "127.0.0.1:")
		}
	}
	t.Fatal("no free port")
	return ""
}

// exitStatus is `status N COMMAND...`: the command must end with that exit status.
func exitStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND [ARGUMENT...]")
	}
	status := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := err.(interface{ ExitCode() int })
		if !ok {
			ts.Fatalf("%v", err)
		}
		status = string(rune('0' + exit.ExitCode()))
	}
	if status != args[0] {
		ts.Fatalf("exit status %s, want %s", status, args[0])
	}
}

// get is `get [-host HOST] [-gone] URL`: the body to standard output, status line and headers to
// standard error; it succeeds if the answer is 200 or, with -gone, 404. Not every machine has curl.
func get() {
	host := flag.String("host", "", "the Host header")
	gone := flag.Bool("gone", false, "404 is wanted")
	flag.Parse()
	request, err := http.NewRequest("GET", flag.Arg(0), nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Host = *host
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	fmt.Fprintln(os.Stderr, answer.Status)
	answer.Header.Write(os.Stderr)
	if _, err := io.Copy(os.Stdout, answer.Body); err != nil {
		log.Fatal(err)
	}
	if want := map[bool]int{false: http.StatusOK, true: http.StatusNotFound}[*gone]; answer.StatusCode != want {
		os.Exit(1)
	}
}

// eventually is `eventually COMMAND...`: the command must succeed within a minute.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: eventually COMMAND [ARGUMENT...]")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		err := ts.Exec(args[0], args[1:]...)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("not within a minute: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func TestSizesAndShares(t *testing.T) {
	for text, want := range map[string]bytesValue{"200GB": 200e9, "64MiB": 64 << 20, "1000": 1000, "1.5 kB": 1500, "0": 0} {
		var got bytesValue
		if err := got.Set(text); err != nil || got != want {
			t.Errorf("size %q is %d, %v; want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]share{"5%": 0.05, "0.05": 0.05, "0": 0, "100%": 1} {
		var got share
		if err := got.Set(text); err != nil || got != want {
			t.Errorf("share %q is %g, %v; want %g", text, got, err, want)
		}
	}
	for _, text := range []string{"", "x", "-1", "NaN", "1e99GB", "5%%"} {
		if new(bytesValue).Set(text) == nil {
			t.Errorf("size %q is taken", text)
		}
		if new(share).Set(text) == nil {
			t.Errorf("share %q is taken", text)
		}
	}
}
