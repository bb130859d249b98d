package control

import (
	"fmt"
	"strings"
)

// SelectorKind says what a selector looks at.
type SelectorKind uint8

// The kinds of selectors; the numbers are those on the wire.
const (
	SelectKey    SelectorKind = 1
	SelectTag    SelectorKind = 2
	SelectPrefix SelectorKind = 3
	SelectAll    SelectorKind = 4
)

// Selector says which objects a purge kills. A key or prefix without host is for every host;
// one with a host also finds what was published without host, since that is served for the host too.
type Selector struct {
	Kind SelectorKind
	// Key is the key, or the prefix: then its path matches every path that begins with its
	// bytes, so "/img" matches "/image.png" too, and "/img/" does not.
	Key Key
	// Tag is for SelectTag.
	Tag string
}

// Validate returns an error that wraps ErrEntry or ErrKey if the selector cannot be.
func (s Selector) Validate() error {
	switch s.Kind {
	case SelectKey, SelectPrefix:
		if s.Tag != "" {
			return fmt.Errorf("%w: a selector of two kinds", ErrEntry)
		}
		return s.Key.Validate()
	case SelectTag:
		if s.Key != (Key{}) || !validTag(s.Tag) {
			return fmt.Errorf("%w: selector of tag %q", ErrEntry, s.Tag)
		}
	case SelectAll:
		if s.Key != (Key{}) || s.Tag != "" {
			return fmt.Errorf("%w: a selector of two kinds", ErrEntry)
		}
	default:
		return fmt.Errorf("%w: selector of kind %d", ErrEntry, s.Kind)
	}
	return nil
}

// Matches reports whether the selector finds an object of the key with the tags.
func (s Selector) Matches(key Key, tags []string) bool {
	switch s.Kind {
	case SelectKey:
		return s.Key.Path == key.Path && s.hostMatches(key.Host)
	case SelectPrefix:
		return strings.HasPrefix(key.Path, s.Key.Path) && s.hostMatches(key.Host)
	case SelectTag:
		for _, t := range tags {
			if t == s.Tag {
				return true
			}
		}
		return false
	}
	return s.Kind == SelectAll
}

func (s Selector) hostMatches(host string) bool {
	return s.Key.Host == "" || host == "" || s.Key.Host == host
}
