package control

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseKey(t *testing.T) {
	for _, test := range []struct{ in, host, path string }{
		{"/a", "", "/a"},
		{"/", "", "/"},
		{"/%61", "", "/a"},
		{"/%7e/%7E", "", "/~/~"},
		{"/a%2fb", "", "/a%2Fb"},
		{"/a%2Fb", "", "/a%2Fb"},
		{"/a b", "", "/a%20b"},
		{"/a+b%2Bc", "", "/a+b+c"},
		{"/50%25", "", "/50%25"},
		{"/\xff\\\"", "", "/%FF%5C%22"},
		{"/é", "", "/%C3%A9"},
		{"/a/./b/../c", "", "/a/c"},
		{"/a/%2e%2E/c", "", "/c"},
		{"/../..", "", "/"},
		{"/a/..", "", "/"},
		{"/a/.", "", "/a/"},
		{"/a//b", "", "/a//b"},
		{"/a//../b", "", "/a/b"},
		{"/.//b", "", "//b"},
		{"/...", "", "/..."},
		{"http://Example.COM:8080/a", "example.com", "/a"},
		{"HTTPS://example.com./a", "example.com", "/a"},
		{"//example.com", "example.com", "/"},
		{"example.com/a", "example.com", "/a"},
		{"example.com", "example.com", "/"},
		{"bücher.example/a", "bücher.example", "/a"},
		{"[2001:DB8:0::1]:80/a", "[2001:db8::1]", "/a"},
		{"127.0.0.1:80/", "127.0.0.1", "/"},
	} {
		got, err := ParseKey(test.in)
		if err != nil || got != (Key{test.host, test.path}) {
			t.Errorf("ParseKey(%q) = %q, %v", test.in, got, err)
			continue
		}
		if again, err := ParseKey(got.String()); err != nil || again != got || got.Validate() != nil {
			t.Errorf("ParseKey(%q) = %q, %v; Validate %v", got.String(), again, err, got.Validate())
		}
	}
	for _, in := range []string{
		"", "/%zz", "/%", "/%4", "/a?b", "/a#b", "/%00", "/\x00", "http://", "http:///a", "//", "ftp://h/a",
		"h:port/a", "h:123456/a", "a:b:c/", "user@h/a", "a b/c", "h%41/a", "..", "a..b/", ".a/", "[::1/a", "[::1%lo]/a", "[1.2.3.4]/",
		"/" + strings.Repeat("a", MaxPath), "/" + strings.Repeat(" ", MaxPath/3+1), strings.Repeat("a", MaxHost+1) + "/",
	} {
		if got, err := ParseKey(in); !errors.Is(err, ErrKey) {
			t.Errorf("ParseKey(%.40q) = %q, %v", in, got, err)
		}
	}
}

func TestRequestKey(t *testing.T) {
	for _, test := range []struct{ host, path, want string }{
		{"H:80", "/%61", "//h/a"},
		{"h.", "/a/../b", "//h/b"},
		{"", "/a", "/a"},
		{"h", "", "//h/"},
	} {
		if got, err := RequestKey(test.host, test.path); err != nil || got.String() != test.want {
			t.Errorf("RequestKey(%q, %q) = %v, %v", test.host, test.path, got, err)
		}
	}
	for _, bad := range [][2]string{{"h", "*"}, {"h", "a"}, {"h", "/%zz"}, {"h", "/a?"}, {"h:x", "/"}, {"h/", "/"}} {
		if got, err := RequestKey(bad[0], bad[1]); !errors.Is(err, ErrKey) {
			t.Errorf("RequestKey(%q) = %v, %v", bad, got, err)
		}
	}
	if n := testing.AllocsPerRun(10, func() { _, _ = RequestKey("example.com:80", "/img/a%20b.png") }); n > 0 {
		t.Errorf("%v allocations for a key that is canonical", n)
	}
}

func TestFileKey(t *testing.T) {
	for _, test := range []struct{ host, prefix, name, want string }{
		{"", "", "a/b c", "/a/b%20c"},
		{"H.example", "/p", "a", "//h.example/p/a"},
		{"", "p/", "a", "/p/a"},
		{"", "/", "50%", "/50%25"},
		{"", "/", "%61", "/%2561"},
		{"", "", "%zz", "/%25zz"},
		{"", "", "a?b#c", "/a%3Fb%23c"},
		{"", "", "...", "/..."},
		{"", "/a/..", "b", "/b"},
		{"", "", "\xff\n", "/%FF%0A"},
	} {
		if got, err := FileKey(test.host, test.prefix, test.name); err != nil || got.String() != test.want {
			t.Errorf("FileKey(%q, %q, %q) = %v, %v", test.host, test.prefix, test.name, got, err)
		}
	}
	for _, name := range []string{"", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.", "a\x00b"} {
		if got, err := FileKey("", "", name); !errors.Is(err, ErrKey) {
			t.Errorf("FileKey(%q) = %v, %v", name, got, err)
		}
	}
	if got, err := FileKey("", "/%zz", "a"); !errors.Is(err, ErrKey) {
		t.Errorf("FileKey with a wrong prefix = %v, %v", got, err)
	}
}

// TestFileKeyRoundTrip: however the path of a file is spelled in a URL, the bytes come back, and
// two files never share a key.
func TestFileKeyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := string(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom([]byte("a%/.2F")), rapid.Byte()), 1, 30).Draw(t, "name"))
		key, err := FileKey("", "", name)
		if err != nil {
			return
		}
		if err := key.Validate(); err != nil {
			t.Fatal(err)
		}
		var decoded, spelled []byte
		for i := 1; i < len(key.Path); i++ {
			c := key.Path[i]
			if c == '%' {
				c = byte(unhex(key.Path[i+1])<<4 | unhex(key.Path[i+2]))
				i += 2
			} else if c == '/' {
				decoded, spelled = append(decoded, c), append(spelled, c)
				continue
			}
			decoded = append(decoded, c)
			if literal[c] && rapid.Bool().Draw(t, "as it is") {
				spelled = append(spelled, c)
			} else {
				digits := rapid.SampledFrom([]string{"0123456789abcdef", hexDigits}).Draw(t, "digits")
				spelled = append(spelled, '%', digits[c>>4], digits[c&15])
			}
		}
		if string(decoded) != name {
			t.Fatalf("%q became %q", name, decoded)
		}
		if got, err := RequestKey("", "/"+string(spelled)); err != nil || got != key {
			t.Fatalf("RequestKey(%q) = %v, %v; want %v", spelled, got, err, key)
		}
	})
}

func FuzzParseKey(f *testing.F) {
	for _, s := range []string{"/a", "http://h:1/%2e./%2F", "[::1]/", "a.b/c d", "//", "/.//x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key, err := ParseKey(s)
		if err != nil {
			if !errors.Is(err, ErrKey) {
				t.Fatal(err)
			}
			return
		}
		if err := key.Validate(); err != nil {
			t.Fatal(err)
		}
		if again, err := ParseKey(key.String()); err != nil || again != key {
			t.Fatalf("%q: %q became %q, %v", s, key, again, err)
		}
	})
}

func FuzzRequestKey(f *testing.F) {
	f.Add("h:80", "/a%2e/..")
	f.Add("[::1]:80", "//")
	f.Fuzz(func(t *testing.T, host, path string) {
		key, err := RequestKey(host, path)
		if err != nil {
			if !errors.Is(err, ErrKey) {
				t.Fatal(err)
			}
			return
		}
		if err := key.Validate(); err != nil {
			t.Fatal(err)
		}
		if again, err := RequestKey(key.Host, key.Path); err != nil || again != key {
			t.Fatalf("%q became %q, %v", key, again, err)
		}
	})
}
