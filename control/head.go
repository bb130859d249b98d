package control

import (
	"crypto/ed25519"
	"fmt"
)

// Head is the signed statement of where the log ends.
type Head struct {
	Channel    uint32
	Generation Generation
	// Sequence is that of the newest entry, Hash its HashEntry; both zero for an empty log.
	Sequence uint64
	Hash     Hash
}

// SignHead returns the head as sent, signed: at most 144 bytes, which fits wire.MaxHead.
func SignHead(h Head, key ed25519.PrivateKey) []byte {
	w := newWriter(make([]byte, 0, 144))
	w.array(6)
	w.uint(codecVersion)
	w.uint(uint64(h.Channel))
	w.generation(h.Generation)
	w.uint(h.Sequence)
	w.hash(h.Hash)
	return sign(domainHead, w.b, key)
}

// OpenHead checks the signature and reads the head; it aliases nothing. It returns an error that
// wraps ErrSignature or ErrCodec.
func OpenHead(raw []byte, key ed25519.PublicKey) (Head, error) {
	if _, err := verify(domainHead, raw, key); err != nil {
		return Head{}, err
	}
	return ReopenHead(raw)
}

// ReopenHead is OpenHead for a head whose signature was checked before, or need not be: what it
// says is known from what was.
func ReopenHead(raw []byte) (Head, error) {
	if len(raw) < ed25519.SignatureSize {
		return Head{}, fmt.Errorf("%w: a head of %d bytes", ErrCodec, len(raw))
	}
	r := newReader(raw[:len(raw)-ed25519.SignatureSize])
	r.array(6, 6)
	r.version()
	h := Head{Channel: uint32(r.uint(1<<32 - 1)), Generation: r.generation()}
	h.Sequence = r.uint(1<<63 - 1)
	h.Hash = r.hash()
	if (h.Sequence == 0) != (h.Hash == Hash{}) {
		r.fail("a head without hash, or a hash without head")
	}
	if err := r.end(); err != nil {
		return Head{}, err
	}
	return h, nil
}
