package sender

// TrafficClass is what a packet is for, so that the loop can mark it for routers (RFC 2474).
type TrafficClass uint8

const (
	// ClassControl is control objects and heartbeats.
	ClassControl TrafficClass = iota
	// ClassRepair is symbols that edges asked for, and repair symbols sent unasked.
	ClassRepair
	// ClassBulk is first passes.
	ClassBulk
)

// TrafficClass returns the class of the packet that NextPacket filled in last.
func (e *Engine) TrafficClass() TrafficClass { return e.class }
