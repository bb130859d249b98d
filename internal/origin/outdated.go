package origin

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"fanfare/control"
	"fanfare/internal/api"
)

// An origin whose directory is an older copy of itself would number anew what it has forgotten, and
// edges would take nothing of it. It cannot see that by itself. Edges can: they show it a
// head or an entry that it signed and does not have any more. Nobody else can make one.

// holdLimit is how long after the start publications and purges wait at most for the edges to tell
// that they follow this log. As a rule that takes some milliseconds.
const holdLimit = time.Second

// proofPatience is how long the few bytes of a proof may take to come, whoever sends them.
const proofPatience = 10 * time.Second

// guard keeps an origin with an older copy of its directory from appending to its log.
type guard struct {
	// settled is closed when appending may begin: all edges that were expected at the start have
	// told, holdLimit is over, or it will be refused anyway.
	settled chan struct{}
	once    sync.Once
	// proof is set once the directory is known to be an older copy.
	proof atomic.Pointer[outdated]
}

// outdated is what shows that the log is not the newest.
type outdated struct {
	// sequence is that of an entry that the origin signed once, head where its log ends.
	sequence, head uint64
}

// newGuard returns the guard of an origin that expects so many edges at its start. Those of a one-way
// origin cannot tell.
func newGuard(edges int, oneWay bool) *guard {
	g := &guard{settled: make(chan struct{})}
	if edges == 0 || oneWay {
		g.settle()
	} else {
		time.AfterFunc(holdLimit, g.settle)
	}
	return g
}

func (g *guard) settle() { g.once.Do(func() { close(g.settled) }) }

// says returns what is wrong in one sentence.
func (p *outdated) says() string {
	if p.sequence > p.head {
		return fmt.Sprintf("this directory is an older copy of this origin: edges have entry %d, signed by it, and its log ends at entry %d", p.sequence, p.head)
	}
	return fmt.Sprintf("this directory is an older copy of this origin: edges have another entry %d, signed by it, than its log", p.sequence)
}

// refusal returns the error of all that would append to the log; nil while that is allowed.
func (o *Origin) refusal() error {
	p := o.guard.proof.Load()
	if p == nil {
		return nil
	}
	return &api.Error{
		Status: http.StatusConflict, Message: p.says(),
		Hint: "put the newest copy back, or make a new origin with `fanfare origin init`, give the edges its session.ff and empty their directories",
	}
}

// lockAppending takes appending, once edges have had time to object. Unlock must follow
// unless there is an error.
func (o *Origin) lockAppending() error {
	<-o.guard.settled
	o.appending.Lock()
	if err := o.refusal(); err != nil {
		o.appending.Unlock()
		return err
	}
	return nil
}

// errNotSigned is wrapped by the error of prove for what this origin never signed.
var errNotSigned = errors.New("origin: neither a head nor an entry that this origin signed")

// prove takes a head or an entry as sent, and reports whether the log has it. If not, and if this
// origin signed it, the directory is an older copy: nothing is appended any more. head is where the
// log ends.
func (o *Origin) prove(raw []byte) (has bool, head uint64, err error) {
	said, err := openSigned(raw, []byte(o.session.PublicKey))
	if err != nil {
		return false, 0, err
	}
	o.appending.Lock()
	defer o.appending.Unlock()
	if said.Channel != o.head.Channel || said.Generation != o.head.Generation {
		return false, 0, fmt.Errorf("%w: it is of channel %d, generation %v", errNotSigned, said.Channel, said.Generation)
	}
	if has, err = o.has(said); err != nil || has {
		return has, o.head.Sequence, err
	}
	p := &outdated{said.Sequence, o.head.Sequence}
	if o.guard.proof.CompareAndSwap(nil, p) {
		o.log.Error(p.says()+"; nothing can be published or purged until the newest copy is put back, or a new origin is made", "entry", p.sequence, "head", p.head)
	}
	o.guard.settle()
	return false, o.head.Sequence, o.entries.saveProof(raw)
}

// openSigned reads a head, or an entry as the head that it was.
func openSigned(raw, key []byte) (control.Head, error) {
	if head, err := control.OpenHead(raw, key); err == nil {
		return head, nil
	}
	e, err := control.Open(raw, key)
	if err != nil {
		return control.Head{}, fmt.Errorf("%w: %w", errNotSigned, err)
	}
	return control.Head{Channel: e.Channel, Generation: e.Generation, Sequence: e.Sequence, Hash: control.HashEntry(raw)}, nil
}

// has reports whether the log contains the entry that a head names. The caller holds appending, or is
// alone.
func (o *Origin) has(h control.Head) (bool, error) {
	switch {
	case h.Sequence == 0:
		return true, nil
	case h.Sequence >= o.head.Sequence:
		return h == o.head, nil
	}
	raw, err := o.entries.entry(h.Sequence)
	return err == nil && control.HashEntry(raw) == h.Hash, err
}

// checkProof looks at what an edge has shown this origin before its start. With the newest copy of
// the log in place it proves nothing any more, and is forgotten.
func (o *Origin) checkProof() error {
	raw, err := o.entries.loadProof()
	if err != nil || raw == nil {
		return err
	}
	has, _, err := o.prove(raw)
	if errors.Is(err, errNotSigned) || err == nil && has {
		return o.entries.dropProof()
	}
	return err
}

// handleProof answers an edge that shows what this origin has signed.
func (o *Origin) handleProof(w http.ResponseWriter, r *http.Request) error {
	if err := o.checkGeneration(r); err != nil {
		return err
	}
	controller := http.NewResponseController(w)
	// Else each could keep a connection for good. (Every connection has a deadline.)
	_ = controller.SetReadDeadline(time.Now().Add(proofPatience))
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, control.MaxEntry))
	_ = controller.SetReadDeadline(time.Time{}) // the next request on the connection has its own
	if err != nil {
		return api.BadRequest(fmt.Errorf("the request is not what it should be: %w", err), "")
	}
	_, head, err := o.prove(raw)
	switch {
	case errors.Is(err, errNotSigned):
		return api.BadRequest(err, "")
	case err != nil:
		return err
	}
	writeJSON(w, http.StatusOK, &api.Proof{Outdated: o.refusal() != nil, Head: head})
	return nil
}

// handleReady answers 200 while the origin takes publications.
func (o *Origin) handleReady(w http.ResponseWriter, r *http.Request) error {
	var answer *api.Error
	if errors.As(o.refusal(), &answer) {
		return &api.Error{Status: http.StatusServiceUnavailable, Message: answer.Message, Hint: answer.Hint}
	}
	return o.handleHealth(w, r)
}
