package control

import (
	"fmt"
	"strings"
)

// literal has a true for each byte that stands for itself in a path segment: unreserved, sub-delims,
// ":" and "@" of RFC 3986 §3.3.
var literal = func() (table [256]bool) {
	for c := range table {
		table[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
	}
	for _, c := range []byte("-._~!$&'()*+,;=:@") {
		table[c] = true
	}
	return table
}()

const hexDigits = "0123456789ABCDEF"

// appendSegmentByte appends a byte of a path segment in its canonical form.
func appendSegmentByte(dst []byte, c byte) []byte {
	if literal[c] {
		return append(dst, c)
	}
	return append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
}

// canonicalPath brings a path with escapes into the one form of Key.Path. Escapes that name
// a literal byte become that byte, so that no spelling escapes a purge; "%2F" stays apart from
// "/". Then dot segments are removed as in RFC 3986 §5.2.4. NUL, "?", "#", and a "%" without two
// hexadecimal digits are refused.
func canonicalPath(s string) (string, error) {
	if s == "" {
		return "/", nil
	}
	if len(s) > 3*MaxPath {
		return "", fmt.Errorf("%w: a path of %d bytes", ErrKey, len(s))
	}
	if !isCanonicalPath(s) {
		if s[0] != '/' {
			return "", fmt.Errorf("%w: path %.80q does not begin with a slash", ErrKey, s)
		}
		b := make([]byte, 0, len(s)+16)
		for i := 0; i < len(s); i++ {
			c := s[i]
			switch {
			case c == '/':
				b = append(b, c)
				continue
			case c == '?' || c == '#':
				return "", fmt.Errorf("%w: a query or fragment in %.80q", ErrKey, s)
			case c == '%':
				if i+2 >= len(s) || unhex(s[i+1]) < 0 || unhex(s[i+2]) < 0 {
					return "", fmt.Errorf("%w: %.80q has a %% that begins no escape (a percent sign is %%25)", ErrKey, s)
				}
				c = byte(unhex(s[i+1])<<4 | unhex(s[i+2]))
				i += 2
			}
			if c == 0 {
				return "", fmt.Errorf("%w: NUL in %.80q", ErrKey, s)
			}
			b = appendSegmentByte(b, c)
		}
		s = removeDotSegments(string(b))
	}
	if len(s) > MaxPath {
		return "", fmt.Errorf("%w: a path of %d bytes, at most %d", ErrKey, len(s), MaxPath)
	}
	return s, nil
}

// unhex returns the value of a hexadecimal digit, or -1.
func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// isCanonicalPath reports whether canonicalPath would leave s as it is, but for its length.
func isCanonicalPath(s string) bool {
	if s == "" || s[0] != '/' {
		return false
	}
	start := 0 // of the segment
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '/':
			if i > 0 && isDots(s[start:i]) {
				return false
			}
			start = i + 1
		case c == '%':
			if i+2 >= len(s) || unhex(s[i+1]) < 0 || unhex(s[i+2]) < 0 {
				return false
			}
			v := byte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			if v == 0 || literal[v] || hexDigits[v>>4] != s[i+1] || hexDigits[v&15] != s[i+2] {
				return false
			}
			i += 2
		case !literal[c]:
			return false
		}
	}
	return !isDots(s[start:])
}

func isDots(segment string) bool { return segment == "." || segment == ".." }

// removeDotSegments does what RFC 3986 §5.2.4 says to a path that begins with a slash.
func removeDotSegments(path string) string {
	segments := strings.Split(path[1:], "/")
	kept := segments[:0]
	for i, segment := range segments {
		if !isDots(segment) {
			kept = append(kept, segment)
			continue
		}
		if segment == ".." && len(kept) > 0 {
			kept = kept[:len(kept)-1]
		}
		if i == len(segments)-1 {
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/")
}
