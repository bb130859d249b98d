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

// fieldError is an ErrManifest about what a publisher gave for an object, and says that alone.
type fieldError struct{ text string }

func (e *fieldError) Error() string { return "control: " + e.text }
func (e *fieldError) Unwrap() error { return ErrManifest }

func badField(format string, args ...any) error { return &fieldError{fmt.Sprintf(format, args...)} }

// Manifest is the table of contents of a bundle.
type Manifest struct {
	// Objects are in the order of their bodies. No two have the same key.
	Objects []Object
	// Digests are those of the source blocks that do not hold the manifest itself: BLAKE3
	// over the bytes of the bundle in the block, without the padding of the last symbol.
	Digests []Hash

	// bodies is Layout.Bodies, and objects how many bytes the encoded manifest has before its
	// digests, if it was decoded.
	bodies  uint64
	objects int
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
		return badField("the header fields are %d, of at most %d", len(headers), MaxHeaders)
	}
	n := 0
	for _, h := range headers {
		n += len(h.Name) + len(h.Value)
		if !validHeaderName(h.Name) {
			return badField("the header name %.80q is not of letters, digits and !#$%%&'*+-.^_`|~, in lower case", h.Name)
		}
		for i := range len(h.Value) {
			if c := h.Value[i]; c < ' ' && c != '\t' || c == 0x7f {
				return badField("the value of header %s has a control character", h.Name)
			}
		}
	}
	if n > MaxHeaderBytes {
		return badField("the header fields have %d bytes, of at most %d", n, MaxHeaderBytes)
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
		return badField("the tags are %d, of at most %d", len(tags), MaxTags)
	}
	for _, t := range tags {
		if !validTag(t) {
			return badField("the tag %.80q is not of 1 to %d bytes without spaces", t, MaxTag)
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
