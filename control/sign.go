package control

import (
	"crypto/ed25519"
	"errors"
)

// ErrSignature is returned for bytes that the key did not sign, as what they are said to be.
var ErrSignature = errors.New("control: wrong signature")

// Sign validates the entry and returns it as sent: its encoding, then the signature. It returns an
// error that wraps ErrEntry, ErrManifest, ErrKey, or ErrLength if it is above MaxEntry.
func Sign(e *Entry, key ed25519.PrivateKey) (raw []byte, err error) { return nil, ErrEntry }

// Open checks the signature, reads the entry and validates it; it aliases nothing. It returns an error
// that wraps ErrSignature, ErrCodec, ErrEntry, ErrManifest or ErrKey.
func Open(raw []byte, key ed25519.PublicKey) (*Entry, error) { return nil, ErrSignature }

// HashEntry returns what the next entry says in Previous: the BLAKE3 of the entry as sent.
func HashEntry(raw []byte) Hash { return Sum(raw) }
