package control

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Limits of a key in its canonical form, in bytes.
const (
	MaxHost = 255
	MaxPath = 3072
)

// ErrKey is returned for what cannot be a key.
var ErrKey = errors.New("control: not a key")

// Key names a content object: host and path of a URL in one canonical form. Keys are made by
// ParseKey, RequestKey and FileKey only, which share one function for hosts and one for paths.
type Key struct {
	// Host is in lower case, without port or trailing dot. Empty: for every host.
	Host string
	// Path begins with "/". Letters, digits and -._~!$&'()*+,;=:@ stand for themselves, every
	// other byte of a segment, "/" and "%" included, as %XX with capital digits. There are no
	// dot segments; an empty segment is a segment.
	Path string
}

// String returns the key as ParseKey reads it: "//host/path", or "/path" for every host.
func (k Key) String() string {
	switch {
	case k.Host != "":
		return "//" + k.Host + k.Path
	case strings.HasPrefix(k.Path, "//"):
		return "/." + k.Path // else it would read as a host
	}
	return k.Path
}

// Compare orders keys by host, then by path.
func (k Key) Compare(o Key) int {
	if c := cmp.Compare(k.Host, o.Host); c != 0 {
		return c
	}
	return cmp.Compare(k.Path, o.Path)
}

// Validate returns an error that wraps ErrKey if the key is not in canonical form.
func (k Key) Validate() error {
	if k.Host != "" {
		if host, err := canonicalHost(k.Host); err != nil || host != k.Host {
			return fmt.Errorf("%w: host %q", ErrKey, k.Host)
		}
	}
	if len(k.Path) > MaxPath || !isCanonicalPath(k.Path) {
		return fmt.Errorf("%w: path %.80q", ErrKey, k.Path)
	}
	return nil
}

// ParseKey reads a key as operators type it: "http://host/path", "//host/path", "host/path", or
// "/path" for every host. Spaces and bytes that no URL has are encoded; a "%" must begin an
// escape. It returns an error that wraps ErrKey, also for a query or a fragment.
func ParseKey(s string) (Key, error) {
	rest, hasHost := s, true
	for _, scheme := range []string{"http://", "https://", "//"} {
		if len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			rest = s[len(scheme):]
			break
		}
	}
	if len(rest) == len(s) && strings.HasPrefix(s, "/") {
		hasHost = false
	}
	if !hasHost {
		return newKey("", rest)
	}
	host, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	if host == "" {
		return Key{}, fmt.Errorf("%w: no host in %.80q", ErrKey, s)
	}
	if strings.HasSuffix(host, ":") && strings.HasPrefix(path, "//") {
		return Key{}, fmt.Errorf("%w: scheme %s of %.80q", ErrKey, host, s)
	}
	return newKey(host, path)
}

// RequestKey returns the key that an HTTP request asks for: host as in the Host field (it may have
// a port; empty in old requests), escapedPath as in the request's target, without query. It
// returns an error that wraps ErrKey.
func RequestKey(host, escapedPath string) (Key, error) { return newKey(host, escapedPath) }

// FileKey returns the key under which a file is published: name is the raw bytes of its relative path
// with "/" between components, every byte but NUL standing for itself; prefix is a path as
// in ParseKey, empty for "/". It returns an error that wraps ErrKey, also for a component that is
// empty, "." or "..".
func FileKey(host, prefix, name string) (Key, error) {
	for component := range strings.SplitSeq(name, "/") {
		if component == "" || component == "." || component == ".." {
			return Key{}, fmt.Errorf("%w: file name %.80q", ErrKey, name)
		}
	}
	path := make([]byte, 0, len(prefix)+len(name)+2)
	if !strings.HasPrefix(prefix, "/") {
		path = append(path, '/')
	}
	path = append(path, prefix...)
	if path[len(path)-1] != '/' {
		path = append(path, '/')
	}
	for i := range len(name) {
		switch c := name[i]; c {
		case 0:
			return Key{}, fmt.Errorf("%w: NUL in file name %.80q", ErrKey, name)
		case '/':
			path = append(path, c)
		default:
			path = appendSegmentByte(path, c)
		}
	}
	return newKey(host, string(path))
}

// newKey makes the canonical key of a host, which may be empty, and a path with escapes.
func newKey(host, path string) (k Key, err error) {
	if host != "" {
		if k.Host, err = canonicalHost(host); err != nil {
			return Key{}, err
		}
	}
	if k.Path, err = canonicalPath(path); err != nil {
		return Key{}, err
	}
	return k, nil
}

// canonicalHost strips port and trailing dot, and makes capitals small; IPv6 addresses are
// written as RFC 5952 has it. Names beyond ASCII stay as they are.
func canonicalHost(s string) (string, error) {
	bad := func() (string, error) { return "", fmt.Errorf("%w: host %.80q", ErrKey, s) }
	if strings.HasPrefix(s, "[") {
		inside, port, found := strings.Cut(s[1:], "]")
		addr, err := netip.ParseAddr(inside)
		if !found || err != nil || !addr.Is6() || addr.Zone() != "" || !isPort(port) {
			return bad()
		}
		return "[" + addr.String() + "]", nil
	}
	host := s
	if i := strings.IndexByte(s, ':'); i >= 0 {
		if host = s[:i]; !isPort(s[i:]) {
			return bad()
		}
	}
	host = strings.TrimSuffix(host, ".")
	if host == "" || len(host) > MaxHost {
		return bad()
	}
	capitals := false
	for i := range len(host) {
		switch c := host[i]; {
		case 'A' <= c && c <= 'Z':
			capitals = true
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c >= 0x80:
		case c == '.' && i > 0 && host[i-1] != '.':
		default:
			return bad()
		}
	}
	if host[len(host)-1] == '.' {
		return bad()
	}
	if capitals {
		b := []byte(host)
		for i, c := range b {
			if 'A' <= c && c <= 'Z' {
				b[i] = c + 'a' - 'A'
			}
		}
		host = string(b)
	}
	return host, nil
}

// isPort reports whether s is nothing, or a colon and at most five digits.
func isPort(s string) bool {
	if s == "" {
		return true
	}
	if s[0] != ':' || len(s) > 6 {
		return false
	}
	for i := range len(s) - 1 {
		if s[i+1] < '0' || s[i+1] > '9' {
			return false
		}
	}
	return true
}
