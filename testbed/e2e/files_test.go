package e2e

import (
	"bytes"
	"fmt"
	"strings"
)

// content returns n bytes that do not repeat and are the same for the same seed.
func content(seed string, n int) []byte {
	var b bytes.Buffer
	state := uint64(14695981039346656037)
	for _, c := range []byte(seed) {
		state = (state ^ uint64(c)) * 1099511628211
	}
	b.Grow(n + 8)
	for b.Len() < n {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		b.Write([]byte{byte(state), byte(state >> 8), byte(state >> 16), byte(state >> 24),
			byte(state >> 32), byte(state >> 40), byte(state >> 48), byte(state >> 56)})
	}
	return b.Bytes()[:n]
}

// smallFiles returns count files of up to 20 kB in some directories.
func smallFiles(prefix string, count int) map[string][]byte {
	files := map[string][]byte{}
	for i := range count {
		name := fmt.Sprintf("%s/%02d/file %d%%.txt", prefix, i%20, i)
		files[name] = content(name, i*7919%20000)
	}
	return files
}

// urls makes the names of files such that a URL can have them.
func urls(files map[string][]byte) map[string][]byte {
	changed := map[string][]byte{}
	for name, content := range files {
		name = strings.ReplaceAll(name, "%", "%25")
		changed[strings.ReplaceAll(name, " ", "%20")] = content
	}
	return changed
}
