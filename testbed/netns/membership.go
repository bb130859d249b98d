package netns

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

// membershipLife is how long a report holds: five queries of a router.
const membershipLife = 5 * queryPeriod

// Types of the group records of IGMPv3 and MLDv2 (RFC 3376 §4.2.12, RFC 3810 §5.2.12).
const (
	modeIsInclude = 1 + iota
	modeIsExclude
	changeToInclude
	changeToExclude
	allowNewSources
	blockOldSources
)

// groupRecord is what a report says about one group.
type groupRecord struct {
	kind    byte
	group   netip.Addr
	sources []netip.Addr
}

// parseReport returns the records of a Version 3 Membership Report of IGMP (addresses of 4 bytes) or
// a Version 2 Multicast Listener Report (16 bytes), which differ in nothing else. What is
// cut short ends the list.
func parseReport(b []byte, addressLength int) (records []groupRecord) {
	if len(b) < 8 {
		return nil
	}
	count := int(binary.BigEndian.Uint16(b[6:]))
	b = b[8:]
	for range count {
		if len(b) < 4+addressLength {
			return records
		}
		kind, auxiliary, sources := b[0], 4*int(b[1]), int(binary.BigEndian.Uint16(b[2:]))
		length := 4 + addressLength*(1+sources) + auxiliary
		if len(b) < length {
			return records
		}
		r := groupRecord{kind: kind, group: addressAt(b[4:], addressLength)}
		for i := range sources {
			r.sources = append(r.sources, addressAt(b[4+addressLength*(1+i):], addressLength))
		}
		records = append(records, r)
		b = b[length:]
	}
	return records
}

func addressAt(b []byte, length int) netip.Addr {
	a, _ := netip.AddrFromSlice(b[:length]) // 4 and 16 are lengths of addresses
	return a
}

// member names what one machine on one interface of a router says about one group.
type member struct {
	router, port int
	group        netip.Addr
	from         netip.Addr
}

// filter is the sources that a listener wants: these, or with exclude all but these.
type filter struct {
	exclude bool
	sources []netip.Addr
	expires time.Time
}

// memberships are all listeners of all routers. As IGMPv3 and MLDv2 suppress no reports, each
// machine is known by itself, and its leaving takes effect at once.
type memberships map[member]filter

// apply takes in one record of a report.
func (m memberships) apply(l member, r groupRecord, now time.Time) {
	f := m[l]
	switch r.kind {
	case modeIsInclude, changeToInclude:
		f = filter{sources: r.sources}
	case modeIsExclude, changeToExclude:
		f = filter{exclude: true, sources: r.sources}
	case allowNewSources, blockOldSources:
		if f.exclude == (r.kind == blockOldSources) {
			for _, s := range r.sources {
				if !slices.Contains(f.sources, s) {
					f.sources = append(f.sources, s)
				}
			}
		} else {
			f.sources = slices.DeleteFunc(slices.Clone(f.sources), func(s netip.Addr) bool { return slices.Contains(r.sources, s) })
		}
	default:
		return
	}
	f.expires = now.Add(membershipLife)
	if !f.exclude && len(f.sources) == 0 {
		delete(m, l)
		return
	}
	m[l] = f
}

// expire forgets who has not answered.
func (m memberships) expire(now time.Time) {
	for l, f := range m {
		if now.After(f.expires) {
			delete(m, l)
		}
	}
}

// wanted reports whether a listener on a router's interface wants a group's packets from a source.
func (m memberships) wanted(router, port int, s stream) bool {
	for l, f := range m {
		if l.router == router && l.port == port && l.group == s.group && slices.Contains(f.sources, s.source) != f.exclude {
			return true
		}
	}
	return false
}

// stream is what a source sends to a group.
type stream struct{ source, group netip.Addr }
