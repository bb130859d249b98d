package compare

import (
	"fmt"
	"time"

	"github.com/vishvananda/netlink"

	"fanfare/testbed/netns"
)

// The token bucket of a limited link: what it lets through at once, and how long a packet
// waits before the queue is full.
const (
	bucketDepth = 2 * time.Millisecond
	leastBucket = 15_000 // bytes
	queueDepth  = 20 * time.Millisecond
	leastQueue  = 150_000 // bytes
)

// shape limits what leaves a host to rate bits per second.
func shape(host *netns.Host, rate uint64) error {
	perSecond := rate / 8
	depth := func(d time.Duration, least uint64) uint32 {
		return uint32(max(least, uint64(d.Seconds()*float64(perSecond))))
	}
	err := host.Do(func() error {
		link, err := netlink.LinkByName(host.Interface)
		if err != nil {
			return err
		}
		return netlink.QdiscAdd(&netlink.Tbf{
			QdiscAttrs: netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
			Rate:       perSecond,
			Buffer:     netlink.Xmittime(perSecond, depth(bucketDepth, leastBucket)),
			Limit:      depth(queueDepth, leastQueue),
		})
	})
	if err != nil {
		return fmt.Errorf("limiting the origin's link (the kernel needs sch_tbf): %w", err)
	}
	return nil
}
