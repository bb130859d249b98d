package sender

import "fmt"

// Priority is the class of a data object: what goes first when several have something to send.
type Priority uint8

const (
	// Normal is the class of what nothing else is said of.
	Normal Priority = iota
	// Urgent objects go before all others.
	Urgent
	// Background objects go when there is nothing else.
	Background
)

// String returns the name of the class, as people write it.
func (p Priority) String() string {
	switch p {
	case Normal:
		return "normal"
	case Urgent:
		return "urgent"
	case Background:
		return "background"
	}
	return "unknown"
}

// ParsePriority returns the class of a name; the empty one is Normal. Its error says which
// names there are.
func ParsePriority(name string) (Priority, error) {
	for p := Normal; p <= Background; p++ {
		if name == p.String() || name == "" {
			return p, nil
		}
	}
	return Normal, fmt.Errorf("sender: priority %q is none of urgent, normal, background", name)
}

// rank returns the place of the class in the order, 0 for what goes first.
func (p Priority) rank() int {
	switch p {
	case Urgent:
		return 0
	case Background:
		return 2
	}
	return 1
}
