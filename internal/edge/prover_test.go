package edge

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fanfare/internal/fetch"
)

func TestProver(t *testing.T) {
	for _, test := range []struct {
		name     string
		answers  []string // in turn; a number is a status
		asked    int
		outdated bool
		failed   bool
	}{
		{"all is well", []string{`{"head":3}`, `{"head":3}`}, 2, false, false},
		{"the second is not there", []string{`{"head":3}`, `{"outdated":true,"head":3}`}, 2, true, false},
		{"the first is not there", []string{`{"outdated":true,"head":3}`, ""}, 1, true, false},
		{"no answer", []string{"500", ""}, 1, false, true},
		{"another generation", []string{"409", ""}, 1, false, true},
		{"nonsense", []string{"x", ""}, 1, false, true},
	} {
		asked := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := test.answers[asked]
			asked++
			switch answer {
			case "500":
				w.WriteHeader(500)
			case "409":
				w.WriteHeader(409)
			default:
				w.Write([]byte(answer))
			}
		}))
		p := &prover{client: fetch.New(strings.TrimPrefix(s.URL, "http://")), generation: testGeneration.String()}
		done := p.prove(context.Background(), [][]byte{{1}, {2}})
		if asked != test.asked || done.Outdated != test.outdated || (done.err != nil) != test.failed {
			t.Errorf("%s: asked %d times, %+v", test.name, asked, done)
		}
		if other := errors.Is(done.err, errOtherGeneration); other != (test.name == "another generation") {
			t.Errorf("%s: %v", test.name, done.err)
		}
		p.client.Close()
		s.Close()
	}
}
