package session

import (
	"crypto/ed25519"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func example() *Session {
	return &Session{
		Version: 1, Channel: 77, Generation: Generation{Order: 1, Random: 0xfeed},
		Group: netip.MustParseAddrPort("239.1.2.3:5000"), MTU: 1500, SymbolLength: 1408,
		Rate: 200_000_000, Mode: TwoWay, Origin: "192.0.2.1:5001",
		PublicKey: PublicKey(make([]byte, ed25519.PublicKeySize)),
	}
}

func TestSaveLoad(t *testing.T) {
	v6 := example()
	v6.Group = netip.MustParseAddrPort("[ff3e::1:2%eth0]:5000")
	v6.Group = netip.AddrPortFrom(v6.Group.Addr().WithZone(""), 5000)
	v6.Source = netip.MustParseAddr("2001:db8::1")
	v6.SymbolLength = 1344
	v6.Origin = "[2001:db8::1]:5001"
	oneWay := example()
	oneWay.Mode, oneWay.Origin = OneWay, ""
	for _, want := range []*Session{example(), v6, oneWay} {
		path := filepath.Join(t.TempDir(), "session.ff")
		if err := want.Save(path); err != nil {
			t.Fatal(err)
		}
		got, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("loaded %+v, want %+v", got, want)
		}
	}
}

// TestModeMayBeOmitted checks that a file without mode is of a session in two ways.
func TestModeMayBeOmitted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "session.ff")
	text := strings.Replace(string(example().text()), "mode: two-way\n", "", 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Load(path); err != nil || s.OneWay() {
		t.Errorf("loaded %+v, %v", s, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	text := string(example().text())
	tests := []struct{ name, old, new, want string }{
		{"unknown key", "rate:", "rat:", `session.ff:15: unknown key "rat": did you mean "rate"?`},
		{"version", "version: 1", "version: 2", "version is 2"},
		{"group", "239.1.2.3:5000", "192.0.2.1:5000", "not a multicast address"},
		{"group syntax", `"239.1.2.3:5000"`, "elsewhere", "session.ff:10: group: "},
		{"channel", "channel: 77", "channel: -1", "session.ff:5: "},
		{"generation", "1-", "x-", "ORDER-RANDOM"},
		{"symbol length", "1408", "1600", "symbol_length 1600 is not between 64 and 1408"},
		{"symbol unit", "1408", "1400", "symbol_length 1400 is not a multiple of 64"},
		{"key", "public_key: AAAA", "public_key: AA", "Ed25519"},
		{"rate", "200mbit", "fast", "not a number"},
		{"origin", "192.0.2.1:5001", "192.0.2.1", "HOST:PORT"},
		{"no origin", "origin: \"192.0.2.1:5001\"", "", "HOST:PORT"},
		{"mode", "mode: two-way", "mode: sideways", "neither two-way nor one-way"},
		{"not YAML", "version:", "version: [", "session.ff:"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "session.ff")
			changed := strings.Replace(text, test.old, test.new, 1)
			if changed == text {
				t.Fatal("the text has no", test.old)
			}
			if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(path); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestRate(t *testing.T) {
	tests := []struct {
		text string
		want Rate
		form string
	}{
		{"200mbit", 200_000_000, "200mbit"},
		{"1.5Gbit/s", 1_500_000_000, "1.5gbit"},
		{"64k", 64_000, "64kbit"},
		{"10 mbps", 10_000_000, "10mbit"},
		{"8001bit", 8001, "8.001kbit"},
		{"123456789", 123456789, "123456.789kbit"},
	}
	for _, test := range tests {
		got, err := ParseRate(test.text)
		if err != nil || got != test.want || got.String() != test.form {
			t.Errorf("ParseRate(%q) = %d (%s), %v", test.text, got, got, err)
		}
		if again, err := ParseRate(got.String()); err != nil || again != got {
			t.Errorf("%q does not come back: %d, %v", got.String(), again, err)
		}
	}
	for _, text := range []string{"", "fast", "0", "-5mbit", "1tbit", "NaN", "inf", "1e99"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("ParseRate(%q) = %d", text, got)
		}
	}
}

// A private key that was taken for a session file is not quoted.
func TestLoadPrivateKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "signing.key")
	if err := os.WriteFile(path, []byte("-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(path)
	if err == nil || !strings.Contains(err.Error(), "private key") || strings.Contains(err.Error(), "MC4C") {
		t.Errorf("Load said %v", err)
	}
}
