package control

import "errors"

// Limits of a key in its canonical form, in bytes.
const (
	MaxHost = 255
	MaxPath = 3072
)

// ErrKey is returned for what cannot be a key.
var ErrKey = errors.New("control: not a key")

// Key names a content object: host and path of a URL in one canonical form. Keys are made by
// ParseKey, RequestKey and FileKey only, which all end in the same function.
type Key struct {
	// Host is in lower case, without port or trailing dot. Empty: for every host.
	Host string
	// Path begins with "/". Letters, digits and -._~!$&'()*+,;=:@ stand for themselves, every
	// other byte of a segment, "/" and "%" included, as %XX with capital digits.
	Path string
}

// String returns the key as ParseKey reads it: "//host/path", or "/path" for every host.
func (k Key) String() string {
	if k.Host == "" {
		return k.Path
	}
	return "//" + k.Host + k.Path
}

// Compare orders keys by host, then by path.
func (k Key) Compare(o Key) int { return 0 }

// Validate returns an error that wraps ErrKey if the key is not in canonical form.
func (k Key) Validate() error { return nil }

// ParseKey reads a key as operators type it: "http://host/path", "//host/path", "host/path", or
// "/path" for every host. Spaces and bytes that no URL has are encoded; a "%" must begin an
// escape. It returns an error that wraps ErrKey, also for a query or a fragment.
func ParseKey(s string) (Key, error) { return Key{}, ErrKey }

// RequestKey returns the key that an HTTP request asks for: host as in the Host field (it may have
// a port), escapedPath as in the request's target, without query. It returns an error that wraps
// ErrKey.
func RequestKey(host, escapedPath string) (Key, error) { return Key{}, ErrKey }

// FileKey returns the key under which a file is published: name is the raw bytes of its relative path
// with "/" between components, every byte but NUL standing for itself; prefix is a path as
// in ParseKey, empty for "/". It returns an error that wraps ErrKey, also for a component that is
// empty, "." or "..".
func FileKey(host, prefix, name string) (Key, error) { return Key{}, ErrKey }
