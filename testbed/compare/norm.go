package compare

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"fanfare/testbed/report"
)

const (
	normName    = "norm"
	normCommand = "normxfer"
)

// NORM's settings: blocks of 64 segments with 8 repair symbols, sent only when asked for. Where
// nothing is lost it runs at up to 800 Mb/s without an erasure code and with the largest segments that
// fit; under loss 300 Mb/s was best, as its repair goes astray when receivers drop packets.
const (
	normLossyRate = 300_000_000
	normCleanRate = 800_000_000
	normLink      = 0.9
)

// norm is NORM (RFC 5740) as libnorm has it. The library comes without a command to send files
// with; this runs one called normxfer, if there is one:
//
//	normxfer recv --iface IF --id N --dir DIR --mem BYTES
//	normxfer send --iface IF --nodes N,N,... --rate BITS --block K --parity R --segment BYTES
//	              --grtt SECONDS --mem BYTES --list FILE
//
// The receiver puts each file under its own name into DIR once it is complete; the sender
// ends when every node has acknowledged the last.
type norm struct{ intoFiles }

func (*norm) describe(c *Config) report.System {
	s := report.System{
		Name: normName, Multicast: true,
		About: "NORM (RFC 5740, libnorm), multicast with NACKs and Reed-Solomon repair; " + rateText(c.rateOf(normName, normLink, normCleanRate)),
	}
	if c.LinkRate == 0 && c.Rates[normName] == 0 {
		s.About += " (300 Mb/s where packets are lost)"
	}
	if _, err := exec.LookPath(normCommand); err != nil {
		s.Missing = "there is no command normxfer in PATH: libnorm (apt-get install libnorm-dev) has none to send files with, so it takes a small program of one's own"
	}
	return s
}

func (*norm) prepare(_ context.Context, r *run) error {
	for i, host := range r.bed.Edges {
		if _, err := r.atEdge(i, exec.Command(normCommand, "recv", "--iface", host.Interface, "--id", fmt.Sprint(i+2),
			"--dir", r.folder(i), "--mem", "64e6")); err != nil {
			return err
		}
	}
	return nil
}

func (*norm) publish(r *run) error {
	var nodes []string
	for i := range r.bed.Edges {
		nodes = append(nodes, fmt.Sprint(i+2))
	}
	rate, parity, segment := uint64(normCleanRate), "0", "1432"
	if r.loss > 0 || r.config.LinkRate > 0 || r.work.Name != bigWork {
		rate, parity, segment = normLossyRate, "8", "1400"
	}
	return r.atOrigin(exec.Command(normCommand, "send", "--iface", r.bed.Origin.Interface, "--nodes", strings.Join(nodes, ","),
		"--rate", fmt.Sprint(r.config.rateOf(normName, normLink, rate)), "--block", "64", "--parity", parity, "--segment", segment,
		"--grtt", "0.01", "--mem", "64e6", "--list", r.work.list))
}
