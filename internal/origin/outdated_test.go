package origin

import (
	"crypto/ed25519"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"fanfare/control"
	"fanfare/internal/api"
	"fanfare/internal/fetch"
	"fanfare/internal/wire"
)

// publishes has the origin publish something, and returns the error.
func (r *running) publishes(t *testing.T) error {
	t.Helper()
	_, err := r.client.Publish(t.Context(), api.PublishOptions{}, tarOf(files{"a": "again"}))
	return err
}

// wantAnswer asks an origin's edge port and wants a status and some words.
func (r *running) wantAnswer(t *testing.T, path string, status int, words string) {
	t.Helper()
	response, err := http.Get("http://" + r.config.Listen.String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status || !strings.Contains(string(body), words) {
		t.Errorf("%s: %s %.200q, %v, want %d and %q", path, response.Status, body, err, status, words)
	}
}

// twoLogs returns an origin's directory whose log ends at entry 1, and what it signed when it had
// three entries: entries, and the last head.
func twoLogs(t *testing.T) (dir string, entries [][]byte, head []byte) {
	t.Helper()
	dir = initOrigin(t)
	o := start(t, dir)
	o.publish(t, files{"a": "one"}, api.PublishOptions{})
	o.stop()
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	o = start(t, dir)
	o.publish(t, files{"a": "two"}, api.PublishOptions{})
	o.publish(t, files{"a": "three"}, api.PublishOptions{})
	head = o.signed()
	for sequence := range uint64(3) {
		raw, err := o.entries.entry(sequence + 1)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, raw)
	}
	o.stop()
	if err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(copied))); err != nil {
		t.Fatal(err)
	}
	return dir, entries, head
}

func TestProof(t *testing.T) {
	_, stranger, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	dir, entries, head := twoLogs(t)
	o := start(t, dir)
	edge := fetch.New(o.config.Listen.String())
	defer edge.Close()
	generation := o.session.Generation.String()
	other := control.Head{Channel: o.head.Channel, Generation: o.head.Generation, Sequence: 9, Hash: control.Hash{1}}
	otherChannel, otherGeneration := other, other
	otherChannel.Channel++
	otherGeneration.Generation.Random++
	for _, test := range []struct {
		name       string
		raw        []byte
		generation string
		status     int // 0: an answer
	}{
		{"its own head", o.signed(), generation, 0},
		{"the head of an empty log", control.SignHead(control.Head{Channel: other.Channel, Generation: other.Generation}, o.key), generation, 0},
		{"an entry that it has", entries[0], generation, 0},
		{"another key", control.SignHead(other, stranger), generation, 400},
		{"another channel", control.SignHead(otherChannel, o.key), generation, 400},
		{"another generation", control.SignHead(otherGeneration, o.key), generation, 400},
		{"asked for another generation", head, "2-0000000000000001", 409},
		{"a bit that is wrong", append(append([]byte{}, head[:len(head)-1]...), head[len(head)-1]^1), generation, 400},
		{"nothing", nil, generation, 400},
		{"too much", make([]byte, control.MaxEntry+1), generation, 400},
	} {
		proof, err := edge.Prove(t.Context(), test.raw, test.generation)
		var refused *api.Error
		if test.status == 0 && (err != nil || proof.Outdated || proof.Head != 1) ||
			test.status != 0 && (!errors.As(err, &refused) || refused.Status != test.status) {
			t.Errorf("%s: %+v, %v", test.name, proof, err)
		}
	}
	o.wantAnswer(t, "/readyz", 200, "ok")
	o.wantAnswer(t, "/metrics", 200, "\nfanfare_origin_outdated 0\n")

	if proof, err := edge.Prove(t.Context(), entries[2], generation); err != nil || !proof.Outdated {
		t.Errorf("entry 3: %+v, %v", proof, err)
	}
	want := "edges have entry 3, signed by it, and its log ends at entry 1"
	for range 2 {
		if err := o.publishes(t); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "origin init") {
			t.Errorf("publish: %v", err)
		}
		o.wantAnswer(t, "/readyz", 503, want)
		o.wantAnswer(t, "/healthz", 200, "ok")
		o.wantAnswer(t, "/metrics", 200, "\nfanfare_origin_outdated 1\n")
		if keys := o.keys(t); len(keys) != 1 {
			t.Errorf("it lists %v", keys)
		}
		o.stop()
		o = start(t, dir)
	}
}

// TestProofOfAnother: the log is as long as it was, or longer, but it is another.
func TestProofOfAnother(t *testing.T) {
	for _, more := range []int{2, 3} {
		for _, what := range []string{"entry", "head"} {
			dir, entries, head := twoLogs(t)
			o := start(t, dir)
			for range more {
				if err := o.publishes(t); err != nil {
					t.Fatal(err)
				}
			}
			raw := entries[2]
			if what == "head" {
				raw = head
			}
			has, _, err := o.prove(raw)
			if has || err != nil {
				t.Errorf("%s: %v, %v", what, has, err)
			}
			if err := o.publishes(t); err == nil || !strings.Contains(err.Error(), "another entry 3") {
				t.Errorf("%s: publish: %v", what, err)
			}
			o.stop()
		}
	}
}

// TestProofIsForgotten with the newest log in place, if it is found there.
func TestProofIsForgotten(t *testing.T) {
	dir := initOrigin(t)
	o := start(t, dir)
	o.publish(t, files{"a": "one"}, api.PublishOptions{})
	if err := o.entries.saveProof(o.signed()); err != nil {
		t.Fatal(err)
	}
	o.stop()
	o = start(t, dir)
	if err := o.publishes(t); err != nil {
		t.Error(err)
	}
	if raw, err := o.entries.loadProof(); raw != nil || err != nil {
		t.Errorf("%d bytes are kept, %v", len(raw), err)
	}
}

// TestHold: after a start publications wait for the edges, but not for long.
func TestHold(t *testing.T) {
	dir := initOrigin(t)
	o := start(t, dir)
	o.publish(t, files{"a": "one"}, api.PublishOptions{})
	edge := newFakeEdge(t, dir)
	edge.until("a heartbeat", func() bool { return edge.beats > 0 })
	edge.report(1, wire.Report{Mark: 1, MarkHash: front(edge.head.Hash)})
	edge.until("the edge is known", func() bool { return o.edges.Count() == 1 })
	o.stop()

	for _, test := range []struct {
		name  string
		hash  [wire.MarkHashLength]byte
		waits bool
	}{
		{"follows", front(edge.head.Hash), false},
		{"follows another log", front(control.Hash{1}), true},
	} {
		begun, heard := time.Now(), edge.beats
		o := start(t, dir)
		edge.until("a heartbeat", func() bool { return edge.beats > heard })
		edge.report(1, wire.Report{Mark: 1, MarkHash: test.hash})
		if test.waits {
			// Without proof it is believed no longer than that.
			<-o.guard.settled
			if waited := time.Since(begun); waited < holdLimit {
				t.Errorf("%s: publications waited for %v", test.name, waited)
			}
		}
		if err := o.lockAppending(); err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else {
			o.appending.Unlock()
		}
		if !test.waits && time.Since(begun) < holdLimit { // else the report may have come too late
			status := o.edges.Status(time.Now(), 1, 1, control.Hash{}, o.spool.OTI)
			if len(status) != 1 || !status[0].Alive {
				t.Errorf("%s: publications did not wait for the report: %+v", test.name, status)
			}
		}
		o.untilEdge(t, func(e api.Edge) bool { return e.Alive && e.Stray == test.waits })
		o.stop()
	}
}

// front returns what a report tells of a hash.
func front(h control.Hash) [wire.MarkHashLength]byte { return [wire.MarkHashLength]byte(h[:]) }

// slowBody is a request whose body comes when its connection's deadline is over.
type slowBody struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (s *slowBody) SetReadDeadline(t time.Time) error {
	if !t.IsZero() {
		s.deadline = t
	}
	return nil
}

func (s *slowBody) Read([]byte) (int, error) {
	if s.deadline.IsZero() {
		return 0, errors.New("the body may take for ever")
	}
	return 0, os.ErrDeadlineExceeded
}

// Who sends the head of a request and nothing more is not waited for.
func TestSlowProof(t *testing.T) {
	o := start(t, initOrigin(t))
	slow := &slowBody{ResponseRecorder: httptest.NewRecorder()}
	request := httptest.NewRequest("POST", "/v1/proof?generation="+o.session.Generation.String(), slow)
	var answer *api.Error
	if err := o.handleProof(slow, request); !errors.As(err, &answer) || answer.Status != http.StatusBadRequest || !strings.Contains(err.Error(), os.ErrDeadlineExceeded.Error()) {
		t.Errorf("%v", err)
	}
	if left := time.Until(slow.deadline); left > proofPatience {
		t.Errorf("the body may take %v", left)
	}
}
