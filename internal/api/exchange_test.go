package api

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// readWhole reads an answer with its body.
func readWhole(text string) (a *answer, body string, err error) {
	e := &exchange{r: bufio.NewReaderSize(strings.NewReader(text), headLine)}
	if a, err = e.readAnswer(); err != nil {
		return nil, "", err
	}
	b, err := io.ReadAll(a.body)
	return a, string(b), err
}

func TestReadAnswer(t *testing.T) {
	tests := []struct {
		name, text string
		status     int
		body       string
	}{
		{"a length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd", 200, "abc"},
		{"chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n00A;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nmore", 200, "abc0123456789"},
		{"until the end", "HTTP/1.0 404 Not Found\r\n\r\nabc", 404, "abc"},
		{"bare line feeds", "HTTP/1.1 200 OK\nContent-Length:3\n\nabc", 200, "abc"},
		{"more to come", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200\r\nContent-Length: 1\r\n\r\na", 200, "a"},
		{"no content", "HTTP/1.1 204 No Content\r\n\r\nabc", 204, ""},
	}
	for _, test := range tests {
		a, body, err := readWhole(test.text)
		if err != nil || a.status != test.status || body != test.body {
			t.Errorf("%s: %+v, %q, %v", test.name, a, body, err)
		}
	}
}

func TestReadAnswerRefuses(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\n"
	tests := []struct {
		name, text string
		want       error
	}{
		{"nothing", "", io.ErrUnexpectedEOF},
		{"another protocol", "SSH-2.0-OpenSSH\r\n", errAnswer},
		{"a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", errAnswer},
		{"a head that is cut", head + "Content-Length: 3\r\n", io.ErrUnexpectedEOF},
		{"a field without a colon", head + "Content-Length\r\n\r\n", errAnswer},
		{"a negative length", head + "Content-Length: -1\r\n\r\n", errAnswer},
		{"another encoding", head + "Transfer-Encoding: gzip, chunked\r\n\r\n", errAnswer},
		{"always more to come", strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", interims) + head + "\r\n", errAnswer},
		{"a long line", head + "X: " + strings.Repeat("x", headLine) + "\r\n\r\n", errAnswer},
		{"many fields", head + strings.Repeat("X: y\r\n", headLines+1) + "\r\n", errAnswer},
		{"a short body", head + "Content-Length: 3\r\n\r\nab", io.ErrUnexpectedEOF},
		{"a cut chunk", head + "Transfer-Encoding: chunked\r\n\r\n3\r\nab", io.ErrUnexpectedEOF},
		{"no last chunk", head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", io.ErrUnexpectedEOF},
		{"a long chunk", head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", errAnswer},
		{"a negative chunk", head + "Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n", errAnswer},
	}
	for _, test := range tests {
		if _, body, err := readWhole(test.text); !errors.Is(err, test.want) {
			t.Errorf("%s: %q, %v", test.name, body, err)
		}
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	f.Add("HTTP/1.1 503 Busy\r\nContent-Length: 3\r\nRetry-After: 1\r\n\r\nabc")
	f.Fuzz(func(t *testing.T, text string) {
		a, body, err := readWhole(text)
		if len(body) > len(text) {
			t.Errorf("a body of %d bytes out of %d", len(body), len(text))
		}
		// What we read without an error net/http reads as well, and the same.
		if err != nil {
			return
		}
		response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), nil)
		if err != nil {
			return // it is stricter
		}
		if want, err := io.ReadAll(response.Body); err == nil && a.status == response.StatusCode && string(want) != body {
			t.Errorf("%q, net/http reads %q", body, want)
		}
	})
}
