package edge

import (
	"crypto/ed25519"

	"fanfare/control"
)

// verifier checks what the origin has signed. To check one signature takes an edge longer than all
// else that it does with a small packet, so nothing is checked twice: an entry and the head that it
// makes say the same thing, since the head names the hash of the entry as sent. Whichever comes
// first is checked, and the other only compared with it. (A head that names the hash of
// the newest entry says nothing that the entry did not, whoever made it: its signature is not looked at,
// and it is not kept. One that says anything else must be the origin's.)
type verifier struct {
	key ed25519.PublicKey
	// raw is the head or entry that was checked last, as sent; last is that head, or the one that the
	// entry made.
	last control.Head
	raw  []byte
}

// note keeps what was checked.
func (v *verifier) note(h control.Head, raw []byte) {
	v.last, v.raw = h, append(v.raw[:0], raw...)
}

// head opens a head. proof is signed by the origin and says the same: the head or the entry that it
// names; it is valid until the next call. It returns the errors of control.OpenHead.
func (v *verifier) head(raw []byte) (head control.Head, proof []byte, err error) {
	if head, err = control.ReopenHead(raw); err == nil && v.raw != nil && head == v.last {
		return head, v.raw, nil
	}
	if head, err = control.OpenHead(raw, v.key); err != nil {
		return control.Head{}, nil, err
	}
	v.note(head, raw)
	return head, v.raw, nil
}

// entry opens an entry. It returns the errors of control.Open.
func (v *verifier) entry(raw []byte) (*control.Entry, error) {
	hash := control.HashEntry(raw)
	if v.raw != nil && v.last.Sequence > 0 && hash == v.last.Hash {
		return control.Reopen(raw)
	}
	e, err := control.Open(raw, v.key)
	if err != nil {
		return nil, err
	}
	v.note(control.Head{Channel: e.Channel, Generation: e.Generation, Sequence: e.Sequence, Hash: hash}, raw)
	return e, nil
}
