package origin

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fanfare/internal/session"
)

func testKey(t *testing.T) (ed25519.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	return private.Public().(ed25519.PublicKey), private
}

func TestInit(t *testing.T) {
	dir := t.TempDir() // there, and empty
	group := netip.MustParseAddrPort("239.255.1.1:7000")
	if err := Init(InitConfig{Dir: dir, Group: group, Interface: "lo", Rate: 50_000_000}); err != nil {
		t.Fatal(err)
	}
	s := testSession(t, dir)
	if s.Group != group || s.Origin != "127.0.0.1:7700" || s.Rate != 50_000_000 || s.SymbolLength != 1408 || s.Channel == 0 {
		t.Errorf("session %+v", s)
	}
	c, err := loadConfig(dir)
	if err != nil || c.Interface != "lo" || c.Listen.String() != "127.0.0.1:7700" || !c.Loop || c.RetireAfter != defaultRetireAfter {
		t.Errorf("config %+v, %v", c, err)
	}
	if info, err := os.Stat(filepath.Join(dir, keyName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key: %v %v", info, err)
	}
	if _, err := loadKey(dir, s); err != nil {
		t.Error(err)
	}
	if err := Init(InitConfig{Dir: dir, Group: group, Interface: "lo"}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("again: %v", err)
	}
	s.PublicKey = session.PublicKey(make([]byte, ed25519.PublicKeySize))
	if _, err := loadKey(dir, s); err == nil || !strings.Contains(err.Error(), "does not belong") {
		t.Errorf("another session's key: %v", err)
	}
}

func TestInitSourceSpecific(t *testing.T) {
	dir := t.TempDir()
	if err := Init(InitConfig{Dir: dir, Group: netip.MustParseAddrPort("232.1.1.1:7000"), Interface: "lo"}); err != nil {
		t.Fatal(err)
	}
	if s := testSession(t, dir); s.Source.String() != "127.0.0.1" {
		t.Errorf("source %v", s.Source)
	}
}

func TestInitRefuses(t *testing.T) {
	good := InitConfig{Group: netip.MustParseAddrPort("239.255.1.1:7000"), Interface: "lo"}
	tests := []struct {
		name   string
		change func(*InitConfig)
		want   string
	}{
		{"not multicast", func(c *InitConfig) { c.Group = netip.MustParseAddrPort("10.0.0.1:7000") }, "not a multicast"},
		{"flooded", func(c *InitConfig) { c.Group = netip.MustParseAddrPort("239.128.0.9:7000") }, "flood"},
		{"interface", func(c *InitConfig) { c.Interface = "none7" }, "none7"},
		{"no interface", func(c *InitConfig) { c.Interface = "" }, "--interface"},
		{"large MTU", func(c *InitConfig) { c.MTU = 1 << 17 }, "--mtu"},
		{"small MTU", func(c *InitConfig) { c.MTU = 100 }, "MTU"},
		{"advertise", func(c *InitConfig) { c.Advertise = "h:x" }, "HOST:PORT"},
		{"advertise colons", func(c *InitConfig) { c.Advertise = ":::" }, "--advertise"},
		{"advertise IPv4 and more", func(c *InitConfig) { c.Advertise = "1.2.3.4:5:6" }, "--advertise"},
		{"advertise a space", func(c *InitConfig) { c.Advertise = "my host" }, "--advertise"},
		{"advertise no host", func(c *InitConfig) { c.Advertise = ":7700" }, "--advertise"},
		{"advertise every address", func(c *InitConfig) { c.Advertise = "[::]:7700" }, "not the address of one machine"},
		{"advertise the group", func(c *InitConfig) { c.Advertise = "239.255.1.1" }, "not the address of one machine"},
		{"minimum rate", func(c *InitConfig) { c.MinRate = 200_000_000 }, "--min-rate 200mbit is above --rate, 100mbit"},
		{"minimum rate one-way", func(c *InitConfig) { c.MinRate, c.OneWay = 1_000_000, true }, "--min-rate needs"},
		{"source", func(c *InitConfig) { c.Source = netip.MustParseAddr("::1") }, "famil"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := good
			c.Dir = filepath.Join(t.TempDir(), "o")
			test.change(&c)
			if err := Init(c); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
			if _, err := os.Stat(c.Dir); err == nil {
				t.Error("the directory was made")
			}
		})
	}
}

func TestAdvertised(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1": "192.0.2.1 7700", "192.0.2.1:7": "192.0.2.1 7", "2001:db8::1": "2001:db8::1 7700", "[2001:DB8::1]": "2001:db8::1 7700",
		"[2001:db8::1]:9": "2001:db8::1 9", "origin": "origin 7700", "o-1.example.org.:80": "o-1.example.org. 80", "o_1": "o_1 7700",
	} {
		host, port, err := (&InitConfig{Advertise: text}).advertised(nil)
		if got := fmt.Sprint(host, " ", port); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
}

func TestConfigUnknownKey(t *testing.T) {
	dir := initOrigin(t)
	path := filepath.Join(dir, configName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, "retire_afer: 5s\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(Config{Dir: dir})
	line := fmt.Sprintf("origin.yaml:%d:", 1+bytes.Count(text, []byte("\n")))
	if err == nil || !strings.Contains(err.Error(), `unknown key "retire_afer": did you mean "retire_after"?`) || !strings.Contains(err.Error(), line) {
		t.Errorf("error %v", err)
	}
}

func TestPortInUse(t *testing.T) {
	dir := initOrigin(t)
	listen := testSession(t, dir).Origin
	l, err := net.Listen("tcp", listen)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "in use") || strings.Contains(err.Error(), "\n") {
		t.Errorf("TCP: %v", err)
	}
	l.Close()
	u, err := net.ListenPacket("udp", listen)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if _, err := Open(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "in use") || strings.Contains(err.Error(), "\n") {
		t.Errorf("UDP: %v", err)
	}
}
