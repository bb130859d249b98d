package control

import (
	"crypto/ed25519"
	"errors"
	"fmt"
)

// ErrSignature is returned for bytes that the key did not sign, as what they are said to be.
var ErrSignature = errors.New("control: wrong signature")

// What a signature is for stands before the signed bytes, so that one kind of message can
// never be taken for another.
const (
	domainEntry = "fanfare entry 1\x00"
	domainHead  = "fanfare head 1\x00"
)

// sign appends the signature of message, under a domain, to it.
func sign(domain string, message []byte, key ed25519.PrivateKey) []byte {
	signed := make([]byte, 0, len(domain)+len(message))
	signed = append(append(signed, domain...), message...)
	return append(message, ed25519.Sign(key, signed)...)
}

// verify returns the message that sign made raw of. It aliases raw.
func verify(domain string, raw []byte, key ed25519.PublicKey) ([]byte, error) {
	n := len(raw) - ed25519.SignatureSize
	if n < 0 || len(key) != ed25519.PublicKeySize {
		return nil, ErrSignature
	}
	signed := make([]byte, 0, len(domain)+n)
	signed = append(append(signed, domain...), raw[:n]...)
	if !ed25519.Verify(key, signed, raw[n:]) {
		return nil, ErrSignature
	}
	return raw[:n:n], nil
}

// Sign validates the entry and returns it as sent: its encoding, then the signature. It returns an
// error that wraps ErrEntry, ErrManifest, ErrKey, or ErrLength if it is above MaxEntry.
func Sign(e *Entry, key ed25519.PrivateKey) (raw []byte, err error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	raw = sign(domainEntry, e.encode(), key)
	if len(raw) > MaxEntry {
		return nil, fmt.Errorf("%w: an entry of %d bytes, at most %d", ErrLength, len(raw), MaxEntry)
	}
	return raw, nil
}

// Open checks the signature, reads the entry and validates it; it aliases nothing. It returns an
// error that wraps ErrSignature, ErrCodec, ErrEntry, ErrManifest or ErrKey.
func Open(raw []byte, key ed25519.PublicKey) (*Entry, error) {
	if len(raw) > MaxEntry {
		return nil, fmt.Errorf("%w: an entry of %d bytes", ErrCodec, len(raw))
	}
	if _, err := verify(domainEntry, raw, key); err != nil {
		return nil, err
	}
	return Reopen(raw)
}

// Reopen is Open for an entry whose signature was checked before, which takes most of Open's time.
func Reopen(raw []byte) (*Entry, error) {
	if len(raw) < ed25519.SignatureSize {
		return nil, fmt.Errorf("%w: an entry of %d bytes", ErrCodec, len(raw))
	}
	e, err := decodeEntry(raw[:len(raw)-ed25519.SignatureSize])
	if err != nil {
		return nil, err
	}
	if err := e.Validate(); err != nil {
		return nil, err
	}
	return e, nil
}

// HashEntry returns what the next entry says in Previous: the BLAKE3 of the entry as sent.
func HashEntry(raw []byte) Hash { return Sum(raw) }
