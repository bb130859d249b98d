package compare

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// limits are what the kernel of the whole machine must grant, or receivers that ask for a
// large buffer and do not get it lose packets of their own.
var limits = []struct {
	name, path string
	least      int
}{
	{"net.core.rmem_max", "/proc/sys/net/core/rmem_max", 64 << 20},
	{"net.core.wmem_max", "/proc/sys/net/core/wmem_max", 32 << 20},
	{"net.core.netdev_max_backlog", "/proc/sys/net/core/netdev_max_backlog", 20_000},
}

// raiseLimits raises the limits if this process may, and returns what takes them back and
// what a reader should know.
func raiseLimits() (restore func(), notes []string) {
	var saved []func()
	for _, l := range limits {
		text, err := os.ReadFile(l.path)
		if err != nil {
			continue // this kernel has no such limit here
		}
		is, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil || is >= l.least {
			continue
		}
		if err := os.WriteFile(l.path, []byte(strconv.Itoa(l.least)), 0o644); err != nil {
			notes = append(notes, fmt.Sprintf("%s is %d and may not be raised by this user: peers may lose packets that a larger buffer would have held (as root: sysctl -w %s=%d)", l.name, is, l.name, l.least))
			continue
		}
		saved = append(saved, func() { _ = os.WriteFile(l.path, text, 0o644) })
		notes = append(notes, fmt.Sprintf("%s was %d, and %d while this ran, so that no system lacked buffers", l.name, is, l.least))
	}
	return func() {
		for _, f := range saved {
			f()
		}
	}, notes
}
