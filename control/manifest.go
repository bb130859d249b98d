package control

import (
	"errors"
	"fmt"
)

// Limits of a manifest.
const (
	// MaxManifest is the largest encoded manifest, in bytes.
	MaxManifest = 16 << 20
	// MaxHeaders is the largest number of header fields of an object.
	MaxHeaders = 64
	// MaxHeaderBytes is what names and values of an object's header fields may have together.
	MaxHeaderBytes = 8192
	// MaxTags is the largest number of tags of an object, MaxTag the length of one in bytes.
	MaxTags = 64
	MaxTag  = 255
)

// ErrManifest is returned for a manifest that describes no bundle, or not this one.
var ErrManifest = errors.New("control: impossible manifest")

// Manifest is the table of contents of a bundle.
type Manifest struct {
	// Objects are in the order of their bodies. No two have the same key.
	Objects []Object
	// Digests are those of the source blocks that do not hold the manifest itself: BLAKE3
	// over the bytes of the bundle in the block, without the padding of the last symbol.
	Digests []Hash
}

// Object is a content object: what a key names in one version.
type Object struct {
	Key Key
	// Offset and Length say where in the bundle the body is, in bytes.
	Offset, Length uint64
	// Digest is the BLAKE3 of the body.
	Digest Hash
	// Headers are the published header fields, in order; names are in lower case.
	Headers []Header
	// Tags are what a purge by tag finds the object by.
	Tags []string
}

// Header is one field of an HTTP response.
type Header struct{ Name, Value string }

// Validate returns an error that wraps ErrKey or ErrManifest if the object cannot be published. It
// looks at key, headers and tags, not at where the body lies.
func (o *Object) Validate() error {
	if err := o.Key.Validate(); err != nil {
		return err
	}
	if err := validateHeaders(o.Headers); err != nil {
		return err
	}
	return validateTags(o.Tags)
}

func validateHeaders(headers []Header) error {
	if len(headers) > MaxHeaders {
		return fmt.Errorf("%w: %d header fields, at most %d", ErrManifest, len(headers), MaxHeaders)
	}
	n := 0
	for _, h := range headers {
		n += len(h.Name) + len(h.Value)
		if !validHeaderName(h.Name) {
			return fmt.Errorf("%w: header name %q (a token in lower case is needed)", ErrManifest, h.Name)
		}
		for i := range len(h.Value) {
			if c := h.Value[i]; c < ' ' && c != '\t' || c == 0x7f {
				return fmt.Errorf("%w: control character in header %s", ErrManifest, h.Name)
			}
		}
	}
	if n > MaxHeaderBytes {
		return fmt.Errorf("%w: %d bytes of header fields, at most %d", ErrManifest, n, MaxHeaderBytes)
	}
	return nil
}

// validHeaderName reports whether s is a token of RFC 9110 §5.6.2 without capital letters.
func validHeaderName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		default:
			found := false
			for _, t := range []byte("!#$%&'*+-.^_`|~") {
				found = found || t == c
			}
			if !found {
				return false
			}
		}
	}
	return s != ""
}

func validateTags(tags []string) error {
	if len(tags) > MaxTags {
		return fmt.Errorf("%w: %d tags, at most %d", ErrManifest, len(tags), MaxTags)
	}
	for _, t := range tags {
		if !validTag(t) {
			return fmt.Errorf("%w: tag %q (1 to %d bytes without spaces are needed)", ErrManifest, t, MaxTag)
		}
	}
	return nil
}

// validTag reports whether s can stand in a list of tags separated by spaces.
func validTag(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return s != "" && len(s) <= MaxTag
}
