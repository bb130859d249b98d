package compare

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"fanfare/testbed/report"
)

const udpcastName = "udpcast"

// udpcast's settings. Slices are acknowledged by every receiver, so that it may run as fast as
// it can where nothing is lost; under loss it does best at 400 Mb/s. Its own forward error
// correction costs more than it brings. Under loss a session sometimes never starts, as a
// packet of its beginning is not repeated: the run then ends as stalled.
const (
	udpcastRendezvous = "239.77.2.1"
	udpcastGroup      = "239.77.2.2"
	udpcastBuffer     = "16m"
	udpcastLossyRate  = 400_000_000
	udpcastLink       = 0.95
)

// udpcast is udpcast: slices that every receiver acknowledges. It sends one stream; several
// files go through tar at both ends.
type udpcast struct{ intoFiles }

func (*udpcast) describe(c *Config) report.System {
	return report.System{
		Name: udpcastName, Multicast: true, Missing: wanting("udpcast", "udp-sender", "udp-receiver", "tar"),
		About: "udpcast, multicast with every slice acknowledged; full duplex, " + rateText(c.rateOf(udpcastName, udpcastLink, 0)) + udpcastLossy(c) + "; several files through tar",
	}
}

// udpcastLossy says what is different under loss.
func udpcastLossy(c *Config) string {
	if _, asked := c.Rates[udpcastName]; asked || c.LinkRate > 0 {
		return ""
	}
	return " (400 Mb/s where packets are lost)"
}

func (*udpcast) prepare(_ context.Context, r *run) error {
	for i, host := range r.bed.Edges {
		receiver := exec.Command("udp-receiver", "--interface", host.Interface, "--nokbd", "--no-progress",
			"--mcast-rdv-address", udpcastRendezvous, "--rcvbuf", udpcastBuffer, "--receive-timeout", "30", "--exit-wait", "500")
		if r.work.Files == 1 {
			receiver.Args = append(receiver.Args, "--file", filepath.Join(r.folder(i), r.work.names[0]))
			if _, err := r.atEdge(i, receiver); err != nil {
				return err
			}
			continue
		}
		unpack := exec.Command("tar", "-C", r.folder(i), "-xf", "-")
		err := piped(receiver, unpack, func() error {
			if _, err := r.atEdge(i, receiver); err != nil {
				return err
			}
			_, err := r.atEdge(i, unpack)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (*udpcast) publish(r *run) error {
	sender := exec.Command("udp-sender", "--interface", r.bed.Origin.Interface, "--nokbd", "--no-progress",
		"--mcast-rdv-address", udpcastRendezvous, "--mcast-data-address", udpcastGroup, "--ttl", "1",
		"--min-receivers", fmt.Sprint(len(r.bed.Edges)), "--nopointopoint", "--full-duplex", "--rexmit-hello-interval", "50")
	var lossy uint64
	if r.loss > 0 {
		lossy = udpcastLossyRate
	}
	if rate := r.config.rateOf(udpcastName, udpcastLink, lossy); rate > 0 {
		sender.Args = append(sender.Args, "--max-bitrate", fmt.Sprintf("%dk", rate/1000))
	}
	if r.work.Files == 1 {
		sender.Args = append(sender.Args, "--file", filepath.Join(r.work.dir, r.work.names[0]))
		return r.atOrigin(sender)
	}
	pack := exec.Command("tar", "-C", r.work.dir, "--sort=name", "-cf", "-", ".")
	return piped(pack, sender, func() error {
		if err := r.atOrigin(pack); err != nil {
			return err
		}
		return r.atOrigin(sender)
	})
}

// piped ties the output of one command to the input of another while start starts both.
func piped(from, to *exec.Cmd, start func() error) error {
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	defer in.Close()
	from.Stdout, to.Stdin = in, out
	return start()
}
