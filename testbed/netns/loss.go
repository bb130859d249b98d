package netns

import (
	"errors"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

const (
	lossTable = "fanfare"
	lossChain = "loss"
	// lossSteps is how finely a loss is set: to a millionth.
	lossSteps = 1_000_000
	// register1 is the 16-byte register of nftables that the rules use.
	register1 = 1
)

// SetLoss makes the host lose that share, 0 to 1, of the packets that come to it, in
// place of what it lost before; 0 is none. Which protocols are lost, Config says.
// Address resolution and neighbour discovery are never lost.
func (h *Host) SetLoss(loss float64) error {
	if !(loss >= 0 && loss <= 1) {
		return fmt.Errorf("netns: loss %v is not between 0 and 1", loss)
	}
	protocols := []byte{unix.IPPROTO_UDP}
	if h.loseTCP {
		protocols = append(protocols, unix.IPPROTO_TCP)
	}
	err := h.space.do(func() error { return setLoss(h.Interface, loss, protocols) })
	if err != nil {
		return fmt.Errorf("netns: loss at %s (nftables with netdev ingress and numgen): %w", h.Name, err)
	}
	return nil
}

// setLoss replaces the table in the calling thread's namespace, as one transaction.
func setLoss(device string, loss float64, protocols []byte) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	tables, err := c.ListTablesOfFamily(nftables.TableFamilyNetdev)
	if err != nil {
		return err
	}
	for _, t := range tables {
		c.DelTable(t)
	}
	if loss > 0 {
		table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyNetdev, Name: lossTable})
		chain := c.AddChain(&nftables.Chain{
			Name: lossChain, Table: table, Device: device,
			Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookIngress, Priority: nftables.ChainPriorityFilter,
		})
		for _, p := range protocols {
			c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: lossRule(p, loss)})
		}
	}
	return c.Flush()
}

// lossRule is, in the language of nft:
//
//	meta l4proto PROTOCOL numgen random mod 1000000 < LOSS counter drop
func lossRule(protocol byte, loss float64) []expr.Any {
	threshold := uint32(loss*lossSteps + 0.5)
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register1, Data: []byte{protocol}},
		&expr.Numgen{Register: register1, Modulus: lossSteps, Type: unix.NFT_NG_RANDOM},
		// Comparisons are of bytes: the most significant must come first.
		&expr.Byteorder{SourceRegister: register1, DestRegister: register1, Op: expr.ByteorderHton, Len: 4, Size: 4},
		&expr.Cmp{Op: expr.CmpOpLt, Register: register1, Data: binaryutil.BigEndian.PutUint32(threshold)},
		&expr.Counter{},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}
}

// Dropped is how many packets the host has lost since SetLoss.
func (h *Host) Dropped() (packets uint64, err error) {
	err = h.space.do(func() error {
		packets, err = dropped()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("netns: counting what %s lost: %w", h.Name, err)
	}
	return packets, nil
}

func dropped() (packets uint64, err error) {
	c, err := nftables.New()
	if err != nil {
		return 0, err
	}
	table := &nftables.Table{Family: nftables.TableFamilyNetdev, Name: lossTable}
	rules, err := c.GetRules(table, &nftables.Chain{Name: lossChain, Table: table})
	if errors.Is(err, unix.ENOENT) {
		return 0, nil // no loss, no table
	}
	if err != nil {
		return 0, err
	}
	for _, r := range rules {
		for _, e := range r.Exprs {
			if counter, ok := e.(*expr.Counter); ok {
				packets += counter.Packets
			}
		}
	}
	return packets, nil
}
