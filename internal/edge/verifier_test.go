package edge

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"

	"fanfare/control"
)

// signer is an origin, as far as it signs.
type signer struct {
	public ed25519.PublicKey
	key    ed25519.PrivateKey
}

func newSigner(t *testing.T) signer {
	t.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return signer{public, key}
}

// purge returns a signed entry of some number, and the signed head that it makes.
func (s signer) purge(t *testing.T, sequence uint64) (entry, head []byte) {
	t.Helper()
	e := control.Entry{
		Kind: control.KindPurge, Channel: 1, Generation: testGeneration, Sequence: sequence, Previous: control.Hash{byte(sequence)},
		Purge: []control.Selector{{Kind: control.SelectAll}},
	}
	entry, err := control.Sign(&e, s.key)
	if err != nil {
		t.Fatal(err)
	}
	h := control.Head{Channel: 1, Generation: testGeneration, Sequence: sequence, Hash: control.HashEntry(entry)}
	return entry, control.SignHead(h, s.key)
}

// TestVerifierChecksOnce: once one of an entry and its head is checked, neither is again. That is seen by
// giving the verifier another key, with which it would refuse both.
func TestVerifierChecksOnce(t *testing.T) {
	origin, other := newSigner(t), newSigner(t)
	entry, head := origin.purge(t, 5)
	check := func(v *verifier, what string) error {
		if what == "entry" {
			e, err := v.entry(entry)
			if err == nil && e.Sequence != 5 {
				t.Errorf("entry %d", e.Sequence)
			}
			return err
		}
		h, proof, err := v.head(head)
		if err == nil && (h.Sequence != 5 || !bytes.Equal(proof, entry) && !bytes.Equal(proof, head)) {
			t.Errorf("head %d, proof %x", h.Sequence, proof)
		}
		return err
	}
	for _, first := range []string{"entry", "head"} {
		v := &verifier{key: origin.public}
		if err := check(v, first); err != nil {
			t.Fatal(err)
		}
		v.key = other.public
		for _, then := range []string{"entry", "head", "entry"} {
			if err := check(v, then); err != nil {
				t.Errorf("%s after %s: %v", then, first, err)
			}
		}
		if err := check(&verifier{key: other.public}, first); !errors.Is(err, control.ErrSignature) {
			t.Errorf("%s of another: %v", first, err)
		}
	}
}

// TestVerifierRefuses: whatever was checked before, an entry of which a byte was changed is refused, and so is a
// head that says something else. One that says the same as what was checked may be signed by anybody: what is
// kept to show to others is what was checked.
func TestVerifierRefuses(t *testing.T) {
	origin, other := newSigner(t), newSigner(t)
	entry, head := origin.purge(t, 5)
	_, older := origin.purge(t, 4)
	for _, checked := range []string{"nothing", "entry", "head"} {
		v := func() *verifier {
			v := &verifier{key: origin.public}
			var err error
			switch checked {
			case "entry":
				_, err = v.entry(entry)
			case "head":
				_, _, err = v.head(head)
			}
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		for i := range entry {
			changed := bytes.Clone(entry)
			changed[i] ^= 1
			if _, err := v().entry(changed); err == nil {
				t.Errorf("after %s: an entry with another byte %d is taken", checked, i)
			}
		}
		for i := range head {
			changed := bytes.Clone(head)
			changed[i] ^= 1
			h, proof, err := v().head(changed)
			same := checked != "nothing" && i >= len(head)-ed25519.SignatureSize
			if (err == nil) != same {
				t.Errorf("after %s: a head with another byte %d: %v", checked, i, err)
			}
			if err == nil && (h.Sequence != 5 || bytes.Equal(proof, changed)) {
				t.Errorf("after %s: head %d, proof %x", checked, h.Sequence, proof)
			}
		}
		w := v()
		for _, forged := range [][]byte{
			control.SignHead(control.Head{Channel: 1, Generation: testGeneration, Sequence: 6, Hash: control.Hash{6}}, other.key),
			control.SignHead(control.Head{Channel: 1, Generation: testGeneration}, other.key),
			head[:ed25519.SignatureSize-1], nil,
		} {
			if _, _, err := w.head(forged); err == nil {
				t.Errorf("after %s: a head that the origin did not sign is taken", checked)
			}
		}
		if h, proof, err := w.head(older); err != nil || h.Sequence != 4 || !bytes.Equal(proof, older) {
			t.Errorf("after %s: an older head: %+v, %v", checked, h, err)
		}
	}
}
