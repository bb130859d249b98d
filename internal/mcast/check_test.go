package mcast

import (
	"net/netip"
	"strings"
	"testing"
)

func TestCheckGroup(t *testing.T) {
	tests := []struct{ group, want string }{
		{"239.77.1.2:5000", ""},
		{"232.1.1.1:5000", ""},
		{"224.0.1.129:5000", ""},
		{"239.0.1.1:5000", ""},
		{"[ff15::1234]:5000", ""},
		{"[ff12::1234%lo]:5000", ""},
		{"[ff35::8000:2]:5000", ""},
		{"[::ffff:239.77.1.2]:5000", ""},
		{"10.1.2.3:5000", "not a multicast address"},
		{"[fd77::1]:5000", "not a multicast address"},
		{"239.77.1.2:0", "port 0"},
		{"224.0.0.1:5000", "01:00:5e:00:00:01"},
		{"239.0.0.9:5000", "01:00:5e:00:00:09"},
		{"239.128.0.255:5000", "01:00:5e:00:00:ff"},
		{"232.128.0.1:5000", "such as 239.128.1.1"},
		{"[ff02::1]:5000", "ff02::/16"},
		{"[ff02::fb]:5000", "ff02::/16"},
		{"[ff15::1]:5000", "33:33:00:00:00:01"},
		{"[ff10::1234]:5000", "reserved scope"},
		{"[ff1f::1234]:5000", "reserved scope"},
	}
	for _, test := range tests {
		wantError(t, test.group, CheckGroup(netip.MustParseAddrPort(test.group)), test.want)
	}
	wantError(t, "zero", CheckGroup(netip.AddrPort{}), "no multicast group given")
}

func TestCheckInterface(t *testing.T) {
	wantError(t, "lo", CheckInterface("lo"), "")
	wantError(t, "missing", CheckInterface("nothere7"), `no network interface is named "nothere7" here; this machine has: lo`)
}

func TestValidate(t *testing.T) {
	good := Options{Group: netip.MustParseAddrPort("239.77.1.2:5000"), Interface: "lo"}
	tests := []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"good", func(*Options) {}, ""},
		{"source", func(o *Options) { o.Source = netip.MustParseAddr("10.0.0.1") }, ""},
		{"source of IPv6", func(o *Options) { o.Source = netip.MustParseAddr("fd77::1") }, "different address families"},
		{"source a group", func(o *Options) { o.Source = netip.MustParseAddr("239.1.1.1") }, "not the address of one host"},
		{"IPv6 on loopback", func(o *Options) { o.Group = netip.MustParseAddrPort("[ff15::7777]:5000") }, "no IPv6 multicast over lo"},
		{"ttl", func(o *Options) { o.TTL = 256 }, "TTL 256"},
		{"loss", func(o *Options) { o.Loss = 1.5 }, "loss 1.5"},
		{"buffer", func(o *Options) { o.ReceiveBuffer = -1 }, "buffer"},
	}
	for _, test := range tests {
		o := good
		test.change(&o)
		wantError(t, test.name, o.Validate(), test.want)
	}
	_, err := Join(Options{Group: netip.MustParseAddrPort("232.1.1.1:5000"), Interface: "lo"})
	wantError(t, "no source", err, "source-specific")
}

func TestReceiveBuffer(t *testing.T) {
	tests := []struct {
		rate uint64
		want int
	}{
		{0, 4 << 20}, {100e6, 4 << 20}, {1e9, 10e6}, {10e9, 32 << 20}, {1 << 63, 32 << 20},
	}
	for _, test := range tests {
		if got := ReceiveBuffer(test.rate); got != test.want {
			t.Errorf("ReceiveBuffer(%d) = %d, want %d", test.rate, got, test.want)
		}
	}
}

// wantError checks that err is one sentence that contains want; an empty want is no error.
func wantError(t *testing.T, what string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: unexpected error: %v", what, err)
	case want != "" && err == nil:
		t.Errorf("%s: no error, want %q", what, want)
	case want != "" && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n")):
		t.Errorf("%s: error %q, want %q in one line", what, err, want)
	}
}
