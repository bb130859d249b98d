package origin

import (
	"cmp"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"

	"fanfare/internal/mcast"
	"fanfare/internal/session"
	"fanfare/internal/wire"
)

// DefaultPort is the port where edges reach an origin that was not told another.
const DefaultPort = 7700

const (
	defaultRate = session.Rate(100_000_000)
	defaultMTU  = 1500
)

// InitConfig says what Init makes. Zero values are the defaults.
type InitConfig struct {
	// Dir is the directory to make; it may exist if it is empty.
	Dir string
	// Group is the multicast group and its UDP port.
	Group netip.AddrPort
	// Source, if valid, makes the session source-specific: the address that Interface sends
	// from. In 232.0.0.0/8 and ff3x::/32 the default is the interface's first address.
	Source netip.Addr
	// Interface is the network interface that the group is sent on.
	Interface string
	// Rate is what may be sent at most, in bits per second; 0 means 100 Mbit/s.
	Rate session.Rate
	// MinRate makes the rate adaptive, between it and Rate; 0: it is fixed.
	MinRate session.Rate
	// MTU is the largest IP packet in bytes; 0 means 1,500.
	MTU int
	// TTL is the time to live or hop limit of multicast; 0 means 1.
	TTL int
	// Advertise is HOST or HOST:PORT where edges reach this machine; empty means the first
	// address of Interface in the group's family, and DefaultPort.
	Advertise string
	// Channel is the number of the channel; 0 means a random one.
	Channel uint32
	// OneWay says that edges have no path to this machine. Then Proactive is how many repair symbols
	// go with each source symbol unasked, and CarouselPause is between two cycles of the carousel
	// (0: 1 s).
	OneWay        bool
	Proactive     session.Share
	CarouselPause time.Duration
}

// Init makes the directory of a new origin: configuration, signing key, session file. It
// refuses a directory that holds anything. Errors are sentences for the operator.
func Init(c InitConfig) error {
	s, cfg, err := c.plan()
	if err != nil {
		return err
	}
	made, err := makeEmpty(c.Dir)
	if err != nil {
		return err
	}
	if err := fill(c.Dir, s, cfg); err != nil {
		for _, name := range []string{configName, sessionName, keyName, spoolName} {
			err = errors.Join(err, os.RemoveAll(filepath.Join(c.Dir, name)))
		}
		if made {
			err = errors.Join(err, os.RemoveAll(c.Dir))
		}
		return err
	}
	return nil
}

// plan checks the configuration and completes it.
func (c *InitConfig) plan() (*session.Session, *config, error) {
	if c.Dir == "" {
		return nil, nil, errors.New("no directory given: name one with --dir")
	}
	if c.Interface == "" {
		return nil, nil, errors.New("no interface given: name the one that carries the group with --interface (ip link lists them)")
	}
	link, err := c.link()
	if err != nil {
		return nil, nil, err
	}
	group := netip.AddrPortFrom(c.Group.Addr().Unmap().WithZone(""), c.Group.Port())
	symbolLength, err := wire.SymbolLength(c.MTU, group.Addr().Is6())
	if err != nil {
		return nil, nil, err
	}
	host, port, err := c.advertised(link)
	if err != nil {
		return nil, nil, err
	}
	s := &session.Session{
		Version: session.Version, Channel: c.Channel, Group: group, Source: c.Source,
		Generation: session.Generation{Order: 1, Random: random()},
		MTU:        c.MTU, SymbolLength: symbolLength, Rate: c.Rate,
		Origin: net.JoinHostPort(host, strconv.Itoa(int(port))),
	}
	if s.Channel == 0 {
		s.Channel = uint32(random())>>1 | 1
	}
	if s.Rate == 0 {
		s.Rate = defaultRate
	}
	cfg := &config{
		Interface: c.Interface, TTL: c.TTL, Loop: true, MinRate: c.MinRate, RetireAfter: defaultRetireAfter,
		Listen: netip.AddrPortFrom(listenAddress(host), port),
	}
	if c.OneWay {
		s.Mode, s.Origin = session.OneWay, ""
		pause := cmp.Or(c.CarouselPause, defaultCarouselPause)
		cfg.Proactive, cfg.CarouselPause = &c.Proactive, &pause
	}
	switch {
	case c.MinRate > s.Rate:
		return nil, nil, fmt.Errorf("--min-rate %v is above --rate, %v", c.MinRate, s.Rate)
	case c.MinRate != 0 && c.OneWay:
		return nil, nil, errors.New("--min-rate needs edges that report what the path carries: leave it out with --one-way")
	}
	return s, cfg, cfg.validateOneWay()
}

// link returns the interface, once it is known that the group fits it. It fills in MTU, and Source if
// the group is source-specific.
func (c *InitConfig) link() (*net.Interface, error) {
	options := mcast.Options{Group: c.Group, Source: c.Source, Interface: c.Interface, TTL: c.TTL}
	if err := options.Validate(); err != nil {
		return nil, err
	}
	link, err := net.InterfaceByName(c.Interface)
	if err != nil {
		return nil, err
	}
	if c.MTU = cmp.Or(c.MTU, defaultMTU); c.MTU > link.MTU {
		return nil, fmt.Errorf("interface %s takes packets of at most %d bytes, not %d: give --mtu %d", c.Interface, link.MTU, c.MTU, link.MTU)
	}
	if !c.Source.IsValid() && needsSource(c.Group.Addr().Unmap()) {
		text, err := firstAddress(link, c.Group.Addr().Unmap().Is4())
		if err != nil {
			return nil, fmt.Errorf("group %s is source-specific: %w", c.Group.Addr(), err)
		}
		c.Source = netip.MustParseAddr(text)
	}
	return link, nil
}

// advertised returns host and port where edges reach this machine.
func (c *InitConfig) advertised(link *net.Interface) (host string, port uint16, err error) {
	if c.Advertise == "" {
		addr, err := firstAddress(link, c.Group.Addr().Unmap().Is4())
		return addr, DefaultPort, err
	}
	host, text, err := net.SplitHostPort(c.Advertise)
	if err != nil { // no port
		host, text = strings.TrimSuffix(strings.TrimPrefix(c.Advertise, "["), "]"), strconv.Itoa(DefaultPort)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || !isHost(host) {
		return "", 0, fmt.Errorf("--advertise %q is not HOST or HOST:PORT, as in origin.example.org, 192.0.2.1:7700 or [2001:db8::1]:7700", c.Advertise)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.IsUnspecified() || addr.IsMulticast() {
			return "", 0, fmt.Errorf("--advertise %q is not the address of one machine: give one where edges reach this", c.Advertise)
		}
		host = addr.String()
	}
	return host, uint16(n), nil
}

// isHost reports whether s is an IP address or could be the name of a machine.
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		odd := func(r rune) bool {
			return r > 'z' || r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
		}
		if label == "" || len(label) > 63 || label[0] == '-' || strings.ContainsFunc(label, odd) {
			return false
		}
	}
	return true
}

// needsSource reports whether a group can only be joined together with a source (RFC 4607 §1).
func needsSource(group netip.Addr) bool {
	if group.Is4() {
		return group.As4()[0] == 232
	}
	b := group.As16()
	return b[1]>>4 == 3 && b[2] == 0 && b[3] == 0
}

// firstAddress returns the first address of the interface in the family that other machines
// can use.
func firstAddress(link *net.Interface, ipv4 bool) (string, error) {
	addrs, err := link.Addrs()
	if err != nil {
		return "", err
	}
	for _, a := range addrs {
		network, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		addr, _ := netip.AddrFromSlice(network.IP)
		if addr = addr.Unmap(); addr.Is4() == ipv4 && !addr.IsLinkLocalUnicast() {
			return addr.String(), nil
		}
	}
	return "", fmt.Errorf("interface %s has no address that edges could reach this machine at: give one with --advertise HOST:PORT", link.Name)
}

// listenAddress returns host itself if it is an address of this machine, else any address: a
// name may mean another one tomorrow, and an address may be a translator's.
func listenAddress(host string) netip.Addr {
	addr, err := netip.ParseAddr(host)
	if err == nil && addr.Zone() == "" {
		all, _ := net.InterfaceAddrs()
		for _, a := range all {
			if network, ok := a.(*net.IPNet); ok && network.IP.Equal(addr.AsSlice()) {
				return addr
			}
		}
		if addr.Is4() {
			return netip.IPv4Unspecified()
		}
	}
	return netip.IPv6Unspecified()
}

// makeEmpty makes the directory, or accepts an empty one.
func makeEmpty(dir string) (made bool, err error) {
	err = os.Mkdir(dir, 0o750)
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, fs.ErrExist) {
		return false, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	if len(entries) > 0 {
		return false, fmt.Errorf("%s is not empty: an origin is made in a new directory, so that no key or log is overwritten", dir)
	}
	return false, nil
}

// fill writes what belongs in a new directory.
func fill(dir string, s *session.Session, cfg *config) error {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	s.PublicKey = session.PublicKey(public)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
	if err := session.WriteFile(filepath.Join(dir, keyName), key, 0o600); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, spoolName), 0o750); err != nil {
		return err
	}
	if err := session.WriteFile(filepath.Join(dir, configName), cfg.text(), 0o644); err != nil {
		return err
	}
	if err := s.Save(filepath.Join(dir, sessionName)); err != nil {
		return err
	}
	return syncDir(dir)
}

// loadKey reads the signing key and checks that it is the one of the session.
func loadKey(dir string, s *session.Session) (ed25519.PrivateKey, error) {
	path := filepath.Join(dir, keyName)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is not a key in PEM", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("%s is not an Ed25519 private key", path)
	}
	if !key.Public().(ed25519.PublicKey).Equal(ed25519.PublicKey(s.PublicKey)) {
		return nil, fmt.Errorf("%s does not belong to the public_key in %s: one of them is of another origin", path, sessionName)
	}
	return key, nil
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// random returns 64 random bits.
func random() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])
}
