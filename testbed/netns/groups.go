package netns

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// queryPeriod is how often routers ask for memberships. A real one asks every two minutes;
// these often, so that a lost report is made good within a test.
const queryPeriod = 2 * time.Second

// router is a router: its namespace, and its sockets for multicast routing.
type router struct {
	node  *node
	space *space
	// sockets are those of IPv4 and IPv6, or of IPv6 alone.
	sockets []*routingSocket
	// routed are the streams that the kernel has asked about, and the port each comes in by.
	routed map[stream]int
}

// routingSocket is the raw socket by which the kernel asks how to route multicast and is told,
// and by which reports come in. See routing4 and routing6.
type routingSocket struct {
	file  *os.File
	proto routingProtocol
	// ports are the interface indexes of the router's ports.
	ports []int
}

// groups routes multicast between all routers of a network: one goroutine that owns the memberships and
// the routes, and one for each socket that reads. Among each other real routers run a protocol, PIM;
// these know the network, which is a tree: a port wants a stream if somebody listens there, or another
// router is there of which another port wants it.
type groups struct {
	routers []*router
	members memberships
	heard   chan heard
	quit    chan struct{}
	running sync.WaitGroup
}

// routeGroups starts multicast routing.
func routeGroups(routers []*router, only6 bool) (*groups, error) {
	g := &groups{routers: routers, members: memberships{}, heard: make(chan heard), quit: make(chan struct{})}
	protocols := []routingProtocol{routing4{}, routing6{}}
	if only6 {
		protocols = protocols[1:]
	}
	for i, r := range routers {
		r.routed = map[stream]int{}
		for _, p := range protocols {
			s, err := openRouting(r, p)
			if err != nil {
				g.close() // no error of it says more
				return nil, fmt.Errorf("netns: multicast routing at %s: %w", r.node.name, err)
			}
			r.sockets = append(r.sockets, s)
			g.running.Add(1)
			go g.read(i, s)
		}
	}
	g.running.Add(1)
	go g.run()
	return g, nil
}

// openRouting opens a router's socket for one protocol.
func openRouting(r *router, p routingProtocol) (s *routingSocket, err error) {
	s = &routingSocket{proto: p}
	var fd int
	err = r.space.do(func() (err error) {
		for i := range r.node.ports {
			link, err := bareLink(r.node.ports[i].device)
			if err != nil {
				return err
			}
			s.ports = append(s.ports, link.Attrs().Index)
		}
		fd, err = p.open(s.ports)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.file = os.NewFile(uintptr(fd), "multicast routing")
	return s, nil
}

// read passes on what a socket hears until it is closed.
func (g *groups) read(router int, s *routingSocket) {
	defer g.running.Done()
	raw, err := s.file.SyscallConn()
	if err != nil {
		return
	}
	buffer, control := make([]byte, 1<<16), make([]byte, 256)
	for {
		var n, c int
		var from unix.Sockaddr
		var failed error
		err := raw.Read(func(fd uintptr) bool {
			n, c, _, from, failed = unix.Recvmsg(int(fd), buffer, control, 0)
			return !errors.Is(failed, unix.EAGAIN)
		})
		if err != nil {
			return
		}
		if failed != nil {
			continue // an interface is down: nothing was read
		}
		h := s.proto.parse(buffer[:n])
		h.router = router
		if !h.asks {
			h.from = addressOf(from)
			h.port = slices.Index(s.ports, interfaceOf(control[:c]))
		}
		select {
		case g.heard <- h:
		case <-g.quit:
			return
		}
	}
}

// run is the goroutine that owns the routes.
func (g *groups) run() {
	defer g.running.Done()
	ticker := time.NewTicker(queryPeriod)
	defer ticker.Stop()
	g.query()
	for {
		select {
		case h := <-g.heard:
			g.take(h)
		case now := <-ticker.C:
			g.members.expire(now)
			g.query()
			g.update()
		case <-g.quit:
			return
		}
	}
}

// take takes in what a socket heard.
func (g *groups) take(h heard) {
	r := g.routers[h.router]
	if h.asks {
		r.routed[h.stream] = h.port
		g.install(h.router, h.stream)
		return
	}
	if h.port < 0 || len(h.records) == 0 {
		return
	}
	now := time.Now()
	for _, record := range h.records {
		g.members.apply(member{h.router, h.port, record.group, h.from}, record, now)
	}
	g.update()
}

// query asks on all interfaces of all routers. What cannot be sent is lost, as on a link.
func (g *groups) query() {
	for _, r := range g.routers {
		for _, s := range r.sockets {
			for _, index := range s.ports {
				s.control(func(fd int) { _ = s.proto.query(fd, index) })
			}
		}
	}
}

// control calls f with the socket's descriptor.
func (s *routingSocket) control(f func(fd int)) {
	if raw, err := s.file.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { f(int(fd)) }) // fails once it is closed
	}
}

// update tells the kernels anew where all streams go.
func (g *groups) update() {
	for i, r := range g.routers {
		for s := range r.routed {
			g.install(i, s)
		}
	}
}

// install tells a router's kernel where a stream goes: also if nowhere, so that it does not ask again.
func (g *groups) install(router int, s stream) {
	r := g.routers[router]
	in := r.routed[s]
	var out []int
	for port := range r.node.ports {
		if port != in && g.wants(router, port, s) {
			out = append(out, port)
		}
	}
	for _, socket := range r.sockets {
		if _, ok := socket.proto.(routing4); ok == s.group.Is4() {
			socket.control(func(fd int) { _ = socket.proto.forward(fd, s, in, out) })
		}
	}
}

// wants reports whether a stream is wanted beyond a port of a router.
func (g *groups) wants(router, port int, s stream) bool {
	if g.members.wanted(router, port, s) {
		return true
	}
	segment := g.routers[router].node.ports[port].segment
	for i, r := range g.routers {
		if i == router || !r.node.on(segment) {
			continue
		}
		for p := range r.node.ports {
			if r.node.ports[p].segment != segment && g.wants(i, p, s) {
				return true
			}
		}
	}
	return false
}

// close ends the goroutines.
func (g *groups) close() error {
	close(g.quit)
	var errs []error
	for _, r := range g.routers {
		for _, s := range r.sockets {
			errs = append(errs, s.file.Close())
		}
	}
	g.running.Wait()
	return errors.Join(errs...)
}
