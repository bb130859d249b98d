package compare

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"fanfare/testbed/report"
)

const uftpName = "uftp"

// UFTP's settings. A block of 1,436 bytes fills a packet of 1,500. Without a link's rate it
// is best left to run as fast as it can: the receivers of this bed keep up, and a rate of 600
// Mb/s came out no better at any loss. With a good first guess of the round trip its rounds
// of repair are short, but a single small file is faster with its own guess. A robustness of
// 20 keeps it from giving up on receivers under loss.
const (
	uftpBlock      = "1436"
	uftpRTT        = "0.05:0.01:1.0"
	uftpRobustness = "20"
	uftpBuffer     = "50000000"
	uftpSendBuffer = "33000000"
	uftpCache      = "10000000"
	uftpLink       = 0.95
)

// uftp is UFTP: files in sections, the receivers' NAKs after each pass, no erasure code.
type uftp struct{ intoFiles }

func (*uftp) describe(c *Config) report.System {
	return report.System{
		Name: uftpName, Multicast: true, Missing: wanting("uftp", "uftp", "uftpd"),
		About: fmt.Sprintf("UFTP, multicast with repair after each pass; blocks of 1,436 bytes, %s, closed group", rateText(c.rateOf(uftpName, uftpLink, 0))),
	}
}

func (*uftp) prepare(_ context.Context, r *run) error {
	for i := range r.bed.Edges {
		if _, err := r.atEdge(i, exec.Command("uftpd", "-d", "-q", "-t", "-U", uftpID(i), "-I", r.bed.Edges[i].Interface,
			"-D", r.folder(i), "-B", uftpBuffer, "-c", uftpCache)); err != nil {
			return err
		}
	}
	return nil
}

func (*uftp) publish(r *run) error {
	rate := "-1"
	if limit := r.config.rateOf(uftpName, uftpLink, 0); limit > 0 {
		rate = fmt.Sprint(limit / 1000) // kb/s
	}
	var group []string
	for i := range r.bed.Edges {
		group = append(group, uftpID(i))
	}
	arguments := []string{"-I", r.bed.Origin.Interface, "-U", "0x00000001", "-C", "none", "-R", rate, "-b", uftpBlock,
		"-B", uftpSendBuffer, "-s", uftpRobustness, "-H", strings.Join(group, ",")}
	if !r.work.Latency {
		arguments = append(arguments, "-r", uftpRTT)
	}
	return r.atOrigin(exec.Command("uftp", append(arguments, "-i", r.work.list)...))
}

func uftpID(edge int) string { return fmt.Sprintf("0x%08x", edge+2) }
