// Package session is the session file, session.ff: all that an edge must know to take part
// in one channel of one origin. It is public but for what later versions may add, so it is
// YAML that a person can read, check and copy from one machine to another.
package session

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"fanfare/internal/wire"
)

// Version is the version of the file's form.
const Version = 1

// ErrInvalid is wrapped by the error for a session that no edge could join.
var ErrInvalid = errors.New("session: invalid session")

// Session is the content of a session file.
type Session struct {
	// Version must be 1.
	Version int `yaml:"version"`
	// Channel is the number of the channel and the Transport Session Identifier of its
	// packets; never 0.
	Channel uint32 `yaml:"channel"`
	// Generation says whose numbering of entries this is.
	Generation Generation `yaml:"generation"`
	// Group is the multicast group and the UDP port that the origin sends to.
	Group netip.AddrPort `yaml:"group"`
	// Source is the sender's address if the group is source-specific; else not valid.
	Source netip.Addr `yaml:"source,omitempty"`
	// MTU is the largest IP packet that the origin sends, in bytes.
	MTU int `yaml:"mtu"`
	// SymbolLength is the encoding symbol length of bundles, in bytes.
	SymbolLength int `yaml:"symbol_length"`
	// Rate is what the origin sends at most.
	Rate Rate `yaml:"rate"`
	// Mode says whether edges can answer; empty: TwoWay.
	Mode Mode `yaml:"mode,omitempty"`
	// Origin is HOST:PORT of the origin: UDP for feedback, TCP for the log. It may be empty, and is
	// not used, if Mode is OneWay.
	Origin string `yaml:"origin,omitempty"`
	// PublicKey verifies the origin's entries and heads.
	PublicKey PublicKey `yaml:"public_key"`
}

// Mode says whether there is a path from the edges to the origin.
type Mode string

const (
	// TwoWay: edges ask for what they miss, and report what they have.
	TwoWay Mode = "two-way"
	// OneWay: edges send nothing; the origin repeats everything in a carousel.
	OneWay Mode = "one-way"
)

// OneWay reports whether edges send nothing.
func (s *Session) OneWay() bool { return s.Mode == OneWay }

// PacketOverhead returns what the headers of IP and UDP take of each packet of the group, in bytes.
func (s *Session) PacketOverhead() int {
	if s.Group.Addr().Is6() {
		return 40 + 8
	}
	return 20 + 8
}

// PublicKey is an Ed25519 public key whose text form is standard base64.
type PublicKey ed25519.PublicKey

// MarshalText returns the key in base64.
func (k PublicKey) MarshalText() ([]byte, error) {
	return []byte(base64.StdEncoding.EncodeToString(k)), nil
}

// UnmarshalText reads what MarshalText wrote.
func (k *PublicKey) UnmarshalText(text []byte) error {
	key, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(key) != ed25519.PublicKeySize {
		return errors.New("session: public_key is not an Ed25519 key in base64 (44 characters)")
	}
	*k = key
	return nil
}

// Generation is control.Generation with a text form: ORDER-RANDOM, the latter 16 hexadecimal
// digits.
type Generation struct {
	Order  uint32
	Random uint64
}

// String returns the text form.
func (g Generation) String() string { return fmt.Sprintf("%d-%016x", g.Order, g.Random) }

// MarshalText returns the form of String.
func (g Generation) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (g *Generation) UnmarshalText(text []byte) error {
	parsed, err := ParseGeneration(string(text))
	if err != nil {
		return err
	}
	*g = parsed
	return nil
}

// ParseGeneration reads the form of Generation.String.
func ParseGeneration(s string) (Generation, error) {
	order, random, ok := strings.Cut(s, "-")
	o, err1 := strconv.ParseUint(order, 10, 32)
	r, err2 := strconv.ParseUint(random, 16, 64)
	if !ok || err1 != nil || err2 != nil || len(random) != 16 {
		return Generation{}, fmt.Errorf("session: generation %q is not ORDER-RANDOM, as in 1-0123456789abcdef", s)
	}
	return Generation{Order: uint32(o), Random: r}, nil
}

// Load reads and checks a session file. An unknown key is an error that names its line.
func Load(path string) (*Session, error) {
	s := new(Session)
	if err := LoadYAML(path, s); err != nil {
		return nil, err
	}
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Save checks s and writes it to path, readable by all, by way of a temporary file beside it.
func (s *Session) Save(path string) error {
	if err := s.Validate(); err != nil {
		return err
	}
	return WriteFile(path, s.text(), 0o644)
}

// WriteFile writes a file durably: a temporary file in the same directory is synced and then
// renamed over path.
func WriteFile(path string, content []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// symbolUnit divides every symbol length: the codec is fastest so, and bundles must have it.
const symbolUnit = 64

// Validate returns an error that wraps ErrInvalid and names the key that is wrong.
func (s *Session) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
	}
	switch {
	case s.Version != Version:
		return bad("version is %d, this program reads version %d", s.Version, Version)
	case s.Channel == 0:
		return bad("channel is 0")
	case s.Generation.Order == 0:
		return bad("generation is missing")
	case !s.Group.IsValid() || !s.Group.Addr().IsMulticast() || s.Group.Port() == 0:
		return bad("group %s is not a multicast address and a port", s.Group)
	case s.Source.IsValid() && (s.Source.Is4() != s.Group.Addr().Is4() || s.Source.IsMulticast()):
		return bad("source %s cannot send to group %s", s.Source, s.Group.Addr())
	case s.Rate == 0:
		return bad("rate is missing")
	case len(s.PublicKey) != ed25519.PublicKeySize:
		return bad("public_key is missing")
	case s.Mode != "" && s.Mode != TwoWay && s.Mode != OneWay:
		return bad("mode %q is neither %s nor %s", s.Mode, TwoWay, OneWay)
	}
	longest, err := wire.SymbolLength(s.MTU, s.Group.Addr().Is6())
	if err != nil {
		return bad("mtu: %v", err)
	}
	if s.SymbolLength < symbolUnit || s.SymbolLength > longest {
		return bad("symbol_length %d is not between %d and %d, which fits an MTU of %d", s.SymbolLength, symbolUnit, longest, s.MTU)
	}
	if s.SymbolLength%symbolUnit != 0 {
		return bad("symbol_length %d is not a multiple of %d", s.SymbolLength, symbolUnit)
	}
	if s.Origin == "" && s.OneWay() {
		return nil
	}
	if host, port, err := net.SplitHostPort(s.Origin); err != nil || host == "" || port == "" || port == "0" {
		return bad("origin %q is not HOST:PORT", s.Origin)
	}
	return nil
}

// text returns the file's content, with comments for the person who reads it.
func (s *Session) text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `# Fanfare session: what an edge must know. Made by the origin; copy it to every edge.
version: %d

# The number of the channel, also the TSI of its packets.
channel: %d
# Whose numbering of the log this is: ORDER-RANDOM.
generation: %s

# Multicast group and UDP port.
group: "%s"
`, s.Version, s.Channel, s.Generation, s.Group)
	if s.Source.IsValid() {
		fmt.Fprintf(&b, "# The sender's address: the group is source-specific.\nsource: \"%s\"\n", s.Source)
	}
	key, _ := s.PublicKey.MarshalText()
	fmt.Fprintf(&b, `# Largest IP packet, and the encoding symbol length that fits it, in bytes.
mtu: %d
symbol_length: %d
# What the origin sends at most.
rate: %s

`, s.MTU, s.SymbolLength, s.Rate)
	if s.OneWay() {
		b.WriteString("# one-way: edges send nothing and need no route to the origin, which repeats everything.\n")
	} else {
		b.WriteString("# two-way: edges ask the origin for what they miss. one-way: they have no path to it.\n")
	}
	fmt.Fprintf(&b, "mode: %s\n", cmp.Or(s.Mode, TwoWay))
	if s.Origin != "" {
		fmt.Fprintf(&b, "# HOST:PORT of the origin: UDP for feedback, TCP for the log.\norigin: \"%s\"\n", s.Origin)
	}
	fmt.Fprintf(&b, "# Ed25519 key that verifies the origin's log, base64.\npublic_key: %s\n", key)
	return b.Bytes()
}
